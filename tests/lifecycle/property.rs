//! In any order of publishing, pausing, resuming and going back, by the functions
//! that people use: what a deal met as its rule began is not told.

use std::sync::Arc;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use touchline::config::Config;
use touchline::lifecycle::{Deed, Lifecycle};
use touchline::store::{Store, StoreOptions};
use touchline_rules::baseline::Baselines;
use touchline_rules::condition::Truth;
use touchline_rules::engine::{LIVE_MAX_AGE_MS, Stimulus, World, present, step};
use touchline_rules::facts::{
    Actor, Change, ChangeKind, DealKey, DealState, Fact, Field, Managers, Metadata, Observation,
    Origin, Pipeline, Stage, StageKind, Value,
};
use touchline_rules::life::Step;
use touchline_rules::ruleset::RuleSet;
use touchline_rules::time::HOUR_MS;
use touchline_rules::{Calendar, UnixMs};

use crate::fixture::{ADMIN, MONDAY, pack, signed};

const IDS: [&str; 2] = ["aged", "rich"];

/// Two rules in one of three versions each; once true they stay true while nothing
/// changes.
fn file(version: usize) -> String {
    format!(
        "pack: p\ntitle: P\nrules:\n  - id: aged\n    title: Aged\n    on: state\n    when: days_since(deal.stage_entered_at) >= {}\n    repeat: {{ every: 1d, max: 3 }}\n    tip: {{ headline: h, body: b }}\n  - id: rich\n    title: Rich\n    on: state\n    when: deal.amount >= {}\n    tip: {{ headline: h, body: b }}\n",
        2 + 2 * version,
        10 + 10 * version
    )
}

#[derive(Clone, Debug)]
enum Act {
    Publish(usize),
    Step(usize, Step),
    Rollback(usize),
    Amount(i64),
    Look,
}

fn act() -> impl Strategy<Value = (i64, Act)> {
    let steps = prop::sample::select(vec![Step::Watch, Step::Pause, Step::Resume, Step::Retire]);
    let kind = prop_oneof![
        3 => (0..3usize).prop_map(Act::Publish),
        4 => (0..2usize, steps).prop_map(|(rule, step)| Act::Step(rule, step)),
        2 => (0..2usize).prop_map(Act::Rollback),
        2 => (0..50i64).prop_map(Act::Amount),
        2 => Just(Act::Look),
    ];
    (1..60i64, kind)
}

fn key() -> DealKey {
    DealKey { connection: "crm".into(), id: "1".into() }
}

fn account() -> Metadata {
    let stage = Stage { id: "new".into(), label: "New".into(), kind: StageKind::Open, phase: None };
    let pipeline = Pipeline { id: "p".into(), label: "P".into(), stages: vec![stage] };
    Metadata { pipelines: vec![pipeline], ..Metadata::default() }
}

fn read_deal(world: &World<'_>) -> DealState {
    let text = |text: &str| Fact::Known(Value::Text(text.into()));
    let mut deal = DealState::new(key());
    let read = Observation {
        deal: key(),
        origin: Origin::Backfill,
        observed_at: MONDAY,
        fields: vec![
            (Field::Pipeline, text("p")),
            (Field::Stage, text("new")),
            (Field::CreatedAt, Fact::Known(Value::Time(MONDAY))),
            (Field::Amount, Fact::Known(Value::Number(5.into()))),
        ],
        history: vec![touchline_rules::facts::HistoryItem {
            field: Field::Stage,
            value: text("new"),
            at: MONDAY,
            actor: Actor::default(),
            vendor_seq: 0,
        }],
        activities: None,
        gone: false,
        url: None,
    };
    step(&mut deal, Stimulus::Observation(&read), MONDAY, world);
    deal
}

fn in_world<T>(rules: &RuleSet, body: impl FnOnce(&World<'_>) -> T) -> T {
    let (metadata, calendar) = (account(), Calendar::weekdays(TimeZone::UTC));
    body(&World {
        rules,
        metadata: &metadata,
        calendar: &calendar,
        activity_trusted: true,
        managers: Managers::none(),
        baselines: Baselines::none(),
        hydrate_deadline_ms: HOUR_MS,
        live_max_age_ms: LIVE_MAX_AGE_MS,
    })
}

fn resized(amount: i64, at: UnixMs, number: i64) -> Change {
    let to = Fact::Known(Value::Number(amount.into()));
    Change {
        deal: key(),
        kind: ChangeKind::FieldSet { field: Field::Amount, to },
        occurred_at: at,
        actor: Actor::default(),
        vendor_id: None,
        vendor_seq: number,
    }
}

async fn play(acts: Vec<(i64, Act)>) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("t.db"), StoreOptions::default()).unwrap();
    let config = Config::from_toml(&format!("rules = []\nadmins = [\"{ADMIN}\"]")).unwrap();
    let desk = Lifecycle::new(store, Arc::new(config), Vec::new());
    let mut set = RuleSet::default();
    let mut deal = in_world(&set, read_deal);
    // Of each rule: whether the deal met it as it began, and nothing changed since.
    let mut met = [false; 2];
    let (mut now, mut number) = (MONDAY, 0);
    for (hours, act) in acts {
        now = now.plus_ms(hours * HOUR_MS);
        let deed = match &act {
            Act::Publish(version) => Some(Deed::Publish(pack(&file(*version)))),
            Act::Step(rule, step) => Some(Deed::Step { rule: IDS[*rule].into(), step: *step }),
            Act::Rollback(rule) => Some(Deed::Rollback { rule: IDS[*rule].into(), to: None }),
            Act::Amount(_) | Act::Look => None,
        };
        if let Some(deed) = deed {
            // A step that there is not from here is refused, and changes nothing.
            drop(desk.submit(deed, &signed(ADMIN, now)).await);
            let before = set;
            set = desk.book().await.unwrap().1.in_force();
            let truths = in_world(&set, |world| {
                present(&deal, now, world)
                    .into_iter()
                    .map(|(rule, truth)| (rule.id.clone(), truth))
                    .collect::<Vec<_>>()
            });
            for (at, id) in IDS.iter().enumerate() {
                let trigger = |set: &RuleSet| set.rule(id).map(|rule| rule.trigger_hash.clone());
                if trigger(&before) != trigger(&set) {
                    met[at] =
                        truths.iter().any(|(rule, truth)| rule == id && *truth == Truth::True);
                }
            }
            continue;
        }
        number += 1;
        let change = match act {
            Act::Amount(amount) => Some(resized(amount, now, number)),
            _ => None,
        };
        let outcome = in_world(&set, |world| match &change {
            Some(change) => step(&mut deal, Stimulus::Change(change), now, world),
            None => step(&mut deal, Stimulus::Timer, now, world),
        });
        for firing in &outcome.firings {
            let at = IDS.iter().position(|id| *id == firing.rule_id).unwrap();
            let by_this_change = change.is_some() && firing.at == now;
            prop_assert!(
                !met[at] || by_this_change,
                "{} at {} was true already",
                firing.rule_id,
                firing.at
            );
            prop_assert!(set.rule(IDS[at]).unwrap().standing.state.looks());
        }
        if change.is_some() {
            // Only the rule about the amount may have become true anew.
            met[1] = false;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn nothing_that_was_already_true_is_told(acts in prop::collection::vec(act(), 0..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(acts))?;
    }
}
