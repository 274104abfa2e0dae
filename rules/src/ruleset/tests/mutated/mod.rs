//! Ten thousand damaged rule files, conditions and lessons: nothing panics or
//! hangs, and every finding is at a place that its file has.
//!
//! The damage follows from the number of a case alone, and a case that fails is
//! told by its number: `exercise(&Corpus::of_what_ships().file(number))` repeats it.

mod damage;

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use damage::Dice;

use super::shipped::packs;
use super::*;
use crate::lesson;

/// How many cases there are.
const CASES: u64 = 10_000;
/// Of so many cases one is a whole pack.
const WHOLE_PACK_EVERY: u64 = 50;
/// Threads that share them, each a test of its own.
const SHARES: u64 = 4;
/// How long one case may take, on a busy machine and without optimisation.
const CASE_MAX: Duration = Duration::from_secs(30);

/// What is damaged: whole packs, rules as packs of their own, conditions in a
/// rule, lessons.
struct Corpus {
    packs: Vec<String>,
    rules: Vec<String>,
    conditions: Vec<String>,
    lessons: Vec<(String, String)>,
}

impl Corpus {
    fn of_what_ships() -> Corpus {
        let (mut whole, mut rules, mut conditions) = (Vec::new(), Vec::new(), Vec::new());
        for pack in packs() {
            whole.push(pack.text.clone());
            let (head, list) = pack.text.split_once("\nrules:\n").unwrap();
            let list = list.split("\n  - id:").map(|rule| rule.trim_start_matches("  - id:"));
            rules.extend(list.map(|rule| format!("{head}\nrules:\n  - id:{rule}")));
            let set = RuleSet::load(&[pack], &[]).set.unwrap();
            for rule in set.rules() {
                let unless = rule.unless.iter();
                let outcome = rule.outcome.iter().map(|outcome| &outcome.when);
                let all = std::iter::once(&rule.when).chain(unless).chain(outcome);
                conditions.extend(all.map(|condition| condition.source().to_owned()));
            }
        }
        Corpus { packs: whole, rules, conditions, lessons: lessons() }
    }

    /// The file of a case.
    fn file(&self, case: u64) -> SourceFile {
        let mut dice = Dice::of(case);
        match case % 5 {
            0 | 1 => {
                let whole = case.is_multiple_of(WHOLE_PACK_EVERY);
                let from = if whole { &self.packs } else { &self.rules };
                let text = damage::file(dice.pick::<String>(from), &mut dice);
                file("damaged.yaml", &text)
            }
            2 | 3 => {
                let condition = damage::condition(dice.pick::<String>(&self.conditions), &mut dice);
                let quoted = serde_json::to_string(&condition).unwrap();
                file("condition.yaml", &RULE.replace("CONDITION", &quoted))
            }
            _ => {
                let (name, text) = dice.pick(&self.lessons);
                file(name, &damage::file(text, &mut dice))
            }
        }
    }
}

/// The lessons in the repository: name and text.
fn lessons() -> Vec<(String, String)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons");
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    let mut lessons: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap().path())).collect();
    lessons.sort();
    lessons
}

const RULE: &str = "pack: p
title: P
rules:
  - id: one
    title: One
    on: deal.field_changed(close_date)
    when: CONDITION
    unless: deal.amount > 1000000
    threshold: 5
    tip: { headline: \"{{ deal.name }}\", body: B }
    outcome: { within: 5d, when: deal.close_date > nudge.sent_at }
    tests:
      - name: it moves
        given: { at: 2026-03-02T09:00Z, amount: 5, close_date: 2026-03-31 }
        then:
          - { after: 1d, set: { close_date: 2026-04-15 } }
          - wait: 30d
        expect: { fires: 1 }
";

/// Loads the file, and runs the tests of what loads.
fn exercise(damaged: &SourceFile) {
    let (diagnostics, is_sound) = if damaged.path.ends_with(".md") {
        let (lesson, found) = lesson::parse(damaged);
        (found, lesson.is_some())
    } else {
        let loaded = RuleSet::load(std::slice::from_ref(damaged), &[]);
        let is_sound = loaded.set.is_some();
        if let Some(set) = loaded.set {
            for report in run_tests(&set) {
                assert!(!report.place.is_empty());
            }
        }
        (loaded.diagnostics, is_sound)
    };
    let is_wrong = diagnostics.iter().any(|one| one.severity == Severity::Error);
    assert_eq!(is_sound, !is_wrong, "{diagnostics:?}");
    let lines: Vec<usize> = damaged.text.lines().map(|line| line.chars().count()).collect();
    for found in diagnostics {
        for (line, column) in [(found.line, found.column), (found.end.line, found.end.column)] {
            let letters = lines.get(line.wrapping_sub(1)).copied();
            let letters = letters.or((line == 1).then_some(0));
            assert!(
                letters.is_some_and(|letters| (1..=letters + 1).contains(&column)),
                "{found:?}"
            );
        }
        assert!((found.end.line, found.end.column) >= (found.line, found.column), "{found:?}");
        assert!(!found.message.is_empty() && !found.code.is_empty());
    }
}

/// Goes through one share of the cases, on a stack as small as tokio's.
fn go_through(share: u64) {
    let (tell, told) = channel();
    let worker = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(move || {
        let corpus = Corpus::of_what_ships();
        for case in (share..CASES).step_by(SHARES as usize) {
            tell.send(case).unwrap();
            exercise(&corpus.file(case));
        }
    });
    let mut last = None;
    loop {
        match told.recv_timeout(CASE_MAX) {
            Ok(case) => last = Some(case),
            Err(RecvTimeoutError::Timeout) => panic!("case {last:?} takes too long"),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    assert!(worker.unwrap().join().is_ok(), "case {last:?} panics");
    assert_eq!(last, Some(CASES - SHARES + share));
}

#[test]
fn a_first_quarter_of_ten_thousand_damaged_files() {
    go_through(0);
}

#[test]
fn a_second_quarter_of_ten_thousand_damaged_files() {
    go_through(1);
}

#[test]
fn a_third_quarter_of_ten_thousand_damaged_files() {
    go_through(2);
}

#[test]
fn a_last_quarter_of_ten_thousand_damaged_files() {
    go_through(3);
}

/// The damage is worth something: some files still load, most do not, and they
/// fail in many ways.
#[test]
fn the_damage_is_of_many_kinds() {
    let corpus = Corpus::of_what_ships();
    let mut codes = std::collections::BTreeSet::new();
    let mut sound = 0;
    for case in 0..600 {
        let damaged = corpus.file(case);
        assert_eq!(damaged, corpus.file(case));
        let found = match damaged.path.ends_with(".md") {
            true => lesson::parse(&damaged).1,
            false => RuleSet::load(&[damaged], &[]).diagnostics,
        };
        sound += usize::from(found.is_empty());
        codes.extend(found.into_iter().map(|one| one.code));
    }
    assert!((20..300).contains(&sound), "{sound} of 600 are sound");
    assert!(codes.len() > 25, "{codes:?}");
}
