//! The reference lists every code of lessons, and every one it lists occurs.

use std::collections::BTreeSet;

use super::*;

const PAGE: &str = include_str!("../../../README.md");
/// Snapshots of what is found: proof that a code occurs.
const SEEN: [&str; 3] =
    [include_str!("mod.rs"), include_str!("mistakes.rs"), include_str!("codes.rs")];
const SOURCES: [&str; 6] = [
    include_str!("../blocks.rs"),
    include_str!("../front.rs"),
    include_str!("../library.rs"),
    include_str!("../prose.rs"),
    include_str!("../quiz.rs"),
    include_str!("../read.rs"),
];

#[test]
fn a_lesson_rests_on_one_to_five_sources() {
    let begin = SILENCE.find("sources:\n").unwrap();
    let end = begin + SILENCE[begin..].find("\n---").unwrap();
    let none = format!("{}sources: []{}", &SILENCE[..begin], &SILENCE[end..]);
    assert_snapshot!(found(&none), @"
    lessons/a.md:5:10: error[bad_sources]: the lesson has 0 sources
      hint: give 1 to 5; your own practice is `grade: convention`
    ");
}

#[test]
fn a_library_has_an_end() {
    let files: Vec<SourceFile> =
        (0..=LESSONS_MAX).map(|number| file(&format!("a/l{number}.md"), SILENCE)).collect();
    assert_snapshot!(report(&Lessons::read(&files).diagnostics), @"
    a/l500.md:1:1: error[too_many]: there are 501 lessons
      hint: keep at most 500
    ");
}

/// The first code in the arguments of each call that notes a finding.
fn codes_in_the_sources() -> BTreeSet<&'static str> {
    let calls = ["findings.error(", "findings.push(", "whole_file("];
    let mut codes = BTreeSet::new();
    for (source, call) in SOURCES.iter().flat_map(|source| calls.map(|call| (source, call))) {
        for (at, _) in source.match_indices(call) {
            let arguments = source[at..].split(';').next().unwrap_or_default();
            let is_code = |word: &&str| {
                word.contains('_') && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            };
            codes.extend(arguments.split('"').skip(1).step_by(2).find(is_code));
        }
    }
    codes
}

#[test]
fn the_reference_lists_the_codes_of_lessons_and_all_occur() {
    let table = PAGE.split("### Codes of lessons\n").nth(1).unwrap();
    let table = table.split("\n\n").find(|part| part.starts_with("| code")).unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let listed: BTreeSet<&str> = rows.collect();
    assert_eq!(listed, codes_in_the_sources(), "rules/README.md lists the codes on the left");
    for code in listed {
        let told = format!("error[{code}]");
        assert!(SEEN.iter().any(|text| text.contains(&told)), "no test shows {code}");
    }
}
