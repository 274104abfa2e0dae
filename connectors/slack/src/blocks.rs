//! A [`Message`] as Slack blocks, with the plain text that notifications and
//! screen readers get.
//!
//! Every text object is `plain_text` with emoji codes switched off, and all
//! text is escaped: see [`crate::text`].

use serde_json::{Value, json};
use touchline_kit::{Card, CardView, Message};

use crate::actions::{
    BACK, DONE, MORE, MORE_CHOICES, NOT_HELPFUL, OPEN_DEAL, REASONS, SNOOZE, SNOOZE_CHOICES, UNTIL,
    WHY, action_id, can_carry,
};
use crate::text::{escape, escape_line};

/// The most nudges that one digest shows.
pub const DIGEST_CARDS_MAX: usize = 3;

// What our own texts may take, in escaped UTF-16 units: below Slack's limits
// per object, and together below 3,000 for one nudge without its lesson.
const HEADING_MAX: usize = 150;
const LINE_MAX: usize = 250;
// A deal's name and a tip's title, each of at most 80 characters that may all
// need an entity, and what became of them.
const QUIET_MAX: usize = 900;
const HELLO_LINES_MAX: usize = 10;
const LETTER_LINES_MAX: usize = 30;
// So many lines of that length stay below the 3,000 that a section may hold.
const SECTION_LINES_MAX: usize = 10;
const FACTS_MAX: usize = 6;
const LABEL_MAX: usize = 30;
const URL_MAX_BYTES: usize = 300;
const ID_PART_MAX_CHARS: usize = 32;
const FALLBACK_MAX: usize = 1_000;

const ASK_UNTIL: &str = "Until which date should Touchline stay quiet?";

/// How much of a card's longer texts is shown.
struct Room {
    body: usize,
    facts: usize,
    why: usize,
}

const ALONE: Room = Room { body: 600, facts: 400, why: 1_200 };
// All blocks of a message together break at about 13,200 characters of JSON
// (`msg_blocks_too_long`), so cards that share one are shorter.
const SHARED: Room = Room { body: 240, facts: 160, why: 350 };
/// What the explanations of one digest have together: mostly only one is unfolded.
const WHY_TOGETHER: usize = DIGEST_CARDS_MAX * SHARED.why;

/// A message as Slack takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// The text instead of blocks, escaped.
    pub text: String,
    /// The blocks.
    pub blocks: Vec<Value>,
}

/// Renders a message, within all of Slack's limits whatever it holds.
#[must_use]
pub fn render(message: &Message) -> Rendered {
    match message {
        Message::Hello { title, lines } => hello(title, lines),
        Message::Letter { title, lines } => letter(title, lines),
        Message::Nudge(card) => nudge(card),
        Message::Digest { title, cards } => digest(title, cards),
    }
}

fn hello(title: &str, lines: &[String]) -> Rendered {
    let title = heading(title);
    let lines: Vec<_> = lines.iter().map(|line| escape_line(line, LINE_MAX)).collect();
    let shown: Vec<_> =
        lines.into_iter().filter(|line| !line.is_empty()).take(HELLO_LINES_MAX).collect();
    let mut blocks = vec![header("hello.title", &title)];
    if !shown.is_empty() {
        blocks.push(section("hello.lines", &shown.join("\n")));
    }
    Rendered { text: fallback(&[&title, &shown.join(" ")]), blocks }
}

fn letter(title: &str, lines: &[String]) -> Rendered {
    let title = heading(title);
    let shown: Vec<_> =
        lines.iter().take(LETTER_LINES_MAX).map(|line| escape_line(line, LINE_MAX)).collect();
    let mut blocks = vec![header("letter.title", &title)];
    for (index, some) in shown.chunks(SECTION_LINES_MAX).enumerate() {
        let text = some.join("\n");
        if !text.trim().is_empty() {
            blocks.push(section(&format!("letter.{index}"), text.trim_matches('\n')));
        }
    }
    let told: Vec<_> = shown.iter().filter(|line| !line.is_empty()).cloned().collect();
    Rendered { text: fallback(&[&title, &told.join(" ")]), blocks }
}

fn nudge(card: &Card) -> Rendered {
    let ids = BlockIds { views: view_letter(&card.view).to_string(), index: 0, card };
    let mut blocks = card_blocks(card, &ids, &ALONE);
    lesson::add(&mut blocks, &[ids]);
    Rendered { text: card_fallback(card), blocks }
}

fn digest(title: &str, cards: &[Card]) -> Rendered {
    let title = heading(title);
    let shown = &cards[..cards.len().min(DIGEST_CARDS_MAX)];
    let views: String = shown.iter().map(|card| view_letter(&card.view)).collect();
    let mut blocks = vec![header(&format!("{views}.digest.title"), &title)];
    let unfolded = shown.iter().filter(|card| is_unfolded(card)).count();
    let room = Room { why: WHY_TOGETHER / unfolded.max(1), ..SHARED };
    let ids = |(index, card)| BlockIds { views: views.clone(), index, card };
    let ids: Vec<_> = shown.iter().enumerate().map(ids).collect();
    for ids in &ids {
        blocks.push(json!({ "type": "divider", "block_id": ids.of("divider") }));
        blocks.extend(card_blocks(ids.card, ids, &room));
    }
    let left_out = cards.len() - shown.len();
    if left_out > 0 {
        let line = format!("{left_out} more not shown here.");
        blocks.push(context(&format!("{views}.digest.more"), &line));
    }
    lesson::add(&mut blocks, &ids);
    let headlines: Vec<_> = shown.iter().map(card_fallback).collect();
    Rendered { text: fallback(&[&title, &headlines.join(" · ")]), blocks }
}

/// Names the blocks of one card. Slack asks for new ids on every edit, so the
/// views of all cards in the message are part of each.
struct BlockIds<'a> {
    views: String,
    index: usize,
    card: &'a Card,
}

impl BlockIds<'_> {
    fn of(&self, part: &str) -> String {
        let nudge: String = self.card.nudge_id.chars().take(ID_PART_MAX_CHARS).collect();
        format!("{}{part}.{nudge}", self.of_card())
    }

    /// What the ids of all its blocks begin with.
    fn of_card(&self) -> String {
        format!("{}.{}.", self.views, self.index)
    }
}

/// Whether its explanation shows. A card without a lesson has no answers to show.
fn is_unfolded(card: &Card) -> bool {
    card.view == CardView::Why || (card.view == CardView::Answers && card.lesson.is_none())
}

fn view_letter(view: &CardView) -> char {
    match view {
        CardView::Open => 'o',
        CardView::AskReason => 'r',
        CardView::AskUntil => 'u',
        CardView::AskAgain(_) => 'a',
        CardView::Why => 'w',
        CardView::Answers => 's',
        CardView::Quiet(_) => 'q',
    }
}

fn card_blocks(card: &Card, ids: &BlockIds<'_>, room: &Room) -> Vec<Value> {
    if let CardView::Quiet(line) = &card.view {
        return vec![context(&ids.of("quiet"), &quiet_line(line))];
    }
    let mut blocks = vec![header(&ids.of("headline"), &headline(card))];
    match &card.view {
        CardView::AskReason => blocks.push(section(&ids.of("ask"), "Why was it not helpful?")),
        CardView::AskUntil => blocks.push(section(&ids.of("ask"), ASK_UNTIL)),
        CardView::AskAgain(wrong) => {
            let wrong = non_empty(escape_line(wrong, LINE_MAX), ASK_UNTIL);
            blocks.push(section(&ids.of("ask"), &wrong));
        }
        CardView::Open | CardView::Why | CardView::Answers | CardView::Quiet(_) => {
            blocks.extend(card_texts(card, ids, room));
        }
    }
    if can_carry(&card.nudge_id) {
        let controls = controls(card);
        blocks.push(
            json!({ "type": "actions", "block_id": ids.of("actions"), "elements": controls }),
        );
    }
    blocks
}

fn card_texts(card: &Card, ids: &BlockIds<'_>, room: &Room) -> Vec<Value> {
    let mut blocks = Vec::new();
    let body = escape(&card.body, room.body);
    if !body.is_empty() {
        blocks.push(section(&ids.of("body"), &body));
    }
    let facts = facts_line(card, room.facts);
    if !facts.is_empty() {
        blocks.push(context(&ids.of("facts"), &facts));
    }
    if is_unfolded(card) {
        blocks.push(section(&ids.of("why"), &explanation(card, room.why)));
    }
    blocks
}

fn facts_line(card: &Card, limit: usize) -> String {
    let facts = card.facts.iter().take(FACTS_MAX);
    let facts: Vec<_> = facts.map(|(label, value)| format!("{label}: {value}")).collect();
    escape_line(&facts.join("  ·  "), limit)
}

fn explanation(card: &Card, limit: usize) -> String {
    let mut lines = vec!["Why you see this".to_owned()];
    lines.extend(card.why.iter().filter(|line| !line.trim().is_empty()).cloned());
    escape(&lines.join("\n"), limit)
}

fn controls(card: &Card) -> Vec<Value> {
    let id = &card.nudge_id;
    match &card.view {
        CardView::AskReason => {
            let mut controls: Vec<_> =
                REASONS.iter().map(|(verb, label, _)| button(verb, id, label)).collect();
            controls.push(button(BACK, id, "Back"));
            controls
        }
        CardView::AskUntil | CardView::AskAgain(_) => {
            vec![date_picker(id), button(BACK, id, "Back")]
        }
        CardView::Open => nudge_controls(card, button(WHY, id, "Why am I seeing this?")),
        CardView::Why | CardView::Answers => nudge_controls(card, button(BACK, id, "Back")),
        CardView::Quiet(_) => Vec::new(),
    }
}

fn nudge_controls(card: &Card, why_or_back: Value) -> Vec<Value> {
    let id = &card.nudge_id;
    let mut controls = Vec::new();
    if let Some(url) = card.deal_url.as_deref().and_then(web_address) {
        let mut open = button(OPEN_DEAL, id, "Open deal");
        open["url"] = Value::String(url);
        controls.push(open);
    }
    let mut done = button(DONE, id, "Done");
    done["style"] = Value::String("primary".into());
    controls.push(done);
    controls.push(snooze_menu(id));
    controls.push(button(NOT_HELPFUL, id, "Not helpful"));
    controls.push(why_or_back);
    controls.push(more_menu(id));
    controls
}

fn button(verb: &str, nudge_id: &str, label: &str) -> Value {
    json!({ "type": "button", "action_id": action_id(verb, nudge_id), "text": plain(label) })
}

fn snooze_menu(nudge_id: &str) -> Value {
    let options: Vec<_> =
        SNOOZE_CHOICES.iter().map(|(value, label, _)| option(value, label)).collect();
    json!({
        "type": "static_select",
        "action_id": action_id(SNOOZE, nudge_id),
        "placeholder": plain("Snooze"),
        "options": options,
    })
}

fn more_menu(nudge_id: &str) -> Value {
    let options: Vec<_> = MORE_CHOICES.iter().map(|(value, label)| option(value, label)).collect();
    json!({ "type": "overflow", "action_id": action_id(MORE, nudge_id), "options": options })
}

fn date_picker(nudge_id: &str) -> Value {
    json!({
        "type": "datepicker",
        "action_id": action_id(UNTIL, nudge_id),
        "placeholder": plain("Pick a date"),
    })
}

fn option(value: &str, label: &str) -> Value {
    json!({ "text": plain(label), "value": value })
}

/// A label of our own: no colons in it, so emoji codes need no switch.
fn plain(label: &str) -> Value {
    json!({ "type": "plain_text", "text": escape_line(label, LABEL_MAX) })
}

/// Somebody else's text, already escaped.
fn literal(escaped: &str) -> Value {
    json!({ "type": "plain_text", "text": escaped, "emoji": false })
}

fn header(block_id: &str, escaped: &str) -> Value {
    json!({ "type": "header", "block_id": block_id, "text": literal(escaped) })
}

fn section(block_id: &str, escaped: &str) -> Value {
    json!({ "type": "section", "block_id": block_id, "text": literal(escaped) })
}

fn context(block_id: &str, escaped: &str) -> Value {
    json!({ "type": "context", "block_id": block_id, "elements": [literal(escaped)] })
}

fn heading(title: &str) -> String {
    non_empty(escape_line(title, HEADING_MAX), "Touchline")
}

fn headline(card: &Card) -> String {
    let rule_title = heading(&card.rule_title);
    non_empty(escape_line(&card.headline, HEADING_MAX), &rule_title)
}

fn quiet_line(line: &str) -> String {
    non_empty(escape_line(line, QUIET_MAX), "Settled.")
}

// Slack refuses an empty text object.
fn non_empty(text: String, otherwise: &str) -> String {
    if text.is_empty() { otherwise.to_owned() } else { text }
}

fn card_fallback(card: &Card) -> String {
    if let CardView::Quiet(line) = &card.view {
        return quiet_line(line);
    }
    let body = escape_line(&card.body, ALONE.body);
    fallback(&[&headline(card), &body])
}

fn fallback(escaped_parts: &[&str]) -> String {
    let joined = escaped_parts.iter().filter(|part| !part.is_empty());
    let joined = joined.copied().collect::<Vec<_>>().join(": ");
    // Cut in the readable form: an entity must not be cut in two.
    escape_line(&crate::text::unescape(&joined), FALLBACK_MAX)
}

/// A web address as a button may carry it; anything else has no button.
fn web_address(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    let url = String::from(url);
    (is_web && url.len() <= URL_MAX_BYTES).then_some(url)
}

mod lesson;
#[cfg(test)]
mod tests;
