//! What it costs to look at rules.

use std::hint::black_box;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rust_decimal::Decimal;
use touchline_rules::Calendar;
use touchline_rules::condition::{Condition, Context, compile};
use touchline_rules::engine::{Stimulus, World, step};
use touchline_rules::facts::schema::{Slots, Vocabulary, deal_slots, schema};
use touchline_rules::facts::{
    Actor, ActorKind, Change, ChangeKind, DealState, Fact, Field, Metadata, Value,
};
use touchline_rules::ruleset::RuleSet;
use touchline_rules::time::{HOUR_MS, MINUTE_MS};

use crate::company::{self, NOW};
use crate::cost::{median, on_this_thread};
use crate::native::{Deal, On, RULES};
use crate::report::Table;
use crate::synthetic;

const SEED: u64 = 7;
const DEALS: u64 = 1_000;
const ROUNDS: usize = 5;
/// Evaluations in one round, at least.
const EVALUATIONS: usize = 20_000_000;
/// Events in one round of steps.
const EVENTS: usize = 4_000;
const SIZES: [usize; 3] = [20, 200, 2_000];

struct Setting {
    metadata: Metadata,
    calendar: Calendar,
    states: Vec<DealState>,
}

impl Setting {
    fn new(rules: &RuleSet) -> anyhow::Result<Setting> {
        let (metadata, calendar) = (company::metadata(), company::calendar()?);
        let mut setting = Setting { metadata, calendar, states: Vec::new() };
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        let world = setting.world(rules);
        let mut states: Vec<_> = (0..DEALS).map(company::state).collect();
        for (id, state) in (0..).zip(&mut states) {
            let record = company::record(id, &mut rng);
            step(state, Stimulus::Observation(&record), NOW, &world);
        }
        setting.states = states;
        Ok(setting)
    }

    fn world<'a>(&'a self, rules: &'a RuleSet) -> World<'a> {
        World {
            rules,
            metadata: &self.metadata,
            calendar: &self.calendar,
            activity_trusted: true,
            hydrate_deadline_ms: HOUR_MS,
            managers: touchline_rules::facts::Managers::none(),
            live_max_age_ms: touchline_rules::engine::LIVE_MAX_AGE_MS,
            baselines: touchline_rules::baseline::Baselines::none(),
        }
    }

    fn slots(&self) -> Vec<Slots<'_>> {
        let slots = |state| deal_slots(state, &self.metadata, true, NOW);
        self.states.iter().map(|state| slots(&state.facts)).collect()
    }
}

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let setting = Setting::new(&RuleSet::default())?;
    against_native(table, &setting)?;
    for size in SIZES {
        one_by_one(table, &setting, size)?;
    }
    for size in SIZES {
        through_the_engine(table, size)?;
    }
    let size = SIZES[SIZES.len() - 1];
    let files = synthetic::files(size);
    let (rules, cpu) = on_this_thread(|| synthetic::load(&files))?;
    table.add(
        format!("loading {} rules: read, check, compile", rules?.rules().len()),
        format!("{:.0} ms CPU", cpu.as_secs_f64() * 1e3),
        "",
        "checking conditions and templates",
    );
    Ok(())
}

fn compiled<'a>(sources: impl Iterator<Item = &'a str>) -> anyhow::Result<Vec<Condition>> {
    let schema = schema(None, false, &Vocabulary::default());
    let one = |source| compile(source, &schema).map_err(|found| anyhow::anyhow!("{found:?}"));
    sources.map(one).collect()
}

fn against_native(table: &mut Table, setting: &Setting) -> anyhow::Result<()> {
    let conditions = compiled(RULES.iter().map(|(source, _)| *source))?;
    let slots = setting.slots();
    let on = On { now: NOW, calendar: &setting.calendar };
    let deal = |state: &DealState| Deal::of(&state.facts, &setting.metadata, NOW);
    let deals: Vec<_> = setting.states.iter().map(deal).collect();
    let passes = passes(RULES.len());
    let mut found = Vec::new();
    for _ in 0..ROUNDS {
        let (by_hand, hand) = on_this_thread(|| {
            // Functions that are called, as rules chosen while the program runs would be.
            let rules = black_box(RULES);
            let mut hits = 0;
            for _ in 0..passes {
                for deal in black_box(&deals) {
                    hits += rules.iter().filter(|(_, rule)| rule(deal, &on)).count();
                }
            }
            hits
        })?;
        let (hits, ours) = on_this_thread(|| evaluate(&conditions, &slots, setting, passes))?;
        anyhow::ensure!(
            hits == by_hand,
            "the conditions are true {hits} times, the functions {by_hand} times"
        );
        let evaluations = (passes * slots.len() * RULES.len()) as f64;
        let ns = |cpu: std::time::Duration| cpu.as_secs_f64() * 1e9 / evaluations;
        found.push((ns(ours), ns(hand), hits as f64 / evaluations));
    }
    let of = |figure: fn(&(f64, f64, f64)) -> f64| median(found.iter().map(figure).collect());
    table.add(
        "a condition against a hand-written Rust function, 20 rules",
        format!(
            "{:.1}x ({:.1} against {:.1} ns a rule; {:.1} % true)",
            of(|(ours, hand, _)| ours / hand),
            of(|(ours, ..)| *ours),
            of(|(_, hand, _)| *hand),
            of(|(.., hits)| hits * 100.0),
        ),
        "at most 3x",
        "the way to the first test and its text; comparing the stage ends most rules",
    );
    Ok(())
}

fn passes(rules: usize) -> usize {
    (EVALUATIONS / (rules * DEALS as usize)).max(1)
}

fn evaluate(
    conditions: &[Condition],
    slots: &[Slots<'_>],
    setting: &Setting,
    passes: usize,
) -> usize {
    let mut hits = 0;
    for _ in 0..passes {
        for slots in black_box(slots) {
            let context = Context { slots, now: NOW, calendar: &setting.calendar };
            let is_true = |condition: &&Condition| condition.eval(&context).is_true();
            hits += conditions.iter().filter(is_true).count();
        }
    }
    hits
}

fn one_by_one(table: &mut Table, setting: &Setting, size: usize) -> anyhow::Result<()> {
    let rules = synthetic::rules(size);
    let conditions = compiled(rules.iter().map(|rule| rule.when.as_str()))?;
    let slots = setting.slots();
    let passes = passes(size);
    let mut ns = Vec::new();
    let mut share = 0.0;
    for _ in 0..ROUNDS {
        let (hits, cost) = on_this_thread(|| evaluate(&conditions, &slots, setting, passes))?;
        let evaluations = (passes * slots.len() * size) as f64;
        share = hits as f64 * 100.0 / evaluations;
        ns.push(cost.as_secs_f64() * 1e9 / evaluations);
    }
    let ns = median(ns);
    table.add(
        format!("every one of {size} conditions of a deal"),
        format!("{:.1} us a deal ({ns:.1} ns a rule; {share:.1} % true)", ns * size as f64 / 1e3),
        "",
        "the first test of each; with many rules, waiting for memory",
    );
    Ok(())
}

fn through_the_engine(table: &mut Table, size: usize) -> anyhow::Result<()> {
    let rules = synthetic::load(&synthetic::files(size))?;
    let mut us = Vec::new();
    let mut fired = 0;
    for _ in 0..ROUNDS {
        let mut setting = Setting::new(&rules)?;
        let mut states = std::mem::take(&mut setting.states);
        let world = setting.world(&rules);
        let changes: Vec<_> = (0..EVENTS).map(change).collect();
        let (firings, cost) = on_this_thread(|| {
            let mut firings = 0;
            for change in &changes {
                let id: usize = change.deal.id.parse().unwrap_or_default();
                let state = &mut states[id];
                let at = change.occurred_at;
                firings += step(state, Stimulus::Change(change), at, &world).firings.len();
            }
            firings
        })?;
        fired = firings;
        us.push(cost.as_secs_f64() * 1e6 / EVENTS as f64);
    }
    table.add(
        format!("one event through the engine with {size} rules"),
        format!("{:.1} us ({:.2} firings an event)", median(us), fired as f64 / EVENTS as f64),
        "",
        "state rules (a quarter of the set): each is looked at, and asked when it can flip",
    );
    Ok(())
}

/// Half the changes set an amount, a quarter each a stage and a next step.
fn change(number: usize) -> Change {
    const STRIDE: usize = 7_919;
    let at = NOW.plus_ms(number as i64 + MINUTE_MS);
    let text = |text: String| Fact::Known(Value::Text(text));
    let (field, to) = match number % 4 {
        0 => {
            let (_, stage) = company::STAGES[number / 4 % company::STAGES.len()];
            (Field::Stage, text(stage.to_owned()))
        }
        1 => (Field::NextStep, text(format!("Step {number}"))),
        _ => (Field::Amount, Fact::Known(Value::Number(Decimal::from(number * STRIDE % 100_000)))),
    };
    Change {
        deal: company::key((number * STRIDE) as u64 % DEALS),
        kind: ChangeKind::FieldSet { field, to },
        occurred_at: at,
        actor: Actor { kind: ActorKind::Person, user_id: None },
        vendor_id: None,
        vendor_seq: 0,
    }
}
