//! The packs that ship, and the reference that explains them.

use super::*;
use crate::attention::AttentionClass;

/// The packs in the repository.
fn packs() -> Vec<SourceFile> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("packs");
    let mut files: Vec<SourceFile> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "yaml"))
        .map(|path| {
            file(
                &path.file_name().unwrap().to_string_lossy(),
                &std::fs::read_to_string(&path).unwrap(),
            )
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

#[test]
fn the_packs_that_ship_load_without_a_word_and_pass_their_own_tests() {
    let loaded = RuleSet::load(&packs(), &[]);
    assert_eq!(report(&loaded), "");
    let set = loaded.set.unwrap();
    assert!(set.rules().len() >= 9);
    let failures: Vec<String> = run_tests(&set)
        .into_iter()
        .filter_map(|report| {
            let TestReport { place, rule, name, failure, .. } = report;
            failure.map(|failure| format!("{place} {rule}: {name}\n{failure}"))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// How the packs speak: warm, short, one action, no jargon and no shouting.
#[test]
fn shipped_tips_keep_the_house_style() {
    let set = RuleSet::load(&packs(), &[]).set.unwrap();
    for rule in set.rules() {
        let Tip { headline, body, why } = &rule.tip;
        let why = why.as_ref().unwrap_or_else(|| panic!("{} gives no reason", rule.id));
        for text in [headline.source(), body.source(), why.source()] {
            assert!(!text.contains('!'), "{}: {text}", rule.id);
            let lower = text.to_lowercase();
            for blame in
                ["you failed", "you forgot", "you should have", "should have", "must", "asap"]
            {
                assert!(!lower.contains(blame), "{}: {text}", rule.id);
            }
        }
        assert!(rule.skill.is_some() && rule.evidence.is_some(), "{}", rule.id);
        let fires = |test: &testing::RuleTest| test.expect.fires > 0;
        assert!(rule.tests.iter().any(fires), "{} has no test that fires", rule.id);
        assert!(!rule.tests.iter().all(fires), "{} has no test that stays silent", rule.id);
    }
}

/// What shipped rules read out to whom they speak.
#[test]
fn shipped_rules_say_in_plain_words_what_they_saw() {
    let set = RuleSet::load(&packs(), &[]).set.unwrap();
    let mut told: Vec<String> = Vec::new();
    for (rule, reading) in testing::readings(&set) {
        assert!(!reading.saw.is_empty(), "{rule} says nothing");
        let listened = if reading.listened { " (and what it listened to)" } else { "" };
        let text = format!("{rule}{listened}\n  {}", reading.saw.join("\n  "));
        if !told.contains(&text) {
            told.push(text);
        }
        for line in &reading.saw {
            let words = line.split_whitespace().map(|word| word.trim_matches(['“', '”', '(', ')']));
            for word in words {
                let is_identifier = word.contains('_') || word.trim_end_matches('.').contains('.');
                assert!(!is_identifier, "{rule}: {line}");
                assert!(!word.contains(['=', '&', '|', '!', '<', '>', '[']), "{rule}: {line}");
            }
        }
    }
    for rule in set.rules() {
        assert!(told.iter().any(|text| text.starts_with(&rule.id)), "{} told nothing", rule.id);
    }
    insta::assert_snapshot!(told.join("\n"), @"
    advanced-without-facts
      Stage: from Discovery to Proposal, 2 stages forward
      Amount: empty
    advanced-without-facts
      Stage: from Discovery to Qualification, 1 stage forward
      Next step: empty
    stage-skipped
      Stage: from Discovery to Proposal, 2 stages forward (the rule speaks from 2)
    stage-regressed
      Stage: from Negotiation to Qualification, 2 stages back
    long-in-stage
      Days in this stage: 21 (the rule speaks from 21)
    long-in-stage
      Days in this stage: 34 (the rule speaks from 21)
    no-activity (and what it listened to)
      Working days since the last activity: 10 (the rule speaks from 10)
      Next meeting: none booked
    no-activity (and what it listened to)
      Last activity: none yet
      Working days since it was created: 10 (the rule speaks from 10)
      Next meeting: none booked
    buyer-silent (and what it listened to)
      Place of its stage in the pipeline: 3 (the rule speaks from 3)
      Working days since the last word from the buyer: 5 (the rule speaks from 5)
      Last word to the buyer: 2 March 2026, 10:00
      Last word from the buyer: 2 March 2026, 08:00
      Next meeting: none booked
    close-date-second-push
      Close date: from 15 April 2026 to 30 April 2026, 15 days later
      Times the close date moved later: 2 (the rule speaks at 2)
    close-date-third-push
      Close date: from 20 April 2026 to 30 April 2026, 10 days later
      Times the close date moved later: 3 (the rule speaks from 3)
    close-date-past
      Close date: 4 March 2026, 1 day ago (the rule speaks once it has passed)
    close-date-past
      Close date: 4 March 2026, 8 days ago (the rule speaks once it has passed)
    close-date-past
      Close date: 4 March 2026, 15 days ago (the rule speaks once it has passed)
    lost-without-reason
      The deal is: lost
      Reason for the loss: empty
    ");
}

/// Shipped rules reach people: none rests on a card that nobody shows yet. What
/// interrupts is rare, and a task on the deal rarer.
#[test]
fn shipped_rules_reach_people_and_seldom_interrupt() {
    let set = RuleSet::load(&packs(), &[]).set.unwrap();
    let of = |class: AttentionClass| {
        let rules = set.rules().iter().filter(move |rule| rule.attention == class);
        rules.map(|rule| rule.id.as_str()).collect::<Vec<_>>()
    };
    assert!(of(AttentionClass::Card).is_empty());
    assert!(of(AttentionClass::Interrupt).len() <= 5, "{:?}", of(AttentionClass::Interrupt));
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

/// The examples of the reference are rules that load and tests that pass.
#[test]
fn the_examples_of_the_reference_work() {
    let page = include_str!("../../../README.md");
    let examples: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect();
    let rule = "pack: p\ntitle: P\nrules:\n  - id: quiet\n    title: Quiet\n    on: state\n    when: business_days_since(deal.last_activity_at) >= 10\n    tip: { headline: \"{{ deal.name }} is quiet\", body: B }\n";
    let indented: String = examples[1].lines().map(|line| format!("    {line}\n")).collect();
    for text in [examples[0].to_owned(), format!("{rule}{indented}")] {
        let loaded = RuleSet::load(&[file("README.md", &text)], &[]);
        assert_eq!(report(&loaded), "");
        let reports = run_tests(&loaded.set.unwrap());
        assert!(!reports.is_empty());
        for report in reports {
            assert_eq!(report.failure, None, "{}", report.name);
        }
    }
    assert_eq!(examples.len(), 2);
}

/// The tables of the reference name every fact, event and template path.
#[test]
fn the_reference_names_everything() {
    let page = include_str!("../../../README.md");
    let words = Vocabulary::default();
    for event in std::iter::once(None).chain(EventKind::all().map(Some)) {
        let schema = crate::facts::schema::schema(event, true, &words);
        for field in schema.fields() {
            assert!(page.contains(&format!("`{}`", field.name)), "{}", field.name);
        }
    }
    for field in crate::facts::schema::person_schema().fields() {
        assert!(page.contains(&format!("`{}`", field.name)), "{}", field.name);
    }
    for path in crate::engine::context::DEAL_PATHS {
        let name = path.trim_start_matches("deal.");
        assert!(page.contains(&format!("`{name}`")), "{path}");
    }
}
