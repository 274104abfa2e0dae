//! What the rules that ship read out to people.

use std::collections::BTreeSet;

use super::shipped::packs;
use super::*;

/// What shipped rules read out to whom they speak.
#[test]
fn shipped_rules_say_in_plain_words_what_they_saw() {
    let set = RuleSet::load(&packs(), &[]).set.unwrap();
    let mut told: Vec<String> = Vec::new();
    let mut known: BTreeSet<Vec<String>> = BTreeSet::new();
    for (rule, reading) in testing::readings(&set) {
        assert!(!reading.saw.is_empty(), "{rule} says nothing");
        let listened = if reading.listened { " (and what it listened to)" } else { "" };
        let text = format!("{rule}{listened}\n  {}", reading.saw.join("\n  "));
        // One of those that differ by numbers alone is enough to read.
        let labels = text.lines().map(|line| line.split(':').next().unwrap_or(line).to_owned());
        if known.insert(labels.collect()) {
            told.push(text);
        }
        for line in &reading.saw {
            // How many won deals a number rests on may be told as a formula.
            let told = line.split("; n = ").next().unwrap_or(line);
            let words = told.split_whitespace().map(|word| word.trim_matches(['“', '”', '(', ')']));
            for word in words {
                let is_number = word.parse::<f64>().is_ok();
                let is_identifier =
                    word.contains('_') || word.trim_end_matches('.').contains('.') && !is_number;
                assert!(!is_identifier, "{rule}: {line}");
                assert!(!word.contains(['=', '&', '|', '!', '<', '>', '[']), "{rule}: {line}");
            }
        }
    }
    for rule in set.rules() {
        assert!(told.iter().any(|text| text.starts_with(&rule.id)), "{} told nothing", rule.id);
    }
    insta::assert_snapshot!(told.join("\n"));
}
