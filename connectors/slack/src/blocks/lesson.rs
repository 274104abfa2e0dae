//! The lesson below an unfolded card, as far as the message has room for it.

use serde_json::Value;
use touchline_kit::{CardLesson, CardView};

use super::{BlockIds, button, section};
use crate::actions::{ANSWERS, can_carry};
use crate::text::escape;

/// JSON of all blocks together: above about 13,200 characters Slack answers
/// `msg_blocks_too_long`. A lesson comes last, and takes what is left.
const MESSAGE_JSON_MAX: usize = 13_000;
/// The most of one section, in escaped UTF-16 units: below Slack's 3,000.
const SECTION_MAX: usize = 2_900;
/// What a section's JSON has beside its text, at most.
const FRAME_MAX: usize = 300;
/// The part that asks.
const QUESTION: &str = "question";
/// A shorter piece of a lesson teaches nobody anything.
const SECTION_MIN: usize = 100;

/// Puts the lessons of unfolded cards above the controls of their cards. Where a
/// question shows, so does the button to its answers.
pub(super) fn add(blocks: &mut Vec<Value>, cards: &[BlockIds<'_>]) {
    let taken: usize = blocks.iter().map(|block| block.to_string().chars().count() + 1).sum();
    let mut room = Room(MESSAGE_JSON_MAX.saturating_sub(taken));
    for ids in cards {
        let Some(lesson) = &ids.card.lesson else { continue };
        let Some(place) = place(blocks, ids) else { continue };
        let parts = parts(lesson, &ids.card.view);
        let mut sections = Vec::new();
        for (part, text) in parts {
            let Some(section) = fitting(&ids.of(part), &text, &mut room) else { break };
            sections.push((part, section));
        }
        let asks = sections.iter().any(|(part, _)| *part == QUESTION);
        if asks
            && ids.card.view == CardView::Why
            && can_carry(&ids.card.nudge_id)
            && let Some(controls) = blocks.get_mut(place)
        {
            offer_answers(controls, ids, &mut room);
        }
        blocks.splice(place..place, sections.into_iter().map(|(_, section)| section));
    }
}

/// What is shown of it: text and question first, the answers when asked for.
fn parts(lesson: &CardLesson, view: &CardView) -> Vec<(&'static str, String)> {
    let CardLesson { title, text, question, answers } = lesson;
    match view {
        CardView::Why => {
            vec![("lesson", format!("{title}\n\n{text}")), (QUESTION, question.clone())]
        }
        CardView::Answers => {
            vec![(QUESTION, format!("{title}\n\n{question}")), ("answers", answers.clone())]
        }
        _ => Vec::new(),
    }
}

/// Before the card's controls, or at its end where it has none.
fn place(blocks: &[Value], ids: &BlockIds<'_>) -> Option<usize> {
    let of_card = |block: &Value| {
        let id = block.get("block_id").and_then(Value::as_str);
        id.is_some_and(|id| id.starts_with(&ids.of_card()))
    };
    let last = blocks.iter().rposition(of_card)?;
    let is_controls = blocks.get(last)?.get("type")?.as_str() == Some("actions");
    Some(if is_controls { last } else { last + 1 })
}

fn fitting(id: &str, text: &str, room: &mut Room) -> Option<Value> {
    let whole = escape(text, SECTION_MAX);
    if whole.is_empty() {
        return None;
    }
    let whole = section(id, &whole);
    if room.take(&whole) {
        return Some(whole);
    }
    // JSON writes a character of ours with two at most.
    let limit = room.0.saturating_sub(FRAME_MAX) / 2;
    let cut = section(id, &escape(text, limit));
    (limit >= SECTION_MIN && room.take(&cut)).then_some(cut)
}

/// Puts the button before *Back*, which is followed by the menu.
fn offer_answers(controls: &mut Value, ids: &BlockIds<'_>, room: &mut Room) {
    const FOLLOWING: usize = 2;
    let offer = button(ANSWERS, &ids.card.nudge_id, "Show the answer");
    let Some(elements) = controls.get_mut("elements").and_then(Value::as_array_mut) else { return };
    if room.take(&offer) {
        elements.insert(elements.len().saturating_sub(FOLLOWING), offer);
    }
}

/// The characters of JSON that are left for lessons.
struct Room(usize);

impl Room {
    /// Takes what this needs, with the comma before it, if there is so much.
    fn take(&mut self, piece: &Value) -> bool {
        let left = self.0.checked_sub(piece.to_string().chars().count() + 1);
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }
}

#[cfg(test)]
mod tests;
