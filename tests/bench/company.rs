//! A made-up company: an account and its deals, the same in every run.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rust_decimal::Decimal;
use touchline_rules::facts::{
    Activity, ActivityKind, Actor, DealKey, DealState, Direction, Fact, Field, HistoryItem,
    Metadata, Observation, Origin, Owner, Pipeline, Stage, StageKind, Value,
};
use touchline_rules::time::{DAY_MS, HOUR_MS};
use touchline_rules::{Calendar, UnixMs};

/// The connection all deals are on.
pub const CONNECTION: &str = "hubspot";
/// A Wednesday noon, UTC.
pub const NOW: UnixMs = UnixMs(1_773_230_400_000);
/// The zone everybody works in.
pub const ZONE: &str = "Europe/London";
/// Owner ids are `o0` to one below this.
pub const OWNERS: u64 = 20;
/// The stages of open deals, with their pipelines.
pub const STAGES: [(&str, &str); 9] = [
    ("sales", "discovery"),
    ("sales", "qualification"),
    ("sales", "demo"),
    ("sales", "proposal"),
    ("sales", "negotiation"),
    ("sales", "contract"),
    ("renewal", "renewal-due"),
    ("renewal", "renewal-offer"),
    ("renewal", "renewal-signing"),
];
/// Currencies of deals.
pub const CURRENCIES: [&str; 3] = ["EUR", "USD", "GBP"];
/// Amounts of deals stay below this.
pub const AMOUNT_MAX: u64 = 100_000;

/// The account.
pub fn metadata() -> Metadata {
    let pipeline = |id: &str, won: &str, lost: &str| {
        let open = STAGES.iter().filter(|(of, _)| *of == id).map(|(_, stage)| *stage);
        let mut stages: Vec<_> = open.map(|stage| named(stage, StageKind::Open)).collect();
        stages.extend([named(won, StageKind::Won), named(lost, StageKind::Lost)]);
        Pipeline { id: id.to_owned(), label: id.to_owned(), stages }
    };
    let owner = |index: u64| Owner {
        id: format!("o{index}"),
        user_id: None,
        email: Some(format!("seller{index}@example.com")),
        name: format!("Seller {index}"),
        archived: false,
    };
    Metadata {
        account_id: Some(crate::webhook::PORTAL.to_string()),
        time_zone: Some(ZONE.to_owned()),
        currency: Some("EUR".to_owned()),
        pipelines: vec![
            pipeline("sales", "won", "lost"),
            pipeline("renewal", "renewed", "churned"),
        ],
        owners: (0..OWNERS).map(owner).collect(),
        unmapped: Vec::new(),
    }
}

fn named(stage: &str, kind: StageKind) -> Stage {
    Stage { id: stage.to_owned(), label: stage.to_owned(), kind, phase: None }
}

/// Monday to Friday in [`ZONE`].
pub fn calendar() -> anyhow::Result<Calendar> {
    Ok(Calendar::weekdays(jiff::tz::TimeZone::get(ZONE)?))
}

/// A deal by its number.
pub fn key(id: u64) -> DealKey {
    DealKey { connection: CONNECTION.to_owned(), id: id.to_string() }
}

/// An open deal as the CRM shows it at [`NOW`], with its past: stages, pushes
/// of the close date, and up to six activities.
pub fn record(id: u64, rng: &mut ChaCha8Rng) -> Observation {
    let age = rng.random_range(3..200_i64);
    let (pipeline, stage) = STAGES[rng.random_range(0..STAGES.len())];
    let mut deal = Told { id, history: Vec::new() };
    let created = days_ago(age, rng);
    deal.set(Field::CreatedAt, Fact::Known(Value::Time(created)), created);
    deal.set(Field::Name, text(&format!("Deal {id}")), created);
    deal.set(Field::Pipeline, text(pipeline), created);
    deal.set(Field::Owner, text(&format!("o{}", rng.random_range(0..OWNERS))), created);
    deal.set(Field::Currency, text(CURRENCIES[rng.random_range(0..CURRENCIES.len())]), created);
    deal.set(Field::LossReason, Fact::Empty, created);
    let amount = Fact::Known(Value::Number(Decimal::from(rng.random_range(100..AMOUNT_MAX))));
    deal.set(Field::Amount, one_in(rng, 8, amount), created);
    deal.set(Field::NextStep, one_in(rng, 3, text("Call on Thursday")), created);
    let of_pipeline: Vec<_> = STAGES.iter().filter(|(of, _)| *of == pipeline).collect();
    for move_ in 0..rng.random_range(0..4_i64) {
        let (_, passed) = of_pipeline[rng.random_range(0..of_pipeline.len())];
        deal.set(Field::Stage, text(passed), days_ago(age - age * move_ / 4, rng));
    }
    deal.set(Field::Stage, text(stage), days_ago(rng.random_range(0..=age / 4), rng));
    let mut close = NOW.plus_ms(rng.random_range(-20..90) * DAY_MS);
    for push in 0..rng.random_range(1..4_i64) {
        let at = days_ago(age - age * push / 4, rng);
        deal.set(Field::CloseDate, Fact::Known(Value::Time(close)), at);
        close = close.plus_ms(rng.random_range(1..20) * DAY_MS);
    }
    let activities = (0..rng.random_range(0..6_u64)).map(|number| activity(number, age, rng));
    let activities = activities.collect();
    deal.observed(activities)
}

/// A deal of which little is known but that it entered its stage at `since`.
pub fn in_stage_since(id: u64, since: UnixMs) -> Observation {
    let (pipeline, stage) = STAGES[0];
    let created = since.plus_ms(-DAY_MS);
    let mut deal = Told { id, history: Vec::new() };
    deal.set(Field::CreatedAt, Fact::Known(Value::Time(created)), created);
    deal.set(Field::Name, text(&format!("Deal {id}")), created);
    deal.set(Field::Pipeline, text(pipeline), created);
    deal.set(Field::Owner, text(&format!("o{}", id % OWNERS)), created);
    deal.set(Field::Stage, text(stage), since);
    deal.observed(Vec::new())
}

/// The state of that deal once it was read, before any rule looked at it.
pub fn state(id: u64) -> DealState {
    DealState::new(key(id))
}

fn activity(number: u64, age: i64, rng: &mut ChaCha8Rng) -> Activity {
    const KINDS: [ActivityKind; 4] =
        [ActivityKind::Email, ActivityKind::Call, ActivityKind::Note, ActivityKind::Meeting];
    let kind = KINDS[rng.random_range(0..KINDS.len())];
    let ahead = kind == ActivityKind::Meeting && rng.random_range(0..2) == 0;
    let at = days_ago(if ahead { -5 } else { rng.random_range(0..=age.min(60)) }, rng);
    let directions = [Direction::Inbound, Direction::Outbound];
    Activity {
        id: number.to_string(),
        kind,
        direction: directions[rng.random_range(0..directions.len())],
        at,
        by_touchline: false,
        people: None,
    }
}

fn days_ago(days: i64, rng: &mut ChaCha8Rng) -> UnixMs {
    NOW.plus_ms(-days * DAY_MS - rng.random_range(0..HOUR_MS))
}

fn text(text: &str) -> Fact<Value> {
    Fact::Known(Value::Text(text.to_owned()))
}

fn one_in(rng: &mut ChaCha8Rng, empty: u32, value: Fact<Value>) -> Fact<Value> {
    if rng.random_range(0..empty) == 0 { Fact::Empty } else { value }
}

struct Told {
    id: u64,
    history: Vec<HistoryItem>,
}

impl Told {
    fn set(&mut self, field: Field, value: Fact<Value>, at: UnixMs) {
        let actor = Actor::default();
        self.history.push(HistoryItem { field, value, at, actor, vendor_seq: 0 });
    }

    fn observed(self, activities: Vec<Activity>) -> Observation {
        let present = |field: Field| {
            let of = self.history.iter().filter(|item| item.field == field);
            (field, of.max_by_key(|item| item.at).map_or(Fact::Empty, |item| item.value.clone()))
        };
        Observation {
            deal: key(self.id),
            origin: Origin::Backfill,
            observed_at: NOW,
            fields: Field::ALL.map(present).to_vec(),
            activities: Some(activities),
            gone: false,
            url: None,
            history: self.history,
        }
    }
}
