//! Two rule sets over one past, played side by side: what the one says and the
//! other does not.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::facts::Change;
use crate::time::UnixMs;

use super::examples::EXAMPLES_MAX;
use super::{Fired, Lacking, Observer, Player, Report, Setup};

/// What a rule set does otherwise than the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Content hash of the rule set before.
    pub rule_set: String,
    /// Firings of the set before.
    pub firings_before: u64,
    /// Firings of the set now.
    pub firings_after: u64,
    /// What of them would have been sent, before.
    pub sent_before: u64,
    /// What of them would have been sent, now.
    pub sent_after: u64,
    /// Each rule of either set.
    pub rules: Vec<RuleChange>,
}

/// One rule in both sets. Two firings are the same if the rule speaks of the same
/// deal at the same instant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleChange {
    /// Its id.
    pub rule: String,
    /// In one word.
    pub verdict: Verdict,
    /// Firings before.
    pub before: u64,
    /// Firings now.
    pub after: u64,
    /// Firings that are the same in both.
    pub same: u64,
    /// Sent before.
    pub sent_before: u64,
    /// Sent now.
    pub sent_after: u64,
    /// A few firings that are gone.
    pub gone: Vec<Differing>,
    /// A few that are new.
    pub added: Vec<Differing>,
}

/// How often a rule fires, compared.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Just as before.
    #[default]
    Same,
    /// As often, but of other deals or at other times.
    Moved,
    /// More often.
    More,
    /// Less often.
    Less,
    /// It never fired before.
    New,
    /// It does not fire any more.
    NoLonger,
}

impl Verdict {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Verdict::Same => "the same",
            Verdict::Moved => "as often, otherwise",
            Verdict::More => "fires more",
            Verdict::Less => "fires less",
            Verdict::New => "new",
            Verdict::NoLonger => "no longer",
        }
    }
}

/// A firing that only one of the sets makes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Differing {
    #[serde(skip)]
    lot: String,
    /// When.
    pub at: UnixMs,
    /// The deal's name, or its id.
    pub deal: String,
}

/// The same firing in either set: instant, rule, deal or person.
type Key = (UnixMs, String, String);

/// Firings that were heard and not compared yet.
#[derive(Default)]
struct Heard {
    firings: BTreeMap<Key, Differing>,
}

impl Observer for Heard {
    fn fired(&mut self, fired: Fired<'_>) {
        let Fired { firing, deal_name, counted, .. } = fired;
        if counted {
            let key = (firing.at, firing.rule_id.clone(), firing.deal.id.clone());
            let lot = firing.id.clone();
            let told = Differing { lot, at: firing.at, deal: deal_name.to_owned() };
            self.firings.insert(key, told);
        }
    }
}

impl Heard {
    /// Takes the firings before `until`.
    fn take_before(&mut self, until: UnixMs) -> BTreeMap<Key, Differing> {
        let rest = self.firings.split_off(&(until, String::new(), String::new()));
        std::mem::replace(&mut self.firings, rest)
    }
}

/// Two players, one beside the other.
pub struct Lockstep<'a> {
    after: Player<'a, Heard>,
    before: Player<'a, Heard>,
    rules: BTreeMap<String, RuleChange>,
}

impl<'a> Lockstep<'a> {
    /// The set in question, and the one it is held against. Both setups should
    /// differ in nothing but their rules.
    #[must_use]
    pub fn new(after: Setup<'a>, before: Setup<'a>) -> Lockstep<'a> {
        let ids = [after.rules, before.rules].into_iter().flat_map(|set| set.rules());
        let rules = ids.map(|rule| {
            (rule.id.clone(), RuleChange { rule: rule.id.clone(), ..RuleChange::default() })
        });
        Lockstep {
            rules: rules.collect(),
            after: Player::new(after, Heard::default()),
            before: Player::new(before, Heard::default()),
        }
    }

    /// As [`Player::change`].
    pub fn change(&mut self, at: UnixMs, change: Change) -> bool {
        let is_played = self.before.change(at, change.clone()) && self.after.change(at, change);
        let now = self.after.now;
        let is_heard = |heard: &Heard| heard.firings.keys().next().is_some_and(|key| key.0 < now);
        if is_heard(&self.after.observer) || is_heard(&self.before.observer) {
            let after = self.after.observer.take_before(now);
            let before = self.before.observer.take_before(now);
            compare(&mut self.rules, before, after);
        }
        is_played
    }

    /// As [`Player::finish`]: the report of the set in question, with what differs.
    #[must_use]
    pub fn finish(self, as_of: UnixMs, lacking: Vec<Lacking>) -> Report {
        let Lockstep { after, before, mut rules } = self;
        let (mut report, heard_after) = after.finish(as_of, lacking);
        let (report_before, heard_before) = before.finish(as_of, Vec::new());
        compare(&mut rules, heard_before.firings, heard_after.firings);
        for change in rules.values_mut() {
            let of = |report: &Report| {
                report.rule(&change.rule).map_or((0, 0), |rule| (rule.firings, rule.sent()))
            };
            ((change.before, change.sent_before), (change.after, change.sent_after)) =
                (of(&report_before), of(&report));
            change.verdict = verdict(change);
        }
        report.against = Some(Comparison {
            rule_set: report_before.rule_set.clone(),
            firings_before: report_before.total.firings,
            firings_after: report.total.firings,
            sent_before: report_before.total.sent(),
            sent_after: report.total.sent(),
            rules: rules.into_values().collect(),
        });
        report
    }
}

fn verdict(change: &RuleChange) -> Verdict {
    match (change.before, change.after) {
        (0, 0) => Verdict::Same,
        (0, _) => Verdict::New,
        (_, 0) => Verdict::NoLonger,
        (before, after) if after > before => Verdict::More,
        (before, after) if after < before => Verdict::Less,
        (before, _) if change.same == before => Verdict::Same,
        _ => Verdict::Moved,
    }
}

fn compare(
    rules: &mut BTreeMap<String, RuleChange>,
    before: BTreeMap<Key, Differing>,
    mut after: BTreeMap<Key, Differing>,
) {
    let mut gone = Vec::new();
    for (key, differing) in before {
        match after.remove(&key) {
            Some(_) => {
                if let Some(change) = rules.get_mut(&key.1) {
                    change.same += 1;
                }
            }
            None => gone.push((key, differing)),
        }
    }
    // Of rules about people there are numbers only.
    let is_shown = |differing: &Differing| !differing.deal.is_empty();
    for (key, differing) in gone.into_iter().filter(|(_, one)| is_shown(one)) {
        if let Some(change) = rules.get_mut(&key.1) {
            keep(&mut change.gone, differing);
        }
    }
    for (key, differing) in after.into_iter().filter(|(_, one)| is_shown(one)) {
        if let Some(change) = rules.get_mut(&key.1) {
            keep(&mut change.added, differing);
        }
    }
}

/// Keeps as many as there is room for; which ones is decided by their ids.
fn keep(kept: &mut Vec<Differing>, differing: Differing) {
    let mut all: BTreeSet<Differing> = std::mem::take(kept).into_iter().collect();
    all.insert(differing);
    kept.extend(all.into_iter().take(EXAMPLES_MAX));
}
