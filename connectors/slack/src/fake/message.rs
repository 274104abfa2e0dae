//! Messages as the workspace keeps them.

use serde::Serialize;
use serde_json::Value;
use touchline_rules::UnixMs;

/// A message in somebody's direct message with the app.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FakeMessage {
    /// The conversation, `D…`.
    pub channel: String,
    /// The person.
    pub user: String,
    /// The person's name.
    pub user_name: String,
    /// Its time stamp and id.
    pub ts: String,
    /// The text instead of blocks, as it was sent (escaped).
    pub text: String,
    /// The blocks as they are now.
    pub blocks: Vec<Value>,
    /// The metadata it was posted with.
    pub metadata: Option<Value>,
    /// When it was posted.
    pub posted_at: UnixMs,
    /// When it was last edited.
    pub edited_at: Option<UnixMs>,
    /// How often it was edited.
    pub edits: u32,
    /// What it was before each edit, oldest first, at most
    /// 100 of them.
    pub history: Vec<Version>,
}

/// What a message once was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Version {
    /// Text.
    pub text: String,
    /// Blocks.
    pub blocks: Vec<Value>,
    /// Until when.
    pub until: UnixMs,
}

/// How many former versions of a message are kept.
pub const HISTORY_MAX: usize = 100;

impl FakeMessage {
    /// The text followed by everything a reader sees in the blocks, unescaped.
    #[must_use]
    pub fn reads(&self) -> String {
        super::pretty::content(&self.blocks, &self.text)
    }

    /// What a reader saw before the latest edit; nothing if there was none.
    #[must_use]
    pub fn reads_before(&self) -> String {
        let before = self.history.last();
        before.map_or_else(String::new, |was| super::pretty::content(&was.blocks, &was.text))
    }

    pub(super) fn edit(&mut self, text: String, blocks: Vec<Value>, now: UnixMs) {
        let text_before = std::mem::replace(&mut self.text, text);
        let blocks_before = std::mem::replace(&mut self.blocks, blocks);
        if self.history.len() >= HISTORY_MAX {
            self.history.remove(0);
        }
        self.history.push(Version { text: text_before, blocks: blocks_before, until: now });
        self.edits = self.edits.saturating_add(1);
        self.edited_at = Some(now);
    }
}
