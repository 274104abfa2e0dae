//! The history arrives as signed webhooks over HTTP: once in order, twice, and
//! shuffled. The fake CRM answers the service's reads meanwhile.

use std::collections::BTreeMap;

use touchline::app::App;
use touchline::clock::Clock as _;
use touchline::demo::replay::Replay;
use touchline::demo::stage::{Plan, Stage};
use touchline::history::History;
use touchline::roles::batching::subject_key;
use touchline_rules::UnixMs;
use touchline_rules::engine::Firing;
use touchline_rules::facts::{ChangeKind, DealKey, Fact, Field, Value};
use touchline_rules::time::MINUTE_MS;

use crate::data::Opportunities;

/// 2026-03-02T09:00:00Z: signatures are of today, the history is not.
const NOW: UnixMs = UnixMs(1_772_442_000_000);
/// Deals or firings read at once.
const PAGE: usize = 1_000;
/// Movements played before their webhooks are sent, in order.
const PORTION: usize = 1_000;
/// Instants at which something may come due before everything has come to rest.
const RESTS_MAX: usize = 1_000;
const SEED: u64 = 20_161_020;

#[derive(Copy, Clone, PartialEq)]
enum Delivery {
    Once,
    Twice,
    Shuffled,
}

/// What was in the database in the end.
struct Ending {
    stages: BTreeMap<String, u64>,
    /// How often each fired: rule, the history's deal, event, when the change
    /// happened, new value.
    event_firings: BTreeMap<(String, String, String, UnixMs, String), u64>,
    /// Firings of state rules, by rule.
    state_firings: BTreeMap<String, u64>,
    dead_letters: u64,
}

/// The service takes part with its own limits; only the fake's quota is lifted,
/// for a company does not live through a year in a minute.
async fn deliver(history: &History, delivery: Delivery) -> Ending {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = Plan::new(NOW, folder.path());
    plan.time_zone.clone_from(&history.header.metadata.time_zone);
    // Shipped rules about events rest on facts that the file does not tell.
    let echo = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/echo.yaml");
    plan.config = format!(
        "rules = [\"builtin:core-pipeline\", {echo:?}]\n[attention]\nmass_change_deals = \"off\"\n"
    );
    plan.hubspot = |hubspot| {
        hubspot.limits = touchline_hubspot::fake::RateLimits::off();
        hubspot.seed = SEED;
    };
    let stage = Stage::new(plan).await.unwrap();
    let mut knobs = stage.hubspot.webhook_knobs();
    knobs.shuffle = delivery == Delivery::Shuffled;
    knobs.duplicate_percent = if delivery == Delivery::Twice { 100 } else { 0 };
    stage.hubspot.set_webhook_knobs(knobs);
    let mut replay = Replay::new(history, &stage.hubspot);
    let app = stage.open().await.unwrap();
    stage
        .play(&app, async {
            rest(&stage, &app).await;
            while replay.play_portion(UnixMs::MAX, PORTION, &stage.hubspot).unwrap() > 0 {
                if delivery != Delivery::Shuffled {
                    stage.settle(&app).await.unwrap();
                    stage.clock.advance_ms(1);
                }
            }
            rest(&stage, &app).await;
            assert!(stage.hubspot.webhooks_idle());
            let counts = stage.hubspot.webhook_counts();
            assert_eq!((counts.given_up, counts.attempts), (0, counts.accepted));
            ending(&app, &replay).await
        })
        .await
}

/// Lets time pass until every deal that was asked for has been read.
async fn rest(stage: &Stage, app: &App) {
    for _ in 0..RESTS_MAX {
        let next = stage.settle(app).await.unwrap();
        let work = app.service().store.summary().await.unwrap().work;
        let reading = work.iter().any(|(kind, _)| kind == "fetch" || kind == "metadata");
        if !reading && stage.hubspot.webhooks_idle() {
            return;
        }
        let now = stage.clock.now();
        let soon = now.plus_ms(MINUTE_MS);
        stage.clock.set(next.unwrap_or(soon).clamp(now.plus_ms(1), soon));
    }
    panic!("the service never read every deal");
}

async fn ending(app: &App, replay: &Replay) -> Ending {
    let store = &app.service().store;
    let summary = store.summary().await.unwrap();
    let mut stages = BTreeMap::new();
    let mut event_firings = BTreeMap::new();
    let mut state_firings = BTreeMap::new();
    let mut after: Option<DealKey> = None;
    loop {
        let page = store.deals_after(after, PAGE).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(DealKey { connection: last.connection.clone(), id: last.id.clone() });
        for row in page {
            *stages.entry(row.stage).or_default() += 1;
            let key = DealKey { connection: row.connection, id: row.id };
            let deal = replay.deal_of(key.id.parse().unwrap()).unwrap().to_owned();
            for firing in store.firings_of(subject_key(&key), PAGE).await.unwrap() {
                let firing: Firing = serde_json::from_slice(&firing.body).unwrap();
                let Some(change) = firing.change else {
                    *state_firings.entry(firing.rule_id).or_default() += 1;
                    continue;
                };
                let fired = (
                    firing.rule_id,
                    deal.clone(),
                    change.event.to_string(),
                    change.occurred_at,
                    format!("{:?}", change.to),
                );
                *event_firings.entry(fired).or_default() += 1;
            }
        }
    }
    Ending { stages, event_firings, state_firings, dead_letters: summary.dead_letters }
}

/// Moves of open deals from one stage to another: rules see no others unless
/// they ask for them.
fn stage_moves(history: &History) -> u64 {
    let is_open = |id: &str| {
        let stage = history.header.metadata.stage(None, id);
        stage.is_some_and(|(_, stage)| stage.kind.is_open())
    };
    let mut stages = BTreeMap::new();
    let moves = history.changes.iter().filter(|change| match &change.kind {
        ChangeKind::FieldSet { field: Field::Stage, to: Fact::Known(Value::Text(to)) } => {
            let before = stages.insert(&change.deal.id, to);
            before.is_some_and(|before| before != to) && is_open(to)
        }
        _ => false,
    });
    moves.count() as u64
}

#[tokio::test]
async fn once_and_twice_end_in_the_file_s_counts_with_the_same_firings() {
    let opportunities = Opportunities::find();
    let history = opportunities.history();
    let once = deliver(&history, Delivery::Once).await;
    let twice = deliver(&history, Delivery::Twice).await;
    assert_eq!(once.stages, opportunities.counts());
    assert_eq!(twice.stages, opportunities.counts());
    assert_eq!((once.dead_letters, twice.dead_letters), (0, 0));
    // One for each move of an open deal that the file tells, and none of the rules
    // that the import calls inactive.
    let mut of_rules = BTreeMap::<&str, u64>::new();
    for ((rule, ..), count) in &once.event_firings {
        *of_rules.entry(rule).or_default() += count;
    }
    assert_eq!(of_rules, BTreeMap::from([("stage-moved", stage_moves(&history))]));
    assert!(once.event_firings == twice.event_firings, "a second delivery changed what fired");
    // All of it happened years ago: nothing that is true now has just become so.
    assert_eq!(once.state_firings, BTreeMap::new());
    assert_eq!(twice.state_firings, BTreeMap::new());
}

#[tokio::test]
async fn shuffled_webhooks_end_in_the_file_s_counts() {
    let opportunities = Opportunities::find();
    let shuffled = deliver(&opportunities.history(), Delivery::Shuffled).await;
    assert_eq!(shuffled.stages, opportunities.counts());
    assert_eq!(shuffled.dead_letters, 0);
}
