//! Many lessons, by slug.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::{Lesson, parse};
use crate::condition::Severity;
use crate::ruleset::yaml::Position;
use crate::ruleset::{RuleDiagnostic, SourceFile};

/// The most lessons of one library.
pub const LESSONS_MAX: usize = 500;

/// A library of lessons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lessons {
    by_slug: BTreeMap<String, Lesson>,
}

/// What came of reading lesson files.
#[derive(Clone, Debug)]
pub struct LessonsRead {
    /// The lessons that are without error.
    pub lessons: Lessons,
    /// Everything that was found, file by file.
    pub diagnostics: Vec<RuleDiagnostic>,
}

impl Lessons {
    /// The lessons that ship with the program.
    #[must_use]
    pub fn builtin() -> &'static Lessons {
        static BUILTIN: LazyLock<Lessons> = LazyLock::new(|| {
            let file = |(path, text): &(&str, &str)| SourceFile {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            };
            let files: Vec<SourceFile> = SHIPPED.iter().map(file).collect();
            // A test holds that nothing is found in them.
            Lessons::read(&files).lessons
        });
        &BUILTIN
    }

    /// Reads lesson files. A faulty one is left out, and does not keep others out.
    #[must_use]
    pub fn read(files: &[SourceFile]) -> LessonsRead {
        let mut by_slug: BTreeMap<String, Lesson> = BTreeMap::new();
        let mut diagnostics = Vec::new();
        for (at, file) in files.iter().enumerate() {
            if at == LESSONS_MAX {
                let message = format!("there are {} lessons", files.len());
                let hint = format!("keep at most {LESSONS_MAX}");
                diagnostics.push(whole_file(file, "too_many", message, hint));
                break;
            }
            let (lesson, found) = parse(file);
            diagnostics.extend(found);
            let Some(lesson) = lesson else { continue };
            if let Some(other) = by_slug.get(&lesson.slug) {
                let message = format!("the lesson `{}` is also in {}", lesson.slug, other.file);
                let hint = "give one of the files another name".to_owned();
                diagnostics.push(whole_file(file, "duplicate_lesson", message, hint));
            } else {
                by_slug.insert(lesson.slug.clone(), lesson);
            }
        }
        LessonsRead { lessons: Lessons { by_slug }, diagnostics }
    }

    /// The lesson with this slug.
    #[must_use]
    pub fn get(&self, slug: &str) -> Option<&Lesson> {
        self.by_slug.get(slug)
    }

    /// Every slug, in the order of the alphabet.
    pub fn slugs(&self) -> impl Iterator<Item = &str> {
        self.by_slug.keys().map(String::as_str)
    }

    /// Every lesson, in the order of their slugs.
    pub fn iter(&self) -> impl Iterator<Item = &Lesson> {
        self.by_slug.values()
    }
}

fn whole_file(
    file: &SourceFile,
    code: &'static str,
    message: String,
    hint: String,
) -> RuleDiagnostic {
    RuleDiagnostic {
        severity: Severity::Error,
        file: file.path.clone(),
        line: 1,
        column: 1,
        end: Position { line: 1, column: 1 },
        code,
        message,
        hint: Some(hint),
        rule: None,
    }
}

/// A file of `lessons/`: its name and what is in it.
macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$((concat!($name, ".md"), include_str!(concat!("../../lessons/", $name, ".md")))),*]
    };
}

pub(super) const SHIPPED: &[(&str, &str)] = shipped![
    "agreeing-the-meeting",
    "answering-first",
    "asking-before-telling",
    "cost-of-the-problem",
    "delegating-an-outcome",
    "feedback-on-one-thing",
    "first-call",
    "handling-silence",
    "honest-stage",
    "how-they-decide",
    "introduction-upwards",
    "learning-from-a-win",
    "meeting-more-people",
    "next-step-with-a-date",
    "no-decision",
    "others-in-the-race",
    "quarter-end",
    "reading-it-together",
    "requalifying-an-old-deal",
    "results-before-renewal",
    "shared-plan",
    "slipping-date",
    "something-new-to-them",
    "specific-recognition",
    "taking-over-a-deal",
    "three-bets-ahead",
    "time-for-new-talks",
    "trading-not-discounting",
    "way-to-the-signature",
    "when-a-rule-does-not-fit",
    "writing-a-loss-down",
];
