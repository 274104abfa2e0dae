//! One batch, one transaction, the same rows however often it is replayed.

use crate::fixture::*;
use touchline::store::*;
use touchline_rules::facts::DealKey;

fn key(id: &str) -> DealKey {
    DealKey { connection: "crm".into(), id: id.into() }
}

fn seen_key(n: u8) -> DedupeKey {
    DedupeKey::new(NOW, [n; 16])
}

/// A batch that touches everything.
fn whole() -> Batch {
    Batch {
        cursor: Some(CursorMove { from: 0, to: 1 }),
        dedupe: vec![(seen_key(1), NOW)],
        deals: vec![deal("1", 0)],
        changes: vec![change("1", "stage", 1), change("1", "stage", 2)],
        timers: vec![TimerRow { subject: deal_key("1"), due_at: Some(NOW.plus_ms(500)) }],
        firings: vec![firing("f1", "1")],
        nudges: vec![nudge("n1", "f1", "1", 5)],
        work: vec![NewWork {
            key: WorkKey { kind: "fetch".into(), connection: "crm".into(), key: "2".into() },
            next_at: NOW,
            body: vec![],
        }],
        counts: vec![Count { scope: "crm".into(), name: "events".into(), bucket: 0, value: 3 }],
        ..Batch::default()
    }
}

#[tokio::test]
async fn a_batch_is_there_as_a_whole_after_a_kill() {
    let home = Home::new();
    let outcome = home.commit(whole()).await;
    assert_eq!((outcome.firings_new, outcome.nudges_new), (1, 1));
    let killed = home.after_kill();
    let store = &killed.store;
    assert_eq!(store.cursor().await, Ok(1));
    let deals = store.load_subjects(vec![key("2"), key("1")]).await.unwrap();
    assert_eq!(deals, [DealRow { version: 1, ..deal("1", 1) }]);
    let seen = store.seen(vec![seen_key(1), seen_key(2)]).await.unwrap();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [seen_key(1)]);
    assert_eq!(store.changes_of(key("1"), 9).await.unwrap().len(), 2);
    assert_eq!(store.next_timer().await, Ok(Some(NOW.plus_ms(500))));
    assert_eq!(store.due_timers(NOW.plus_ms(499), 9).await, Ok(vec![]));
    assert_eq!(store.due_timers(NOW.plus_ms(500), 9).await.unwrap().len(), 1);
    assert_eq!(store.count_of("crm".into(), "events".into(), 0, 0).await, Ok(3));
    assert_eq!(store.recipients_due(NOW, 9).await, Ok(vec!["ann".to_owned()]));
}

#[tokio::test]
async fn the_same_batch_is_refused_by_its_cursor_and_changes_nothing() {
    let home = Home::new();
    home.commit(whole()).await;
    let before = home.store.summary().await.unwrap();
    let again = Batch { settings_version: home.version().await, ..whole() };
    let refused = home.store.commit_batch(again, CommitClass::Derived).await.unwrap_err();
    assert_eq!(refused.to_string(), "cursor \"ingest\" stands at 1, not at 0");
    assert_eq!(home.store.summary().await.unwrap(), before);
    assert_eq!(home.store.count_of("crm".into(), "events".into(), 0, 0).await, Ok(3));
}

/// As after a power cut: state and cursor stepped back, ids come out the same.
#[tokio::test]
async fn a_replay_makes_no_second_firing_and_wakes_no_decided_nudge() {
    let home = Home::new();
    home.commit(whole()).await;
    home.decide(vec![Decision::Send(delivery("d1", "chat", &["n1"]))]).await;
    let replay = Batch { cursor: None, deals: vec![deal("1", 1)], ..whole() };
    let outcome = home.commit(replay).await;
    assert_eq!((outcome.firings_new, outcome.nudges_new), (0, 0));
    let summary = home.store.summary().await.unwrap();
    assert_eq!(summary.firings, [("buyer-silent".to_owned(), 1)]);
    assert_eq!(summary.nudges, [("decided".to_owned(), 1)]);
    assert_eq!(summary.changes, 2);
}

#[tokio::test]
async fn a_deal_that_somebody_else_wrote_stops_the_batch() {
    let home = Home::new();
    home.commit(whole()).await;
    let stale = |version| Batch {
        cursor: Some(CursorMove { from: 1, to: 2 }),
        deals: vec![deal("1", version)],
        ..Batch::default()
    };
    for version in [0, 7] {
        let batch = Batch { settings_version: home.version().await, ..stale(version) };
        let refused = home.store.commit_batch(batch, CommitClass::Derived).await.unwrap_err();
        let expected = format!("deal \"crm/1\" is no longer at version {version}");
        assert_eq!(refused.to_string(), expected);
        assert_eq!(home.store.cursor().await, Ok(1));
    }
    home.commit(stale(1)).await;
    let moved = DealRow { owner: "owner-2".into(), ..deal("1", 2) };
    home.commit(Batch { deals: vec![moved], ..Batch::default() }).await;
    let key = DealKey { connection: "crm".into(), id: "1".into() };
    let kept = home.store.load_subjects(vec![key]).await.unwrap();
    assert_eq!((kept[0].owner.as_str(), kept[0].version), ("owner-2", 3));
}

#[tokio::test]
async fn settings_that_changed_since_stop_the_batch() {
    let home = Home::new();
    let old = home.version().await;
    let now = home.store.put_setting("sending".into(), b"off".to_vec(), audit("x")).await.unwrap();
    let batch = Batch { settings_version: old, ..whole() };
    let answer = home.store.commit_batch(batch, CommitClass::Derived).await;
    assert_eq!(answer, Ok(Fenced::SettingsChanged { version: now }));
    assert_eq!(home.store.cursor().await, Ok(0));
}

#[tokio::test]
async fn a_timer_moves_and_goes_away() {
    let home = Home::new();
    let set = |due_at| Batch {
        timers: vec![TimerRow { subject: deal_key("1"), due_at }],
        ..Batch::default()
    };
    home.commit(set(Some(NOW))).await;
    home.commit(set(Some(NOW.plus_ms(5)))).await;
    assert_eq!(home.store.next_timer().await, Ok(Some(NOW.plus_ms(5))));
    assert_eq!(home.store.due_timers(NOW.plus_ms(5), 9).await.unwrap().len(), 1);
    home.commit(set(None)).await;
    assert_eq!(home.store.next_timer().await, Ok(None));
}

#[tokio::test]
async fn what_was_seen_is_forgotten_by_its_arrival_not_by_its_occurrence() {
    const HOUR: i64 = 3_600_000;
    let home = Home::new();
    let old = DedupeKey::new(NOW.plus_ms(-100 * HOUR), [1; 16]);
    let arrived_late = DedupeKey::new(NOW.plus_ms(-100 * HOUR), [2; 16]);
    let recent = seen_key(3);
    let dedupe = vec![(old, NOW.plus_ms(-99 * HOUR)), (arrived_late, NOW), (recent, NOW)];
    home.commit(Batch { dedupe, ..Batch::default() }).await;
    assert_eq!(home.store.forget_seen(NOW.plus_ms(-24 * HOUR), 100).await, Ok(1));
    let seen = home.store.seen(vec![old, arrived_late, recent]).await.unwrap();
    assert_eq!(seen, [arrived_late, recent].into());
}

#[tokio::test]
async fn an_ended_firing_drops_what_was_not_said_and_quietens_what_was() {
    let home = Home::new();
    home.nudges(&["pending"]).await;
    let waiting = home.waiting("waiting").await;
    let sent = home.waiting("sent").await;
    home.decide(vec![]).await;
    let claimed = home.claim(NOW).await;
    assert_eq!(claimed.len(), 2);
    let later = NOW.plus_ms(9);
    home.store.record_retry(waiting.clone(), later, "limited".into(), false).await.unwrap();
    home.store.record_sent(sent.clone(), b"ts".to_vec(), NOW, vec![]).await.unwrap();
    let end = |id: &str| EndedFiring {
        firing_id: format!("f-{id}"),
        at: NOW,
        reason: "reason_gone".into(),
    };
    let ended = vec![end("pending"), end("waiting"), end("sent"), end("nobody")];
    home.commit(Batch { ended: ended.clone(), ..Batch::default() }).await;
    home.commit(Batch { ended, ..Batch::default() }).await;

    let dropped = home.state(&waiting).await;
    assert_eq!((dropped.state, dropped.spent_at), (DeliveryState::Dropped, None));
    let reasons = home.reasons();
    assert_eq!(reasons, [("reason_gone".to_owned(), 2)]);
    let work = home.store.claim_work(&["edit"], NOW, 9, 1_000, vec![]).await.unwrap();
    assert_eq!(work.len(), 1);
    assert_eq!((work[0].key.connection.as_str(), &work[0].key.key), ("chat", &sent));
    assert_eq!(home.state(&sent).await.state, DeliveryState::Sent);
}
