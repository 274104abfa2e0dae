//! The backlog of a company that begins: most of its open deals are past what a rule
//! asks for on the first day. Released, it drips out within everybody's limits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use touchline::app::App;
use touchline::clock::Clock as _;
use touchline::demo::replay::{Replay, managers_config, people};
use touchline::demo::stage::{Plan, Stage};
use touchline::history::History;
use touchline::lifecycle::plan::Publishing;
use touchline::lifecycle::{Deed, Lifecycle, Signature};
use touchline::roles::batching::understand;
use touchline::store::ReleaseState;
use touchline_rules::UnixMs;
use touchline_rules::facts::{Change, ChangeKind, DealKey, Fact, Field, Value};
use touchline_rules::ruleset::SourceFile;
use touchline_rules::time::DAY_MS;
use touchline_slack::fake::FakeUser;

use crate::data::Opportunities;

/// Three in four won deals of the real file had left the stage by then.
const PAST_DAYS: i64 = 88;
const RULE: &str = "long-engaged";
const ADMIN: &str = "admin@example.com";
/// Cases that are listed at most.
const CASES_MAX: usize = 10_000;
/// Deals read at once.
const PAGE: usize = 1_000;
/// Movements played at once.
const PORTION: usize = 1_000;
/// Digests are at nine; by ten all of a day's is said.
const DAYS_MAX: usize = 60;
/// One digest has as many places.
const A_DAY: usize = 3;

const CONFIG: &str = "[attention]\nsending = \"everyone\"\nweekly_on = \"off\"\n\
    [crm]\npoll_interval_minutes = 10080\nmetadata_interval_minutes = 10080\nbackfill_closed_months = 1\n\
    [delivery]\nfresh_max_age_minutes = 1000000\n";

fn rules() -> String {
    format!(
        "pack: backlog\ntitle: Backlog\nrules:\n  - id: {RULE}\n    title: Long engaged\n    on: state\n    when: deal.stage == \"engaging\" && days_since(deal.stage_entered_at) >= {}\n    attention: interrupt\n    priority: 1\n    tip: {{ headline: '{{{{ deal.name }}}} ({{{{ deal.id }}}}) has been engaged for long', body: Ask what would have to happen next. }}\n",
        PAST_DAYS + 1
    )
}

/// Lets time pass until everything that was asked for has been read.
async fn rest(stage: &Stage, app: &App) {
    for _ in 0..10_000 {
        let next = stage.settle(app).await.unwrap();
        let work = app.service().store.summary().await.unwrap().work;
        if work.iter().all(|(kind, _)| kind == "person") {
            return;
        }
        let now = stage.clock.now();
        stage.clock.set(next.unwrap_or(now).clamp(now.plus_ms(1), now.plus_ms(60_000)));
    }
    panic!("the account was never read");
}

/// Publishes the rule for the present cases too; answers how many deals meet it, as
/// its publisher is told.
async fn publish(stage: &Stage, app: &App) -> u64 {
    let service = app.service();
    let desk =
        Lifecycle::new(service.store.clone(), Arc::clone(&service.config), service.accounts());
    let file = SourceFile { path: "backlog.yaml".into(), text: rules() };
    let publishing = Publishing { also_present: true, ..Publishing::of(vec![file]) };
    let now = stage.clock.now();
    let plan = desk.plan(&publishing, &signed(now)).await.unwrap();
    desk.submit(Deed::Publish(publishing), &signed(now)).await.unwrap();
    plan.rules[0].present.as_ref().unwrap().meets
}

fn signed(at: UnixMs) -> Signature {
    Signature { by: ADMIN.into(), agreed_by: None, why: "they are to be told".into(), at }
}

/// When each deal entered its stage: the longest ago is the worst.
async fn entered(app: &App) -> BTreeMap<String, i64> {
    let mut entered = BTreeMap::new();
    let mut after: Option<DealKey> = None;
    loop {
        let page = app.service().store.deals_after(after, PAGE).await.unwrap();
        let Some(last) = page.last() else { return entered };
        after = Some(DealKey { connection: last.connection.clone(), id: last.id.clone() });
        for row in page {
            let state = understand(&row).unwrap();
            let at = state.facts.stage_entered_at().map_or(0, |at| at.0);
            entered.insert(row.id, at / DAY_MS);
        }
    }
}

/// Which of these deals each seller was told of by messages after the first `from`.
/// Others become true meanwhile, and interrupt as the rule wants.
fn told(
    stage: &Stage,
    from: usize,
    cases: &BTreeMap<String, i64>,
) -> BTreeMap<String, Vec<String>> {
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for message in stage.slack.messages().into_iter().skip(from) {
        if message.text.starts_with("Hello") {
            continue;
        }
        let reads = message.reads();
        let deals = reads.split(") has been engaged").filter_map(|part| part.rsplit_once(" ("));
        let deals: Vec<String> =
            deals.map(|(_, id)| id.to_owned()).filter(|id| cases.contains_key(id)).collect();
        let is_digest = reads.contains("worth your time");
        assert!(is_digest || deals.is_empty(), "a case never interrupts: {reads}");
        told.entry(message.user).or_default().extend(deals);
    }
    told.retain(|_, deals| !deals.is_empty());
    told
}

fn is_closing(change: &Change, history: &History) -> bool {
    match &change.kind {
        ChangeKind::FieldSet { field: Field::Stage, to: Fact::Known(Value::Text(to)) } => {
            let stage = history.header.metadata.stage(None, to);
            stage.is_some_and(|(_, stage)| !stage.kind.is_open())
        }
        _ => false,
    }
}

#[tokio::test]
async fn the_backlog_drips_out_worst_first_and_none_twice() {
    let opportunities = Opportunities::find();
    let mut history = opportunities.history();
    // What is closed has no part in this, and takes its time to be played.
    let closed: BTreeSet<String> = history
        .changes
        .iter()
        .filter(|change| is_closing(change, &history))
        .map(|change| change.deal.id.clone())
        .collect();
    history.changes.retain(|change| !closed.contains(&change.deal.id));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("none.yaml");
    // Nothing is on before it is published.
    std::fs::write(&file, "pack: none\ntitle: None\nrules: []\n").unwrap();
    // The file ends with this day.
    let mut plan = Plan::new(history.header.as_of, folder.path());
    plan.time_zone.clone_from(&history.header.metadata.time_zone);
    plan.config = format!(
        "rules = [{file:?}]\nadmins = [\"{ADMIN}\"]\n{CONFIG}{}",
        managers_config(&history.header)
    );
    plan.hubspot = |hubspot| hubspot.limits = touchline_hubspot::fake::RateLimits::off();
    let zone = history.header.metadata.time_zone.clone().unwrap();
    let chat = people(&history.header).into_iter().enumerate();
    let chat = chat
        .map(|(index, (email, name))| FakeUser::new(&format!("U{index}"), &email, &name, &zone));
    plan.chat = chat.collect();
    let stage = Stage::new(plan).await.unwrap();
    let mut replay = Replay::new(&history, &stage.hubspot);
    while replay.play_portion(UnixMs::MAX, PORTION, &stage.hubspot).unwrap() > 0 {}
    // It is a past: nobody was listening.
    stage.hubspot.subscribe(Vec::new());
    let app = stage.open().await.unwrap();
    stage
        .play(&app, async {
            rest(&stage, &app).await;
            let meets = publish(&stage, &app).await;
            if opportunities.real {
                assert_eq!(meets, 1_481);
            }
            assert!(meets > 500, "{meets}");
            drip(&stage, &app, meets).await;
        })
        .await;
}

async fn drip(stage: &Stage, app: &App, all: u64) {
    let store = app.service().store.release_case();
    let cases = store.list(RULE.to_owned(), CASES_MAX).await.unwrap();
    assert_eq!(cases.len() as u64, all, "whoever owns a deal is known");
    let entered = entered(app).await;
    let order: BTreeMap<String, i64> =
        cases.into_iter().map(|case| (case.deal.id.clone(), entered[&case.deal.id])).collect();
    let mut said: BTreeSet<String> = BTreeSet::new();
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    let mut days_with_news = 0_u64;
    for day in 0..DAYS_MAX {
        let before = stage.slack.messages().len();
        stage.live_until(app, stage.clock.now().plus_ms(DAY_MS)).await.unwrap();
        let today = told(stage, before, &order);
        days_with_news += u64::from(!today.is_empty());
        for (seller, deals) in today {
            assert!(deals.len() <= A_DAY, "day {day}: {seller} was told of {}", deals.len());
            for deal in deals {
                assert!(said.insert(deal.clone()), "{deal} was told twice");
                let place = order[&deal];
                let worst_so_far = last.entry(seller.clone()).or_insert(i64::MIN);
                assert!(*worst_so_far <= place, "{seller}: {deal} came after a better one");
                *worst_so_far = place;
            }
        }
        let waiting = store.people(1).await.unwrap();
        if waiting.is_empty() && said.len() as u64 == all {
            break;
        }
    }
    assert!(days_with_news >= all.div_ceil(35 * A_DAY as u64), "{days_with_news}");
    let counts = store.counts().await.unwrap();
    let settled: u64 = counts.iter().map(|(.., times)| times).sum();
    assert_eq!(settled, all);
    for (_, _, state, reason, times) in &counts {
        let is_told = state == ReleaseState::Released.name();
        assert!(
            is_told || (state == ReleaseState::Dropped.name() && !reason.is_empty()),
            "{times} {state}"
        );
    }
    let released: u64 = counts
        .iter()
        .filter(|(_, _, state, ..)| state == ReleaseState::Released.name())
        .map(|(.., times)| times)
        .sum();
    assert_eq!(said.len() as u64, released, "all that was released was told");
}
