//! The coaching rules that managers write: reading, checking, compiling and
//! testing rule files.
//!
//! [`RuleSet::load`] reads every file and reports everything that is wrong in
//! all of them. A set is immutable: a change of rules makes another one.

mod compile;
pub mod diagnostic;
pub mod document;
mod domains;
pub mod escalate;
mod json_schema;
pub(crate) mod keys;
pub mod period;
mod person;
mod position;
pub mod rule;
mod shadow;
mod source;
pub mod testing;
mod threshold;
mod warnings;
pub mod yaml;

use std::collections::{BTreeMap, HashMap};

pub(crate) use compile::hash;
pub use diagnostic::{RuleDiagnostic, Severity};
pub use escalate::Escalate;
pub use json_schema::json_schema;
pub(crate) use keys::Choice;
pub use period::{Period, PeriodUnit};
pub use rule::{
    AppliesTo, Audience, CrmDelivery, Evidence, EvidenceGrade, OutcomeRule, Repeat, Rule, Scope,
    Tip, Trigger,
};
pub use source::joined;
pub use testing::{TestReport, run_tests};

use crate::condition::Effort;
use crate::facts::schema::{Vocabulary, place};
use crate::facts::{EventKind, Metadata};
use crate::lesson::Lessons;
use crate::life::Standing;
use diagnostic::{Finding, Findings};
use warnings::Places;

/// A rule file as it was read from somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name, as messages show it.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// What came of loading rule files.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The set, unless there is an error anywhere: one faulty rule keeps the
    /// set that is on.
    pub set: Option<RuleSet>,
    /// Everything that was found, file by file.
    pub diagnostics: Vec<RuleDiagnostic>,
}

/// A pack of rules, without the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// Its slug.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// What it is for.
    pub description: Option<String>,
    /// The file it came from.
    pub file: String,
}

/// All rules that are on, as one immutable snapshot.
#[derive(Clone, Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    packs: Vec<Pack>,
    hash: String,
    by_id: BTreeMap<String, usize>,
    states: Vec<usize>,
    people: Vec<usize>,
    events: HashMap<EventKind, ByStage>,
    /// Whether any rule asks whose deal it is.
    asks_owner: bool,
}

/// The rules of one event, by the stage a deal must be in for them to fire.
#[derive(Clone, Debug, Default)]
struct ByStage {
    any: Vec<usize>,
    of: HashMap<String, Vec<usize>>,
}

/// The set without a rule.
impl Default for RuleSet {
    fn default() -> Self {
        RuleSet::of(Vec::new(), Vec::new())
    }
}

impl RuleSet {
    /// Reads, checks and compiles `files`. Stage, pipeline and owner literals
    /// are checked against what the connected accounts know, if any is given,
    /// and lessons against those that ship.
    #[must_use]
    pub fn load(files: &[SourceFile], metadata: &[(&str, &Metadata)]) -> Loaded {
        RuleSet::load_with(files, metadata, Lessons::builtin())
    }

    /// As [`RuleSet::load`], with these lessons as the known ones.
    #[must_use]
    pub fn load_with(
        files: &[SourceFile],
        metadata: &[(&str, &Metadata)],
        lessons: &Lessons,
    ) -> Loaded {
        let words = Vocabulary::of(metadata.iter().map(|(_, metadata)| *metadata));
        let (mut rules, mut packs) = (Vec::new(), Vec::new());
        let effort = Effort::new(PROOF_LOOKS_MAX);
        let known = Known { words: &words, lessons, effort: &effort };
        let mut names = Names::default();
        let mut found = Vec::new();
        for file in files {
            let mut findings = Findings::new(&file.path);
            if let Some((pack, loaded)) = load_file(file, known, &mut names, &mut findings) {
                packs.push(pack);
                rules.extend(loaded.into_iter().map(|(rule, places)| (rule, places, found.len())));
            }
            found.push(findings);
        }
        shadow::warn(&rules, files, &mut found, &effort);
        let rules = rules.into_iter().map(|(rule, ..)| rule).collect();
        let sorted = found.into_iter().zip(files);
        let diagnostics: Vec<RuleDiagnostic> =
            sorted.flat_map(|(findings, file)| findings.into_sorted(&file.text)).collect();
        let faulty = diagnostics.iter().any(|found| found.severity == Severity::Error);
        let set = (!faulty).then(|| RuleSet::of(rules, packs));
        Loaded { set, diagnostics }
    }

    fn of(rules: Vec<Rule>, packs: Vec<Pack>) -> RuleSet {
        let standings = rules.iter().filter_map(|rule| {
            rule.standing.key().map(|standing| format!("{} {standing}", rule.id))
        });
        let versions = rules.iter().map(|rule| rule.version_hash.clone());
        let mut parts: Vec<String> = versions.chain(standings).collect();
        parts.sort_unstable();
        let hash = hash(&parts.iter().map(String::as_str).collect::<Vec<_>>());
        let asks_owner = rules.iter().any(|rule| !rule.standing.reach.is_everybody());
        let by_id = rules.iter().enumerate().map(|(at, rule)| (rule.id.clone(), at)).collect();
        let (mut states, mut people) = (Vec::new(), Vec::new());
        let mut events: HashMap<EventKind, ByStage> = HashMap::new();
        for (at, rule) in rules.iter().enumerate() {
            if !rule.standing.state.looks() {
                continue;
            }
            if rule.scope == Scope::Person {
                people.push(at);
                continue;
            }
            let Trigger::Event(event) = rule.on else {
                states.push(at);
                continue;
            };
            let by_stage = events.entry(event).or_default();
            match rule.when.required_values(place::STAGE) {
                None => by_stage.any.push(at),
                Some(stages) => {
                    for stage in stages {
                        by_stage.of.entry(stage.to_owned()).or_default().push(at);
                    }
                }
            }
        }
        RuleSet { rules, packs, hash, by_id, states, people, events, asks_owner }
    }

    /// This set with the rules of `other`: one of the same id takes the other's
    /// place, all others follow behind.
    #[must_use]
    pub fn with(self, other: RuleSet) -> RuleSet {
        let RuleSet { mut rules, mut packs, .. } = self;
        for rule in other.rules {
            match rules.iter_mut().find(|known| known.id == rule.id) {
                Some(known) => *known = rule,
                None => rules.push(rule),
            }
        }
        for pack in other.packs {
            if packs.iter().all(|known| known.id != pack.id) {
                packs.push(pack);
            }
        }
        RuleSet::of(rules, packs)
    }

    /// These rules as they stand: one that is paused stays known and looks at
    /// nothing. A rule of which nothing is said is on for everybody. For a set as
    /// it was read: what stands already is not made to stand again.
    #[must_use]
    pub fn standing(&self, standings: &BTreeMap<String, Standing>) -> RuleSet {
        let mut rules = self.rules.clone();
        for rule in &mut rules {
            let Some(standing) = standings.get(&rule.id) else { continue };
            let standing = standing.clone().of(rule);
            rule.trigger_hash = standing.trigger_of(rule);
            rule.standing = standing;
        }
        RuleSet::of(rules, self.packs.clone())
    }

    /// Only the rules that `keep` names.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&Rule) -> bool) -> RuleSet {
        let rules = self.rules.iter().filter(|rule| keep(rule)).cloned().collect();
        RuleSet::of(rules, self.packs.clone())
    }

    /// Whether any rule asks whose deal it is.
    pub(crate) fn asks_owner(&self) -> bool {
        self.asks_owner
    }

    /// Every rule, in the order of the files; also those that look at nothing now.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The packs they came in.
    #[must_use]
    pub fn packs(&self) -> &[Pack] {
        &self.packs
    }

    /// The rule with this id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.by_id.get(id).and_then(|at| self.rules.get(*at))
    }

    /// Over the content of all rules; two sets with one hash behave alike.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The rules about people.
    pub fn person_rules(&self) -> impl Iterator<Item = &Rule> {
        self.people.iter().filter_map(|at| self.rules.get(*at))
    }

    /// The rules that look at subjects of this kind whether or not anything happens.
    pub(crate) fn looking_at(&self, scope: Scope) -> impl Iterator<Item = &Rule> {
        let places = match scope {
            Scope::Deal => &self.states,
            Scope::Person => &self.people,
        };
        places.iter().filter_map(|at| self.rules.get(*at))
    }

    /// Whether there is any rule about people.
    #[must_use]
    pub fn has_person_rules(&self) -> bool {
        !self.people.is_empty()
    }

    /// Whether any threshold rests on won deals.
    #[must_use]
    pub fn rests_on_won_deals(&self) -> bool {
        self.rules.iter().any(|rule| rule.threshold.is_some_and(|it| it.won().is_some()))
    }

    /// The state rules about deals.
    pub fn state_rules(&self) -> impl Iterator<Item = &Rule> {
        self.states.iter().filter_map(|at| self.rules.get(*at))
    }

    /// The rules that may fire for `event` of a deal in `stage`, in the order
    /// of the files. An unknown stage has every rule as its candidate.
    #[must_use]
    pub fn candidates(&self, event: EventKind, stage: Option<&str>) -> Vec<&Rule> {
        let Some(by_stage) = self.events.get(&event) else { return Vec::new() };
        let mut at: Vec<usize> = by_stage.any.clone();
        match stage {
            Some(stage) => at.extend(by_stage.of.get(stage).into_iter().flatten()),
            None => at.extend(by_stage.of.values().flatten()),
        }
        at.sort_unstable();
        at.dedup();
        at.into_iter().filter_map(|at| self.rules.get(at)).collect()
    }
}

/// Looks that finding idle rules in one set may cost: a fraction of a second.
const PROOF_LOOKS_MAX: u32 = 500_000;

/// What rules may name that is defined elsewhere.
#[derive(Copy, Clone)]
struct Known<'a> {
    words: &'a Vocabulary,
    lessons: &'a Lessons,
    effort: &'a Effort,
}

/// Names taken so far, with the file that took them.
#[derive(Default)]
struct Names {
    packs: BTreeMap<String, String>,
    rules: BTreeMap<String, String>,
}

fn load_file(
    file: &SourceFile,
    known: Known<'_>,
    names: &mut Names,
    findings: &mut Findings,
) -> Option<(Pack, Vec<(Rule, Places)>)> {
    let root = match yaml::read(&file.text) {
        Ok(root) => root,
        Err((at, message)) => {
            let hint = "check indentation, quotes and `key: value` near this place";
            findings.error(at, "bad_yaml", message, hint);
            return None;
        }
    };
    let document = document::pack(&root, findings);
    if let Some(pack) = &document.pack
        && let Some(other) = names.packs.insert(pack.value.clone(), file.path.clone())
    {
        let message = format!("the pack `{}` is also in {other}", pack.value);
        findings.error(pack.at, "duplicate_pack", message, "give one of them another name");
    }
    if let (Some(pack), true) = (&document.pack, document.rules.is_empty()) {
        let hint = "add a rule, or remove the file";
        let finding = Finding::warning("empty_pack", "the pack has no rules", hint);
        findings.between(pack.at, pack.at, finding);
    }
    let name = document.pack.as_ref().map_or("", |pack| pack.value.as_str());
    let setting = compile::Setting { file: &file.path, text: &file.text, pack: name, known };
    let mut rules = Vec::new();
    for written in document.rules {
        if let Some(id) = &written.id
            && let Some(other) = names.rules.insert(id.value.clone(), file.path.clone())
        {
            let message = format!("there is another rule `{}` in {other}", id.value);
            findings.error(id.at, "duplicate_rule", message, "give one of them another id");
        }
        rules.extend(compile::rule(written, &setting, findings));
    }
    findings.rule = None;
    let pack = Pack {
        id: document.pack?.value,
        title: document.title?.value,
        description: document.description.map(|text| text.value),
        file: file.path.clone(),
    };
    Some((pack, rules))
}

#[cfg(test)]
mod tests;
