//! Work rows: coalesced, bounded, claimed in turns.

use crate::fixture::*;
use touchline::store::*;

fn ask(connection: &str, key: &str) -> NewWork {
    NewWork {
        key: WorkKey { kind: "fetch".into(), connection: connection.into(), key: key.into() },
        next_at: NOW,
        body: b"{}".to_vec(),
    }
}

async fn claim(home: &Home, now: touchline_rules::UnixMs, limit: usize) -> Vec<WorkRow> {
    home.store.claim_work(&["fetch", "activity"], now, limit, 1_000, vec![]).await.unwrap()
}

fn keys(rows: &[WorkRow]) -> Vec<String> {
    rows.iter().map(|row| format!("{}/{}", row.key.connection, row.key.key)).collect()
}

#[tokio::test]
async fn asked_twice_is_done_once_and_asked_meanwhile_is_done_again() {
    let home = Home::new();
    home.store.ask_work(vec![ask("crm", "1"), ask("crm", "1")]).await.unwrap();
    let first = claim(&home, NOW, 9).await;
    assert_eq!(keys(&first), ["crm/1"]);
    assert_eq!(first[0].attempts, 1);
    assert!(claim(&home, NOW, 9).await.is_empty(), "it is leased");
    assert_eq!(home.store.next_work_at(&["fetch"]).await, Ok(Some(NOW.plus_ms(1_000))));
    home.store.ask_work(vec![ask("crm", "1")]).await.unwrap();
    home.store.finish_work(first).await.unwrap();
    let second = claim(&home, NOW, 9).await;
    assert_eq!(keys(&second), ["crm/1"]);
    home.store.finish_work(second).await.unwrap();
    assert_eq!(home.store.next_work_at(&["fetch"]).await, Ok(None));
}

#[tokio::test]
async fn a_failed_try_waits_and_is_counted_also_when_the_process_dies() {
    let home = Home::new();
    home.store.ask_work(vec![ask("crm", "1")]).await.unwrap();
    let tried = claim(&home, NOW, 9).await;
    home.store
        .retry_work(tried[0].key.clone(), NOW.plus_ms(50), "not available".into())
        .await
        .unwrap();
    home.store.ask_work(vec![ask("crm", "1")]).await.unwrap();
    assert!(claim(&home, NOW, 9).await.is_empty(), "asking again does not cut the back-off short");
    let again = claim(&home, NOW.plus_ms(50), 9).await;
    assert_eq!((again[0].attempts, again[0].why.as_str()), (2, "not available"));
    let killed = home.after_kill();
    let third = claim(&killed, NOW.plus_ms(2_000), 9).await;
    assert_eq!(third[0].attempts, 3);
}

#[tokio::test]
async fn a_noisy_connection_does_not_delay_another_and_a_broken_one_is_skipped() {
    let home = Home::new();
    let mut asked: Vec<_> = (0..50).map(|n| ask("noisy", &format!("{n:02}"))).collect();
    asked.push(ask("quiet", "q"));
    home.store.ask_work(asked).await.unwrap();
    let claimed = keys(&claim(&home, NOW, 4).await);
    assert!(claimed.contains(&"quiet/q".to_owned()), "{claimed:?}");
    let skip = vec!["noisy".to_owned()];
    let none = home.store.claim_work(&["fetch"], NOW, 4, 1_000, skip).await.unwrap();
    assert!(none.is_empty());
}

#[tokio::test]
async fn work_is_bounded_and_what_is_known_may_still_be_asked() {
    let home = Home::with(StoreOptions { work_rows_max: 2, ..StoreOptions::default() });
    let refused =
        home.store.ask_work(vec![ask("crm", "1"), ask("crm", "2"), ask("crm", "3")]).await.unwrap();
    assert_eq!(refused, [ask("crm", "3").key]);
    assert_eq!(home.store.ask_work(vec![ask("crm", "2"), ask("b", "1")]).await, Ok(vec![]));
    assert_eq!(home.store.work_waiting("fetch".into(), "crm".into()).await, Ok(2));
}

#[tokio::test]
async fn poison_is_counted_before_the_try_and_can_be_replayed_once() {
    let home = Home::new();
    home.store.append(request("bad")).await.unwrap();
    assert_eq!(home.store.count_failed_try(1, 0).await, Ok(1));
    let killed = home.after_kill();
    assert_eq!(killed.store.count_failed_try(1, 0).await, Ok(2));
    assert_eq!(killed.store.forget_tries(1).await, Ok(1));
    assert_eq!(killed.store.count_failed_try(1, 0).await, Ok(1));

    home.commit(given_up(1, 0..1)).await;
    let letter = DeadLetterRow {
        seq: 1,
        place: 0,
        connection: "crm".into(),
        kind: "events".into(),
        received_at: NOW,
        attempts: 3,
        reason: "no object id".into(),
        state: DeadLetterState::Waiting,
    };
    assert_eq!(home.store.dead_letters(None, 9).await, Ok(vec![letter]));
    assert_eq!(home.store.replay_dead_letters(1, vec![0]).await, Ok((2, vec![0])));
    let again = home.store.replay_dead_letters(1, vec![0]).await.unwrap_err();
    assert_eq!(again.to_string(), "dead letter \"1/0\" was replayed already");
    assert_eq!(states(&home).await, [(0, DeadLetterState::Replayed)]);
    let stored = &home.store.inbox_after(1, 9, 99).await.unwrap()[0].request;
    let expected = NewInbox { kind: "only:0:events".into(), ..request("bad") };
    assert_eq!(*stored, expected);
    assert!(home.store.dead_letters(Some((1, 0)), 9).await.unwrap().is_empty());
}

/// A batch that gives these places of a request up.
fn given_up(seq: u64, places: std::ops::Range<u32>) -> Batch {
    let request = std::sync::Arc::new(request("bad"));
    let letter = |place| NewDeadLetter {
        seq,
        place,
        request: request.clone(),
        attempts: 3,
        reason: "no object id".into(),
    };
    Batch { dead_letters: places.map(letter).collect(), ..Batch::default() }
}

async fn states(home: &Home) -> Vec<(u32, DeadLetterState)> {
    let letters = home.store.dead_letters(None, 999).await.unwrap();
    letters.into_iter().map(|letter| (letter.place, letter.state)).collect()
}

const BODIES: &str = "SELECT CAST(body AS TEXT), COUNT(*) FROM dead_request GROUP BY 1";

#[tokio::test]
async fn many_letters_of_a_request_keep_it_once_and_are_replayed_as_one() {
    let home = Home::new();
    home.commit(given_up(1, 0..100)).await;
    assert_eq!(home.rows(BODIES), [("bad".to_owned(), 1)]);
    assert_eq!(home.store.discard_dead_letters(1, vec![7]).await, Ok(vec![7]));
    let refused = home.store.replay_dead_letters(1, vec![6, 7]).await.unwrap_err();
    assert_eq!(refused.to_string(), "dead letter \"1/7\" was discarded already");
    let (at, places) = home.store.replay_dead_letters(1, vec![]).await.unwrap();
    assert_eq!((at, places.len()), (1, 99));
    let inbox = home.store.inbox_after(0, 9, 99).await.unwrap();
    assert_eq!((inbox.len(), inbox[0].request.kind.as_str()), (1, "only:0-6,8-99:events"));
    assert_eq!(home.rows(BODIES), [(String::new(), 1)], "nobody needs it any more");
    assert!(home.store.replay_dead_letters(1, vec![]).await.is_err(), "none waits");
}

#[tokio::test]
async fn letters_are_erased_on_request_and_forgotten_in_time() {
    let home = Home::new();
    home.commit(given_up(1, 0..2)).await;
    home.commit(given_up(2, 0..2)).await;
    assert_eq!(home.store.dead_requests_after(1, 9, 99).await.unwrap().len(), 1);
    home.store.blank_dead_requests(vec![1]).await.unwrap();
    assert_eq!(home.rows(BODIES), [(String::new(), 1), ("bad".to_owned(), 1)]);
    assert_eq!(states(&home).await[0], (0, DeadLetterState::Discarded));
    assert_eq!(home.store.forget_dead_letters(NOW, 9).await, Ok(0));
    assert_eq!(home.store.forget_dead_letters(NOW.plus_ms(1), 1).await, Ok(1));
    assert_eq!(home.store.forget_dead_letters(NOW.plus_ms(1), 9).await, Ok(1));
    assert!(states(&home).await.is_empty() && home.rows(BODIES).is_empty());
}
