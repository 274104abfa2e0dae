//! What a rule did in a story, held against what was expected.

use std::fmt::Write as _;

use super::Expectation;
use crate::condition::Explanation;
use crate::engine::{Firing, Outcome, World, outcome_met, person_context, template_context};
use crate::facts::{DealState, Metadata};
use crate::portfolio::PersonFacts;
use crate::ruleset::Rule;
use crate::ruleset::compile::TIP_BODY_CHARS;
use crate::time::UnixMs;

/// What a rule did.
#[derive(Default)]
pub(super) struct Told {
    firings: Vec<Said>,
    late: u32,
    ended: u32,
    /// The last change that did not make an event rule speak, and why.
    pub(super) looked: Option<(UnixMs, Explanation)>,
}

/// A firing with its texts as they read at that moment.
struct Said {
    firing: Firing,
    headline: String,
    helped: bool,
    #[cfg(test)]
    reading: crate::engine::Reading,
    #[cfg(test)]
    context: serde_json::Value,
}

impl Told {
    pub(super) fn note(
        &mut self,
        outcome: Outcome,
        state: &DealState,
        metadata: &Metadata,
        rule: &Rule,
    ) {
        let of_rule = |firing: &Firing| firing.rule_id == rule.id;
        for firing in outcome.firings.into_iter().filter(of_rule) {
            let headline = texts(&firing, state, metadata, rule);
            self.firings.push(Said {
                #[cfg(test)]
                reading: crate::engine::reading(
                    &firing,
                    &state.facts,
                    metadata,
                    &jiff::tz::TimeZone::UTC,
                ),
                #[cfg(test)]
                context: context(&firing, state, metadata),
                firing,
                headline,
                helped: false,
            });
        }
        self.late += count(outcome.late.iter().filter(|firing| of_rule(firing)).count());
        self.ended += count(outcome.ended.iter().filter(|end| end.rule_id == rule.id).count());
    }

    /// The same for what came of a look at a person.
    pub(super) fn note_person(&mut self, outcome: Outcome, known: &PersonFacts, rule: &Rule) {
        let of_rule = |firing: &Firing| firing.rule_id == rule.id;
        for firing in outcome.firings.into_iter().filter(of_rule) {
            let zone = firing.zone();
            let context = person_context(&firing, known, Some("EUR"), "Sam Seller", &zone);
            self.firings.push(Said {
                #[cfg(test)]
                reading: crate::engine::person_reading(&firing, &Metadata::default(), &zone),
                headline: written(rule, &context),
                #[cfg(test)]
                context,
                firing,
                helped: false,
            });
        }
        self.ended += count(outcome.ended.iter().filter(|end| end.rule_id == rule.id).count());
    }

    /// Looks whether what the rule hopes for has come, as is done after a nudge:
    /// here each is sent as it fires. What is told when the time is over does not
    /// count.
    pub(super) fn look_for_outcomes(
        &mut self,
        state: &DealState,
        rule: &Rule,
        now: UnixMs,
        world: &World<'_>,
    ) {
        let Some(outcome) = &rule.outcome else { return };
        for said in self.firings.iter_mut().filter(|said| !said.helped) {
            let sent_at = said.firing.at;
            let until = outcome.within.after(sent_at, world.calendar);
            let in_time = state.told_at.is_none_or(|told| told <= until);
            said.helped = in_time && outcome_met(rule, state, sent_at, now.min(until), world);
        }
    }

    #[cfg(test)]
    pub(super) fn readings(&self) -> Vec<crate::engine::Reading> {
        self.firings.iter().map(|said| said.reading.clone()).collect()
    }

    #[cfg(test)]
    pub(super) fn contexts(&self) -> Vec<serde_json::Value> {
        self.firings.iter().map(|said| said.context.clone()).collect()
    }

    /// What differs from `expect`, one line for each.
    pub(super) fn compare(&self, expect: &Expectation) -> Option<String> {
        let mut lines = String::new();
        let mut differs = |what: &str, expected: String, found: String| {
            let _ = write!(lines, "\n  {what}\n    expected: {expected}\n    found:    {found}");
        };
        if self.firings.len() != expect.fires as usize {
            let times = self.firings.iter().map(|said| said.firing.at.to_string());
            let found =
                format!("{} [{}]", self.firings.len(), times.collect::<Vec<_>>().join(", "));
            differs("number of firings", expect.fires.to_string(), found);
        }
        for (index, (wanted, said)) in expect.firings.iter().zip(&self.firings).enumerate() {
            let number = index + 1;
            if let Some(at) = wanted.at.filter(|at| *at != said.firing.at) {
                let what = format!("time of firing {number}");
                differs(&what, at.to_string(), said.firing.at.to_string());
            }
            if let Some(headline) = wanted.headline.as_ref().filter(|it| **it != said.headline) {
                let what = format!("headline of firing {number}");
                differs(&what, headline.clone(), said.headline.clone());
            }
        }
        let helped = self.firings.iter().filter(|said| said.helped).count();
        for (what, wanted, found) in [
            ("late firings", expect.late, self.late),
            ("ended episodes", expect.ended, self.ended),
            ("firings that the outcome follows", expect.helped, count(helped)),
        ] {
            if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
                differs(what, wanted.to_string(), found.to_string());
            }
        }
        for said in self.firings.iter().filter(|said| said.headline.starts_with(FAULT)) {
            differs("text", "a text that can be written".to_owned(), said.headline.clone());
        }
        if let (true, Some(said)) = (!lines.is_empty(), self.firings.last()) {
            let why = indented(&said.firing.explanation);
            let _ = write!(lines, "\n  at the last firing, {}:\n    {why}", said.firing.at);
        }
        (!lines.is_empty()).then(|| lines.trim_start_matches('\n').to_owned())
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

const FAULT: &str = "cannot write ";

fn context(firing: &Firing, state: &DealState, metadata: &Metadata) -> serde_json::Value {
    template_context(firing, state, metadata, "Sam Seller", &firing.zone())
}

/// The headline, or what keeps one of the texts from being written.
fn texts(firing: &Firing, state: &DealState, metadata: &Metadata, rule: &Rule) -> String {
    let context = context(firing, state, metadata);
    written(rule, &context)
}

fn written(rule: &Rule, context: &serde_json::Value) -> String {
    if let Some(Err(wrong)) = rule.tip.why.as_ref().map(|why| why.render(context)) {
        return format!("{FAULT}{wrong}");
    }
    match rule.tip.body.render(context) {
        Err(wrong) => return format!("{FAULT}{wrong}"),
        Ok(body) if body.chars().count() > TIP_BODY_CHARS => {
            return format!("{FAULT}the body in {TIP_BODY_CHARS} characters: {body}");
        }
        Ok(_) => {}
    }
    match rule.escalate.as_ref().map(|escalate| escalate.ask.render(context)) {
        Some(Err(wrong)) => return format!("{FAULT}{wrong}"),
        Some(Ok(ask)) if ask.chars().count() > TIP_BODY_CHARS => {
            return format!("{FAULT}the question in {TIP_BODY_CHARS} characters: {ask}");
        }
        _ => {}
    }
    rule.tip.headline.render(context).unwrap_or_else(|wrong| format!("{FAULT}{wrong}"))
}

pub(super) fn indented(why: &Explanation) -> String {
    why.to_string().replace('\n', "\n    ")
}
