use std::sync::Arc;

use super::guarding::SET_ASIDE_MS;
use super::*;
use crate::roles::Role as _;
use crate::roles::stand::{ADA, START, Stand, account, deal, read, resized, rules};
use crate::roles::timers::Timers;

/// Other rules, other accounts: what is decided together is decided on one of them.
#[tokio::test]
async fn a_batch_is_decided_on_the_rules_and_accounts_it_began_with() {
    let stand = Stand::new("").await;
    let (service, key) = (&stand.service, deal("one"));
    let mut batching = Batching::load(service, BTreeSet::from([key.clone()])).await.unwrap();
    batching.step(&key, Stimulus::Observation(&read("one", ADA)), START);
    service.rules.replace(rules(
        "pack: q\ntitle: Q\nrules:\n  - id: other\n    title: O\n    on: deal.created\n    when: 'true'\n    attention: card\n    tip: { headline: h, body: b }\n",
    ));
    let crm = service.connections.get("crm").unwrap();
    crm.set_metadata(Arc::new(account(&[])));
    batching.step(&key, Stimulus::Change(&resized("one", 7, START)), START);
    let batch = batching.finish().unwrap();
    let fired: Vec<_> = batch.firings.iter().map(|firing| firing.rule_id.as_str()).collect();
    assert_eq!(fired, ["resized"]);
    assert_eq!(batch.nudges[0].person, "owner501@example.com");
    assert!(!batch.nudges[0].body.is_empty(), "with the text of the rule that fired");
    assert_eq!(batch.deals[0].status, "open");
}

#[tokio::test]
async fn a_timer_of_a_deal_that_cannot_be_read_stops_no_other() {
    let stand = Stand::new("").await;
    stand.spoil("bad").await;
    let timers = Timers::new(Arc::clone(&stand.service));
    assert!(timers.tick(START).await.unwrap().worked);
    assert!(!timers.tick(START).await.unwrap().worked, "it is not due for ever");
    assert!(stand.state("bad").await.is_some());
    assert_eq!(stand.waiting(FETCH).await, 1);
}

#[tokio::test]
async fn a_deal_over_which_the_engine_panics_is_set_aside() {
    let stand = Stand::new("").await;
    let (bad, good) = (deal("bad"), deal("good"));
    let keys = BTreeSet::from([bad.clone(), good.clone()]);
    let mut batching = Batching::load(&stand.service, keys).await.unwrap();
    batching.watch_over(&bad, START, |it| {
        it.step(&bad, Stimulus::Observation(&read("bad", ADA)), START);
        panic!("a rule nobody thought of");
    });
    batching.watch_over(&good, START, |it| {
        it.step(&good, Stimulus::Observation(&read("good", ADA)), START);
    });
    let batch = batching.finish().unwrap();
    assert_eq!(batch.deals.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["good"]);
    let aside = batch.timers.iter().find(|timer| timer.subject.id == "bad").unwrap();
    assert_eq!(aside.due_at, Some(START.plus_ms(SET_ASIDE_MS)));
}
