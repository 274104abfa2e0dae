//! Back-test = live: the made-up company's season is lived through by the service,
//! and what its inbox took in is played by the back-test.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::date;
use touchline::app::App;
use touchline::clock::Clock as _;
use touchline::coaching::data_check::override_activity;
use touchline::coaching::deliveries::{CHAT, DeliveryBody};
use touchline::coaching::rulesets;
use touchline::coaching::settings::policy;
use touchline::demo::company::Company;
use touchline::demo::season::Season;
use touchline::demo::stage::{Plan, Stage};
use touchline::roles::batching::subject_key;
use touchline::roles::ingest::events::{Said, decode};
use touchline::store::DeliveryState;
use touchline_kit::Inbound;
use touchline_rules::UnixMs;
use touchline_rules::attention::SendAs;
use touchline_rules::backtest::{Crew, Fate, Fired, Observer, Player, Report, Setup, Trust};
use touchline_rules::engine::{Firing, nudge_id};
use touchline_rules::facts::{Change, DealKey, Observation};
use touchline_rules::time::DAY_MS;
use touchline_slack::fake::FakeUser;

/// Longer than anybody is new.
const DAYS: i32 = 17;
const SEED: u64 = 5;
const PAGE: usize = 1_000;
const BYTES: usize = 64 << 20;
const PIPELINE: &str = "default";
/// Nothing is missed on this stage, so nothing is read again before it is said.
const CONFIG: &str = "[attention]\nsending = \"everyone\"\n[crm]\npoll_interval_minutes = 60\n\
    [delivery]\nfresh_max_age_minutes = 1000000\n";

/// What became of a firing in the end, and when that was decided.
#[derive(Clone, Debug, PartialEq)]
enum End {
    Interruption(UnixMs),
    Digest(UnixMs, UnixMs),
    NotSent(String),
    Open,
}

/// By rule, deal and instant.
type Ends = BTreeMap<(String, String, UnixMs), End>;

enum Told {
    Change(Change),
    Record(Observation),
}

#[derive(Default)]
struct Heard {
    ends: Ends,
}

impl Observer for Heard {
    fn fired(&mut self, fired: Fired<'_>) {
        self.ends.insert(key(fired.firing), End::Open);
    }

    fn decided(&mut self, firing: &Firing, at: UnixMs, fate: Fate) {
        let end = match fate {
            Fate::Sent(SendAs::Interrupt) => End::Interruption(at),
            Fate::Sent(SendAs::Digest { slot }) => End::Digest(slot, at),
            Fate::Kept => End::NotSent("card_only".to_owned()),
            Fate::NotSent(word) => End::NotSent(word.to_owned()),
            Fate::Deferred { .. } => return,
        };
        self.ends.insert(key(firing), end);
    }
}

fn key(firing: &Firing) -> (String, String, UnixMs) {
    (firing.rule_id.clone(), firing.deal.id.clone(), firing.at)
}

/// Lives through the season; answers all that the service was told, and when.
async fn live(stage: &Stage, app: &App, season: &mut Season) -> Vec<(UnixMs, Told)> {
    let (mut told, mut seq) = (Vec::new(), 0);
    let end = stage.clock.now().plus_ms(i64::from(DAYS) * DAY_MS);
    loop {
        let now = stage.clock.now();
        season.act_until(now, &stage.hubspot).unwrap();
        let next = stage.settle(app).await.unwrap();
        for row in app.service().store.inbox_after(seq, PAGE, BYTES).await.unwrap() {
            let received_at = row.request.received_at;
            seq = row.seq;
            for event in decode(app.service(), row).1 {
                match event.said {
                    Said::Well(Inbound::Change(change)) => {
                        told.push((received_at, Told::Change(change)));
                    }
                    Said::Well(Inbound::Observation(read)) => {
                        told.push((received_at, Told::Record(read)));
                    }
                    _ => {}
                }
            }
        }
        let next = [next, season.next_at()].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next < end) else { return told };
        stage.clock.set(next.max(now.plus_ms(1)));
    }
}

/// What the store holds of every firing.
async fn lived(app: &App, people: &[String]) -> Ends {
    let store = &app.service().store;
    let mut reasons = BTreeMap::new();
    for person in people.iter().chain([&String::new()]) {
        let rows = store.suppressed_of(person.clone(), UnixMs::MAX, PAGE).await.unwrap();
        reasons.extend(rows.into_iter().map(|row| (row.nudge_id, row.reason)));
    }
    let (mut ends, mut after) = (Ends::new(), None::<DealKey>);
    loop {
        let page = store.deals_after(after.clone(), PAGE).await.unwrap();
        let Some(last) = page.last() else { return ends };
        after = Some(DealKey { connection: last.connection.clone(), id: last.id.clone() });
        for row in page {
            let deal = DealKey { connection: row.connection, id: row.id };
            for firing in store.firings_of(subject_key(&deal), PAGE).await.unwrap() {
                let firing: Firing = serde_json::from_slice(&firing.body).unwrap();
                let mut end = End::Open;
                for person in people.iter().map(String::as_str).chain([""]) {
                    let nudge = nudge_id(&firing.id, person);
                    let sent = store.deliveries_of_nudge(nudge.clone()).await.unwrap();
                    let sent = sent.into_iter().find(|delivery| {
                        delivery.channel == CHAT && delivery.state == DeliveryState::Sent
                    });
                    if let Some(sent) = sent {
                        end = match DeliveryBody::read(&sent).slot {
                            None => End::Interruption(sent.created_at),
                            Some(slot) => End::Digest(slot, sent.created_at),
                        };
                    } else if let Some(reason) = reasons.get(&nudge) {
                        end = End::NotSent(reason.clone());
                    }
                }
                ends.insert(key(&firing), end);
            }
        }
    }
}

/// The season's stage: nobody is slow, and nothing is missed.
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
    plan.hubspot = |hubspot| hubspot.limits = touchline_hubspot::fake::RateLimits::off();
    plan
}

/// Plays what the service was told.
fn played(
    app: &App,
    people: &[String],
    told: Vec<(UnixMs, Told)>,
    until: UnixMs,
) -> (Report, Ends) {
    let service = app.service();
    let metadata = service.metadata("hubspot");
    let calendar_of = |email: Option<&str>| service.people.calendar_of(email, &metadata);
    let led = people.iter().filter_map(|one| Some((one.clone(), service.people.manager_of(one)?)));
    let crew = Crew {
        managers: led.collect(),
        calendar: calendar_of(None),
        calendars: people.iter().map(|one| (one.clone(), calendar_of(Some(one)))).collect(),
    };
    let (rules, _) = rulesets::load(&["builtin:core-pipeline".to_owned()], &[]).unwrap();
    let trusted = [PIPELINE.to_owned()];
    let setup = Setup {
        rules: &rules,
        metadata: &metadata,
        crew: &crew,
        policy: &policy(&service.config, &service.settings.current().to),
        trust: Trust::In(&trusted),
        since: UnixMs::MIN,
        until: UnixMs::MAX,
        estimated: false,
    };
    let mut player = Player::new(setup, Heard::default());
    for (at, told) in told {
        match told {
            Told::Change(change) => player.change(at, change),
            Told::Record(read) => player.record(at, &read),
        };
    }
    let (report, heard) = player.finish(until, Vec::new());
    (report, heard.ends)
}

#[tokio::test]
async fn a_season_played_again_fires_and_decides_what_it_did_live() {
    let folder = tempfile::tempdir().unwrap();
    let company = Company::new(SEED, date(2026, 3, 2), DAYS);
    let people: Vec<String> = company.members.iter().map(|one| one.email.clone()).collect();
    let from = company.live_from;
    let stage = Stage::new(plan(&company, folder.path())).await.unwrap();
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

    let (told, expected) = stage
        .play(&app, async {
            let told = live(&stage, &app, &mut season).await;
            (told, lived(&app, &people).await)
        })
        .await;
    let (report, ends) = played(&app, &people, told, stage.clock.now().plus_ms(1));

    let missing: Vec<_> =
        expected.iter().filter(|(key, end)| ends.get(*key) != Some(end)).collect();
    let added: Vec<_> = ends.iter().filter(|(key, end)| expected.get(*key) != Some(end)).collect();
    assert!(
        missing.is_empty() && added.is_empty(),
        "live, but not so in the back-test ({}): {missing:#?}\nthe other way round ({}): {added:#?}",
        missing.len(),
        added.len()
    );
    let attention = &report.total.attention;
    assert!(attention.interruptions > 30 && attention.digest_items > 30, "{attention:?}");
    for reason in ["no_longer_true", "reason_gone", "spacing"] {
        assert!(attention.not_sent.contains_key(reason), "{attention:?}");
    }
}
