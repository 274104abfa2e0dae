use proptest::prelude::*;
use serde_json::Value;

use touchline_kit::CardLesson;

use super::*;
use crate::actions::{Click, read};
use crate::block_limits::{BLOCKS_JSON_MAX_CHARS, MESSAGE_BLOCKS_MAX, check};

pub(super) fn card(view: CardView) -> Card {
    Card {
        nudge_id: "n1".into(),
        headline: "Acme <!channel>: no next step".into(),
        body: "Agree on *one* date & write it down.".into(),
        why: vec![
            "A date keeps it moving.".into(),
            "What Touchline saw:".into(),
            "• Next step: empty".into(),
        ],
        lesson: None,
        facts: vec![("Stage".into(), "Proposal".into()), ("Amount".into(), "42,000 EUR".into())],
        deal_url: Some("https://crm.example.com/deal/1?a=b&c=<d>".into()),
        rule_title: "Next step after the proposal".into(),
        view,
    }
}

pub(super) fn lesson(text: &str) -> Box<CardLesson> {
    let part = |of: &str| format!("{of}{text}");
    Box::new(CardLesson {
        title: part("One date (60 seconds)"),
        text: part("End each talk with a date. Write it down."),
        question: part("Question: What ends a talk?\n  a) Thanks\n  b) A date"),
        answers: part("a) Thanks\n   Not this one. Polite only.\nb) A date\n   Yes. It binds."),
    })
}

pub(super) fn taught(view: CardView) -> Card {
    Card { lesson: Some(lesson("")), ..card(view) }
}

/// The text, then one block a line.
fn shown(message: &Message) -> String {
    let rendered = render(message);
    let blocks = rendered.blocks.iter().map(Value::to_string);
    std::iter::once(rendered.text).chain(blocks).collect::<Vec<_>>().join("\n")
}

/// The controls of a message: label and `action_id`, menus with their choices.
pub(super) fn controls_of(message: &Message) -> Vec<String> {
    let blocks = render(message).blocks;
    let elements = blocks.iter().filter_map(|block| block.get("elements")?.as_array());
    let controls = elements.flatten().filter(|element| element.get("action_id").is_some());
    let label = |value: &Value| value["text"]["text"].as_str().unwrap_or_default().to_owned();
    controls
        .map(|control| {
            let id = control["action_id"].as_str().unwrap();
            let options = control["options"].as_array().map(|all| all.iter().map(label).collect());
            let own = control["placeholder"]["text"].as_str().map_or(label(control), str::to_owned);
            let options: Vec<_> = options.unwrap_or_default();
            format!("{own} [{id}] {}", options.join(" / ")).trim_end().to_owned()
        })
        .collect()
}

#[test]
fn an_open_nudge() {
    insta::assert_snapshot!(shown(&Message::Nudge(card(CardView::Open))), @r#"
    Acme &lt;!channel&gt;: no next step: Agree on *one* date &amp; write it down.
    {"block_id":"o.0.headline.n1","text":{"emoji":false,"text":"Acme &lt;!channel&gt;: no next step","type":"plain_text"},"type":"header"}
    {"block_id":"o.0.body.n1","text":{"emoji":false,"text":"Agree on *one* date &amp; write it down.","type":"plain_text"},"type":"section"}
    {"block_id":"o.0.facts.n1","elements":[{"emoji":false,"text":"Stage: Proposal  ·  Amount: 42,000 EUR","type":"plain_text"}],"type":"context"}
    {"block_id":"o.0.actions.n1","elements":[{"action_id":"nudge.open_deal:n1","text":{"text":"Open deal","type":"plain_text"},"type":"button","url":"https://crm.example.com/deal/1?a=b&c=%3Cd%3E"},{"action_id":"nudge.done:n1","style":"primary","text":{"text":"Done","type":"plain_text"},"type":"button"},{"action_id":"nudge.snooze:n1","options":[{"text":{"text":"1 day","type":"plain_text"},"value":"1"},{"text":{"text":"3 days","type":"plain_text"},"value":"3"},{"text":{"text":"Next week","type":"plain_text"},"value":"7"}],"placeholder":{"text":"Snooze","type":"plain_text"},"type":"static_select"},{"action_id":"nudge.not_helpful:n1","text":{"text":"Not helpful","type":"plain_text"},"type":"button"},{"action_id":"nudge.why:n1","text":{"text":"Why am I seeing this?","type":"plain_text"},"type":"button"},{"action_id":"nudge.more:n1","options":[{"text":{"text":"Mute this tip","type":"plain_text"},"value":"mute"},{"text":{"text":"Pause me today","type":"plain_text"},"value":"pause_today"},{"text":{"text":"Pause me this week","type":"plain_text"},"value":"pause_week"},{"text":{"text":"Pause me until…","type":"plain_text"},"value":"pause_until"}],"type":"overflow"}],"type":"actions"}
    "#);
}

#[test]
fn asking_for_the_reason() {
    insta::assert_snapshot!(shown(&Message::Nudge(card(CardView::AskReason))), @r#"
    Acme &lt;!channel&gt;: no next step: Agree on *one* date &amp; write it down.
    {"block_id":"r.0.headline.n1","text":{"emoji":false,"text":"Acme &lt;!channel&gt;: no next step","type":"plain_text"},"type":"header"}
    {"block_id":"r.0.ask.n1","text":{"emoji":false,"text":"Why was it not helpful?","type":"plain_text"},"type":"section"}
    {"block_id":"r.0.actions.n1","elements":[{"action_id":"nudge.already_done:n1","text":{"text":"Already done","type":"plain_text"},"type":"button"},{"action_id":"nudge.not_true_here:n1","text":{"text":"Not true here","type":"plain_text"},"type":"button"},{"action_id":"nudge.not_now:n1","text":{"text":"Not now","type":"plain_text"},"type":"button"},{"action_id":"nudge.stop_this_tip:n1","text":{"text":"Stop this tip","type":"plain_text"},"type":"button"},{"action_id":"nudge.back:n1","text":{"text":"Back","type":"plain_text"},"type":"button"}],"type":"actions"}
    "#);
}

#[test]
fn asking_for_the_date() {
    insta::assert_snapshot!(shown(&Message::Nudge(card(CardView::AskUntil))), @r#"
    Acme &lt;!channel&gt;: no next step: Agree on *one* date &amp; write it down.
    {"block_id":"u.0.headline.n1","text":{"emoji":false,"text":"Acme &lt;!channel&gt;: no next step","type":"plain_text"},"type":"header"}
    {"block_id":"u.0.ask.n1","text":{"emoji":false,"text":"Until which date should Touchline stay quiet?","type":"plain_text"},"type":"section"}
    {"block_id":"u.0.actions.n1","elements":[{"action_id":"nudge.until:n1","placeholder":{"text":"Pick a date","type":"plain_text"},"type":"datepicker"},{"action_id":"nudge.back:n1","text":{"text":"Back","type":"plain_text"},"type":"button"}],"type":"actions"}
    "#);
}

#[test]
fn asking_for_another_date() {
    let wrong = "That date is not in the future. Choose a date from tomorrow on.";
    let message = Message::Nudge(card(CardView::AskAgain(wrong.into())));
    let blocks = render(&message).blocks;
    assert_eq!(blocks[1]["text"]["text"], wrong);
    assert_eq!(controls_of(&message), ["Pick a date [nudge.until:n1]", "Back [nudge.back:n1]"]);
}

#[test]
fn the_explanation_unfolded() {
    let message = Message::Nudge(card(CardView::Why));
    let why = &render(&message).blocks[3]["text"]["text"];
    insta::assert_snapshot!(why.as_str().unwrap(), @r#"
    Why you see this
    A date keeps it moving.
    What Touchline saw:
    • Next step: empty
    "#);
    insta::assert_snapshot!(controls_of(&message).join("\n"), @r#"
    Open deal [nudge.open_deal:n1]
    Done [nudge.done:n1]
    Snooze [nudge.snooze:n1] 1 day / 3 days / Next week
    Not helpful [nudge.not_helpful:n1]
    Back [nudge.back:n1]
     [nudge.more:n1] Mute this tip / Pause me today / Pause me this week / Pause me until…
    "#);
}

#[test]
fn a_settled_nudge_is_one_muted_line() {
    let message = Message::Nudge(card(CardView::Quiet("Done. Acme has a next step.".into())));
    insta::assert_snapshot!(shown(&message), @r#"
    Done. Acme has a next step.
    {"block_id":"q.0.quiet.n1","elements":[{"emoji":false,"text":"Done. Acme has a next step.","type":"plain_text"}],"type":"context"}
    "#);
}

#[test]
fn a_letter_is_lines_without_controls() {
    let lines = vec!["2 tips waited too long:".into(), String::new(), "· <!channel> & co".into()];
    let message = Message::Letter { title: "Your week".into(), lines };
    insta::assert_snapshot!(shown(&message), @r#"
    Your week: 2 tips waited too long: · &lt;!channel&gt; &amp; co
    {"block_id":"letter.title","text":{"emoji":false,"text":"Your week","type":"plain_text"},"type":"header"}
    {"block_id":"letter.0","text":{"emoji":false,"text":"2 tips waited too long:\n\n· &lt;!channel&gt; &amp; co","type":"plain_text"},"type":"section"}
    "#);
}

#[test]
fn the_hello() {
    let lines = vec!["Switched on by Lead Example.".into(), "At most 2 tips a day.".into()];
    let message = Message::Hello { title: "Hello from Touchline".into(), lines };
    insta::assert_snapshot!(shown(&message), @r#"
    Hello from Touchline: Switched on by Lead Example. At most 2 tips a day.
    {"block_id":"hello.title","text":{"emoji":false,"text":"Hello from Touchline","type":"plain_text"},"type":"header"}
    {"block_id":"hello.lines","text":{"emoji":false,"text":"Switched on by Lead Example.\nAt most 2 tips a day.","type":"plain_text"},"type":"section"}
    "#);
}

#[test]
fn each_card_of_a_digest_has_its_own_controls() {
    let mut second = card(CardView::Why);
    second.nudge_id = "n2".into();
    let third = card(CardView::Quiet("Snoozed for 3 days.".into()));
    let message = Message::Digest {
        title: "Your three for today".into(),
        cards: vec![card(CardView::Open), second, third, card(CardView::Open)],
    };
    insta::assert_snapshot!(render(&message).text, @"Your three for today: Acme &lt;!channel&gt;: no next step: Agree on *one* date &amp; write it down. · Acme &lt;!channel&gt;: no next step: Agree on *one* date &amp; write it down. · Snoozed for 3 days.");
    insta::assert_snapshot!(controls_of(&message).join("\n"), @r#"
    Open deal [nudge.open_deal:n1]
    Done [nudge.done:n1]
    Snooze [nudge.snooze:n1] 1 day / 3 days / Next week
    Not helpful [nudge.not_helpful:n1]
    Why am I seeing this? [nudge.why:n1]
     [nudge.more:n1] Mute this tip / Pause me today / Pause me this week / Pause me until…
    Open deal [nudge.open_deal:n2]
    Done [nudge.done:n2]
    Snooze [nudge.snooze:n2] 1 day / 3 days / Next week
    Not helpful [nudge.not_helpful:n2]
    Back [nudge.back:n2]
     [nudge.more:n2] Mute this tip / Pause me today / Pause me this week / Pause me until…
    "#);
    let blocks = render(&message).blocks;
    let ids: Vec<_> = blocks.iter().map(|block| block["block_id"].as_str().unwrap()).collect();
    insta::assert_snapshot!(ids.join("\n"), @r#"
    owq.digest.title
    owq.0.divider.n1
    owq.0.headline.n1
    owq.0.body.n1
    owq.0.facts.n1
    owq.0.actions.n1
    owq.1.divider.n2
    owq.1.headline.n2
    owq.1.body.n2
    owq.1.facts.n2
    owq.1.why.n2
    owq.1.actions.n2
    owq.2.divider.n1
    owq.2.quiet.n1
    owq.digest.more
    "#);
}

#[test]
fn every_edit_has_new_block_ids() {
    let views = [
        CardView::Open,
        CardView::AskReason,
        CardView::AskUntil,
        CardView::AskAgain("x".into()),
        CardView::Why,
        CardView::Answers,
        CardView::Quiet("x".into()),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for view in views {
        for block in render(&Message::Nudge(taught(view))).blocks {
            assert!(seen.insert(block["block_id"].as_str().unwrap().to_owned()));
        }
    }
}

#[test]
fn a_deal_address_that_is_not_of_the_web_has_no_button() {
    let too_long = format!("https://crm.example.com/{}", "x".repeat(277));
    for url in ["javascript:alert(1)", "slack://open", "/deal/1", "", too_long.as_str()] {
        let mut card = card(CardView::Open);
        card.deal_url = Some(url.into());
        assert!(!shown(&Message::Nudge(card)).contains("\"url\""), "{url}");
    }
}

#[test]
fn an_empty_card_still_has_text() {
    let empty = Card {
        nudge_id: "n1".into(),
        headline: " ".into(),
        body: String::new(),
        why: Vec::new(),
        lesson: None,
        facts: Vec::new(),
        deal_url: None,
        rule_title: String::new(),
        view: CardView::Open,
    };
    assert_eq!(render(&Message::Nudge(empty)).text, "Touchline");
}

#[test]
fn three_cards_that_are_as_long_as_can_be_fit_in_one_message() {
    for text in ["\"\\\n".repeat(900), "x".repeat(900), "&".repeat(900), "🏁".repeat(900)] {
        let longest = Card {
            nudge_id: "n".repeat(80),
            headline: text.clone(),
            body: text.clone(),
            why: vec![text.clone(); 4],
            lesson: Some(lesson(&text)),
            facts: vec![(text.clone(), text.clone()); 9],
            deal_url: Some(format!("https://crm.example.com/{}", "x".repeat(276))),
            rule_title: text.clone(),
            view: CardView::Why,
        };
        for unfolded in 0..=4 {
            let mut cards = vec![longest.clone(); 4];
            cards[1].view = CardView::Answers;
            cards.iter_mut().skip(unfolded).for_each(|card| card.view = CardView::Open);
            let blocks = render(&Message::Digest { title: text.clone(), cards }).blocks;
            let json = Value::from(blocks).to_string();
            assert!(json.contains("\"url\""));
            assert!(json.chars().count() <= BLOCKS_JSON_MAX_CHARS, "{}", json.chars().count());
        }
    }
}

fn any_text(max: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        Just("<!channel> & <@U1> *bold* \"quoted\" ".repeat(40)),
        Just("🏁".repeat(200)),
        Just("\"\\\n".repeat(300)),
        Just("&<>".repeat(300)),
    ];
    piece.prop_map(move |text| text.chars().take(max).collect())
}

prop_compose! {
    fn any_card()(
        nudge_id in prop_oneof![Just("5f2c".repeat(8)), any::<String>(), Just("x".repeat(80)), Just("x".repeat(81))],
        headline in any_text(900), body in any_text(900), rule_title in any_text(900),
        quiet in any_text(900),
        why in prop::collection::vec(any_text(900), 0..4),
        facts in prop::collection::vec((any_text(300), any_text(300)), 0..9),
        deal_url in prop::option::of(prop_oneof![
            Just("https://crm.example.com/contacts/1234567/record/0-3/123456789012".to_owned()),
            any::<String>(),
        ]),
        lesson in prop::option::of(any_text(4_000).prop_map(|text| lesson(&text))),
        view in 0..6,
    ) -> Card {
        let view = match view {
            0 => CardView::Open,
            1 => CardView::AskReason,
            2 => CardView::AskUntil,
            3 => CardView::Why,
            4 => CardView::Answers,
            _ => CardView::Quiet(quiet),
        };
        Card { nudge_id, headline, body, why, lesson, facts, deal_url, rule_title, view }
    }
}

fn any_message() -> impl Strategy<Value = Message> {
    prop_oneof![
        any_card().prop_map(Message::Nudge),
        (any_text(900), prop::collection::vec(any_card(), 0..5))
            .prop_map(|(title, cards)| Message::Digest { title, cards }),
        (any_text(900), prop::collection::vec(any_text(900), 0..15))
            .prop_map(|(title, lines)| Message::Hello { title, lines }),
        (any_text(900), prop::collection::vec(any_text(900), 0..40))
            .prop_map(|(title, lines)| Message::Letter { title, lines }),
    ]
}

/// Every text a reader sees in the blocks.
fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Object(map) => {
            if map.get("type").and_then(Value::as_str) == Some("plain_text") {
                into.extend(map["text"].as_str().map(str::to_owned));
            }
            assert_ne!(map.get("type").and_then(Value::as_str), Some("mrkdwn"));
            map.values().for_each(|inner| texts(inner, into));
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn any_message_is_within_the_limits_and_pings_nobody(message in any_message()) {
        let rendered = render(&message);
        prop_assert_eq!(check(&rendered.blocks, MESSAGE_BLOCKS_MAX), Vec::<String>::new());
        let json = serde_json::to_string(&rendered.blocks).unwrap();
        prop_assert!(json.chars().count() <= BLOCKS_JSON_MAX_CHARS, "{}", json.chars().count());
        prop_assert!(!rendered.text.is_empty() && !rendered.text.contains(['<', '>']));
        let mut shown = Vec::new();
        texts(&Value::Array(rendered.blocks), &mut shown);
        prop_assert!(shown.iter().all(|text| !text.contains(['<', '>'])));
        let sum: usize = shown.iter().map(|text| text.encode_utf16().count()).sum();
        // A lesson is read because somebody asked for it.
        if matches!(&message, Message::Nudge(card) if card.lesson.is_none()) {
            prop_assert!(sum < 3_000, "{sum}");
        }
    }

    #[test]
    fn every_control_is_understood_when_it_comes_back(card in any_card()) {
        for block in render(&Message::Nudge(card.clone())).blocks {
            let elements = block["elements"].as_array().cloned().unwrap_or_default();
            for element in elements.iter().filter(|element| element["action_id"].is_string()) {
                let id = element["action_id"].as_str().unwrap();
                let date = vec![serde_json::json!({ "value": "2026-12-01" })];
                let options = element["options"].as_array().cloned().unwrap_or(date);
                for option in options {
                    match read(id, option["value"].as_str()) {
                        Ok(Click::Answer { nudge_id, .. }) => prop_assert_eq!(&nudge_id, &card.nudge_id),
                        Ok(Click::Link) => prop_assert!(element["url"].is_string()),
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
            }
        }
    }
}
