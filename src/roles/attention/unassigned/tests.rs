use std::sync::Arc;

use super::*;
use crate::coaching::people::Person;
use crate::roles::Role as _;
use crate::roles::batching::subject_key;
use crate::roles::ingest::Ingest;
use crate::roles::stand::{ADA, START, Stand, account, deal, read, resized};
use crate::store::NudgeState;

/// The owner id of somebody who was hired a minute ago.
const EVE: &str = "502";

/// A nudge about a deal of Eve's, whom the account as last read does not know.
async fn nudge_of_eves(stand: &Stand) -> NudgeRow {
    stand.store_account(&account(&[ADA])).await;
    stand.append_read(&[read("one", EVE)]).await;
    stand.append_changes(&[resized("one", 7, START)]).await;
    Ingest::new(Arc::clone(&stand.service)).tick(START).await.unwrap();
    nudge(stand).await
}

async fn nudge(stand: &Stand) -> NudgeRow {
    let all = stand.service.store.nudges_of(subject_key(&deal("one"))).await.unwrap();
    let [nudge] = <[NudgeRow; 1]>::try_from(all).unwrap();
    nudge
}

/// One tick, each time of a role that remembers nothing.
async fn look(stand: &Stand) {
    let role = Attention::new(Arc::clone(&stand.service));
    role.tick(stand.service.now()).await.unwrap();
}

#[tokio::test]
async fn a_new_owners_nudge_waits_until_the_account_was_read_again() {
    let stand = Stand::new("").await;
    let made = nudge_of_eves(&stand).await;
    assert_eq!((made.state, made.person.as_str()), (NudgeState::Pending, NOBODY));
    assert_eq!(stand.waiting(METADATA).await, 1);
    look(&stand).await;
    let waits = nudge(&stand).await;
    assert_eq!(waits.state, NudgeState::Pending);
    assert!(waits.due_at > START);
    stand.clock.advance_ms(3 * SECOND_MS);
    stand.store_account(&account(&[ADA, EVE])).await;
    look(&stand).await;
    assert_eq!(nudge(&stand).await.person, NOBODY, "who read the account is about to meet her");
    stand.service.people.put(Person::new("owner502@example.com", "Eve")).await.unwrap();
    stand.clock.advance_ms(3 * SECOND_MS);
    look(&stand).await;
    let found = nudge(&stand).await;
    assert_eq!((found.state, found.person.as_str()), (NudgeState::Pending, "owner502@example.com"));
    assert_eq!(found.id, nudge_id(&made.firing_id, &found.person));
    assert!(found.due_at <= stand.service.now(), "attention decides on it now");
    let body: NudgeBody = serde_json::from_slice(&found.body).unwrap();
    assert_eq!(body.body, "Ask why, Eve.");
}

#[tokio::test]
async fn only_an_account_that_was_read_since_says_that_there_is_no_owner() {
    let stand = Stand::new("").await;
    nudge_of_eves(&stand).await;
    // A read that was under way already.
    stand.clock.advance_ms(30 * SECOND_MS);
    stand.store_account(&account(&[ADA])).await;
    look(&stand).await;
    assert_eq!(nudge(&stand).await.state, NudgeState::Pending);
    stand.clock.advance_ms(2 * MINUTE_MS);
    stand.store_account(&account(&[ADA])).await;
    look(&stand).await;
    assert_eq!(nudge(&stand).await.state, NudgeState::Suppressed);
    let store = &stand.service.store;
    let ledger = store.suppressed_of(NOBODY.to_owned(), UnixMs::MAX, 9).await.unwrap();
    assert_eq!(ledger.iter().map(|row| row.reason.as_str()).collect::<Vec<_>>(), ["no_owner"]);
}

#[tokio::test]
async fn an_account_that_cannot_be_read_ends_the_wait_as_expired() {
    let stand = Stand::new("").await;
    nudge_of_eves(&stand).await;
    stand.clock.advance_ms(PATIENCE_MS);
    look(&stand).await;
    assert_eq!(nudge(&stand).await.state, NudgeState::Suppressed);
    let store = &stand.service.store;
    let ledger = store.suppressed_of(NOBODY.to_owned(), UnixMs::MAX, 9).await.unwrap();
    assert_eq!(ledger.iter().map(|row| row.reason.as_str()).collect::<Vec<_>>(), ["expired"]);
}
