//! How the lessons that ship speak: warm, plain, specific, and honest about
//! what is known.

use std::collections::BTreeSet;

use super::*;
use crate::house_words::{JARGON, MARKS, NOT_OURS, SKILLS, has_word};
use crate::lesson::library::SHIPPED;
use crate::ruleset::EvidenceGrade;

/// Every figure of a measured effect, and the lesson that may name it.
const FIGURES: &[(&str, &str)] =
    &[("quarter-end", "6 to 8 percent"), ("delegating-an-outcome", "about 4 percent")];

fn shipped() -> impl Iterator<Item = (&'static str, &'static Lesson, &'static str)> {
    SHIPPED.iter().map(|(name, text)| {
        let slug = name.trim_end_matches(".md");
        (slug, Lessons::builtin().get(slug).unwrap_or_else(|| panic!("{slug}")), *text)
    })
}

#[test]
fn every_file_of_the_folder_ships_without_a_finding() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons");
    let there: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    let listed: BTreeSet<String> = SHIPPED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(there, listed);
    assert_eq!(SHIPPED.len(), listed.len());
    let files: Vec<SourceFile> = SHIPPED.iter().map(|(name, text)| file(name, text)).collect();
    let read = Lessons::read(&files);
    assert_eq!(report(&read.diagnostics), "");
    assert_eq!(read.lessons.iter().count(), SHIPPED.len());
    assert!(SHIPPED.len() >= 14);
}

#[test]
fn shipped_lessons_keep_the_house_style() {
    for (slug, lesson, text) in shipped() {
        assert!(!text.contains(['!', '—', '…']), "{slug}");
        let lower = text.to_lowercase();
        for word in JARGON.iter().chain(NOT_OURS).chain(MARKS) {
            let plural = format!("{word}s");
            assert!(!has_word(&lower, word) && !has_word(&lower, &plural), "{slug}: {word}");
        }
        assert!(SKILLS.contains(&lesson.skill.as_str()), "{slug}: {}", lesson.skill);
        assert_eq!(lesson.seconds, 60, "{slug}");
        assert!((BODY_WORDS_MIN..=BODY_WORDS_MAX).contains(&lesson.words()), "{slug}");
        let body: Vec<String> = lesson.body.iter().map(Block::plain).collect();
        let quoted = body.join(" ").matches('"').count();
        assert!(quoted >= 2 && quoted.is_multiple_of(2), "{slug} has no words that one can say");
        let titles = shipped().filter(|(_, other, _)| other.title == lesson.title).count();
        assert_eq!(titles, 1, "{slug}");
    }
}

/// A figure is named only where it was measured, with who measured it.
#[test]
fn shipped_lessons_invent_no_figures() {
    for (slug, lesson, text) in shipped() {
        let teaching = text.split("## Question").next().unwrap_or_default();
        let mut left = teaching.to_owned();
        for (allowed, figure) in FIGURES {
            if slug == *allowed {
                assert!(left.contains(figure), "{slug}: {figure}");
                left = left.replace(figure, "");
            }
        }
        for word in ["%", "percent", "times more", "times as", "twice as", "times higher"] {
            assert!(!left.contains(word), "{slug}: {word}");
        }
        let measured = |grade| grade != EvidenceGrade::Convention;
        if left != teaching {
            assert!(lesson.sources.iter().any(|source| measured(source.grade)), "{slug}");
        }
    }
}

/// A quiz that can be passed by looking at the answers from afar teaches nothing.
#[test]
fn right_answers_do_not_give_themselves_away() {
    let all: Vec<(&str, &Quiz)> = shipped().map(|(slug, it, _)| (slug, &it.quiz)).collect();
    let mut longest = 0;
    let mut places = [0; ANSWERS_MAX];
    for (slug, quiz) in &all {
        assert!((ANSWERS_MIN..=ANSWERS_MAX).contains(&quiz.answers.len()), "{slug}");
        assert_eq!(quiz.answers.iter().filter(|it| it.right).count(), 1, "{slug}");
        let whys: BTreeSet<String> = quiz.answers.iter().map(|it| it.why.plain()).collect();
        assert_eq!(whys.len(), quiz.answers.len(), "{slug} explains two answers alike");
        assert!(quiz.answers.iter().all(|it| it.why.words() >= 8), "{slug} explains too little");
        let right = quiz.right().unwrap();
        places[right] += 1;
        let chars = |at: usize| quiz.answers[at].text.chars();
        longest += usize::from((0..quiz.answers.len()).all(|at| chars(at) <= chars(right)));
    }
    // Choosing the longest, never the longest, or one place, is mere guessing.
    let often = (all.len().div_ceil(6)..=all.len() / 2).contains(&longest);
    assert!(often, "the longest is right {longest} times of {}", all.len());
    assert!(places[..ANSWERS_MIN].iter().all(|n| n * 2 <= all.len() && *n >= 3), "{places:?}");
}

#[test]
fn the_reference_lists_every_lesson() {
    let page = include_str!("../../../README.md");
    for (slug, lesson, _) in shipped() {
        let Lesson { title, skill, .. } = lesson;
        let row = format!("| [`{slug}`](lessons/{slug}.md) | {title} | {skill} |");
        assert!(page.contains(&row), "{row}");
    }
}
