//! From pending nudges to receipts.

use crate::fixture::*;
use touchline::store::DeliveryState::*;
use touchline::store::*;
use touchline_rules::UnixMs;

#[tokio::test]
async fn one_look_holds_all_that_attention_needs() {
    let home = Home::new();
    let later = NudgeRow { due_at: NOW.plus_ms(1), ..nudge("later", "f", "1", 1) };
    let nudges = vec![nudge("b", "f", "1", 5), nudge("a", "f", "1", 5), later];
    let urgent = NudgeRow { priority: 1, ..nudge("z", "f", "1", 1) };
    let nudges = nudges.into_iter().chain([urgent]).collect();
    home.commit(Batch { nudges, ..Batch::default() }).await;
    let pause = PreferenceRow {
        person: "ann".into(),
        kind: PreferenceKind::Pause,
        key: String::new(),
        until: NOW,
        body: vec![],
    };
    home.store.put_preference(pause.clone()).await.unwrap();
    let look = home.store.load_recipient("ann".into(), NOW, 9, NOW, "chat".into()).await.unwrap();
    let ids: Vec<_> = look.pending.iter().map(|nudge| nudge.id.as_str()).collect();
    assert_eq!(ids, ["z", "a", "b"]);
    assert_eq!((look.person, look.hello, look.preferences), (None, None, vec![pause]));
    assert_eq!(look.settings_version, home.version().await);

    let (nudge_id, attention) = ("a".into(), "digest".into());
    let defer = Decision::Defer { nudge_id, until: NOW.plus_ms(7), attention };
    let suppress = Decision::Suppress { nudge_id: "z".into(), reason: "budget".into(), at: NOW };
    home.decide(vec![defer, suppress, Decision::Hold { nudge_id: "b".into() }]).await;
    let deferred = home.store.nudge("a".into()).await.unwrap().unwrap();
    assert_eq!((deferred.due_at, deferred.attention.as_str()), (NOW.plus_ms(7), "digest"));
    assert_eq!(home.store.recipients_due(NOW, 9).await, Ok(vec![]));
    assert_eq!(home.store.next_recipient_at().await, Ok(Some(NOW.plus_ms(1))));
    let spared = home.store.suppressed_of("ann".into(), UnixMs::MAX, 9).await.unwrap();
    assert_eq!((spared[0].nudge_id.as_str(), spared[0].reason.as_str()), ("z", "budget"));
    assert_eq!(home.store.held_nudges(9).await.unwrap()[0].id, "b");
    assert_eq!(home.store.settle_held(vec!["b".into(), "a".into()], true, NOW).await, Ok(1));
    assert_eq!(home.store.recipients_due(NOW, 9).await, Ok(vec!["ann".to_owned()]));
}

#[tokio::test]
async fn a_decision_on_a_nudge_that_is_no_longer_pending_changes_nothing() {
    let home = Home::new();
    home.nudges(&["n1", "n2"]).await;
    let suppress =
        |id: &str| Decision::Suppress { nudge_id: id.into(), reason: "muted".into(), at: NOW };
    home.decide(vec![suppress("n2")]).await;
    let version = home.version().await;
    let twice = home.store.commit_attention(version, vec![suppress("n1"), suppress("n2")]).await;
    let expected = "nudge \"n2\" is suppressed and no longer pending";
    assert_eq!(twice.unwrap_err().to_string(), expected);
    assert_eq!(home.store.nudge("n1".into()).await.unwrap().unwrap().state, NudgeState::Pending);
}

#[tokio::test]
async fn a_full_queue_suppresses_the_least_important() {
    let home = Home::with(StoreOptions { deliveries_waiting_max: 1, ..StoreOptions::default() });
    home.nudges(&["low", "high"]).await;
    let send = |id: &str, priority| {
        Decision::Send(NewDelivery { priority, ..delivery(&format!("d-{id}"), "chat", &[id]) })
    };
    let crowded_out = home.decide(vec![send("low", 9), send("high", 1)]).await;
    assert_eq!(crowded_out, ["low"]);
    assert_eq!(home.state("d-high").await.state, Waiting);
    let reasons = home.reasons();
    assert_eq!(reasons, [("queue_full".to_owned(), 1)]);
}

#[tokio::test]
async fn a_claim_spends_the_budget_and_only_a_certain_failure_gives_it_back() {
    let home = Home::new();
    let id = home.waiting("n").await;
    let claimed = home.claim(NOW).await;
    assert_eq!((claimed[0].attempts, claimed[0].spent_at), (1, Some(NOW)));
    assert!(home.claim(NOW).await.is_empty(), "nobody claims it twice");
    let until = NOW.plus_ms(30);
    home.store.record_retry(id.clone(), until, "down".into(), true).await.unwrap();
    assert_eq!(home.state(&id).await.spent_at, None);
    let ahead = DeliveriesAhead { next: Some(until), any_waiting: true };
    assert_eq!(home.store.deliveries_ahead(NOW).await, Ok(ahead));
    assert!(home.claim(NOW).await.is_empty(), "not before its time");

    home.claim(until).await;
    home.store.record_unknown(id.clone(), "time-out".into(), until).await.unwrap();
    assert_eq!(home.state(&id).await.spent_at, Some(until));
    let unknown = home.store.unknown_due(until, 9).await.unwrap();
    assert_eq!(unknown.settings_version, home.version().await);
    let looked_at = unknown.deliveries.iter().map(|(row, nudges)| (&row.id, &nudges[0].id));
    assert_eq!(looked_at.collect::<Vec<_>>(), [(&id, &"n".to_owned())]);
    home.store.resend_unknown(id.clone(), until).await.unwrap();
    let again = home.claim(until.plus_ms(5)).await;
    assert_eq!((again[0].attempts, again[0].spent_at), (3, Some(until)));
    home.store.record_unknown(id.clone(), "time-out".into(), until).await.unwrap();
    let third = home.store.resend_unknown(id.clone(), until).await.unwrap_err();
    assert!(third.to_string().contains("was sent again already"), "{third}");

    home.store.record_sent(id.clone(), b"ts-1".to_vec(), NOW, vec![]).await.unwrap();
    let sent = home.state(&id).await;
    assert_eq!((sent.state, sent.receipt.as_slice()), (Sent, b"ts-1".as_slice()));
    let late = home.store.record_retry(id.clone(), NOW, "no".into(), true).await.unwrap_err();
    assert_eq!(late.to_string(), "delivery \"d-n\" is sent and cannot become waiting");
    let look = home.store.load_recipient("ann".into(), NOW, 9, NOW, "chat".into()).await.unwrap();
    assert_eq!(look.recent, [(sent, vec!["n".to_owned()])]);
}

#[tokio::test]
async fn what_a_limit_held_back_is_no_try() {
    let home = Home::new();
    let id = home.waiting("n").await;
    for tried in [false, true] {
        assert_eq!(home.claim(NOW).await[0].attempts, 1);
        home.store.record_retry(id.clone(), NOW, "limited".into(), tried).await.unwrap();
    }
    assert_eq!(home.claim(NOW).await[0].attempts, 2);
}

#[tokio::test]
async fn a_claim_that_a_crash_interrupted_is_unknown_never_waiting() {
    let home = Home::new();
    let id = home.waiting("n").await;
    home.claim(NOW).await;
    let killed = home.after_kill();
    assert_eq!(killed.state(&id).await.state, Claimed);
    assert_eq!(killed.store.recover_claims().await, Ok(1));
    let unknown = killed.state(&id).await;
    assert_eq!((unknown.state, unknown.spent_at), (Unknown, Some(NOW)));
    assert!(killed.claim(NOW.plus_ms(9)).await.is_empty());
    let asked_about = async |at| killed.store.unknown_due(at, 9).await.unwrap().deliveries.len();
    let lease_end = unknown.until;
    assert_eq!(asked_about(lease_end.plus_ms(-1)).await, 0, "it may still be on its way");
    assert_eq!(asked_about(lease_end).await, 1);

    assert_eq!(home.store.recover_claims().await, Ok(1), "a worker stopped, the process runs on");
    assert_eq!(home.store.recover_claims().await, Ok(0), "what is unknown is left alone");
}

#[tokio::test]
async fn a_stop_acts_before_the_next_claim() {
    let home = Home::new();
    home.waiting("n").await;
    let found = home.due(NOW, &[("chat", 1)]).await;
    let version =
        home.store.put_setting("sending".into(), b"off".to_vec(), audit("stop")).await.unwrap();
    let look = vec![("d-n".to_owned(), claim_until(NOW.plus_ms(1_000)))];
    let claim = home.store.settle_due(found.settings_version, NOW, look, vec![]).await;
    assert_eq!(claim, Ok(Fenced::SettingsChanged { version }));
    assert_eq!(home.state("d-n").await.state, Waiting);
}

#[tokio::test]
async fn claims_take_turns_between_connections() {
    let home = Home::new();
    let ids: Vec<_> = (0..6).map(|n| format!("n{n}")).collect();
    home.nudges(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let connection = |n: usize| if n == 5 { "quiet" } else { "noisy" };
    let send = |(n, id): (usize, &String)| {
        Decision::Send(delivery(&format!("d-{id}"), connection(n), &[id]))
    };
    home.decide(ids.iter().enumerate().map(send).collect()).await;
    let claim = async |rooms: &[(&str, usize)]| {
        let found = home.due(NOW, rooms).await;
        let claimed = home.settle(NOW, found, claim_until(NOW.plus_ms(1_000))).await;
        claimed.into_iter().map(|row| row.connection).collect::<Vec<_>>()
    };
    let first = claim(&[("noisy", 3), ("quiet", 3)]).await;
    assert_eq!(first.len(), 4, "a room is a connection's own: {first:?}");
    assert!(first[..2].contains(&"quiet".to_owned()), "{first:?}");
    assert!(claim(&[("quiet", 9), ("noisy", 0)]).await.is_empty());

    let (name, connector, why) = ("noisy".into(), "slack".into(), "invalid_auth".into());
    assert_eq!(home.store.break_connection(name, connector, why, NOW).await, Ok(true));
    assert_eq!(home.due(NOW, &[("noisy", 9)]).await.broken, ["noisy"]);
    assert!(claim(&[("noisy", 9)]).await.is_empty(), "it is broken");
    let (name, status) = ("noisy".into(), "working".into());
    home.store.set_connection_status(name, status, String::new(), NOW).await.unwrap();
    assert_eq!(claim(&[("noisy", 9)]).await, ["noisy", "noisy"]);
}

#[tokio::test]
async fn what_is_dropped_or_expired_is_refunded_and_written_down() {
    let home = Home::new();
    let dropped = home.waiting("a").await;
    let expired = home.waiting("b").await;
    let failed = home.waiting("c").await;
    home.drop_waiting(&dropped, "reason_gone").await;
    home.claim(NOW).await;
    home.store.record_retry(expired.clone(), NOW, "limited".into(), false).await.unwrap();
    home.store.record_failed(failed.clone(), "channel_not_found".into()).await.unwrap();
    let after = NOW.plus_ms(1_000_000);
    assert!(home.claim(after).await.is_empty(), "too late to say it");
    assert_eq!(home.store.drop_expired(after, 9).await, Ok(1));
    for (id, state) in [(dropped, Dropped), (expired, Dropped), (failed.clone(), Failed)] {
        let row = home.state(&id).await;
        assert_eq!((row.state, row.spent_at), (state, None), "{id}");
    }
    let reasons = home.reasons();
    let words = ["expired", "failed", "reason_gone"].map(|word| (word.to_owned(), 1));
    assert_eq!(reasons, words);
    assert_eq!(home.store.deliveries_in(Failed, 9).await.unwrap().len(), 1);
    home.store.replay_delivery(failed.clone(), NOW).await.unwrap();
    assert_eq!(home.state(&failed).await.state, Waiting);
    let reasons = home.reasons();
    assert!(!reasons.iter().any(|(word, _)| word == "failed"), "it is tried again");
}

#[tokio::test]
async fn a_failed_delivery_is_replayed_in_time_or_given_up() {
    let home = Home::new();
    let (late, given_up) = (home.waiting("a").await, home.waiting("b").await);
    home.claim(NOW).await;
    for id in [&late, &given_up] {
        home.store.record_failed(id.clone(), "no_permission".into()).await.unwrap();
    }
    let after = NOW.plus_ms(1_000_000);
    let refused = home.store.replay_delivery(late.clone(), after).await.unwrap_err();
    assert!(refused.to_string().contains("was worth saying until"), "{refused}");
    assert_eq!(home.state(&late).await.state, Failed);
    assert_eq!(home.store.discard_delivery(given_up.clone(), NOW).await, Ok(Dropped));
    assert!(home.store.discard_delivery(given_up.clone(), NOW).await.is_err(), "it is settled");
    assert_eq!(home.reasons(), [("failed".to_owned(), 2)]);
    let nudge = home.store.nudge("b".into()).await.unwrap().unwrap();
    assert_eq!(nudge.state, NudgeState::Suppressed);
}

#[tokio::test]
async fn what_nobody_will_ever_know_can_be_let_rest() {
    let home = Home::new();
    let id = home.waiting("n").await;
    home.claim(NOW).await;
    home.store.record_unknown(id.clone(), "time-out".into(), NOW).await.unwrap();
    let early = home.store.discard_delivery(id.clone(), NOW).await.unwrap_err();
    assert_eq!(early.to_string(), "delivery \"d-n\" is still being looked into");
    home.store.record_unknown(id.clone(), "time-out".into(), UnixMs::MAX).await.unwrap();
    assert_eq!(home.store.discard_delivery(id.clone(), NOW).await, Ok(Accepted));
    let row = home.state(&id).await;
    assert_eq!((row.spent_at, row.sent_at), (Some(NOW), Some(NOW)), "it counts as sent");
}

/// What waits behind a failed introduction waits for it, however late it is replayed.
#[tokio::test]
async fn a_replayed_hello_begins_anew_and_lets_go_what_waits_behind_it() {
    let home = Home::new();
    let hello = |id: &str| NewDelivery {
        channel: "hello".into(),
        attention: "hello".into(),
        expires_at: NOW.plus_ms(100),
        ..delivery(id, "chat", &[])
    };
    home.nudges(&["n"]).await;
    home.decide(vec![Decision::Send(delivery("d-n", "chat", &["n"])), Decision::Send(hello("h"))])
        .await;
    let due = async |now| {
        let rooms = [("chat".to_owned(), 9.into())].into();
        let found = home.store.due_deliveries(now, rooms, true).await.unwrap();
        found.deliveries.into_iter().map(|(row, _)| row.id).collect::<Vec<_>>()
    };
    assert_eq!(due(NOW).await, ["h"]);
    let found = home.due(NOW, &[("chat", 9)]).await;
    let hellos = found.deliveries.into_iter().filter(|(row, _)| row.id == "h").collect();
    home.settle(NOW, Looked { deliveries: hellos, ..found }, claim_until(NOW)).await;
    home.store.record_failed("h".into(), "missing_scope".into()).await.unwrap();
    let later = NOW.plus_ms(500);
    assert!(due(later).await.is_empty(), "nothing is said before it");
    home.store.replay_delivery("h".into(), later).await.unwrap();
    assert_eq!(due(later).await, ["h"]);
    let found = home.due(later, &[("chat", 9)]).await;
    let hellos = found.deliveries.into_iter().filter(|(row, _)| row.id == "h").collect();
    home.settle(later, Looked { deliveries: hellos, ..found }, claim_until(later)).await;
    home.store.record_sent("h".into(), b"ts".to_vec(), later, vec![]).await.unwrap();
    assert_eq!(due(later).await, ["d-n"]);
}

#[tokio::test]
async fn nobody_is_introduced_twice_by_a_replay() {
    let home = Home::new();
    let hello = |id: &str| NewDelivery { channel: "hello".into(), ..delivery(id, "chat", &[]) };
    home.decide(vec![Decision::Send(hello("first"))]).await;
    home.claim(NOW).await;
    home.store.record_failed("first".into(), "missing_scope".into()).await.unwrap();
    home.decide(vec![Decision::Send(hello("second"))]).await;
    let refused = home.store.replay_delivery("first".into(), NOW).await.unwrap_err();
    assert!(refused.to_string().contains("another introduction"), "{refused}");
    assert_eq!(home.store.discard_delivery("first".into(), NOW).await, Ok(Dropped));
}

#[tokio::test]
async fn a_nudge_on_two_channels_is_written_down_only_when_neither_went_out() {
    let home = Home::new();
    home.nudges(&["n"]).await;
    let task = NewDelivery { channel: "task".into(), ..delivery("d-task", "crm", &["n"]) };
    home.decide(vec![Decision::Send(delivery("d-chat", "chat", &["n"])), Decision::Send(task)])
        .await;
    home.drop_waiting("d-task", "stale").await;
    assert!(home.reasons().is_empty());
    home.drop_waiting("d-chat", "stale").await;
    assert_eq!(home.reasons().len(), 1);
}

#[tokio::test]
async fn a_nudge_said_again_needs_a_delivery_of_its_own() {
    let home = Home::new();
    let id = home.waiting("n").await;
    home.claim(NOW).await;
    home.store.record_sent(id.clone(), b"ts".to_vec(), NOW, vec![]).await.unwrap();
    let snoozed = vec![("n".to_owned(), NudgeState::Pending, NOW)];
    home.commit(Batch { nudge_steps: snoozed, ..Batch::default() }).await;
    let version = home.version().await;
    let send = |id: &str| vec![Decision::Send(delivery(id, "chat", &["n"]))];
    let same = home.store.commit_attention(version, send(&id)).await.unwrap_err();
    assert_eq!(same.to_string(), "delivery \"d-n\" exists already; name another");
    home.decide(send("d-n-2")).await;
    assert_eq!(home.claim(NOW).await.len(), 1);
}

#[tokio::test]
async fn a_mass_change_holds_back_what_nobody_was_sent() {
    let home = Home::new();
    let sent = home.waiting("sent").await;
    home.claim(NOW).await;
    home.store.record_sent(sent, b"ts".to_vec(), NOW, vec![]).await.unwrap();
    home.nudges(&["pending", "decided", "bystander"]).await;
    let digest = delivery("digest", "chat", &["decided", "bystander"]);
    home.decide(vec![Decision::Send(digest.clone())]).await;
    let all = ["sent", "pending", "decided", "nobody"].map(str::to_owned).to_vec();
    assert_eq!(home.store.hold_nudges(all.clone()).await, Ok(2));
    assert!(home.claim(NOW).await.is_empty());
    let summary = home.store.summary().await.unwrap();
    let expected = [("decided", 1), ("held", 2), ("pending", 1)];
    assert_eq!(summary.nudges, expected.map(|(state, n)| (state.to_owned(), n)));

    assert_eq!(home.store.settle_held(all, true, NOW).await, Ok(2));
    home.decide(vec![Decision::Send(digest)]).await;
    assert_eq!(home.claim(NOW).await.len(), 1, "its id is free again");
}

/// Its message was dropped while its task still waited; then it is held, let go
/// and decided anew, under the same names. That must not be refused for ever.
#[tokio::test]
async fn what_is_released_after_a_dropped_delivery_is_decided_anew() {
    let home = Home::new();
    home.nudges(&["n"]).await;
    let chat = delivery("d-chat", "chat", &["n"]);
    let task = NewDelivery { channel: "task".into(), ..delivery("d-task", "crm", &["n"]) };
    let both = || vec![Decision::Send(chat.clone()), Decision::Send(task.clone())];
    home.decide(both()).await;
    home.drop_waiting("d-chat", "no_channel").await;
    assert_eq!(home.store.hold_nudges(vec!["n".into()]).await, Ok(1));
    assert_eq!(home.store.settle_held(vec!["n".into()], true, NOW).await, Ok(1));
    home.decide(both()).await;
    assert_eq!(home.state("d-chat").await.state, Waiting);
    assert_eq!(home.claim(NOW).await.len(), 2);
}

/// What was dropped after a second sending may have arrived: its name stays taken.
#[tokio::test]
async fn a_delivery_that_may_have_arrived_gives_its_name_to_no_other() {
    let home = Home::new();
    let id = home.waiting("n").await;
    home.claim(NOW).await;
    home.store.record_unknown(id.clone(), "time-out".into(), NOW).await.unwrap();
    home.store.resend_unknown(id.clone(), NOW).await.unwrap();
    home.drop_waiting(&id, "expired").await;
    let snoozed = vec![("n".to_owned(), NudgeState::Pending, NOW)];
    home.commit(Batch { nudge_steps: snoozed, ..Batch::default() }).await;
    let send = vec![Decision::Send(delivery(&id, "chat", &["n"]))];
    let version = home.version().await;
    assert!(home.store.commit_attention(version, send).await.is_err());
}

/// The first sending may have arrived, so a second one that certainly did not
/// gives nothing back.
#[tokio::test]
async fn a_second_sending_that_fails_refunds_nothing() {
    let home = Home::new();
    let id = home.waiting("n").await;
    home.claim(NOW).await;
    home.store.record_unknown(id.clone(), "time-out".into(), NOW).await.unwrap();
    home.store.resend_unknown(id.clone(), NOW).await.unwrap();
    home.claim(NOW).await;
    home.store.record_retry(id.clone(), NOW, "limited".into(), false).await.unwrap();
    assert_eq!(home.state(&id).await.spent_at, Some(NOW));
    assert_eq!(home.store.hold_nudges(vec!["n".into()]).await, Ok(0), "it may have been sent");
}
