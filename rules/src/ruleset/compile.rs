//! From what is written to a rule that can be evaluated.

use sha2::{Digest, Sha256};

use super::diagnostic::{Finding, Findings, Severity};
use super::document::{OutcomeDocument, RuleDocument, TipDocument, trigger_names};
use super::escalate::{self, Escalate, EscalateDocument};
use super::keys::Located;
use super::position::{place_in, span_in};
use super::rule::{AppliesTo, Audience, OutcomeRule, Rule, Scope, Tip, Trigger};
use super::warnings::{self, Places};
use super::yaml::Position;
use crate::attention::AttentionClass;
use crate::baseline::Threshold;
use crate::condition::{Condition, Diagnostic, Type, compile};
use crate::engine::context::{CHANGE_PATHS, DEAL_PATHS, PERSON_PATHS, THRESHOLD_PATHS};
use crate::facts::EventKind;
use crate::facts::schema::{self, place};
use crate::life::Standing;
use crate::nearest::did_you_mean;
use crate::template::{Allowed, Template};

/// The longest body of a tip that is read at a glance, in characters.
pub const TIP_BODY_CHARS: usize = 240;

/// What compiling a rule needs besides the rule.
pub(super) struct Setting<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    pub(super) pack: &'a str,
    pub(super) known: super::Known<'a>,
}

/// The rule that `document` writes, and where its parts stand; `None` if
/// something is wrong with it.
pub(super) fn rule(
    document: RuleDocument,
    setting: &Setting<'_>,
    findings: &mut Findings,
) -> Option<(Rule, Places)> {
    let places = Places::of(&document);
    let rule = checked(document, setting, findings)?;
    warnings::of_rule(&rule, &places, setting, findings);
    Some((rule, places))
}

fn checked(document: RuleDocument, setting: &Setting<'_>, findings: &mut Findings) -> Option<Rule> {
    findings.rule = document.id.as_ref().map(|id| id.value.clone());
    let on = document.on.as_ref().and_then(|on| trigger(on, findings));
    let scope = document.scope.unwrap_or_default();
    if let Some(on) = on {
        check_combinations(&document, on, findings);
        super::person::check(&document, on, findings);
    }
    let event = on.and_then(Trigger::event);
    if let Some(lesson) = &document.lesson {
        check_lesson(lesson, setting, findings);
    }
    let make = Maker { setting, scope, on, event, threshold: document.threshold };
    let when = document.when.as_ref().and_then(|when| make.condition(when, false, findings));
    let unless = document.unless.as_ref().map(|it| make.condition(it, false, findings));
    let conditions: Vec<&Condition> =
        when.iter().chain(unless.iter().flat_map(Option::as_ref)).collect();
    if unless.as_ref().is_none_or(Option::is_some) && when.is_some() {
        make.check_threshold(&conditions, document.at, findings);
    }
    let allowed = make.allowed(&conditions);
    let tip = document.tip.as_ref().and_then(|tip| make.tip(tip, &allowed, findings));
    escalate::check(&document, findings);
    let escalate = document.escalate.as_ref().map(|it| make.escalate(it, &allowed, findings));
    let outcome = document.outcome.as_ref().map(|it| make.outcome(it, findings));
    let applies_to = document.applies_to.unwrap_or(match event {
        Some(EventKind::Closed) => AppliesTo::Closed,
        _ => AppliesTo::Open,
    });
    let on = on?;
    let (when, unless) = (when?, unless.map_or(Some(None), |it| it.map(Some))?);
    let trigger_hash =
        trigger_hash(scope, on, applies_to, &when, unless.as_ref(), document.threshold);
    let loud = if event.is_some() { AttentionClass::Interrupt } else { AttentionClass::Digest };
    Some(Rule {
        id: document.id?.value,
        pack: setting.pack.to_owned(),
        title: document.title?.value,
        scope,
        applies_to,
        on,
        when,
        unless,
        threshold: document.threshold,
        audience: document.audience.unwrap_or(scope.usual_audience()),
        attention: document.attention.unwrap_or(loud),
        crm: document.crm.map(|crm| crm.value),
        priority: u8::try_from(document.priority.unwrap_or(5)).unwrap_or(9),
        cooldown: document.cooldown,
        repeat: document.repeat.map(|repeat| repeat.value),
        escalate: escalate.map_or(Some(None), |it| it.map(Some))?,
        skill: document.skill.map(|skill| skill.value),
        tip: tip?,
        lesson: document.lesson.map(|lesson| lesson.value),
        outcome: outcome.map_or(Some(None), |it| it.map(Some))?,
        owner: document.owner.map(|owner| owner.value),
        expires: document.expires,
        evidence: document.evidence,
        tests: document.tests,
        trigger_hash,
        version_hash: hash(&[setting.pack, &document.canonical]),
        file: setting.file.to_owned(),
        line: document.at.line,
        source: document.source,
        standing: Standing::default(),
    })
}

/// What a rule decides by: nothing of how it says it.
fn trigger_hash(
    scope: Scope,
    on: Trigger,
    applies_to: AppliesTo,
    when: &Condition,
    unless: Option<&Condition>,
    threshold: Option<Threshold>,
) -> String {
    hash(&[
        scope.name(),
        &on.to_string(),
        if applies_to == AppliesTo::Open { "open" } else { "closed" },
        when.source(),
        unless.map_or("", |unless| unless.source()),
        &threshold.map_or_else(String::new, |threshold| threshold.to_string()),
    ])
}

/// SHA-256 over `parts`, each set off from the next, in hexadecimal.
pub(crate) fn hash(parts: &[&str]) -> String {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part.as_bytes());
    }
    sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn trigger(on: &Located<String>, findings: &mut Findings) -> Option<Trigger> {
    if on.value == "state" {
        return Some(Trigger::State);
    }
    let event = EventKind::named(&on.value);
    if event.is_none() {
        let names = trigger_names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let message = format!("`{}` is nothing a rule can wait for", super::keys::shown(&on.value));
        findings.error(on.at, "unknown_event", message, did_you_mean(&on.value, &names));
    }
    event.map(Trigger::Event)
}

fn check_combinations(document: &RuleDocument, on: Trigger, findings: &mut Findings) {
    if let (Some(repeat), Trigger::Event(_)) = (&document.repeat, on) {
        let message = "an event happens once: there is nothing to repeat";
        findings.error(repeat.at, "repeat_of_event", message, "remove `repeat`, or use on: state");
    }
    let never = matches!(
        (on, document.applies_to),
        (Trigger::Event(EventKind::Closed), Some(AppliesTo::Open))
            | (Trigger::Event(EventKind::Reopened), Some(AppliesTo::Closed))
    );
    if never {
        let message = "with this `applies_to` the event never reaches the rule";
        findings.error(document.at, "never_applies", message, "remove `applies_to`");
    }
    if document.attention == Some(AttentionClass::Card) {
        let message = "nothing shows a card yet: nobody will read what this rule says";
        let hint = "write `attention: digest` to reach people";
        findings.push(
            Severity::Warning,
            document.at,
            "card_unread",
            message.into(),
            Some(hint.into()),
        );
    }
    if let Some(crm) = &document.crm {
        let loud = match document.attention {
            Some(attention) => attention == AttentionClass::Interrupt,
            None => matches!(on, Trigger::Event(_)),
        };
        if !loud || document.audience == Some(Audience::Manager) {
            let message = "a task or note on the deal can be read by others";
            let hint = "use `crm` only with `audience: owner` and `attention: interrupt`";
            findings.error(crm.at, "crm_not_private", message, hint);
        }
    }
}

fn check_lesson(slug: &Located<String>, setting: &Setting<'_>, findings: &mut Findings) {
    let lessons = setting.known.lessons;
    if lessons.get(&slug.value).is_none() {
        let names: Vec<&str> = lessons.slugs().collect();
        let message = format!("there is no lesson `{}`", slug.value);
        findings.error(slug.at, "unknown_lesson", message, did_you_mean(&slug.value, &names));
    }
}

struct Maker<'a> {
    setting: &'a Setting<'a>,
    scope: Scope,
    on: Option<Trigger>,
    event: Option<EventKind>,
    threshold: Option<Threshold>,
}

impl Maker<'_> {
    fn condition(
        &self,
        source: &Located<String>,
        in_outcome: bool,
        findings: &mut Findings,
    ) -> Option<Condition> {
        // An outcome is looked for long after the change: it reads the deal only.
        let event = if in_outcome { None } else { self.event };
        let fields = match self.scope {
            Scope::Deal => schema::schema(event, in_outcome, self.setting.known.words),
            Scope::Person => schema::person_schema(),
        };
        match compile(&source.value, &fields) {
            Ok(condition) => {
                for warning in condition.warnings() {
                    self.report(warning, source, findings);
                }
                Some(condition)
            }
            Err(wrong) => {
                for diagnostic in &wrong {
                    self.report(diagnostic, source, findings);
                }
                None
            }
        }
    }

    fn report(&self, found: &Diagnostic, source: &Located<String>, findings: &mut Findings) {
        let (at, end) = span_in(self.setting.text, source, &found.span);
        let named = source.value.get(found.span.clone()).unwrap_or_default();
        let reads_change = found.code == "unknown_field" && named.starts_with("change.");
        if reads_change && self.on.is_none() {
            // What can be read of the change follows from `on`, which is wrong.
            return;
        }
        let is_other = match self.scope {
            Scope::Deal => named.starts_with("person."),
            Scope::Person => named.starts_with("deal.") || reads_change,
        };
        let hint = if found.code == "unknown_field" && is_other {
            Some(super::person::other_scope(self.scope).to_owned())
        } else if reads_change && self.event.is_none() {
            Some("only rules that wait for an event can read `change`".to_owned())
        } else {
            found.hint.clone()
        };
        let (severity, code, message) = (found.severity, found.code, found.message.clone());
        findings.between(at, end, Finding { severity, code, message, hint });
    }

    fn check_threshold(&self, conditions: &[&Condition], at: Position, findings: &mut Findings) {
        let used = conditions.iter().any(|one| one.fields_read().contains(&place::THRESHOLD));
        if used && self.threshold.is_none() {
            let message = "the condition reads `threshold`, but the rule has none";
            findings.error(at, "no_threshold", message, "add `threshold: 5`");
        }
        if !used && self.threshold.is_some() {
            let message = "the conditions never read `threshold`".to_owned();
            let hint = Some("write `threshold` where the number belongs".to_owned());
            findings.push(Severity::Warning, at, "unused_threshold", message, hint);
        }
    }

    /// What the rule's texts may read.
    fn allowed(&self, conditions: &[&Condition]) -> Allowed {
        let mut paths: Vec<String> = match self.scope {
            Scope::Deal => {
                DEAL_PATHS.iter().chain(&PERSON_PATHS).map(ToString::to_string).collect()
            }
            Scope::Person => super::person::paths(),
        };
        if self.on != Some(Trigger::State) {
            paths.extend(CHANGE_PATHS.iter().map(|path| (*path).to_owned()));
        }
        if self.threshold.is_some() {
            paths.extend(THRESHOLD_PATHS.map(str::to_owned));
        }
        let names = conditions.iter().flat_map(|condition| condition.seen_names());
        paths.extend(names.map(|(name, _): (String, Type)| format!("seen.{name}")));
        Allowed::new(paths)
    }

    fn tip(
        &self,
        document: &TipDocument,
        allowed: &Allowed,
        findings: &mut Findings,
    ) -> Option<Tip> {
        let mut template = |name: &str, source: Option<&Located<String>>| {
            source.map(|source| self.template(name, source, allowed, findings))
        };
        let headline = template("tip.headline", document.headline.as_ref());
        let body = template("tip.body", document.body.as_ref());
        let why = template("tip.why", document.why.as_ref());
        if let Some(body) = &document.body
            && text_chars(&body.value) > TIP_BODY_CHARS
        {
            let message = format!("the body is longer than {TIP_BODY_CHARS} characters");
            let hint = Some("keep one action, and move the reason to `why`".to_owned());
            findings.push(Severity::Warning, body.at, "long_tip", message, hint);
        }
        let why = why.map_or(Some(None), |it| it.map(Some));
        Some(Tip { headline: headline??, body: body??, why: why? })
    }

    fn template(
        &self,
        name: &str,
        source: &Located<String>,
        allowed: &Allowed,
        findings: &mut Findings,
    ) -> Option<Template> {
        match Template::compile(name, &source.value, allowed) {
            Ok(template) => Some(template),
            Err(wrong) => {
                let at = place_in(self.setting.text, source, wrong.line, wrong.column);
                let message = format!("`{name}`: {}", wrong.message);
                findings.push(Severity::Error, at, "bad_template", message, wrong.hint);
                None
            }
        }
    }

    fn escalate(
        &self,
        document: &EscalateDocument,
        allowed: &Allowed,
        findings: &mut Findings,
    ) -> Option<Escalate> {
        let ask = document.ask.as_ref();
        let ask = ask.and_then(|ask| self.template("escalate.ask", ask, allowed, findings));
        Some(Escalate { after: document.after?, ask: ask? })
    }

    fn outcome(&self, document: &OutcomeDocument, findings: &mut Findings) -> Option<OutcomeRule> {
        let when = document.when.as_ref().and_then(|it| self.condition(it, true, findings));
        if let Some(when) = &when {
            self.check_outcome_threshold(when, document, findings);
        }
        Some(OutcomeRule { within: document.within?, when: when? })
    }

    fn check_outcome_threshold(
        &self,
        when: &Condition,
        document: &OutcomeDocument,
        findings: &mut Findings,
    ) {
        let at = document.when.as_ref().map_or(Position::default(), |when| when.at);
        if when.fields_read().contains(&place::THRESHOLD) && self.threshold.is_none() {
            let message = "the outcome reads `threshold`, but the rule has none";
            findings.error(at, "no_threshold", message, "add `threshold: 5`");
        }
    }
}

/// Characters of a text without its template tags. Of a text that chooses with
/// `{% if %}` the longest piece counts: which pieces show is not known here, and
/// the rule's tests measure what was written out.
fn text_chars(template: &str) -> usize {
    let pieces = template.split("{%").map(|piece| piece.split_once("%}").map_or(piece, |it| it.1));
    let chars = |piece: &str| -> usize {
        let parts = piece.split("{{").map(|part| part.split_once("}}").map_or(part, |it| it.1));
        parts.map(|part| part.chars().count()).sum()
    };
    pieces.map(chars).max().unwrap_or(0)
}
