//! Reading lessons: what is taken, and every mistake at its place.

mod codes;
mod house_style;
mod mistakes;
mod rules;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::ruleset::{RuleDiagnostic, SourceFile};

/// A copy, so that the lesson that ships may be reworded.
const SILENCE: &str = include_str!("silence.md");
const DATES: &str = include_str!("../../../lessons/slipping-date.md");

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.into(), text: text.into() }
}

fn report(found: &[RuleDiagnostic]) -> String {
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// What is found in `text`.
fn found(text: &str) -> String {
    let (lesson, found) = parse(&file("lessons/a.md", text));
    assert_eq!(lesson.is_none(), !found.is_empty());
    report(&found)
}

#[test]
fn a_lesson_as_people_read_it() {
    let lesson = Lessons::builtin().get("handling-silence").unwrap();
    assert_snapshot!(lesson.plain(), @r#"
    When a buyer goes quiet (60 seconds)

    Silence is not yet a no. Often your contact is busy, waits for a colleague, or has something awkward to say. One more "any news?" makes all three harder to answer.

    Write a note that can be answered in ten seconds. Three parts are enough:

    1. What you think is happening, said kindly and as a guess.
    2. Two ways on and one way out, each good enough to choose.
    3. One thing that helps inside, such as a page they can pass on as it is.

    It can sound like this: "I imagine the budget round takes all your time. Is this for this month, for the spring, or not at all? Each answer helps me. I attach one page for Finance, in case they ask."

    The way out matters most. Somebody who may say no without trouble will often say what is really going on. And a clear no gives you back hours for people who are waiting for you.

    Question: A buyer has not answered your offer for eight working days. Which note is easiest to answer?
      a) "I am following up on the offer I sent you last week. Do you have any questions about it?"
      b) "Shall we go on this week, in autumn, or leave it? Any of the three is fine."
      c) "My manager is asking about this. Could we talk today?"
    "#);
    assert_snapshot!(lesson.quiz.plain_answers(), @r#"
    a) "I am following up on the offer I sent you last week. Do you have any questions about it?"
       Not this one. Friendly, yet the reader has to find out alone what you want to know. That is work, and work waits.
    b) "Shall we go on this week, in autumn, or leave it? Any of the three is fine."
       Yes. One word is enough to answer it, and no is among the words. That makes a reply easy and honest.
    c) "My manager is asking about this. Could we talk today?"
       Not this one. Now your contact has to solve your problem. People who are stuck already tend to wait until it passes.
    "#);
    assert_eq!(lesson.quiz.right(), Some(1));
}

#[test]
fn marks_are_read_and_escapes_are_letters() {
    let text = SILENCE.replace(
        "Silence is not yet a no.",
        r"Silence *rarely* means **no**, see [this page](https://example.com/a?b=1). 2 * 3 \* 4 & \[5\].",
    );
    let (lesson, found) = parse(&file("a.md", &text));
    assert_eq!(report(&found), "");
    let body = lesson.unwrap().body;
    let Block::Paragraph(first) = &body[0] else { panic!("{body:?}") };
    let styles: Vec<(&str, &Style)> =
        first.spans.iter().map(|span| (span.text.as_str(), &span.style)).take(6).collect();
    assert_eq!(
        styles,
        [
            ("Silence ", &Style::Plain),
            ("rarely", &Style::Emphasis),
            (" means ", &Style::Plain),
            ("no", &Style::Strong),
            (", see ", &Style::Plain),
            ("this page", &Style::Link("https://example.com/a?b=1".into())),
        ]
    );
    assert!(first.plain().starts_with(
        "Silence rarely means no, see this page (https://example.com/a?b=1). 2 * 3 * 4 & [5]. Often"
    ));
}

/// Editors differ: Windows line ends, a byte order mark, wrapped lines and a
/// question written close together are the same lesson.
#[test]
fn how_a_file_is_laid_out_does_not_matter() {
    let lesson = parse(&file("a.md", SILENCE)).0.unwrap();
    let windows = format!("\u{feff}{}", SILENCE.replace('\n', "\r\n"));
    let close = SILENCE.replace("\n\n  ", "\n  ").replace("\n\n- [", "\n- [");
    let wrapped = SILENCE
        .replace("Often your contact", "Often\nyour contact")
        .replace("said kindly and", "said kindly\n   and")
        .replace("and work waits.", "and\n  work waits.");
    for text in [windows, close, wrapped] {
        assert_ne!(text, SILENCE);
        let (read, found) = parse(&file("a.md", &text));
        assert_eq!(report(&found), "");
        assert_eq!(read.as_ref(), Some(&lesson));
    }
}

#[test]
fn seconds_follow_from_the_words_unless_they_are_given() {
    let free = SILENCE.replace("seconds: 60\n", "");
    let lesson = parse(&file("a.md", &free)).0.unwrap();
    let words = u32::try_from(lesson.words()).unwrap();
    assert_eq!(lesson.seconds, (words * 60).div_ceil(170));
    assert!((30..=60).contains(&lesson.seconds));
}

#[test]
fn a_library_keeps_faulty_and_doubled_files_out() {
    let files = [
        file("a/one.md", SILENCE),
        file("b/one.md", DATES),
        file("a/two.md", "nothing"),
        file("a/three.md", DATES),
    ];
    let read = Lessons::read(&files);
    assert_eq!(read.lessons.slugs().collect::<Vec<_>>(), ["one", "three"]);
    assert_eq!(read.lessons.get("one").unwrap().title, "When a buyer goes quiet");
    assert!(read.lessons.get("two").is_none());
    assert_snapshot!(report(&read.diagnostics), @"
    b/one.md:1:1: error[duplicate_lesson]: the lesson `one` is also in a/one.md
      hint: give one of the files another name
    a/two.md:1:1: error[no_front_matter]: the file does not begin with `---`
      hint: begin with a line `---`, then title, skill and sources, then a line `---`
    ");
    let many = vec![file("a.md", ""); LESSONS_MAX + 1];
    let last = Lessons::read(&many).diagnostics.pop().unwrap();
    assert_eq!(last.code, "too_many");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever a person types, reading ends with a lesson or with findings at
    /// places of the file.
    #[test]
    fn damaged_lessons_are_reported_and_never_more(
        which in 0..2usize,
        cuts in prop::collection::vec(
            (any::<prop::sample::Index>(), 0..40usize, "[ -~\n\té\u{a0}]{0,6}|[-*#`>|\\[\\](){}&<_\n ]{0,9}"),
            1..6,
        ),
    ) {
        let mut text = [SILENCE, DATES][which].to_owned();
        for (at, drop, insert) in cuts {
            let letters: Vec<char> = text.chars().collect();
            let at = at.index(letters.len() + 1);
            let rest = letters.iter().skip(at + drop);
            text = letters.iter().take(at).copied().chain(insert.chars()).chain(rest.copied()).collect();
        }
        let (lesson, found) = parse(&file("a.md", &text));
        let lines = text.lines().count() + 1;
        for one in &found {
            prop_assert!((1..=lines).contains(&one.line) && one.column >= 1, "{}", one);
            let row = text.lines().nth(one.line - 1).unwrap_or_default();
            prop_assert!(one.column <= row.chars().count() + 2, "{}\n{}", one, row);
            prop_assert!(one.hint.is_some(), "{}", one);
        }
        prop_assert_eq!(lesson.is_none(), !found.is_empty());
        if let Some(lesson) = lesson {
            prop_assert!((BODY_WORDS_MIN..=BODY_WORDS_MAX).contains(&lesson.words()));
            prop_assert!(lesson.quiz.right().is_some());
            prop_assert!(!lesson.plain().is_empty());
        }
    }

    /// Text that was never meant to be a lesson ends too.
    #[test]
    fn any_text_ends(text in "(---\n)?(title: [a-z\"\\\\:{\\[]{0,9}\n)?(---\n)?[-*#`>|\\[\\](){}&<_!x0-9.\n \u{202e}]{0,400}") {
        let (lesson, found) = parse(&file("a.md", &text));
        prop_assert!(lesson.is_none() && !found.is_empty());
    }
}

/// The work for a file of the longest size stays small however it is written.
#[test]
fn a_file_full_of_marks_is_read_soon() {
    for mark in ["*", "[", "**a ", "[a](", "<a ", "&a", "- [ ", "> ", "1. ", "\\"] {
        let top = "---\ntitle: T\nskill: PLN\nsources: [{ grade: vendor, note: N }]\n---\n";
        let text = format!("{top}{}", mark.repeat((LESSON_BYTES_MAX - top.len()) / mark.len()));
        let (lesson, found) = parse(&file("a.md", &text));
        assert!(lesson.is_none() && !found.is_empty() && found.len() <= 200, "{mark}");
    }
}
