//! How fast a past is played, and in how much memory.

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::io::BufWriter;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rust_decimal::Decimal;
use touchline::history::{Header, History, VERSION};
use touchline_rules::UnixMs;
use touchline_rules::attention::{Policy, Sending};
use touchline_rules::backtest::{Crew, Pace, Player, Setup, Trust};
use touchline_rules::facts::deal::DealFacts;
use touchline_rules::facts::fold::fold;
use touchline_rules::facts::{
    Activity, ActivityKind, Actor, ActorKind, Change, ChangeKind, DealKey, Direction, Fact, Field,
    Managers, Metadata, Owner, Value,
};
use touchline_rules::ruleset::{RuleSet, SourceFile};
use touchline_rules::time::{DAY_MS, HOUR_MS};

use crate::company::{self, AMOUNT_MAX, CONNECTION, CURRENCIES, NOW, STAGES};
use crate::cost;
use crate::report::Table;
use crate::server::TOUCHLINE;
use crate::synthetic;

const SEED: u64 = 11;
const DEALS: u64 = 100_000;
const RULES: usize = 60;
/// Sellers of a company that sees a hundred thousand deals in three years.
const SELLERS: u64 = 250;
const SPAN_DAYS: i64 = 3 * 365;
/// How often the memory of the program is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let history = past();
    let changes = history.changes.len();
    let folder = tempfile::tempdir()?;
    let (file, rules) = (folder.path().join("past.jsonl"), folder.path().join("rules"));
    history.write(BufWriter::new(std::fs::File::create(&file)?))?;
    std::fs::create_dir(&rules)?;
    let files = synthetic::files(RULES);
    for source in &files {
        std::fs::write(rules.join(&source.path), &source.text)?;
    }
    whole_command(table, changes, &file, &rules)?;
    decoded(table, &history, &files)
}

/// The shipped program, from the file to the report.
fn whole_command(
    table: &mut Table,
    changes: usize,
    file: &Path,
    rules: &Path,
) -> anyhow::Result<()> {
    let before = cost::of_this_process_and_children()?;
    let own = cost::of_this_process()?;
    let mut command = Command::new(TOUCHLINE);
    command.args(["rules", "backtest", "--json", "--history"]).arg(file).arg("--rules").arg(rules);
    let report = file.with_extension("json");
    command.stdout(std::fs::File::create(&report)?).stderr(Stdio::null());
    command.current_dir(file.parent().context("the file is in a folder")?);
    let mut child = command.spawn()?;
    let mut peak = 0.0_f64;
    while child.try_wait()?.is_none() {
        peak = peak.max(cost::resident_mib(child.id()).unwrap_or(0.0));
        std::thread::sleep(LOOK_EVERY);
    }
    anyhow::ensure!(child.wait()?.success(), "the back-test failed");
    let took = cost::of_this_process_and_children()? - before - (cost::of_this_process()? - own);
    let told: serde_json::Value = serde_json::from_slice(&std::fs::read(&report)?)?;
    let firings = told["total"]["firings"].as_u64().unwrap_or_default();
    table.add(
        format!(
            "back-test, {changes} changes on {DEALS} deals, {RULES} rules, from file to report"
        ),
        format!(
            "{:.0} changes/s ({:.1} us CPU each; {firings} firings)",
            changes as f64 / took.as_secs_f64(),
            took.as_secs_f64() * 1e6 / changes as f64
        ),
        "at least 80,000/s",
        "the engine: state rules are looked at, and asked when they can flip",
    );
    table.add(
        "the same: memory at its peak",
        format!("{peak:.0} MiB"),
        "under 300 MB",
        "20,000 deals held ready, the others as text",
    );
    Ok(())
}

fn decoded(table: &mut Table, history: &History, files: &[SourceFile]) -> anyhow::Result<()> {
    let changes = history.changes.len() as f64;
    let played = played(history, &synthetic::load(files)?)?;
    let by_events = self::played(history, &synthetic::load(&by_events(files))?)?;
    let (_, folded) = cost::on_this_thread(|| {
        let mut deals: HashMap<DealKey, DealFacts> = HashMap::new();
        for change in &history.changes {
            let new = || DealFacts::new(change.deal.clone());
            let facts = deals.entry(change.deal.clone()).or_insert_with(new);
            black_box(fold(facts, change, false));
        }
        black_box(deals.len())
    })?;
    let mut add = |what, took: Duration, goal, dominates| {
        let figure = format!(
            "{:.0} changes/s; {:.1}x of folding them without any rule ({:.1} us)",
            changes / took.as_secs_f64(),
            took.as_secs_f64() / folded.as_secs_f64(),
            folded.as_secs_f64() * 1e6 / changes
        );
        table.add(what, figure, goal, dominates);
    };
    let dominates = "the engine: state rules are looked at, and asked when they can flip";
    add("the same from decoded changes, timers and attention included", played, "", dominates);
    let dominates = "the facts of a deal made ready for its conditions; the fold";
    add(
        "the same without timers: every rule waits for an event",
        by_events,
        "at least 200,000/s",
        dominates,
    );
    Ok(())
}

/// The same conditions, none of which is asked because time went by.
fn by_events(files: &[SourceFile]) -> Vec<SourceFile> {
    let by_events = |file: &SourceFile| SourceFile {
        path: file.path.clone(),
        text: file.text.replace("on: state", "on: deal.stage_changed"),
    };
    files.iter().map(by_events).collect()
}

/// What it takes to play the history, on this thread.
fn played(history: &History, rules: &RuleSet) -> anyhow::Result<Duration> {
    let crew = Crew {
        managers: Managers::default(),
        calendar: company::calendar()?,
        calendars: BTreeMap::new(),
        members: BTreeMap::new(),
    };
    let setup = Setup {
        rules,
        metadata: &history.header.metadata,
        crew: &crew,
        policy: &Policy { sending: Sending::Everyone, ..Policy::default() },
        trust: Trust::Everywhere,
        pace: Pace::AtOnce,
        since: UnixMs::MIN,
        until: UnixMs::MAX,
        estimated: false,
    };
    let (_, took) = cost::on_this_thread(|| {
        let mut player = Player::new(setup, ());
        for change in &history.changes {
            player.change(change.occurred_at, change.clone());
        }
        black_box(player.finish(history.header.as_of, Vec::new()))
    })?;
    Ok(took)
}

/// Deals of two to five months, born evenly over the years; five in six end.
fn past() -> History {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut changes = Vec::new();
    for id in 0..DEALS {
        live(&mut rng, id, &mut changes);
    }
    changes.retain(|change| change.occurred_at < NOW);
    changes.sort_by(|a, b| (a.occurred_at, &a.deal).cmp(&(b.occurred_at, &b.deal)));
    let owner = |index: u64| Owner {
        id: format!("o{index}"),
        user_id: None,
        email: Some(format!("seller{index}@example.com")),
        name: format!("Seller {index}"),
        archived: false,
    };
    let metadata = Metadata { owners: (0..SELLERS).map(owner).collect(), ..company::metadata() };
    let header = Header {
        touchline_history: VERSION,
        as_of: NOW,
        estimated: false,
        metadata,
        managers: Vec::new(),
    };
    History { header, changes }
}

fn live(rng: &mut ChaCha8Rng, id: u64, changes: &mut Vec<Change>) {
    let deal = DealKey { connection: CONNECTION.to_owned(), id: id.to_string() };
    let born = NOW.plus_ms(-rng.random_range(0..SPAN_DAYS * DAY_MS));
    let life_ms = rng.random_range(60..150) * DAY_MS;
    let mut push = |at: UnixMs, kind| {
        changes.push(Change {
            deal: deal.clone(),
            kind,
            occurred_at: at,
            actor: Actor { kind: ActorKind::Person, user_id: None },
            vendor_id: None,
            vendor_seq: 0,
        });
    };
    let set = |field, value| ChangeKind::FieldSet { field, to: Fact::Known(value) };
    let text = |value: &str| Value::Text(value.to_owned());
    push(born, ChangeKind::Created);
    push(born, set(Field::Name, Value::Text(format!("Deal {id}"))));
    push(born, set(Field::Pipeline, text("sales")));
    push(born, set(Field::Owner, Value::Text(format!("o{}", rng.random_range(0..SELLERS)))));
    push(born, set(Field::Stage, text(STAGES[0].1)));
    let steps = rng.random_range(5..8_i64);
    for step in 1..=steps {
        let at = born.plus_ms(life_ms * step / steps + rng.random_range(0..HOUR_MS));
        let days = rng.random_range(5..60) * DAY_MS;
        let kind = match rng.random_range(0..10) {
            0..3 => ChangeKind::Activity(Activity {
                id: format!("{id}-{step}"),
                kind: ActivityKind::Email,
                direction: Direction::Outbound,
                at,
                by_touchline: false,
                people: None,
            }),
            3..5 => set(Field::Stage, text(STAGES[rng.random_range(1..6)].1)),
            5 => set(Field::Amount, Value::Number(Decimal::from(rng.random_range(0..AMOUNT_MAX)))),
            6 => set(Field::Currency, text(CURRENCIES[rng.random_range(0..CURRENCIES.len())])),
            7 => set(Field::NextStep, text("Call on Thursday")),
            _ => set(Field::CloseDate, Value::Time(at.plus_ms(days))),
        };
        push(at, kind);
    }
    let end = ["won", "lost", "lost"][rng.random_range(0..3)];
    if rng.random_range(0..6) > 0 {
        push(born.plus_ms(life_ms + HOUR_MS), set(Field::Stage, text(end)));
    }
}
