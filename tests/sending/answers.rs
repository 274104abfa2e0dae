//! What a click does, all the way back.

use std::sync::Arc;

use touchline::store::{NudgeState, PreferenceKind};
use touchline_rules::lesson::Lessons;

use crate::house::{ADA, House, in_house};

/// A nudge about a deal, delivered; with the time stamp of its message.
async fn nudged(house: &House) -> (u64, String) {
    let deal = house.deal("Harbour Foods").await;
    house.move_on(deal).await;
    house.seconds(3).await;
    let message = house.messages().pop().expect("a message");
    (deal, message.ts)
}

async fn outcomes(house: &House, deal: u64) -> Vec<String> {
    let nudge = house.nudges(deal).await.remove(0);
    let rows = house.service.store.outcomes_of(nudge.id, 50).await.unwrap();
    rows.into_iter().map(|row| row.kind).collect()
}

async fn preferences(house: &House) -> Vec<(PreferenceKind, String)> {
    let rows = house.service.store.preferences(ADA.into()).await.unwrap();
    rows.into_iter().map(|row| (row.kind, row.key)).collect()
}

#[tokio::test]
async fn done_leaves_one_quiet_line() {
    in_house("", async |house: Arc<House>| {
        let (deal, ts) = nudged(&house).await;
        house.click(&ts, "nudge.done", None).await;
        assert_eq!(house.reads(&ts), "Harbour Foods: done, thank you.");
        assert!(house.slack.controls(&ts).is_empty());
        assert_eq!(house.nudges(deal).await[0].state, NudgeState::Answered);
        assert_eq!(outcomes(&house, deal).await, ["done"]);
    })
    .await;
}

/// In text and blocks alike: whoever has ten quiet lines can tell them apart, and
/// a deal's name speaks to nobody.
#[tokio::test]
async fn the_quiet_line_shows_a_hostile_name_and_pings_nobody() {
    in_house("", async |house: Arc<House>| {
        let deal = house.deal("<!channel> & <@U1>").await;
        house.move_on(deal).await;
        house.seconds(3).await;
        let ts = house.messages().pop().expect("a message").ts;
        house.click(&ts, "nudge.done", None).await;
        let message = house.slack.message(&ts).unwrap();
        let escaped = "&lt;!channel&gt; &amp; &lt;@U1&gt;: done, thank you.";
        assert_eq!(message.text, escaped);
        assert_eq!(message.blocks[0]["elements"][0]["text"], escaped);
        assert_eq!(house.reads(&ts), "<!channel> & <@U1>: done, thank you.");
    })
    .await;
}

#[tokio::test]
async fn why_am_i_seeing_this_reads_as_plain_words() {
    in_house("", async |house: Arc<House>| {
        let (_, ts) = nudged(&house).await;
        house.click(&ts, "nudge.why", None).await;
        let reads = house.reads(&ts);
        let from = reads.find("Why you see this").unwrap_or_else(|| panic!("{reads}"));
        let lines: Vec<&str> = reads[from..].lines().take(6).collect();
        assert_eq!(
            lines,
            [
                "Why you see this",
                "A date keeps it moving.",
                "What Touchline saw:",
                "• Stage: from Appointment Scheduled to Qualified To Buy, 1 stage forward",
                "• Next step: empty",
                "Rule: “Moved on”, from “Stories”.",
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn the_lesson_of_a_rule_is_read_where_its_reason_is() {
    in_house("", async |house: Arc<House>| {
        let (deal, ts) = nudged(&house).await;
        let lesson = Lessons::builtin().get("next-step-with-a-date").unwrap();
        assert!(!house.reads(&ts).contains(&lesson.title), "{}", house.reads(&ts));
        house.click(&ts, "nudge.why", None).await;
        let reads = house.reads(&ts);
        for part in [lesson.plain_title(), lesson.plain_text(), lesson.quiz.plain_question()] {
            assert!(reads.contains(&part), "{part}\n---\n{reads}");
        }
        assert!(!reads.contains("Yes."), "{reads}");
        house.click(&ts, "nudge.answers", None).await;
        let reads = house.reads(&ts);
        assert!(reads.contains(&lesson.quiz.plain_answers()), "{reads}");
        house.click(&ts, "nudge.back", None).await;
        assert!(!house.reads(&ts).contains(&lesson.title), "{}", house.reads(&ts));
        assert_eq!(outcomes(&house, deal).await, ["shown_why", "shown_answers", "shown"]);
    })
    .await;
}

#[tokio::test]
async fn not_helpful_asks_why_and_keeps_the_reason() {
    in_house("", async |house: Arc<House>| {
        let (deal, ts) = nudged(&house).await;
        house.click(&ts, "nudge.why", None).await;
        assert!(house.reads(&ts).contains("A date keeps it moving."), "{}", house.reads(&ts));
        house.click(&ts, "nudge.not_helpful", None).await;
        assert!(house.reads(&ts).contains("Why was it not helpful?"), "{}", house.reads(&ts));
        house.click(&ts, "nudge.not_true_here", None).await;
        assert_eq!(house.reads(&ts), "Harbour Foods: not true here. Noted, thank you.");
        assert_eq!(outcomes(&house, deal).await, ["shown_why", "asked_reason", "not_true_here"]);
    })
    .await;
}

#[tokio::test]
async fn a_snoozed_nudge_comes_again_as_a_new_message() {
    in_house("", async |house: Arc<House>| {
        let (deal, ts) = nudged(&house).await;
        house.click(&ts, "nudge.snooze", Some("1")).await;
        assert_eq!(house.reads(&ts), "Harbour Foods: snoozed until Wednesday 4 March.");
        house.until("2026-03-04 08:59").await;
        assert_eq!(house.messages().len(), 1);
        house.until("2026-03-04 09:00").await;
        let again = house.messages().pop().unwrap();
        assert_ne!(again.ts, ts);
        assert!(again.reads().contains("Harbour Foods moved"), "{}", again.reads());
        house.click(&again.ts, "nudge.done", None).await;
        assert_eq!(house.reads(&again.ts), "Harbour Foods: done, thank you.");
        assert_eq!(
            house.reads(&ts),
            "Harbour Foods: snoozed until Wednesday 4 March.",
            "the old one stays"
        );
        assert_eq!(house.nudges(deal).await[0].state, NudgeState::Answered);
    })
    .await;
}

#[tokio::test]
async fn a_mute_silences_its_rule_and_nothing_else() {
    in_house("", async |house: Arc<House>| {
        let (_, ts) = nudged(&house).await;
        house.click(&ts, "nudge.more", Some("mute")).await;
        assert_eq!(house.reads(&ts), "Harbour Foods: noted. You will not see “Moved on” again.");
        assert_eq!(preferences(&house).await, [(PreferenceKind::Mute, "moved".to_owned())]);
        let other = house.deal("Mill Street").await;
        house.move_on(other).await;
        house.set(other, "closedate", "2026-06-01").await;
        house.until("2026-03-04 09:00").await;
        assert_eq!(house.headlines().last().unwrap(), "One thing worth your time");
        assert_eq!(house.ledger().await, ["moved: muted"]);
    })
    .await;
}

#[tokio::test]
async fn a_pause_holds_everything_until_its_day() {
    in_house("", async |house: Arc<House>| {
        let (_, ts) = nudged(&house).await;
        house.click(&ts, "nudge.more", Some("pause_today")).await;
        assert_eq!(
            house.reads(&ts),
            "Harbour Foods: set aside. You will hear nothing until Wednesday 4 March."
        );
        let other = house.deal("Mill Street").await;
        house.move_on(other).await;
        house.seconds(5).await;
        assert_eq!(house.messages().len(), 1);
        house.until("2026-03-04 08:00").await;
        assert_eq!(house.headlines()[1], "Mill Street moved to Qualified To Buy");
    })
    .await;
}

#[tokio::test]
async fn the_command_pauses_without_a_nudge() {
    in_house("", async |house: Arc<House>| {
        nudged(&house).await;
        let reply = house.slack.send_command("U1", "pause today").await.unwrap();
        assert_eq!(reply.status, 200);
        house.settle().await;
        assert_eq!(preferences(&house).await, [(PreferenceKind::Pause, String::new())]);
        let other = house.deal("Mill Street").await;
        house.move_on(other).await;
        house.seconds(5).await;
        assert_eq!(house.messages().len(), 1);
    })
    .await;
}

/// Nobody has looked her up in chat yet, so nobody knows who typed it.
#[tokio::test]
async fn a_pause_before_the_first_message_is_kept() {
    in_house("", async |house: Arc<House>| {
        let reply = house.slack.send_command("U1", "pause today").await.unwrap();
        assert_eq!(reply.status, 200);
        house.settle().await;
        let deal = house.deal("Harbour Foods").await;
        house.move_on(deal).await;
        house.seconds(5).await;
        assert_eq!(house.messages().len(), 0, "not even a hello");
        assert_eq!(preferences(&house).await, [(PreferenceKind::Pause, String::new())]);
    })
    .await;
}

#[tokio::test]
async fn somebody_else_s_click_changes_nothing() {
    in_house("", async |house: Arc<House>| {
        let (deal, ts) = nudged(&house).await;
        let mut forged = house.slack.interaction("U1", &ts, "nudge.done", None).unwrap();
        let body = String::from_utf8(forged.body).unwrap().replace("%22U1%22", "%22U9%22");
        let seconds = house.service.now().0 / 1_000;
        forged.body = body.into_bytes();
        for (name, value) in &mut forged.headers {
            if name == "x-slack-signature" {
                *value = house.slack.sign(seconds, &forged.body);
            }
        }
        assert_eq!(house.slack.post(forged).await.unwrap().status, 200);
        house.settle().await;
        assert_eq!(house.nudges(deal).await[0].state, NudgeState::Decided);
        assert!(outcomes(&house, deal).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_a_rule_hopes_for_is_seen_and_the_message_goes_quiet() {
    in_house("", async |house: Arc<House>| {
        let (deal, ts) = nudged(&house).await;
        house.until("2026-03-03 12:00").await;
        assert!(outcomes(&house, deal).await.is_empty());
        house.set(deal, "hs_next_step", "Demo on Thursday").await;
        assert_eq!(outcomes(&house, deal).await, ["outcome_met"]);
        assert_eq!(house.reads(&ts), "Harbour Foods: no longer needed, the deal moved on.");
    })
    .await;
}

#[tokio::test]
async fn what_comes_after_the_time_is_no_outcome() {
    in_house("", async |house: Arc<House>| {
        let (deal, ts) = nudged(&house).await;
        house.click(&ts, "nudge.done", None).await;
        house.until("2026-03-09 12:00").await;
        house.set(deal, "hs_next_step", "Demo on Thursday").await;
        house.until("2026-03-09 14:00").await;
        assert_eq!(outcomes(&house, deal).await, ["done"]);
        assert_eq!(
            house.reads(&ts),
            "Harbour Foods: done, thank you.",
            "an answer is not overwritten"
        );
    })
    .await;
}
