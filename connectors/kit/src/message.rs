//! What is shown to a person in chat, before any vendor's markup.
//!
//! Every text here is *plain*: it may hold whatever somebody typed into a CRM.
//! The connector escapes all of it for its own target, so a deal named
//! `<!channel>` is shown and pings nobody.

use serde::{Deserialize, Serialize};

/// A message as one person gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// The introduction before a person's first nudge: a heading and lines.
    Hello {
        /// Heading.
        title: String,
        /// One line each: who switched this on, what it reads, how many a day,
        /// how to stop it, who sees the answers.
        lines: Vec<String>,
    },
    /// One nudge.
    Nudge(Card),
    /// A heading and lines of text, without controls: what was not sent in a week,
    /// one's own settings, a notice to an admin.
    Letter {
        /// Heading.
        title: String,
        /// One line each; an empty one sets paragraphs apart.
        lines: Vec<String>,
    },
    /// Several nudges at a fixed time.
    Digest {
        /// Heading.
        title: String,
        /// The nudges, most important first.
        cards: Vec<Card>,
    },
}

/// One nudge as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The nudge, carried by its buttons.
    pub nudge_id: String,
    /// One line: what is going on.
    pub headline: String,
    /// One action, under 240 characters.
    pub body: String,
    /// Why this works, and what was seen; behind "Why am I seeing this?".
    pub why: Vec<String>,
    /// A minute of reading that goes with it; below the explanation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lesson: Option<Box<CardLesson>>,
    /// Labelled deal facts (stage, amount, close date).
    pub facts: Vec<(String, String)>,
    /// Where *Open deal* leads.
    pub deal_url: Option<String>,
    /// The rule's title.
    pub rule_title: String,
    /// How it looks now.
    pub view: CardView,
}

/// A short lesson with one question, as plain text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardLesson {
    /// One line: what it is called, and how long reading takes.
    pub title: String,
    /// The text, in paragraphs.
    pub text: String,
    /// The question with its answers to choose from. Which is right does not show.
    pub question: String,
    /// Every answer with whether it is right, and why.
    pub answers: String,
}

/// How a [`Card`] looks: each answer edits the message in place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardView {
    /// With its buttons.
    #[default]
    Open,
    /// Asking why it was not helpful.
    AskReason,
    /// Asking until which date to pause.
    AskUntil,
    /// Asking for another date: what was wrong with the one before.
    AskAgain(String),
    /// With the explanation unfolded, and the lesson and its question if there is one.
    Why,
    /// With the answers to the lesson's question, explained.
    Answers,
    /// Settled: this one quiet line instead of text and buttons.
    Quiet(String),
}
