//! Back-test = live: the made-up company's season is lived through by the service,
//! and what its inbox took in is played by the back-test.

use std::path::Path;

use jiff::civil::date;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use touchline::app::App;
use touchline::clock::Clock as _;
use touchline::coaching::data_check::override_activity;
use touchline::coaching::rulesets;
use touchline::demo::account;
use touchline::demo::company::Company;
use touchline::demo::season::Season;
use touchline::demo::stage::{Plan, Stage};
use touchline::roles::ingest::events::HOOK;
use touchline::service::Service;
use touchline::store::NewInbox;
use touchline_hubspot::fake::WebhookKnobs;
use touchline_rules::UnixMs;
use touchline_rules::backtest::{Pace, Report};
use touchline_rules::baseline::Rung;
use touchline_rules::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use touchline_slack::fake::{FakeUser, FaultKind};

use crate::ends::{End, Ends, assert_same, lived};
use crate::living::{Account, Living, Told, last_look};

/// Longer than anybody is new.
const DAYS: i32 = 17;
const SEED: u64 = 5;
const PIPELINE: &str = "default";
/// What is known of a deal is never read again only because it is old.
const CONFIG: &str = "rules = [\"builtin:core-pipeline\", \"tests/history/people.yaml\"]\n[attention]\nsending = \"everyone\"\n[crm]\npoll_interval_minutes = 60\n\
    [delivery]\nfresh_max_age_minutes = 1000000\n[ingest]\nhydrate_deadline_minutes = 30\n";
const RULES: [&str; 2] = ["builtin:core-pipeline", "tests/history/people.yaml"];
const HYDRATE_DEADLINE_MS: i64 = 30 * MINUTE_MS;

/// The season's stage.
fn plan(company: &Company, folder: &Path) -> Plan {
    let mut plan = Plan::new(company.live_from, folder);
    let users = company.members.iter().enumerate().map(|(index, member)| {
        FakeUser::new(&format!("U{index:03}"), &member.email, &member.name, member.zone)
    });
    plan.chat = users.collect();
    let leads = company.members.iter().filter_map(|member| {
        let manager = member.manager.as_ref()?;
        Some(format!("[people.\"{}\"]\nmanager = \"{manager}\"\n", member.email))
    });
    plan.config = std::iter::once(CONFIG.to_owned()).chain(leads).collect();
    plan.config += &(account::facts_config() + account::COMPANY_PHASES);
    plan.hubspot = |hubspot| {
        hubspot.limits = touchline_hubspot::fake::RateLimits::off();
        account::hear_named_facts(hubspot);
    };
    plan
}

/// Everything on its mark: the service has not looked at anything yet.
struct Scene {
    stage: Stage,
    app: App,
    season: Season,
    people: Vec<String>,
    _folder: tempfile::TempDir,
}

async fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let company = Company::new(SEED, date(2026, 3, 2), DAYS);
    let people = company.members.iter().map(|one| one.email.clone()).collect();
    let from = company.live_from;
    let stage = Stage::new(plan(&company, folder.path())).await.unwrap();
    account::add_fact_properties(&stage.hubspot);
    stage.slack.set_rate_limits(false);
    let heard = stage.hubspot.config().subscriptions.clone();
    stage.hubspot.subscribe(Vec::new());
    let mut season = Season::new(company, SEED, &stage.hubspot);
    season.act_until(from, &stage.hubspot).unwrap();
    stage.hubspot.subscribe(heard);
    let app = stage.open().await.unwrap();
    // What is measured at night would move the ground under the season's feet.
    let word = ("admin@example.com", "for the test");
    let store = &app.service().store;
    override_activity(store, "hubspot", PIPELINE, Some(true), word, from).await.unwrap();
    Scene { stage, app, season, people, _folder: folder }
}

/// Plays what was told to the service.
fn played(
    service: &Service,
    people: &[String],
    told: Vec<Told>,
    pace: Pace,
    until: UnixMs,
) -> (Report, Ends) {
    let (rules, _) = rulesets::load(&RULES.map(str::to_owned), &[]).unwrap();
    let account = Account { slug: "hubspot", pipeline: PIPELINE, rules: &rules, people };
    account.played(service, told, pace, until)
}

/// Nobody is slow and nothing is missed: everything happens when it is due.
async fn live_calmly(stage: &Stage, app: &App, season: &mut Season) -> Vec<Told> {
    let mut living = Living::new(app.service());
    let end = stage.clock.now().plus_ms(i64::from(DAYS) * DAY_MS);
    loop {
        let now = stage.clock.now();
        season.act_until(now, &stage.hubspot).unwrap();
        let had_baseline = living.has_baseline();
        let next = stage.settle(app).await.unwrap();
        living.hear().await;
        if !had_baseline && living.has_baseline() {
            living.told.push(Told::FirstBaseline(now));
        }
        let next = [next, season.next_at()].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next < end) else { return living.told };
        stage.clock.set(next.max(now.plus_ms(1)));
    }
}

#[tokio::test]
async fn a_calm_season_played_again_fires_and_decides_what_it_did_live() {
    let Scene { stage, app, mut season, people, _folder } = scene().await;
    let service = app.service();
    let (told, expected) = stage
        .play(&app, async {
            let told = live_calmly(&stage, &app, &mut season).await;
            (told, lived(&service.store, &people).await)
        })
        .await;
    let until = stage.clock.now().plus_ms(1);
    let (report, ends) = played(service, &people, told, Pace::AtOnce, until);
    assert_same(&expected, &ends);
    assert_speaks_of_people_and_won_deals(&ends);
    let attention = &report.total.attention;
    assert!(attention.interruptions > 30 && attention.digest_items > 30, "{attention:?}");
    for reason in ["no_longer_true", "reason_gone", "spacing"] {
        assert!(attention.not_sent.contains_key(reason), "{attention:?}");
    }
}

/// Rules about people and those that rest on won deals had something to say.
fn assert_speaks_of_people_and_won_deals(ends: &Ends) {
    let fired = |rule: &str| ends.values().filter(|(firing, _)| firing.rule_id == rule).count();
    for rule in ["longer-than-won", "older-than-won", "many-deals", "nothing-new", "on-a-roll"] {
        assert!(fired(rule) > 0, "{rule} never fired");
    }
    let resolved = ends.values().filter_map(|(firing, _)| firing.quoted);
    assert!(resolved.filter(|quoted| quoted.rung != Rung::Own).count() > 5);
}

/// Hours of the season, from six in the morning of its first day, in which something
/// is down: some within a day, some overnight, one for longer than a day.
const HUBSPOT_DOWN: [(i64, i64); 3] = [(27, 33), (74, 104), (243, 249)];
const SLACK_DOWN: [(i64, i64); 3] = [(50, 56), (200, 221), (338, 364)];
/// In which the service itself does not look around; what is sent to it is kept.
const SERVICE_RESTS: [(i64, i64); 3] = [(57, 62), (109, 112), (266, 273)];
/// At which the webhooks since the last time come once more.
const SENT_AGAIN: [i64; 3] = [60, 155, 300];

fn is_in(hours: &[(i64, i64)], since_ms: i64) -> bool {
    hours.iter().any(|(from, until)| (from * HOUR_MS..until * HOUR_MS).contains(&since_ms))
}

/// Vendors are down for hours, webhooks come late, shuffled and twice, and the
/// service looks around now and then.
async fn live_through_storms(stage: &Stage, app: &App, season: &mut Season) -> Vec<Told> {
    let mut living = Living::new(app.service());
    let mut luck = ChaCha8Rng::seed_from_u64(SEED);
    let from = stage.clock.now();
    let end = from.plus_ms(i64::from(DAYS) * DAY_MS);
    let (mut tick_at, mut webhook_at) = (from, None);
    let (mut sent_again, mut heard_until) = (SENT_AGAIN.iter().peekable(), 0);
    loop {
        let now = stage.clock.now();
        let since_ms = now.since_ms(from);
        season.act_until(now, &stage.hubspot).unwrap();
        let is_hubspot_down = is_in(&HUBSPOT_DOWN, since_ms);
        stage.hubspot.set_down(is_hubspot_down);
        stage.slack.clear_faults();
        if is_in(&SLACK_DOWN, since_ms) {
            stage.slack.fail("*", FaultKind::Status(503), u32::MAX);
        }
        stage.hubspot.set_webhook_knobs(WebhookKnobs {
            shuffle: true,
            duplicate_percent: 20,
            delay_ms: luck.random_range(0..3 * MINUTE_MS),
            ..WebhookKnobs::default()
        });
        if !is_hubspot_down {
            webhook_at = stage.hubspot.tick(now).await;
        }
        if sent_again.next_if(|hour| *hour * HOUR_MS <= since_ms).is_some() {
            heard_until = send_again(app.service(), heard_until, now).await;
        }
        if tick_at <= now && !is_in(&SERVICE_RESTS, since_ms) {
            living.tick(now).await;
            tick_at = now.plus_ms(luck.random_range(1..25 * MINUTE_MS));
        }
        let webhook_at = webhook_at.filter(|_| !is_hubspot_down);
        let next = [Some(tick_at), season.next_at(), webhook_at].into_iter().flatten().min();
        let next = next.unwrap_or(end).max(now.plus_ms(MINUTE_MS / 6));
        if next >= end {
            return living.told;
        }
        stage.clock.set(next);
    }
}

/// Puts the webhooks after `seq` into the inbox once more; answers the last of them.
async fn send_again(service: &Service, seq: u64, now: UnixMs) -> u64 {
    let rows = service.store.inbox_after(seq, 2_000, 64 << 20).await.unwrap();
    let last = rows.last().map_or(seq, |row| row.seq);
    for row in rows.into_iter().filter(|row| row.request.kind.starts_with(HOOK)) {
        service.store.append(NewInbox { received_at: now, ..row.request }).await.unwrap();
    }
    last
}

#[tokio::test]
async fn a_season_of_storms_played_again_fires_and_decides_what_it_did_live() {
    let Scene { stage, app, mut season, people, _folder } = scene().await;
    let service = app.service();
    let (told, expected) = stage
        .play(&app, async {
            let told = live_through_storms(&stage, &app, &mut season).await;
            (told, lived(&service.store, &people).await)
        })
        .await;
    let late = told.iter().filter(|one| is_late(one)).count();
    assert!(late > 1_000, "{late} changes came late");
    let until = last_look(&told);
    let pace = Pace::AsTold { hydrate_deadline_ms: HYDRATE_DEADLINE_MS };
    let (report, ends) = played(service, &people, told, pace, until);
    assert_same(&expected, &ends);
    assert_speaks_of_people_and_won_deals(&ends);
    let held_up = ends.values().filter(|(_, end)| is_held_up(end)).count();
    assert!(held_up > 30, "{held_up} messages waited for the chat");
    let attention = &report.total.attention;
    assert!(attention.interruptions > 30 && attention.digest_items > 30, "{attention:?}");
    for reason in ["expired", "no_longer_true", "reason_gone", "spacing", "stage_kind"] {
        assert!(attention.not_sent.contains_key(reason), "{attention:?}");
    }
}

fn is_late(told: &Told) -> bool {
    matches!(told, Told::Change(at, change) if at.since_ms(change.occurred_at) > HOUR_MS)
}

fn is_held_up(end: &End) -> bool {
    matches!(end, End::Sent(_, decided_at, at) if at > decided_at)
}
