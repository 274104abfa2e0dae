//! Rules as they are kept: each version of a rule is a rule file of its own, in
//! JSON, which is YAML too.

use serde_json::{Map, Number, Value, json};

use super::yaml::{Node, NodeKind};
use super::{Rule, RuleSet, SourceFile};

/// The largest whole number that a `f64` holds exactly.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// A node as JSON.
pub(super) fn json(node: &Node) -> Value {
    match &node.kind {
        NodeKind::Null => Value::Null,
        NodeKind::Bool(value) => Value::Bool(*value),
        NodeKind::Number(value) if value.fract() == 0.0 && value.abs() < EXACT_MAX => {
            Value::Number(Number::from(*value as i64))
        }
        NodeKind::Number(value) => Number::from_f64(*value).map_or(Value::Null, Value::Number),
        NodeKind::Text(text) => Value::String(text.clone()),
        NodeKind::List(nodes) => Value::Array(nodes.iter().map(json).collect()),
        NodeKind::Map(entries) => {
            let entries = entries.iter().map(|(key, _, node)| (key.clone(), json(node)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

impl RuleSet {
    /// One rule as a rule file of its own: what is kept of a version.
    #[must_use]
    pub fn file_of(&self, rule: &Rule) -> String {
        let pack = self.packs.iter().find(|pack| pack.id == rule.pack);
        let title = pack.map_or(rule.pack.as_str(), |pack| pack.title.as_str());
        let mut file = json!({ "pack": rule.pack, "title": title, "rules": [rule.source] });
        if let Some(description) = pack.and_then(|pack| pack.description.as_ref()) {
            file["description"] = Value::String(description.clone());
        }
        file.to_string()
    }
}

/// Rule files of one rule each as one file for each pack, in the order given; the
/// pack's title is that of its last file. `path` names the file of a pack.
#[must_use]
pub fn joined<'a>(
    files: impl IntoIterator<Item = &'a str>,
    path: impl Fn(&str) -> String,
) -> Vec<SourceFile> {
    let mut packs: Vec<(String, Value)> = Vec::new();
    for file in files {
        // What is no JSON is told as a faulty file of its own.
        let read: Value = serde_json::from_str(file).unwrap_or_else(|_| Value::String(file.into()));
        let name = read["pack"].as_str().unwrap_or_default().to_owned();
        let rules = read["rules"].as_array().cloned().unwrap_or_default();
        match packs.iter_mut().find(|(known, _)| *known == name && read.is_object()) {
            Some((_, pack)) => {
                pack["title"] = read["title"].clone();
                if let Some(all) = pack["rules"].as_array_mut() {
                    all.extend(rules);
                }
            }
            None => packs.push((name, read)),
        }
    }
    let file =
        |(name, pack): (String, Value)| SourceFile { path: path(&name), text: pack.to_string() };
    packs.into_iter().map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packs::BUILTIN;

    fn load(files: &[SourceFile]) -> RuleSet {
        let loaded = RuleSet::load(files, &[]);
        loaded.set.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
    }

    /// What is kept of a rule is the rule: the same version, the same trigger.
    #[test]
    fn every_shipped_rule_survives_being_kept() {
        let files = BUILTIN
            .iter()
            .map(|pack| SourceFile { path: pack.name.into(), text: pack.text.into() });
        let set = load(&files.collect::<Vec<_>>());
        let kept: Vec<String> = set.rules().iter().map(|rule| set.file_of(rule)).collect();
        let again = load(&joined(kept.iter().map(String::as_str), |pack| format!("stored {pack}")));
        let hashes = |set: &RuleSet| {
            let of = |rule: &Rule| (rule.version_hash.clone(), rule.trigger_hash.clone());
            set.rules().iter().map(of).collect::<Vec<_>>()
        };
        assert_eq!(hashes(&set), hashes(&again));
        assert_eq!(set.hash(), again.hash());
        let titles =
            |set: &RuleSet| set.packs().iter().map(|pack| pack.title.clone()).collect::<Vec<_>>();
        assert_eq!(titles(&set), titles(&again));
    }

    #[test]
    fn numbers_flags_and_strange_texts_survive_too() {
        let text = "pack: p\ntitle: \"5\"\nrules:\n  - id: r\n    title: \"a \\\" b \\u2028 \\t 'c'\"\n    on: state\n    when: \"deal.amount > threshold && 'no' != \\\"yes\\\"\"\n    threshold: 0.1\n    tip: { headline: \"true\", body: |\n      two\n      lines }\n";
        let text = text
            .replace("|\n      two\n      lines }", "\"two\\nlines\" }")
            .replace("'no' != \\\"yes\\\"", "deal.name != \\\"no\\\"");
        let set = load(&[SourceFile { path: "p.yaml".into(), text }]);
        let again = load(&joined([set.file_of(&set.rules()[0]).as_str()], |_| "stored".into()));
        assert_eq!(set.rules()[0].version_hash, again.rules()[0].version_hash);
        assert_eq!(again.packs()[0].title, "5");
    }

    #[test]
    fn what_is_no_rule_file_is_told() {
        let files = joined(["{\"half\":", "[]"], |pack| format!("stored `{pack}`"));
        assert!(RuleSet::load(&files, &[]).set.is_none());
    }

    #[test]
    fn a_set_over_another_takes_its_place_rule_by_rule() {
        let rule = |pack: &str, id: &str, title: &str| {
            format!(
                "{{\"pack\":\"{pack}\",\"title\":\"P\",\"rules\":[{{\"id\":\"{id}\",\"title\":\"{title}\",\"on\":\"state\",\"when\":\"deal.amount > 5\",\"tip\":{{\"headline\":\"h\",\"body\":\"b\"}}}}]}}"
            )
        };
        let set = |files: &[String]| load(&joined(files.iter().map(String::as_str), str::to_owned));
        let below = set(&[rule("p", "a", "old"), rule("p", "b", "old")]);
        let both = below.with(set(&[rule("q", "a", "new"), rule("p", "c", "new")]));
        let shown: Vec<_> =
            both.rules().iter().map(|rule| format!("{} {}", rule.id, rule.title)).collect();
        assert_eq!(shown, ["a new", "b old", "c new"]);
        assert_eq!(both.packs().len(), 2);
        assert_eq!(both.rule("c").map(|rule| rule.pack.as_str()), Some("p"));
    }
}
