//! Micro-lessons: one minute of reading about one thing to do, and one question
//! to check it with. Rules name them by slug.
//!
//! A lesson is a Markdown file that a manager writes in any editor: what it is
//! called and rests on between two lines `---`, then the text, then the heading
//! `## Question` with the question and its answers. [`parse`] reads one file,
//! [`Lessons`] holds many.

mod blocks;
mod front;
mod library;
mod prose;
mod quiz;
mod read;

use std::fmt::Write as _;

pub use blocks::Block;
pub use library::{LESSONS_MAX, Lessons, LessonsRead};
pub use prose::{LINK_CHARS_MAX, Prose, Span, Style};
pub use read::parse;

use crate::ruleset::EvidenceGrade;

/// The longest lesson file taken, in bytes.
pub const LESSON_BYTES_MAX: usize = 16 * 1024;
/// The fewest words of a text that teaches something.
pub const BODY_WORDS_MIN: usize = 110;
/// The most words that are read, with thought, in sixty seconds.
pub const BODY_WORDS_MAX: usize = 170;
/// How many words are read in a minute: slower than a novel, because a lesson
/// is read between two calls and has words to remember.
pub const WORDS_PER_MINUTE: usize = 170;
/// The longest title, in characters.
pub const TITLE_CHARS_MAX: usize = 60;
/// The longest question, in characters.
pub const QUESTION_CHARS_MAX: usize = 300;
/// The longest answer, in characters.
pub const ANSWER_CHARS_MAX: usize = 160;
/// The longest explanation of an answer, in characters.
pub const WHY_CHARS_MAX: usize = 300;
/// The fewest answers to choose from.
pub const ANSWERS_MIN: usize = 3;
/// The most answers to choose from.
pub const ANSWERS_MAX: usize = 4;
/// The most sources of one lesson.
pub const SOURCES_MAX: usize = 5;

/// One lesson.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// Its name: the file's, without `.md`. Rules name it so.
    pub slug: String,
    /// One line for people.
    pub title: String,
    /// Tag of the skill it trains, as rules have it: `PLN`.
    pub skill: String,
    /// How long it takes to read, in seconds.
    pub seconds: u32,
    /// What it rests on.
    pub sources: Vec<Source>,
    /// The text.
    pub body: Vec<Block>,
    /// The question to check it with.
    pub quiz: Quiz,
    /// Where it stands, for messages.
    pub file: String,
}

/// What a lesson rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// How strong it is.
    pub grade: EvidenceGrade,
    /// What it is, in words.
    pub note: String,
}

/// One question with three or four answers, of which one is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quiz {
    /// The question.
    pub question: Prose,
    /// The answers, in the order of the file.
    pub answers: Vec<Answer>,
}

/// An answer to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it says.
    pub text: Prose,
    /// Whether it is the right one.
    pub right: bool,
    /// Why it is right, or is not.
    pub why: Prose,
}

impl Lesson {
    /// How many words its text has; the question is not counted.
    #[must_use]
    pub fn words(&self) -> usize {
        self.body.iter().map(Block::words).sum()
    }

    /// What it is called, and how long reading takes.
    #[must_use]
    pub fn plain_title(&self) -> String {
        format!("{} ({} seconds)", self.title, self.seconds)
    }

    /// Its text, in paragraphs of plain text.
    #[must_use]
    pub fn plain_text(&self) -> String {
        self.body.iter().map(Block::plain).collect::<Vec<_>>().join("\n\n")
    }

    /// The lesson and its question as plain text, for chats and terminals. Which
    /// answer is right does not show: see [`Quiz::plain_answers`].
    #[must_use]
    pub fn plain(&self) -> String {
        [self.plain_title(), self.plain_text(), self.quiz.plain_question()].join("\n\n")
    }
}

const LETTERS: [char; ANSWERS_MAX] = ['a', 'b', 'c', 'd'];

impl Quiz {
    /// The place of the right answer among the answers, from 0.
    #[must_use]
    pub fn right(&self) -> Option<usize> {
        self.answers.iter().position(|answer| answer.right)
    }

    /// The question with its answers to choose from. Which is right does not show.
    #[must_use]
    pub fn plain_question(&self) -> String {
        let mut question = format!("Question: {}", self.question.plain());
        for (letter, answer) in LETTERS.iter().zip(&self.answers) {
            // Writing into a String cannot fail.
            let _ = write!(question, "\n  {letter}) {}", answer.text.plain());
        }
        question
    }

    /// Every answer with whether it is right, and why, as plain text.
    #[must_use]
    pub fn plain_answers(&self) -> String {
        let lines = LETTERS.iter().zip(&self.answers).map(|(letter, answer)| {
            let verdict = if answer.right { "Yes." } else { "Not this one." };
            format!("{letter}) {}\n   {verdict} {}", answer.text.plain(), answer.why.plain())
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests;
