//! How much the tests of the packs notice: every token of every condition is
//! changed, one at a time, and at least one test of the rule has to fail.
//!
//! The tests say with `helped` what is hoped for after a nudge, so outcomes count
//! like `when`, `unless` and the threshold.
//!
//! What does not count as a mutant: what `rules check` refuses, for no test
//! would run; and what is *proved* to have the same truth as the condition, for
//! all facts that deals can have ([`is_impossible`]): no test could tell them
//! apart. Nothing else is left out.

use std::collections::BTreeMap;

use super::shipped::packs;
use super::*;
use crate::baseline::Threshold;
use crate::condition::mutants::{Sort, mutants, other_numbers};
use crate::condition::{Condition, Domains, Effort, Schema, Truths, compile, is_impossible};
use crate::facts::schema::{Vocabulary, person_schema, schema};
use crate::ruleset::domains;
use crate::ruleset::yaml::{Node, NodeKind};

/// The share of mutants that the tests of a pack have to notice.
const NOTICED_MIN: f64 = 0.9;
/// Enough to prove or give up any condition of a pack.
const EFFORT: u32 = 20_000;

/// What came of the mutants of one rule.
#[derive(Default)]
struct Score {
    noticed: usize,
    refused: usize,
    same: usize,
    survivors: Vec<String>,
    by_sort: BTreeMap<Sort, (usize, usize)>,
}

impl Score {
    fn counted(&self) -> usize {
        self.noticed + self.survivors.len()
    }

    fn add(&mut self, other: Score) {
        self.noticed += other.noticed;
        self.refused += other.refused;
        self.same += other.same;
        self.survivors.extend(other.survivors);
        for (sort, (noticed, all)) in other.by_sort {
            let held = self.by_sort.entry(sort).or_default();
            *held = (held.0 + noticed, held.1 + all);
        }
    }

    fn share(&self) -> f64 {
        self.noticed as f64 / self.counted().max(1) as f64
    }
}

#[test]
fn the_tests_of_every_pack_notice_nine_in_ten_changed_tokens() {
    let mut all = Score::default();
    let mut weak = Vec::new();
    for file in packs() {
        let score = score_of(&file);
        println!("{}", told(&file.path, &score));
        if score.share() < NOTICED_MIN {
            weak.push(file.path.clone());
        }
        all.add(score);
    }
    println!("{}", told("all packs", &all));
    for (sort, (noticed, of)) in &all.by_sort {
        println!("  {sort:?}: {noticed} of {of}");
    }
    println!("survivors:\n  {}", all.survivors.join("\n  "));
    assert!(weak.is_empty(), "{weak:?} notice less than {NOTICED_MIN}: see the survivors above");
}

fn told(what: &str, score: &Score) -> String {
    let Score { noticed, refused, same, .. } = score;
    let (share, all) = (100.0 * score.share(), score.counted());
    format!(
        "{what}: {noticed} of {all} mutants noticed, {share:.1} % ({same} proved the same, {refused} refused)"
    )
}

fn score_of(file: &SourceFile) -> Score {
    let root = yaml::read(&file.text).unwrap();
    let loaded = RuleSet::load(std::slice::from_ref(file), &[]);
    let set = loaded.set.unwrap();
    let mut score = Score::default();
    for (rule, node) in set.rules().iter().zip(rules_of(&root)) {
        score.add(score_of_rule(rule, node));
    }
    score
}

fn rules_of(root: &Node) -> &[Node] {
    match value_of(root, "rules").map(|rules| &rules.kind) {
        Some(NodeKind::List(rules)) => rules,
        _ => &[],
    }
}

fn value_of<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let NodeKind::Map(entries) = &node.kind else { return None };
    entries.iter().find(|(name, ..)| name == key).map(|(.., value)| value)
}

fn score_of_rule(rule: &Rule, node: &Node) -> Score {
    let mut score = Score::default();
    let speaking = domains::of_rule(rule);
    let words = Vocabulary::default();
    let fields = match rule.scope {
        Scope::Deal => schema(rule.event(), false, &words),
        Scope::Person => person_schema(),
    };
    for (key, condition) in [("when", Some(&rule.when)), ("unless", rule.unless.as_ref())] {
        let Some(condition) = condition else { continue };
        let place = Place { rule, key, condition, fields: &fields, domains: &speaking };
        place.tally(&mut score, |to| with(node, key, to));
    }
    if let (Some(outcome), Some(written)) = (&rule.outcome, value_of(node, "outcome")) {
        let (condition, fields) = (&outcome.when, schema(None, true, &words));
        let domains = domains::of_facts(Scope::Deal, Trigger::State);
        let key = "outcome";
        let place = Place { rule, key, condition, fields: &fields, domains: &domains };
        place.tally(&mut score, |to| with(node, key, with(written, "when", to).kind));
    }
    let Some(written) = value_of(node, "threshold") else { return score };
    // A percentile is what it is on a company's own deals; a story says what that
    // comes to. What a story can tell apart is the rule's own number.
    let put = |to: f64| match &written.kind {
        NodeKind::Map(_) => with(written, "fallback", NodeKind::Number(to)).kind,
        _ => NodeKind::Number(to),
    };
    let own = rule.threshold.and_then(|threshold| match threshold {
        Threshold::Number(number) => Some(number),
        Threshold::Won(won) => won.fallback,
    });
    for to in own.into_iter().flat_map(other_numbers) {
        let label = format!("{} threshold: {to}", rule.id);
        tally(&mut score, &with(node, "threshold", put(to)), Sort::Number, label);
    }
    score
}

/// A condition of a rule.
struct Place<'a> {
    rule: &'a Rule,
    key: &'a str,
    condition: &'a Condition,
    fields: &'a Schema,
    domains: &'a Domains,
}

impl Place<'_> {
    /// Runs the rule's tests with each mutant, put into the rule by `put`.
    fn tally(&self, score: &mut Score, put: impl Fn(NodeKind) -> Node) {
        for mutant in mutants(self.condition.source(), self.fields) {
            let Ok(compiled) = compile(&mutant.source, self.fields) else {
                score.refused += 1;
                continue;
            };
            if says_the_same(self.condition, &compiled, self.domains) {
                score.same += 1;
                continue;
            }
            let label = format!("{} {}: {}", self.rule.id, self.key, mutant.change);
            tally(score, &put(NodeKind::Text(mutant.source)), mutant.sort, label);
        }
    }
}

/// Whether two conditions have one truth for all facts, unknown ones included.
fn says_the_same(a: &Condition, b: &Condition, domains: &Domains) -> bool {
    let never =
        |sought: [(&Condition, Truths); 2]| is_impossible(&sought, domains, &Effort::new(EFFORT));
    never([(a, Truths::TRUE), (b, Truths::NOT_TRUE)])
        && never([(a, Truths::NOT_TRUE), (b, Truths::TRUE)])
        && never([(a, Truths::FALSE), (b, Truths::UNKNOWN)])
        && never([(a, Truths::UNKNOWN), (b, Truths::FALSE)])
}

/// Runs the tests of a changed rule.
fn tally(score: &mut Score, rule: &Node, sort: Sort, label: String) {
    let text = format!("{{\"pack\":\"p\",\"title\":\"P\",\"rules\":[{}]}}", json(rule));
    let loaded = RuleSet::load(&[file("mutant.yaml", &text)], &[]);
    let Some(set) = loaded.set else {
        score.refused += 1;
        return;
    };
    let noticed = run_tests(&set).iter().any(|report| report.failure.is_some());
    let held = score.by_sort.entry(sort).or_default();
    *held = (held.0 + usize::from(noticed), held.1 + 1);
    match noticed {
        true => score.noticed += 1,
        false => score.survivors.push(label),
    }
}

/// The mapping with another value under `key`.
fn with(map: &Node, key: &str, to: NodeKind) -> Node {
    let mut map = map.clone();
    if let NodeKind::Map(entries) = &mut map.kind
        && let Some((.., value)) = entries.iter_mut().find(|(name, ..)| name == key)
    {
        value.kind = to;
    }
    map
}

/// The node as JSON, which is YAML too.
fn json(node: &Node) -> String {
    match &node.kind {
        NodeKind::Null => "null".to_owned(),
        NodeKind::Bool(value) => value.to_string(),
        NodeKind::Number(value) => value.to_string(),
        NodeKind::Text(text) => serde_json::to_string(text).unwrap(),
        NodeKind::List(nodes) => {
            format!("[{}]", nodes.iter().map(json).collect::<Vec<_>>().join(","))
        }
        NodeKind::Map(entries) => {
            let entry = |(key, _, value): &(String, _, Node)| {
                format!("{}:{}", serde_json::to_string(key).unwrap(), json(value))
            };
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(","))
        }
    }
}
