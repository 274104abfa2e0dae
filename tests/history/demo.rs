//! `demo --history`: a past is lived through on its own dates, timers included.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use touchline::coaching::rulesets;
use touchline::demo::history::{Options, play};
use touchline::history::History;
use touchline::history::import::import;
use touchline::history::stored::StoredPast;
use touchline::roles::batching::subject_key;
use touchline::roles::fetch::metadata::stored;
use touchline::store::{Store, StoreOptions};
use touchline_rules::attention::{Policy, Sending};
use touchline_rules::backtest::{Crew, Fired, Observer, Pace, Player, Setup, Trust};
use touchline_rules::engine::Firing;
use touchline_rules::facts::{Change, ChangeKind, DealKey, Fact, Field, Managers, Metadata};
use touchline_rules::{Calendar, UnixMs};

use crate::data::{Opportunities, mapping};

/// One deal that moved and closed, one that stayed in its stage.
const CSV: &str = "\
opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value
A1,Ann Lee,Box,Acme Example,Won,3/1/2017,3/8/2017,1054
A2,Ann Lee,Crate,Bolt Example,Engaging,3/1/2017,,
";
const TEAM: &str = "sales_agent,manager,regional_office\nAnn Lee,Mia Lead,Central\n";

/// What `demo --history` prints of the two deals, as `shape` makes their past.
async fn lived_through(shape: impl FnOnce(&mut History)) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sales_teams.csv"), TEAM).unwrap();
    let mut mapping = mapping();
    mapping.as_of = "2017-04-10".parse().unwrap();
    let mut history = import(CSV.as_bytes(), folder.path(), &mapping).unwrap().history;
    shape(&mut history);
    let file = folder.path().join("past.jsonl");
    history.write(std::fs::File::create(&file).unwrap()).unwrap();

    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let options = Options { file, shown_max: 2, exit_after: None, folder: data };
    let mut out = Vec::new();
    play(options, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

fn fired(out: &str, rule: &str) -> u32 {
    let line = out.lines().find(|line| line.trim_end().ends_with(rule));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn a_past_is_lived_through_with_its_timers() {
    let out = lived_through(|_| {}).await;
    assert!(out.contains("· Slack to Ann Lee ──"), "{out}");
    assert!(out.contains("simulated days, 2017-02-15 to 2017-04-10"), "{out}");
    // The file tells neither amounts nor next steps of open deals: nobody is
    // told that they are missing.
    assert_eq!(fired(&out, "advanced-without-facts"), 0, "{out}");
    assert_eq!(fired(&out, "lost-without-reason"), 0, "{out}");
    // Nobody touched the second deal for three weeks, and then for ten working days.
    assert_eq!(fired(&out, "long-in-stage"), 2, "{out}");
}

#[tokio::test]
async fn what_a_past_tells_to_be_blank_is_missed() {
    let out = lived_through(|history| {
        let made = history.changes.iter().position(|change| change.kind == ChangeKind::Created);
        let at = made.expect("a deal is made");
        let kind = ChangeKind::FieldSet { field: Field::Amount, to: Fact::Empty };
        let blank = Change { kind, ..history.changes[at].clone() };
        history.changes.insert(at + 1, blank);
    })
    .await;
    assert!(out.contains("── Wed 1 Mar 08:00 EST · Slack to Ann Lee ──"), "{out}");
    assert!(out.contains("is in Engaging without an amount"), "{out}");
    assert_eq!(fired(&out, "advanced-without-facts"), 1, "{out}");
}

/// Of the opportunities, one in so many is lived through.
const ONE_IN: usize = 150;
const PAGE: usize = 1_000;

/// Rule, the history's deal, day.
type Firings = BTreeSet<(String, String, Date)>;

/// A few deals of the file, as the fake CRM knows them: what the file does not tell
/// is blank there.
fn slice() -> History {
    let mut history = Opportunities::find().history();
    let ids: BTreeSet<String> =
        history.changes.iter().map(|change| change.deal.id.clone()).step_by(ONE_IN).collect();
    let kept: BTreeSet<&String> = ids.iter().step_by(8).collect();
    let mut changes = Vec::new();
    for change in history.changes {
        if !kept.contains(&change.deal.id) {
            continue;
        }
        let is_made = change.kind == ChangeKind::Created;
        let blank = |field| Change {
            kind: ChangeKind::FieldSet { field, to: Fact::Empty },
            ..change.clone()
        };
        let fields = [Field::Amount, Field::CloseDate, Field::NextStep, Field::LossReason];
        let blanks: Vec<Change> = fields.map(blank).into_iter().filter(|_| is_made).collect();
        changes.push(change);
        changes.extend(blanks);
    }
    history.changes = changes;
    history
}

/// The firings that the demo left in its database, and those of the past that it
/// stored.
async fn lived(folder: &Path, history: &History) -> (Firings, Firings) {
    let mut ids: Vec<&str> = Vec::new();
    for change in &history.changes {
        if !ids.contains(&change.deal.id.as_str()) {
            ids.push(&change.deal.id);
        }
    }
    let zone = TimeZone::get("America/New_York").unwrap();
    let store = Store::open(&folder.join("touchline.db"), StoreOptions::default()).unwrap();
    let past = StoredPast::read(&store, "hubspot").await.unwrap();
    assert!(!past.estimated && !past.overview.activities);
    let metadata = stored(&store, "hubspot").await.unwrap().unwrap();
    let told = past.changes().unwrap().map(Result::unwrap);
    let of_store = played(&metadata, told, history.header.as_of);
    let mut firings = Firings::new();
    let deals = store.deals_after(None, PAGE).await.unwrap();
    assert_eq!(deals.len(), ids.len());
    let mut known: Vec<DealKey> =
        deals.into_iter().map(|row| DealKey { connection: row.connection, id: row.id }).collect();
    // The account numbers deals in the order in which the history first names them.
    known.sort_by_key(|deal| deal.id.parse::<u64>().unwrap());
    let mut named = Firings::new();
    for (deal, id) in known.into_iter().zip(ids) {
        let own = of_store.iter().filter(|(_, known, _)| *known == deal.id);
        named.extend(own.map(|(rule, _, day)| (rule.clone(), id.to_owned(), *day)));
        for firing in store.firings_of(subject_key(&deal), PAGE).await.unwrap() {
            let day = firing.fired_at.to_zoned(&zone).date();
            assert!(firings.insert((firing.rule_id, id.to_owned(), day)));
        }
    }
    (firings, named)
}

#[derive(Default)]
struct Heard(Firings);

impl Observer for Heard {
    fn fired(&mut self, fired: Fired<'_>) {
        let Firing { rule_id, deal, at, .. } = fired.firing;
        let zone = TimeZone::get("America/New_York").unwrap();
        self.0.insert((rule_id.clone(), deal.id.clone(), at.to_zoned(&zone).date()));
    }
}

fn played(
    metadata: &Metadata,
    told: impl Iterator<Item = (UnixMs, Change)>,
    as_of: UnixMs,
) -> Firings {
    let (rules, _) = rulesets::load(&["builtin:core-pipeline".to_owned()], &[]).unwrap();
    let zone = TimeZone::get("America/New_York").unwrap();
    let crew = Crew {
        managers: Managers::default(),
        calendar: Calendar::weekdays(zone),
        calendars: BTreeMap::new(),
        members: BTreeMap::new(),
    };
    let setup = Setup {
        rules: &rules,
        metadata,
        crew: &crew,
        policy: &Policy { sending: Sending::Everyone, ..Policy::default() },
        trust: Trust::Nowhere,
        pace: Pace::AtOnce,
        since: UnixMs::MIN,
        until: UnixMs::MAX,
        estimated: true,
    };
    let mut player = Player::new(setup, Heard::default());
    for (at, change) in told {
        player.change(at, change);
    }
    player.finish(as_of, Vec::new()).1.0
}

/// What the command says of the database that the demo left.
fn told_by_the_command(folder: &Path) -> serde_json::Value {
    let config = format!(
        "public_url = \"https://touchline.example.com\"\ndatabase = \"sqlite:{0}/touchline.db\"\n\
         key_file = \"{0}/touchline.key\"\n[connections.hubspot]\nconnector = \"hubspot\"\n\
         client_secret = \"fake-client-secret\"\naccess_token = \"fake-access-token\"\n",
        folder.display()
    );
    std::fs::write(folder.join("touchline.toml"), config).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_touchline"));
    command.args(["rules", "backtest", "--from-store", "--until", "2017-12-31", "--json"]);
    let ran = command.current_dir(folder).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

#[tokio::test]
async fn a_past_that_is_played_fires_what_it_fired_lived_through() {
    let history = slice();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("past.jsonl");
    history.write(std::fs::File::create(&file).unwrap()).unwrap();
    let options =
        Options { file, shown_max: 0, exit_after: None, folder: folder.path().to_owned() };
    play(options, &mut Vec::new()).await.unwrap();
    let (lived, of_store) = lived(folder.path(), &history).await;
    let told = history.changes.iter().map(|change| (change.occurred_at, change.clone()));
    let of_file = played(&history.header.metadata, told, history.header.as_of);
    for played in [of_file, of_store] {
        let only_lived: Vec<_> = lived.difference(&played).collect();
        let only_played: Vec<_> = played.difference(&lived).collect();
        assert!(only_lived.is_empty() && only_played.is_empty(), "{only_lived:?}\n{only_played:?}");
    }
    let told = told_by_the_command(folder.path());
    assert_eq!(told["total"]["firings"], lived.len(), "{:#}", told["total"]);
    assert_eq!(told["estimated"], false);
    let rules: BTreeSet<&str> = lived.iter().map(|(rule, ..)| rule.as_str()).collect();
    assert!(lived.len() > 50 && rules.len() > 2, "{} firings of {rules:?}", lived.len());
}
