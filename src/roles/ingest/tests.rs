//! What is nobody's fault but an event's own stays its own.

use touchline_rules::facts::Fact;
use touchline_rules::facts::Field;

use super::*;
use crate::roles::batching::FETCH;
use crate::roles::stand::{ADA, POISON, START, Stand, deal, read, resized};

async fn told(stand: &Stand, id: &str) -> usize {
    let subject = crate::roles::batching::subject_key(&deal(id));
    stand.service.store.nudges_of(subject).await.unwrap().len()
}

#[tokio::test]
async fn a_row_over_which_its_connector_panics_becomes_a_dead_letter() {
    let stand = Stand::new("[ingest]\ntries_max = 3\n").await;
    stand.append_read(&[read("one", ADA)]).await;
    let poison = stand.append("hook:", POISON.to_vec()).await;
    let last = stand.append_changes(&[resized("one", 7, START)]).await;
    let store = &stand.service.store;
    for attempt in 1..3 {
        // Each time a new start, as if the process had ended.
        let failed = Ingest::new(Arc::clone(&stand.service)).tick(START).await;
        let error = failed.expect_err("it is tried again").to_string();
        assert!(error.contains(&format!("(try {attempt})")), "{error}");
        assert!(error.contains("a body nobody thought of"), "{error}");
        assert!(store.dead_letters(None, 9).await.unwrap().is_empty());
    }
    let ingest = Ingest::new(Arc::clone(&stand.service));
    ingest.tick(START).await.unwrap();
    let letters = store.dead_letters(None, 9).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].seq, letters[0].place, letters[0].attempts), (poison, 0, 3));
    let kept = store.dead_requests_after(0, 9, usize::MAX).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].request.body, POISON);
    assert_eq!(store.cursor().await.unwrap(), last, "the rest goes on");
    assert_eq!(told(&stand, "one").await, 1);
}

/// Each event is a transaction of its own when no time may be spent on a second.
#[tokio::test]
async fn a_transaction_ends_when_its_time_is_over() {
    let stand = Stand::new("[ingest]\nbatch_ms_max = 0\n").await;
    let ids = ["one", "two", "three"];
    stand.append_read(&ids.map(|id| read(id, ADA))).await;
    let last = stand.append_changes(&ids.map(|id| resized(id, 7, START))).await;
    Ingest::new(Arc::clone(&stand.service)).tick(START).await.unwrap();
    assert_eq!(stand.service.store.cursor().await.unwrap(), last);
    for id in ids {
        assert_eq!(told(&stand, id).await, 1);
    }
    let prepared = || async {
        let ingest = Ingest::new(Arc::clone(&stand.service));
        let row = stand.service.store.inbox_after(0, 1, READ_BYTES_MAX).await.unwrap().remove(0);
        let (_, events) = decode(&stand.service, row);
        let prepared = ingest.prepare(&events).await.unwrap();
        let over = prepared.apply(&events, || true).unwrap().taken;
        let prepared = ingest.prepare(&events).await.unwrap();
        (over, prepared.apply(&events, || false).unwrap().taken)
    };
    assert_eq!(prepared().await, (1, 3));
}

#[tokio::test]
async fn a_deal_that_cannot_be_read_is_read_again_and_keeps_nobody_waiting() {
    let stand = Stand::new("").await;
    stand.append_read(&[read("good", ADA)]).await;
    let ingest = Ingest::new(Arc::clone(&stand.service));
    ingest.tick(START).await.unwrap();
    stand.spoil("bad").await;
    assert!(stand.state("bad").await.is_none());
    let changes = [resized("bad", 7, START), resized("good", 7, START)];
    let last = stand.append_changes(&changes).await;
    ingest.tick(START).await.unwrap();
    assert_eq!(stand.service.store.cursor().await.unwrap(), last);
    assert_eq!(told(&stand, "good").await, 1);
    assert_eq!(stand.waiting(FETCH).await, 1);
    stand.append_read(&[read("bad", ADA)]).await;
    ingest.tick(START).await.unwrap();
    let state = stand.state("bad").await.expect("it can be read again");
    assert_eq!(state.facts.text(Field::Owner), Some(ADA));
    assert!(matches!(state.facts.value(Field::Amount), Fact::Known(_)), "what was told counts");
}
