//! People, connections, credentials, settings, rules, links, audit, erasure.

use crate::fixture::*;
use rusqlite::Connection;
use touchline::store::*;
use touchline::wake::News;
use touchline_rules::UnixMs;
use touchline_rules::facts::DealKey;

#[tokio::test]
async fn a_tampered_audit_row_is_found() {
    let home = Home::new();
    for action in ["a", "b", "c"] {
        home.store.append_audit(audit(action)).await.unwrap();
    }
    let good = home.store.check_audit().await.unwrap();
    assert_eq!((good.rows, good.broken_at), (3, None));
    let newest = home.store.audit_before(i64::MAX, 1).await.unwrap();
    assert_eq!((newest[0].entry.action.as_str(), &newest[0].hash), ("c", &good.head));

    let raw = Connection::open(home.path()).unwrap();
    raw.execute("UPDATE audit SET actor = 'nobody@example.com' WHERE seq = 2", []).unwrap();
    assert_eq!(home.store.check_audit().await.unwrap().broken_at, Some(2));
    raw.execute("DELETE FROM audit WHERE seq <= 2", []).unwrap();
    assert_eq!(home.store.check_audit().await.unwrap().broken_at, Some(1));
}

#[tokio::test]
async fn an_audit_log_longer_than_a_page_is_checked_to_its_end() {
    let home = Home::new();
    for _ in 0..201 {
        home.store.append_audit(audit("x")).await.unwrap();
    }
    let raw = Connection::open(home.path()).unwrap();
    raw.execute("UPDATE audit SET at = at + 1 WHERE seq = 201", []).unwrap();
    assert_eq!(home.store.check_audit().await.unwrap().broken_at, Some(201));
}

#[tokio::test]
async fn a_link_opens_once_for_its_purpose_and_in_time() {
    let home = Home::new();
    let nonce_hash = [7; 32];
    let link = NewLink {
        nonce_hash,
        purpose: "sign-in".into(),
        expires_at: NOW.plus_ms(10),
        body: b"ann".to_vec(),
    };
    home.store.add_link(link).await.unwrap();
    let open = |purpose: &str, now| home.store.use_link(nonce_hash, purpose.into(), now);
    assert_eq!(open("oauth", NOW).await, Ok(None));
    assert_eq!(open("sign-in", NOW.plus_ms(10)).await, Ok(None));
    assert_eq!(open("sign-in", NOW).await, Ok(Some(b"ann".to_vec())));
    assert_eq!(open("sign-in", NOW).await, Ok(None));
    assert_eq!(home.store.forget_links(NOW.plus_ms(10), 9).await, Ok(1));
}

/// Strangers can call with whatever they like: while somebody else writes, they
/// are answered all the same, and nobody is woken for them.
#[tokio::test]
async fn a_link_that_is_not_there_is_not_written_and_told_to_nobody() {
    let home = Home::new();
    let told = home.store.wake().count(News::ALL);
    let raw = Connection::open(home.path()).unwrap();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(home.store.use_link([9; 32], "state".into(), NOW).await, Ok(None));
    raw.execute_batch("ROLLBACK").unwrap();
    let link = NewLink {
        nonce_hash: [9; 32],
        purpose: "state".into(),
        expires_at: NOW.plus_ms(10),
        body: b"way".to_vec(),
    };
    home.store.add_link(link).await.unwrap();
    assert_eq!(home.store.use_link([9; 32], "state".into(), NOW).await, Ok(Some(b"way".to_vec())));
    assert_eq!(home.store.wake().count(News::ALL), told);
}

#[tokio::test]
async fn what_was_said_long_ago_is_forgotten_with_all_that_came_of_it() {
    let home = Home::new();
    let sent = home.waiting("old").await;
    home.claim(NOW).await;
    home.store.record_sent(sent.clone(), b"ts".to_vec(), NOW, vec![]).await.unwrap();
    let outcome = OutcomeRow {
        id: "o".into(),
        nudge_id: "old".into(),
        person: "ann".into(),
        kind: "done".into(),
        at: NOW,
        body: vec![],
    };
    let later = NOW.plus_ms(1_000);
    let new = FiringRow { fired_at: later, ..firing("f-new", "1") };
    let late = nudge("late", "f-late", "1", 5).suppressed("late", NOW);
    home.commit(Batch {
        firings: vec![firing("f-2", "1"), new],
        nudges: vec![nudge("2", "f-2", "1", 5), nudge("new", "f-new", "1", 5)],
        outcomes: vec![outcome],
        suppressed: vec![late],
        ..Batch::default()
    })
    .await;
    home.decide(vec![Decision::Send(delivery("digest", "chat", &["2", "new"]))]).await;
    assert_eq!(home.store.forget_said(NOW, 9).await, Ok(0));
    assert_eq!(home.store.forget_said(later, 1).await, Ok(2), "one firing, and one ledger row");
    assert_eq!(home.store.forget_said(later, 9).await, Ok(1));
    let summary = home.store.summary().await.unwrap();
    assert_eq!(summary.nudges, [("decided".to_owned(), 1)]);
    assert!(summary.outcomes.is_empty() && home.reasons().is_empty());
    assert_eq!(home.store.delivery(sent).await, Ok(None));
    assert_eq!(home.state("digest").await.state, DeliveryState::Waiting, "it carries a newer one");
}

#[tokio::test]
async fn a_history_goes_whole_and_only_when_its_deal_is_closed() {
    let home = Home::new();
    let closed = |id: &str| DealRow { status: "won".into(), ..deal(id, 0) };
    let newer = ChangeRow { occurred_at: NOW.plus_ms(9), ..change("3", "amount", 2) };
    home.commit(Batch {
        deals: vec![closed("1"), deal("2", 0), closed("3")],
        changes: vec![
            change("1", "stage", 1),
            change("1", "amount", 1),
            change("2", "stage", 1),
            change("3", "stage", 1),
            newer,
        ],
        ..Batch::default()
    })
    .await;
    let before = NOW.plus_ms(1);
    let key = |id: &str| Some(DealKey { connection: "crm".into(), id: id.into() });
    assert_eq!(home.store.forget_histories(None, before, 2).await, Ok((2, key("2"))));
    assert_eq!(home.store.forget_histories(key("2"), before, 2).await, Ok((0, None)));
    let left = "SELECT deal, COUNT(*) FROM change GROUP BY deal ORDER BY deal";
    assert_eq!(home.rows(left), [("2".to_owned(), 1), ("3".to_owned(), 2)]);
}

#[tokio::test]
async fn a_choice_that_ended_is_forgotten_once_nothing_rests_on_it() {
    let home = Home::new();
    home.nudges(&["asleep", "said"]).await;
    home.decide(vec![Decision::Send(delivery("d-said", "chat", &["said"]))]).await;
    let put = async |kind, key: &str, until: UnixMs| {
        let (person, key) = ("ann".to_owned(), key.to_owned());
        let row = PreferenceRow { person, kind, key, until, body: Vec::new() };
        home.store.put_preference(row).await.unwrap();
    };
    put(PreferenceKind::Snooze, "asleep", NOW).await;
    put(PreferenceKind::Snooze, "said", NOW).await;
    put(PreferenceKind::Snooze, "later", NOW.plus_ms(1)).await;
    put(PreferenceKind::Pause, "", NOW).await;
    put(PreferenceKind::Mute, "rule", UnixMs::MAX).await;
    assert_eq!(home.store.forget_preferences(NOW, 1).await, Ok(1), "so many and no more");
    assert_eq!(home.store.forget_preferences(NOW, 9).await, Ok(1));
    let left = home.store.preferences("ann".into()).await.unwrap();
    let left: Vec<_> = left.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(left, ["rule", "asleep", "later"], "one is still to be decided on");
}

#[tokio::test]
async fn of_two_that_rotate_a_token_one_is_told_to_load_the_others() {
    let home = Home::new();
    let row = |version, body: &str| CredentialRow {
        connection: "crm".into(),
        name: "refresh_token".into(),
        version,
        updated_at: NOW,
        body: body.as_bytes().to_vec(),
    };
    home.store.put_credential(row(0, "fake-1")).await.unwrap();
    home.store.put_credential(row(1, "fake-2")).await.unwrap();
    let late = home.store.put_credential(row(1, "fake-3")).await.unwrap_err();
    assert!(matches!(late, StoreError::Conflict { .. }), "{late}");
    let kept = home.store.credential("crm".into(), "refresh_token".into()).await.unwrap().unwrap();
    assert_eq!(kept, row(2, "fake-2"));
    assert!(!format!("{kept:?}").contains("102"), "a debug print shows no ciphertext");
    assert_eq!(home.store.credentials().await.unwrap().len(), 1);
    assert_eq!(home.store.delete_credentials("crm".into()).await, Ok(1));
}

#[tokio::test]
async fn a_first_setting_never_overrides_what_was_chosen() {
    let home = Home::new();
    let first = |value: &str| {
        home.store.put_first_setting("sending".into(), value.as_bytes().to_vec(), audit("first"))
    };
    assert_eq!(first("off").await, Ok(true));
    home.store.put_setting("sending".into(), b"pilot".to_vec(), audit("set")).await.unwrap();
    assert_eq!(first("everyone").await, Ok(false));
    let kept = home.store.setting("sending".into()).await.unwrap().unwrap();
    assert_eq!(kept.body, b"pilot");
    let (version, all) = home.store.settings().await.unwrap();
    assert_eq!((version, all), (home.version().await, vec![kept]));
    assert_eq!(home.store.check_audit().await.unwrap().rows, 2);
}

#[tokio::test]
async fn a_person_is_found_by_every_name_and_an_email_is_one_persons() {
    let home = Home::new();
    let ann = PersonRow {
        id: "ann".into(),
        email: "ann@example.com".into(),
        version: 0,
        body: b"{}".to_vec(),
    };
    let known = IdentityRow {
        connection: "crm".into(),
        kind: "owner".into(),
        vendor_id: "42".into(),
        person: "ann".into(),
    };
    home.store.put_people(vec![ann.clone()], vec![known]).await.unwrap();
    let stored = Some(PersonRow { version: 1, ..ann.clone() });
    let by_id = home.store.person_by_identity("crm".into(), "owner".into(), "42".into()).await;
    assert_eq!(by_id, Ok(stored.clone()));
    let as_user = home.store.person_by_identity("crm".into(), "user".into(), "42".into()).await;
    assert_eq!(as_user, Ok(None));
    let bob = PersonRow { id: "bob".into(), ..ann.clone() };
    let taken = home.store.put_people(vec![bob], vec![]).await.unwrap_err();
    assert_eq!(taken.to_string(), "person \"bob\" has the e-mail of person \"ann\"");
    for id in ["x", "y"] {
        let nameless = PersonRow { id: id.into(), email: String::new(), ..ann.clone() };
        home.store.put_people(vec![nameless], vec![]).await.unwrap();
    }
    assert_eq!(home.store.people("ann".into(), 9).await.unwrap().len(), 2);
    home.store.put_people(vec![PersonRow { version: 1, ..ann.clone() }], vec![]).await.unwrap();
    let stale =
        home.store.put_people(vec![PersonRow { version: 1, ..ann }], vec![]).await.unwrap_err();
    assert!(matches!(stale, StoreError::Conflict { .. }), "{stale}");
}

#[tokio::test]
async fn a_connection_breaks_once_and_its_parts_are_written_apart() {
    let home = Home::new();
    let row = ConnectionRow {
        name: "crm".into(),
        connector: "hubspot".into(),
        status: "working".into(),
        reason: String::new(),
        version: 0,
        updated_at: NOW,
        body: b"{}".to_vec(),
    };
    home.store.put_connection(row, audit("connection.add")).await.unwrap();
    let version = home.version().await;
    let broke = || {
        home.store.set_connection_status("crm".into(), "broken".into(), "invalid_grant".into(), NOW)
    };
    assert_eq!((broke().await, broke().await), (Ok(true), Ok(false)));
    assert_eq!(home.version().await, version + 1);
    let stored = home.store.connection("crm".into()).await.unwrap().unwrap();
    assert_eq!((stored.status.as_str(), stored.version), ("broken", 2));
    assert_eq!(home.store.connections().await.unwrap().len(), 1);

    let put = |part, version, body: &str| {
        home.store.put_connection_part("crm".into(), part, version, body.into(), NOW)
    };
    assert_eq!(put(Part::PollCursor, 0, "c1").await, Ok(1));
    assert_eq!(put(Part::Metadata, 0, "m1").await, Ok(1));
    assert_eq!(put(Part::PollCursor, 1, "c2").await, Ok(2));
    assert!(put(Part::PollCursor, 1, "c3").await.is_err());
    let part = home.store.connection_part("crm".into(), Part::PollCursor).await.unwrap().unwrap();
    assert_eq!((part.version, part.body.as_slice()), (2, b"c2".as_slice()));
}

#[tokio::test]
async fn a_rule_version_is_kept_once() {
    let home = Home::new();
    let row = |hash: &str, at: UnixMs| RuleVersionRow {
        hash: hash.into(),
        rule_id: "buyer-silent".into(),
        created_at: at,
        body: b"rule".to_vec(),
    };
    let add = |rows| home.store.add_rule_versions(rows, audit("rules.publish"));
    assert_eq!(add(vec![row("h1", NOW)]).await, Ok(1));
    assert_eq!(add(vec![row("h1", NOW), row("h2", NOW.plus_ms(1))]).await, Ok(1));
    assert_eq!(add(vec![row("h1", NOW)]).await, Ok(0));
    let versions = home.store.rule_versions("buyer-silent".into(), 9).await.unwrap();
    assert_eq!(versions.iter().map(|v| v.hash.as_str()).collect::<Vec<_>>(), ["h2", "h1"]);
    assert_eq!(home.store.rule_version("h1".into()).await, Ok(Some(row("h1", NOW))));
    assert_eq!(home.store.check_audit().await.unwrap().rows, 2);
}

#[tokio::test]
async fn an_erased_deal_leaves_nothing_but_what_was_already_sent() {
    let home = Home::new();
    home.commit(Batch {
        deals: vec![deal("1", 0), deal("2", 0)],
        changes: vec![change("1", "stage", 1), change("2", "stage", 1)],
        timers: vec![TimerRow { subject: deal_key("1"), due_at: Some(NOW) }],
        ..Batch::default()
    })
    .await;
    let sent = home.waiting("sent").await;
    home.claim(NOW).await;
    home.store.record_sent(sent.clone(), b"ts".to_vec(), NOW, vec![]).await.unwrap();
    home.nudges(&["unsent"]).await;
    let other = nudge("other", "f-other", "2", 5);
    home.commit(Batch { nudges: vec![other], ..Batch::default() }).await;
    let digest = delivery("digest", "chat", &["unsent", "other"]);
    home.decide(vec![Decision::Send(digest)]).await;
    let key = DealKey { connection: "crm".into(), id: "1".into() };
    home.store.erase_deal(key.clone(), audit("erase")).await.unwrap();

    let summary = home.store.summary().await.unwrap();
    assert_eq!(summary.deals, [("open".to_owned(), 1)]);
    assert_eq!((summary.changes, summary.firings), (1, vec![]));
    assert_eq!(home.store.next_timer().await, Ok(None));
    let quiet = home.state(&sent).await;
    assert_eq!(
        (quiet.body.as_slice(), quiet.receipt.as_slice()),
        (b"".as_slice(), b"ts".as_slice())
    );
    assert_eq!(home.store.delivery("digest".into()).await, Ok(None));
    assert_eq!(summary.nudges, [("pending".to_owned(), 1)], "the other deal's is decided anew");
}
