//! Rules that are allowed but hardly do what was meant. Every claim made here is
//! proved; what cannot be proved is not claimed.

use super::compile::Setting;
use super::diagnostic::{Finding, Findings};
use super::document::RuleDocument;
use super::domains;
use super::keys::Located;
use super::position::span_in;
use super::rule::{AppliesTo, Rule, Scope, Trigger};
use super::yaml::Position;
use crate::condition::{Condition, Domains, IdlePart, Truth, Truths, is_impossible};
use crate::facts::EventKind;

/// Where the parts of a rule stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    pub(super) at: Position,
    pub(super) when: Option<Located<String>>,
    unless: Option<Located<String>>,
    outcome: Option<Located<String>>,
}

impl Places {
    pub(super) fn of(document: &RuleDocument) -> Places {
        let outcome = document.outcome.as_ref().and_then(|outcome| outcome.when.clone());
        let (when, unless) = (document.when.clone(), document.unless.clone());
        Places { at: document.at, when, unless, outcome }
    }
}

/// Warns of what one rule says in vain.
pub(super) fn of_rule(
    rule: &Rule,
    places: &Places,
    setting: &Setting<'_>,
    findings: &mut Findings,
) {
    if rule.on == Trigger::Event(EventKind::Created) && rule.cooldown.is_some() {
        let message = "a deal is created once: there is no second occasion for `cooldown`";
        let finding = Finding::warning("unused_cooldown", message, "remove `cooldown`");
        findings.between(places.at, places.at, finding);
    }
    let mut look = Look { rule, setting, findings };
    let conditions = [(Some(&rule.when), &places.when), (rule.unless.as_ref(), &places.unless)];
    for (condition, place) in conditions {
        if let (Some(condition), Some(place)) = (condition, place) {
            look.daily(condition, place);
            look.idle(condition, place);
        }
    }
    if let (Some(outcome), Some(place)) = (&rule.outcome, &places.outcome) {
        look.idle_outcome(&outcome.when, place);
    }
    look.unless(places);
}

struct Look<'l, 'f> {
    rule: &'l Rule,
    setting: &'l Setting<'l>,
    findings: &'l mut Findings<'f>,
}

impl Look<'_, '_> {
    fn warn(&mut self, place: &Located<String>, span: &std::ops::Range<usize>, finding: Finding) {
        let (at, end) = span_in(self.setting.text, place, span);
        self.findings.between(at, end, finding);
    }

    fn warn_whole(&mut self, place: &Located<String>, finding: Finding) {
        self.warn(place, &(0..place.value.len()), finding);
    }

    /// What time does to the condition of an event rule matters to nobody.
    fn daily(&mut self, condition: &Condition, place: &Located<String>) {
        if self.rule.on != Trigger::State {
            return;
        }
        for test in condition.daily_tests() {
            let message = "when this changes by time alone cannot be calculated: the rule is \
                           looked at once a day, at midnight";
            let hint = if test.multiplies {
                "do not multiply or divide ages: compare each with a number of its own, as in \
                 days_since(deal.created_at) >= 30 && days_since(deal.stage_entered_at) >= 15"
            } else {
                "do not set ages against each other: compare the two times (deal.created_at < \
                 deal.stage_entered_at), or each age with a number of its own"
            };
            let finding = Finding::warning("daily_recheck", message, hint);
            self.warn(place, &test.span, finding);
        }
    }

    /// Parts of `when` or `unless` that say nothing. That `deal.stage_kind` is
    /// "open" in a rule for open deals may be said for its readers.
    fn idle(&mut self, condition: &Condition, place: &Located<String>) {
        let Rule { scope, on, applies_to, .. } = *self.rule;
        let effort = self.setting.known.effort;
        let parts = condition.idle_parts(&self.domains(), effort);
        if parts.is_empty() {
            return;
        }
        // What is proved from less is told first: it names the cause.
        let causes = [
            (Domains::default(), "its parts contradict each other, or cover every case"),
            (domains::of_facts(scope, on), no_other_values(scope)),
            (domains::of_subjects(self.rule), applies_to_hint(applies_to)),
        ];
        for part in parts {
            let cause = causes.iter().position(|(domains, _)| {
                condition.idle_parts(domains, effort).iter().any(|one| one.span == part.span)
            });
            let for_readers = part.truth == Truth::True && !part.is_whole;
            if for_readers && cause.is_none_or(|cause| cause >= 2) {
                continue;
            }
            let hint = cause.map_or("with this `threshold`", |cause| causes[cause].1);
            self.warn(place, &part.span, idle_finding(&part, hint));
        }
    }

    /// An outcome is looked for on open and closed deals alike.
    fn idle_outcome(&mut self, condition: &Condition, place: &Located<String>) {
        let effort = self.setting.known.effort;
        let facts = domains::of_facts(Scope::Deal, Trigger::State);
        let parts = condition.idle_parts(&facts, effort);
        for part in &parts {
            self.warn(place, &part.span, idle_finding(part, "no deal has other values"));
        }
        if !parts.is_empty() || !condition.warnings().is_empty() {
            return;
        }
        let domains = self.domains();
        let mut sought = speaking(self.rule);
        if is_impossible(&sought, &domains, effort) {
            return;
        }
        sought.push((condition, Truths::NOT_TRUE));
        if is_impossible(&sought, &domains, effort) {
            let message = "this is true already when the rule speaks: it shows nothing";
            let hint = "ask for what happens afterwards: deal.last_activity_at > nudge.sent_at";
            self.warn_whole(place, Finding::warning("outcome_already", message, hint));
        }
    }

    /// How `unless` stands to `when`, where each may be true and false.
    fn unless(&mut self, places: &Places) {
        let (Some(unless), Some(place)) = (&self.rule.unless, &places.unless) else { return };
        let (when, effort, domains) = (&self.rule.when, self.setting.known.effort, self.domains());
        let never = |sought: &[(&Condition, Truths)]| is_impossible(sought, &domains, effort);
        if [(when, Truths::TRUE), (unless, Truths::TRUE), (unless, Truths::FALSE)]
            .iter()
            .any(|one| never(std::slice::from_ref(one)))
        {
            return;
        }
        if never(&[(when, Truths::TRUE), (unless, Truths::FALSE)]) {
            let message = "`unless` holds whenever `when` is true: the rule never speaks";
            let hint = "let `unless` ask for less than `when` does";
            self.warn_whole(place, Finding::warning("never_speaks", message, hint));
        } else if never(&[(when, Truths::TRUE), (unless, Truths::TRUE)]) {
            let message = "`unless` is never true when `when` is: it keeps nothing back";
            let hint = "remove it, or ask for something `when` leaves open";
            self.warn_whole(place, Finding::warning("unused_unless", message, hint));
        }
    }

    fn domains(&self) -> Domains {
        domains::of_rule(self.rule)
    }
}

/// What is so when a rule speaks.
pub(super) fn speaking(rule: &Rule) -> Vec<(&Condition, Truths)> {
    let unless = rule.unless.iter().map(|unless| (unless, Truths::FALSE));
    std::iter::once((&rule.when, Truths::TRUE)).chain(unless).collect()
}

fn no_other_values(scope: Scope) -> &'static str {
    match scope {
        Scope::Deal => "no deal has other values",
        Scope::Person => "nobody has other values",
    }
}

fn applies_to_hint(applies_to: AppliesTo) -> &'static str {
    match applies_to {
        AppliesTo::Open => {
            "the rule looks at open deals only: write `applies_to: closed` for those won or lost"
        }
        AppliesTo::Closed => {
            "the rule looks at closed deals only: write `applies_to: open` for open ones"
        }
    }
}

fn idle_finding(part: &IdlePart, hint: &str) -> Finding {
    let (code, what) = match part.truth {
        Truth::True => ("always_true", "always true"),
        Truth::False | Truth::Unknown => ("never_true", "never true"),
    };
    let message = match (part.is_whole, part.settles_whole) {
        (true, _) => format!("the condition is {what}"),
        (false, true) => format!("this is {what}, and so is the condition"),
        (false, false) => format!("this is {what}"),
    };
    Finding::warning(code, message, hint)
}
