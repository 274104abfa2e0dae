//! How the rules that ship speak: complete, short, plain, and on the reader's side.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::shipped::packs;
use super::*;
use crate::attention::AttentionClass;
use crate::engine::context::DEAL_PATHS;
use crate::facts::schema::DEAL_FIELDS;
use crate::house_words::{JARGON, MARKS, NOT_OURS, SKILLS, has_word};
use crate::packs::BUILTIN;
use crate::portfolio::PERSON_FIELDS;
use crate::template::Template;

/// The longest headline as it is read, in characters.
const HEADLINE_CHARS_MAX: usize = 100;
/// The longest `why` as it is read, in characters.
const WHY_CHARS_MAX: usize = 240;
/// The longest title, in characters.
const TITLE_CHARS_MAX: usize = 70;
/// The most sentences of a body, and the most words of a sentence.
const SENTENCES_MAX: usize = 4;
const WORDS_MAX: usize = 26;
/// The longest word, in letters.
const LETTERS_MAX: usize = 13;

fn set() -> RuleSet {
    RuleSet::load(&packs(), &[]).set.unwrap()
}

fn texts(rule: &Rule) -> [&Template; 3] {
    let Tip { headline, body, why } = &rule.tip;
    [headline, body, why.as_ref().unwrap_or_else(|| panic!("{} gives no reason", rule.id))]
}

#[test]
fn shipped_rules_are_complete() {
    for rule in set().rules() {
        let id = &rule.id;
        assert!(rule.skill.as_deref().is_some_and(|skill| SKILLS.contains(&skill)), "{id}: skill");
        assert!(rule.lesson.is_some(), "{id}: lesson");
        assert_eq!(rule.owner.as_deref(), Some("sales-ops@example.com"), "{id}: owner");
        assert!(rule.expires.is_some(), "{id}: expires");
        let note = rule.evidence.as_ref().and_then(|evidence| evidence.note.as_deref());
        assert!(note.is_some_and(|note| note.ends_with('.')), "{id}: evidence");
        let fires = |test: &&testing::RuleTest| test.expect.fires > 0;
        let speaking = rule.tests.iter().filter(fires).count();
        assert!(speaking >= 1, "{id} has no test in which it speaks");
        assert!(rule.tests.len() - speaking >= 2, "{id} has too few in which it is silent");
        let is_told = |test: &testing::RuleTest| {
            test.expect.firings.iter().any(|firing| firing.headline.is_some())
        };
        assert!(rule.tests.iter().any(is_told), "{id} shows no headline in its tests");
        let helps = rule.tests.iter().any(|test| test.expect.helped.is_some_and(|of| of > 0));
        assert!(rule.outcome.is_none() || helps, "{id} has no test in which it helps");
    }
}

#[test]
fn shipped_tips_keep_the_house_style() {
    for rule in set().rules() {
        let title = rule.title.as_str();
        assert!(title.chars().count() <= TITLE_CHARS_MAX, "{title}");
        let sources = texts(rule).map(Template::source);
        let ask = rule.escalate.iter().map(|escalate| escalate.ask.source());
        for text in sources.into_iter().chain([title]).chain(ask) {
            assert!(!text.contains(['!', '—', '…']), "{}: {text}", rule.id);
            let lower = text.to_lowercase();
            for word in JARGON.iter().chain(NOT_OURS).chain(MARKS).chain(&["must", "please"]) {
                // The names of facts are no words that anybody reads.
                let read = lower.replace("deal.economic_buyer", "").replace("deal.champion", "");
                let plural = format!("{word}s");
                assert!(!has_word(&read, word) && !has_word(&read, &plural), "{}: {word}", rule.id);
            }
        }
    }
}

/// A question to a manager is one sentence, about the deal and with its owner's name:
/// few rules ask one, and after some working days only.
#[test]
fn shipped_questions_to_managers_are_rare_and_short() {
    let set = set();
    let asking: Vec<&Rule> = set.rules().iter().filter(|rule| rule.escalate.is_some()).collect();
    let ids: Vec<&str> = asking.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["long-in-stage", "close-date-past", "commit-on-thin-ground"]);
    let contexts = testing::contexts(&set);
    for rule in asking {
        let escalate = rule.escalate.as_ref().unwrap();
        // A state's reason can go in time, an event's mostly cannot.
        assert_eq!(rule.on, Trigger::State, "{}", rule.id);
        assert!(matches!(escalate.after.to_string().as_str(), "5bd" | "10bd"), "{}", rule.id);
        for (_, context) in contexts.iter().filter(|(id, _)| *id == rule.id) {
            let ask = escalate.ask.render(context).unwrap();
            assert!(ask.ends_with('?') && sentences(&ask).count() == 1, "{ask}");
            assert!(ask.contains("Sam Seller"), "{ask}");
            assert!(ask.split_whitespace().count() <= WORDS_MAX, "{ask}");
        }
    }
}

/// What packs say of themselves names nobody's method or product either.
#[test]
fn shipped_packs_name_no_marks() {
    for pack in packs() {
        let lower = pack.text.to_lowercase();
        for mark in MARKS {
            assert!(!has_word(&lower, mark), "{}: {mark}", pack.path);
        }
    }
}

/// As people read them: in the tests' own stories, and once more with nothing
/// known but what the rule's conditions ask about.
#[test]
fn shipped_texts_are_short_and_never_show_a_value_that_is_not_there() {
    let set = set();
    let mut read = BTreeSet::new();
    for (id, full) in testing::contexts(&set) {
        let rule = set.rule(&id).unwrap();
        for context in [bare(&full, rule), full] {
            let [headline, body, why] = texts(rule)
                .map(|text| text.render(&context).unwrap_or_else(|wrong| panic!("{id}: {wrong}")));
            assert!(headline.chars().count() <= HEADLINE_CHARS_MAX, "{id}: {headline}");
            assert!(
                body.chars().count() <= crate::ruleset::compile::TIP_BODY_CHARS,
                "{id}: {body}"
            );
            assert!(why.chars().count() <= WHY_CHARS_MAX, "{id}: {why}");
            assert!(sentences(&body).count() <= SENTENCES_MAX, "{id}: {body}");
            for text in [&headline, &body, &why] {
                assert!(!text.is_empty() && !text.contains("  "), "{id}: {text}");
                for nothing in ["None", "null", "undefined", "{", "}", " ,", " ."] {
                    assert!(!text.contains(nothing), "{id}: {text}");
                }
                let one_of_many = [" 1 days", " 1 working days", " 1 times"];
                assert!(!one_of_many.iter().any(|it| text.contains(it)), "{id}: {text}");
                for sentence in sentences(text) {
                    let words: Vec<&str> = sentence.split_whitespace().collect();
                    assert!(words.len() <= WORDS_MAX, "{id}: {sentence}");
                    let letters = |word: &&str| word.chars().filter(|c| c.is_alphabetic()).count();
                    let longest = words.iter().max_by_key(|word| letters(word)).unwrap();
                    assert!(letters(longest) <= LETTERS_MAX, "{id}: {longest}");
                }
            }
        }
        read.insert(id);
    }
    assert_eq!(read.len(), set.rules().len());
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let is_said = |part: &&str| part.chars().any(char::is_alphabetic);
    // How many won deals a number rests on is no sentence.
    let parts = text.split(['.', '?', ':', ';']).filter(|part| !part.starts_with(" n = "));
    parts.filter(is_said)
}

/// `context` without every value of the deal or person that `rule` has not asked about.
fn bare(context: &Json, rule: &Rule) -> Json {
    let conditions = rule.unless.iter().chain([&rule.when]);
    let slots: Vec<u16> = conditions.flat_map(|one| one.fields_read().to_vec()).collect();
    let is_asked = |name: &str| {
        DEAL_FIELDS.iter().any(|(known, _, slot, _)| *known == name && slots.contains(slot))
    };
    let mut context = context.clone();
    if rule.scope == Scope::Person {
        for (name, _, slot, _) in PERSON_FIELDS {
            if !slots.contains(&slot) {
                context["person"][name.trim_start_matches("person.")] = Json::Null;
            }
        }
        return context;
    }
    for path in DEAL_PATHS {
        if !rests_on(path).iter().any(|name| is_asked(name)) {
            let name = path.trim_start_matches("deal.");
            // Every deal has an id, is called something, and stands in a stage.
            if !["id", "name", "stage"].contains(&name) {
                context["deal"][name] = Json::Null;
            }
        }
    }
    context
}

/// The facts of which one is enough for a value to be there.
fn rests_on(path: &'static str) -> Vec<&'static str> {
    match path {
        "deal.amount_text" => vec!["deal.amount"],
        "deal.days_to_close" | "deal.days_past_close" => vec!["deal.close_date"],
        "deal.pushed_days" => vec!["deal.push_count"],
        "deal.days_in_stage" => vec!["deal.stage_entered_at"],
        "deal.days_with_owner" => vec!["deal.owner_since"],
        "deal.days_open" => vec!["deal.created_at"],
        same => vec![same],
    }
}

/// Shipped rules reach people: none rests on a card that nobody shows yet. What
/// interrupts is rare, and a task on the deal rarer.
#[test]
fn shipped_rules_reach_people_and_seldom_interrupt() {
    let set = set();
    let of = |class: AttentionClass, pack: &str| {
        let rules = set.rules().iter().filter(|rule| rule.attention == class && rule.pack == pack);
        rules.map(|rule| rule.id.as_str()).collect::<Vec<_>>()
    };
    for pack in BUILTIN {
        assert!(of(AttentionClass::Card, pack.name).is_empty());
        let loud = of(AttentionClass::Interrupt, pack.name);
        let loud_max = if pack.name == "core-pipeline" { 6 } else { 2 };
        assert!(loud.len() <= loud_max, "{loud:?}");
    }
    let tasks: Vec<&Rule> = set.rules().iter().filter(|rule| rule.crm.is_some()).collect();
    let ids: Vec<&str> = tasks.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["lost-without-reason"]);
    for rule in tasks {
        assert_eq!(rule.crm, Some(CrmDelivery::Task));
        let is_for_its_owner_alone =
            rule.audience == Audience::Owner && rule.attention == AttentionClass::Interrupt;
        assert!(is_for_its_owner_alone, "{}", rule.id);
    }
}
