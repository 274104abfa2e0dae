//! The last look before sending, and what it commits.

use crate::fixture::*;
use touchline::store::DeliveryState::*;
use touchline::store::*;
use touchline_rules::UnixMs;

const LATER: UnixMs = UnixMs(NOW.0 + 10);

fn edit(key: &str) -> NewWork {
    let key = WorkKey { kind: "edit".into(), connection: "chat".into(), key: key.into() };
    NewWork { key, next_at: NOW, body: vec![] }
}

async fn nudge_state(home: &Home, id: &str) -> NudgeState {
    home.store.nudge(id.into()).await.unwrap().unwrap().state
}

#[tokio::test]
async fn a_look_holds_the_nudges_the_deals_and_the_choices() {
    let home = Home::new();
    home.commit(Batch { deals: vec![deal("1", 0)], ..Batch::default() }).await;
    let pause = PreferenceRow {
        person: "ann".into(),
        kind: PreferenceKind::Pause,
        key: String::new(),
        until: NOW,
        body: vec![],
    };
    home.store.put_preference(pause.clone()).await.unwrap();
    let id = home.waiting("n").await;
    let found = home.due(NOW, &[("chat", 1)]).await;
    let expected = Looked {
        settings_version: home.version().await,
        deliveries: vec![(
            home.state(&id).await,
            vec![home.store.nudge("n".into()).await.unwrap().unwrap()],
        )],
        deals: vec![DealRow { version: 1, ..deal("1", 0) }],
        people: Vec::new(),
        preferences: vec![pause],
        broken: vec![],
    };
    assert_eq!(found, expected);
}

/// One commit: no claim without the work that was asked for beside it.
#[tokio::test]
async fn what_a_look_decided_is_there_as_a_whole_after_a_kill() {
    let home = Home::new();
    for id in ["send", "wait", "drop", "late"] {
        home.waiting(id).await;
    }
    let version = home.version().await;
    let wait = LastLook::Wait { until: LATER, why: "quiet_hours".into() };
    let looks = [
        ("d-send", claim_until(LATER)),
        ("d-wait", wait),
        ("d-drop", LastLook::Drop { reason: "reason_gone".into(), without: vec![] }),
        ("d-late", LastLook::TakeBack),
    ];
    let looks = looks.map(|(id, look)| (id.to_owned(), look)).to_vec();
    let settled = home.store.settle_due(version, NOW, looks, vec![edit("x")]).await.unwrap();
    let claimed = settled.done().unwrap();
    assert_eq!(claimed, [home.state("d-send").await]);

    let killed = home.after_kill();
    let sent = killed.state("d-send").await;
    assert_eq!((sent.state, sent.spent_at, sent.until), (Claimed, Some(NOW), LATER));
    let waiting = killed.state("d-wait").await;
    let of_it = (waiting.state, waiting.why.as_str(), waiting.spent_at, waiting.attempts);
    assert_eq!(of_it, (Waiting, "quiet_hours", None, 0));
    assert!(killed.due(NOW, &[("chat", 9)]).await.deliveries.is_empty());
    assert_eq!(killed.due(LATER, &[("chat", 9)]).await.deliveries.len(), 1);
    for (id, state) in [("drop", NudgeState::Suppressed), ("late", NudgeState::Pending)] {
        assert_eq!(killed.state(&format!("d-{id}")).await.state, Dropped);
        assert_eq!(nudge_state(&killed, id).await, state);
    }
    let reasons = killed.reasons();
    assert_eq!(reasons, [("reason_gone".to_owned(), 1)]);
    let work = killed.store.claim_work(&["edit"], NOW, 9, 1_000, vec![]).await.unwrap();
    assert_eq!(work[0].key, edit("x").key);
}

/// Asked for in a commit of its own, it could be lost between the two.
#[tokio::test]
async fn what_follows_a_sending_is_asked_for_with_its_receipt() {
    let home = Home::new();
    let id = home.waiting("n").await;
    home.claim(NOW).await;
    home.store.record_sent(id.clone(), b"ts".to_vec(), NOW, vec![edit(&id)]).await.unwrap();
    let killed = home.after_kill();
    assert_eq!(killed.state(&id).await.receipt, b"ts");
    let work = killed.store.claim_work(&["edit"], NOW, 9, 1_000, vec![]).await.unwrap();
    assert_eq!(work[0].key, edit(&id).key);
}

#[tokio::test]
async fn two_looks_at_one_delivery_claim_it_once_and_never_before_its_time() {
    let home = Home::new();
    let id = home.waiting("n").await;
    let (first, second, third) = (
        home.due(NOW, &[("chat", 9)]).await,
        home.due(NOW, &[("chat", 9)]).await,
        home.due(NOW, &[("chat", 9)]).await,
    );
    assert_eq!(home.settle(NOW, first, claim_until(LATER)).await.len(), 1);
    assert!(home.settle(NOW, second, claim_until(LATER)).await.is_empty(), "it is claimed");
    home.store.record_retry(id.clone(), LATER, "limited".into(), false).await.unwrap();
    assert!(home.settle(NOW, third.clone(), claim_until(LATER)).await.is_empty(), "too early");
    let expiry = home.state(&id).await.expires_at;
    assert!(home.settle(expiry, third.clone(), claim_until(LATER)).await.is_empty(), "too late");
    assert_eq!(home.settle(LATER, third, claim_until(LATER)).await.len(), 1);
}

#[tokio::test]
async fn what_was_answered_since_the_look_is_not_sent() {
    let home = Home::new();
    let id = home.waiting("n").await;
    let found = home.due(NOW, &[("chat", 9)]).await;
    let answered = vec![("n".to_owned(), NudgeState::Answered, NOW)];
    home.commit(Batch { nudge_steps: answered, ..Batch::default() }).await;
    assert!(home.settle(NOW, found, claim_until(LATER)).await.is_empty());
    let left = home.state(&id).await;
    assert_eq!((left.state, left.spent_at), (Waiting, None));
}

#[tokio::test]
async fn a_digest_goes_out_without_what_is_not_said_any_more() {
    let home = Home::new();
    home.nudges(&["gone", "kept"]).await;
    home.decide(vec![Decision::Send(delivery("digest", "chat", &["gone", "kept"]))]).await;
    let found = home.due(NOW, &[("chat", 9)]).await;
    let without = vec![("gone".to_owned(), "muted".to_owned())];
    let claim = LastLook::Claim { until: LATER, without, said: vec![] };
    assert_eq!(home.settle(NOW, found, claim).await.len(), 1);
    let carried = home.store.nudges_of_delivery("digest".into()).await.unwrap();
    assert_eq!(carried.iter().map(|nudge| nudge.id.as_str()).collect::<Vec<_>>(), ["kept"]);
    assert_eq!(nudge_state(&home, "gone").await, NudgeState::Suppressed);
    let reasons = home.reasons();
    assert_eq!(reasons, [("muted".to_owned(), 1)]);
}

#[tokio::test]
async fn what_is_dropped_leaves_each_nudge_its_own_word() {
    let home = Home::new();
    home.nudges(&["muted", "other"]).await;
    home.decide(vec![Decision::Send(delivery("digest", "chat", &["muted", "other"]))]).await;
    let found = home.due(NOW, &[("chat", 9)]).await;
    let without = vec![("muted".to_owned(), "muted".to_owned())];
    let look = LastLook::Drop { reason: "reason_gone".into(), without };
    assert!(home.settle(NOW, found, look).await.is_empty());
    assert_eq!(home.state("digest").await.state, Dropped);
    let reasons = home.reasons();
    assert_eq!(reasons, [("muted".to_owned(), 1), ("reason_gone".to_owned(), 1)]);
}

/// It was sent again already: decided anew, it could come a third time.
#[tokio::test]
async fn what_may_have_arrived_is_not_decided_anew() {
    let home = Home::new();
    let id = home.waiting("n").await;
    home.claim(NOW).await;
    home.store.record_unknown(id.clone(), "time-out".into(), NOW).await.unwrap();
    home.store.resend_unknown(id.clone(), NOW).await.unwrap();
    let found = home.due(NOW, &[("chat", 9)]).await;
    home.settle(NOW, found, LastLook::TakeBack).await;
    let gone = home.state(&id).await;
    assert_eq!((gone.state, gone.spent_at), (Dropped, Some(NOW)), "and it stays charged");
    assert_eq!(nudge_state(&home, "n").await, NudgeState::Suppressed);
}

#[tokio::test]
async fn nothing_is_said_in_a_chat_before_the_hello_is_settled() {
    let home = Home::new();
    home.waiting("n").await;
    home.nudges(&["m"]).await;
    let task = NewDelivery { channel: "task".into(), ..delivery("task", "crm", &["m"]) };
    let hello = |id: &str, connection: &str| NewDelivery {
        channel: "hello".into(),
        ..delivery(id, connection, &[])
    };
    let elsewhere = hello("elsewhere", "crm");
    home.decide(vec![Decision::Send(task), Decision::Send(elsewhere)]).await;
    let due = async || {
        let rooms = [("chat".to_owned(), 9.into()), ("crm".to_owned(), 9.into())].into();
        let found = home.store.due_deliveries(NOW, rooms, true).await.unwrap();
        let mut ids: Vec<_> = found.deliveries.into_iter().map(|(row, _)| row.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(due().await, ["elsewhere", "task"]);
    home.decide(vec![Decision::Send(hello("hello", "chat"))]).await;
    assert_eq!(due().await, ["elsewhere", "hello", "task"]);

    let version = home.version().await;
    let look = vec![("hello".to_owned(), claim_until(LATER))];
    home.store.settle_due(version, NOW, look, vec![]).await.unwrap().done().unwrap();
    assert_eq!(due().await, ["elsewhere", "task"]);
    home.store.record_unknown("hello".into(), "time-out".into(), LATER).await.unwrap();
    assert_eq!(due().await, ["elsewhere", "task"], "it is looked at again");
    home.store.record_unknown("hello".into(), "time-out".into(), UnixMs::MAX).await.unwrap();
    assert_eq!(due().await, ["d-n", "elsewhere", "task"], "nobody looks at it any more");
    let look = home.store.load_recipient("ann".into(), NOW, 9, NOW, "chat".into()).await.unwrap();
    assert_eq!(look.hello, Some(home.state("hello").await));
}
