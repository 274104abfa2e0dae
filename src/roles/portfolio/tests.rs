//! Any order of what was told, doubled or not, ends in the same portfolios, and
//! they are what all deals say now.

use std::collections::BTreeMap;

use touchline_rules::facts::{Actor, ActorKind, Change, ChangeKind, DealState, Fact, Field, Value};
use touchline_rules::portfolio::standing;

use super::*;
use crate::coaching::portfolios::differing;
use crate::roles::batching::Batching;
use crate::roles::ingest::Ingest;
use crate::roles::stand::{ADA, CRM, START, Stand, account, deal, read, resized, rules};

const PACK: &str = "pack: p
title: P
rules:
  - id: many
    title: Many
    scope: person
    on: state
    when: person.open_deals >= 3
    tip: { headline: '{{ person.open_deals }} open deals', body: 'Which one can wait, {{ person.first_name }}?' }
";
const BEA: &str = "502";
const IDS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A number after a number: the same run for the same seed.
fn next(seed: &mut u64) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) as usize
}

async fn stand() -> Stand {
    let stand = Stand::new("").await;
    let mut metadata = account(&[ADA, BEA]);
    for owner in &mut metadata.owners {
        owner.user_id = Some(format!("user {}", owner.id));
    }
    stand.service.connections.get(CRM).unwrap().set_metadata(Arc::new(metadata));
    stand.service.rules.replace(rules(PACK));
    stand
}

async fn ingest(stand: &Stand) {
    let now = stand.service.now();
    while Ingest::new(Arc::clone(&stand.service)).tick(now).await.unwrap().more {}
}

fn change(id: &str, seed: &mut u64, n: i64) -> Change {
    let text = |text: &str| Fact::Known(Value::Text(text.to_owned()));
    let (field, to) = match next(seed) % 4 {
        0 => (Field::Owner, text([ADA, BEA][next(seed) % 2])),
        1 => (Field::Name, text(&format!("n{n}"))),
        _ => (Field::Amount, Fact::Known(Value::Number((next(seed) as i64 % 50).into()))),
    };
    let user = [ADA, BEA][next(seed) % 2];
    let actor = Actor { kind: ActorKind::Person, user_id: Some(format!("user {user}")) };
    let kind = ChangeKind::FieldSet { field, to };
    Change { kind, actor, ..resized(id, 0, START.plus_ms(n * 1_000)) }
}

/// Deals that change at random, several batches of it.
async fn live(stand: &Stand, seed: &mut u64) {
    stand.append_read(&IDS.map(|id| read(id, ADA))).await;
    ingest(stand).await;
    for round in 0..6 {
        let count = 1 + next(seed) % 5;
        let changes: Vec<Change> =
            (0..count).map(|n| change(IDS[next(seed) % 5], seed, round * 10 + n as i64)).collect();
        stand.append_changes(&changes).await;
        ingest(stand).await;
    }
}

async fn fold_all(stand: &Stand) {
    let role = Portfolio::new(Arc::clone(&stand.service));
    while role.fold().await.unwrap() {}
}

type Rows = (Vec<PortfolioDealRow>, Vec<Vec<u8>>);

async fn rows(stand: &Stand) -> Rows {
    let store = &stand.service.store;
    let deals = store.portfolio_after(Default::default(), 100).await.unwrap();
    let owners = ["owner501@example.com", "owner502@example.com"].map(str::to_owned).to_vec();
    let mut edits = store.portfolio_edits(owners, UnixMs::MIN).await.unwrap();
    edits.sort();
    (deals, edits)
}

async fn log(stand: &Stand) -> Vec<ToldRow> {
    let (_, entries) = stand.service.store.portfolio_log(10_000).await.unwrap();
    entries.into_iter().map(|(_, told)| told).collect()
}

/// Tells this to another store, in batches, and folds it there.
async fn retold(told: &[ToldRow], batch: usize) -> Rows {
    let stand = stand().await;
    for some in told.chunks(batch) {
        let settings_version = stand.service.settings.current().version;
        let batch = Batch { settings_version, told: some.to_vec(), ..Batch::default() };
        stand.service.store.commit_batch(batch, CommitClass::Derived).await.unwrap();
        fold_all(&stand).await;
    }
    rows(&stand).await
}

#[tokio::test]
async fn any_order_and_any_doubling_ends_in_the_same_portfolios() {
    for start in 1..=8_u64 {
        let mut seed = start;
        let stand = stand().await;
        live(&stand, &mut seed).await;
        let told = log(&stand).await;
        assert!(told.len() > 8, "{told:?}");
        fold_all(&stand).await;
        let expected = rows(&stand).await;
        assert!(log(&stand).await.is_empty(), "what was folded is gone");
        let mut shuffled: Vec<ToldRow> = told.clone();
        for _ in 0..told.len() / 2 {
            shuffled.push(told[next(&mut seed) % told.len()].clone());
        }
        for index in (1..shuffled.len()).rev() {
            shuffled.swap(index, next(&mut seed) % (index + 1));
        }
        let batch = 1 + next(&mut seed) % 7;
        assert_eq!(retold(&shuffled, batch).await, expected, "seed {start}");
    }
}

#[tokio::test]
async fn what_was_folded_is_what_all_deals_say_and_telling_again_mends_it() {
    let mut seed = 99;
    let stand = stand().await;
    live(&stand, &mut seed).await;
    fold_all(&stand).await;
    let (deals, _) = rows(&stand).await;
    let metadata = stand.service.metadata(CRM);
    let mut scratch = BTreeMap::new();
    for id in IDS {
        let state: DealState = stand.state(id).await.unwrap();
        scratch.insert(id.to_owned(), standing(&state, &metadata).unwrap());
    }
    let folded =
        deals.iter().map(|row| (row.deal.clone(), serde_json::from_slice(&row.body).unwrap()));
    assert_eq!(folded.collect::<BTreeMap<String, Standing>>(), scratch);
    let store = &stand.service.store;
    assert_eq!(differing(store, CRM, &metadata).await.unwrap(), (5, 0));
    // A row is lost: the check names it, and having every deal tell mends it.
    let lost = Fold {
        from: store.portfolio_log(1).await.unwrap().0,
        to: store.portfolio_log(1).await.unwrap().0 + 1,
        deals: vec![PortfolioDealRow {
            owner: String::new(),
            version: deals[0].version,
            body: Vec::new(),
            ..deals[0].clone()
        }],
        ..Fold::default()
    };
    store.fold_portfolio(lost).await.unwrap();
    assert_eq!(differing(store, CRM, &metadata).await.unwrap(), (5, 1));
    let mut batching =
        Batching::load(&stand.service, IDS.map(deal).into_iter().collect()).await.unwrap();
    for id in IDS {
        batching.tell(&deal(id));
    }
    let batch = batching.finish().unwrap();
    assert_eq!((batch.told.len(), batch.deals.len()), (5, 0), "no deal is written for it");
    store.commit_batch(batch, CommitClass::Derived).await.unwrap();
    fold_all(&stand).await;
    // The same standings, by the versions that the deals have now.
    let said = |rows: Vec<PortfolioDealRow>| {
        rows.into_iter().map(|row| (row.deal, row.owner, row.body)).collect::<Vec<_>>()
    };
    assert_eq!(said(rows(&stand).await.0), said(deals));
    assert_eq!(differing(store, CRM, &metadata).await.unwrap(), (5, 0));
}

#[tokio::test]
async fn where_no_rule_is_about_people_nothing_is_told_and_all_is_forgotten() {
    let mut seed = 5;
    let stand = stand().await;
    live(&stand, &mut seed).await;
    fold_all(&stand).await;
    let quiet =
        PACK.replace("scope: person", "scope: deal").replace("person.open_deals", "deal.amount");
    stand.service.rules.replace(rules(&quiet.replace("person.first_name", "deal.name")));
    stand.append_changes(&[resized("a", 70, START.plus_ms(900_000))]).await;
    ingest(&stand).await;
    assert!(log(&stand).await.is_empty());
    let role = Portfolio::new(Arc::clone(&stand.service));
    while role.tick(START).await.unwrap().worked {}
    assert_eq!(rows(&stand).await, (Vec::new(), Vec::new()));
    assert_eq!(stand.service.store.people_due(UnixMs::MAX, 9).await.unwrap(), (Vec::new(), None));
}

/// A look that something was told into the middle of is made again, and a fold
/// that was made already is not made twice.
#[tokio::test]
async fn looks_and_folds_notice_what_came_between() {
    let stand = stand().await;
    stand.append_read(&IDS.map(|id| read(id, ADA))).await;
    ingest(&stand).await;
    let store = &stand.service.store;
    let (from, entries) = store.portfolio_log(ENTRIES_MAX).await.unwrap();
    let fold = folded(from, entries.last().unwrap().0, &entries);
    store.fold_portfolio(fold.clone()).await.unwrap();
    let again = store.fold_portfolio(fold).await;
    assert!(matches!(again, Err(StoreError::Conflict { .. })), "{again:?}");
    let role = Portfolio::new(Arc::clone(&stand.service));
    let (due, _) = store.people_due(START, 9).await.unwrap();
    let ada = due.into_iter().next().unwrap();
    stand.append_changes(&[resized("a", 9, START.plus_ms(1))]).await;
    ingest(&stand).await;
    fold_all(&stand).await;
    role.look_at(ada.clone(), START).await.unwrap();
    let (due, _) = store.people_due(START, 9).await.unwrap();
    assert_eq!(due.len(), 1, "still to be looked at");
    role.look_at(due.into_iter().next().unwrap(), START).await.unwrap();
    let (due, next) = store.people_due(START, 9).await.unwrap();
    assert!(due.is_empty() && next.is_some_and(|next| next > START));
    let state = store.person_state(ada.person).await.unwrap().unwrap();
    let state: PersonState = serde_json::from_slice(&state.body).unwrap();
    assert!(state.rules["many"].episode.as_ref().is_some_and(|open| open.seeded));
}
