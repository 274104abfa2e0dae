//! `rules explain` over a small database: two deals of an imported past.

use std::sync::Arc;

use touchline::app::App;
use touchline::clock::{Clock as _, ManualClock, SystemClock};
use touchline::config::Config;
use touchline::roles::ingest::events::CHANGES;
use touchline::store::NewInbox;
use touchline_rules::UnixMs;
use touchline_rules::facts::{Actor, ActorKind, Change, ChangeKind, DealKey, Fact, Field, Value};
use touchline_rules::time::{DAY_MS, HOUR_MS};

use crate::Place;

/// 2026-11-23, 08:00 UTC, a Monday.
const NOW: UnixMs = UnixMs(1_795_420_800_000);

const MAPPING: &str = r#"
as_of = "2026-11-20"
time_zone = "Europe/London"
date_format = "%Y-%m-%d"
stages = [
  { name = "Talking", kind = "open", entered = "talking" },
  { name = "Offer", kind = "open", entered = "offer" },
  { name = "Won", kind = "won", entered = "won" },
]
[columns]
id = "id"
stage = "stage"
owner = "seller"
name = ["name"]
amount = "amount"
[created]
otherwise = "2026-09-01"
[team]
email_domain = "example.com"
"#;

const DEALS: &str = "id,seller,name,stage,talking,offer,won,amount
7,Ann Lee,Harbour Foods,Offer,2026-09-01,2026-10-05,,1200
8,Ann Lee,Quay Works,Won,2026-09-01,2026-10-05,2026-11-02,300
";

const PACK: &str = "\
pack: trial
title: A trial
rules:
  - id: long-offer
    title: An offer waits
    on: state
    when: deal.stage_kind == \"open\" && deal.amount > 1000 && days_since(deal.stage_entered_at) >= threshold
    threshold: 30
    tip: { headline: \"{{ deal.name }} waits\", body: Ask. }
  - id: silent
    title: The buyer is silent
    on: state
    when: business_days_since(deal.last_inbound_at) >= 5
    tip: { headline: \"{{ deal.name }} is silent\", body: Ask. }
  - id: moved
    title: A deal moved
    on: deal.stage_changed
    when: change.stages_moved > 1
    tip: { headline: \"{{ deal.name }} moved\", body: Look. }
  - id: stepped
    title: A deal made a step
    on: deal.stage_changed
    when: change.stages_moved != 0
    cooldown: 30d
    tip: { headline: \"{{ deal.name }} made a step\", body: Look. }
  - id: any-move
    title: A deal moved at all
    on: deal.stage_changed
    when: deal.amount > 100
    tip: { headline: \"{{ deal.name }} moved\", body: Look. }
  - id: closed
    title: A deal was closed
    on: deal.closed
    when: deal.amount > 100
    tip: { headline: \"{{ deal.name }} is closed\", body: Look. }
";

/// A database that knows the two deals.
async fn place() -> Place {
    place_after(&[]).await.0
}

/// The same after some moves of deal 7, and the instant that they count from: the
/// import itself ran by the system's clock.
async fn place_after(moves: &[Move]) -> (Place, UnixMs) {
    let place = Place::new(
        "rules = [\"trial.yaml\"]\n[connections.crm]\nconnector = \"hubspot\"\n\
         access_token = \"fake-token\"\nbase_url = \"http://127.0.0.1:1\"\n",
    );
    place.write("mapping.toml", MAPPING);
    place.write("deals.csv", DEALS);
    place.write("trial.yaml", PACK);
    let import =
        ["history", "import", "deals.csv", "--mapping", "mapping.toml", "--connection", "crm"];
    let ran = place.run(&import);
    assert_eq!(ran.code, 0, "{}", ran.err);
    // Rules are named from where a command is run, and this test runs elsewhere.
    let text = std::fs::read_to_string(place.path().join("touchline.toml")).unwrap();
    let pack = place.path().join("trial.yaml").display().to_string();
    let config = Config::from_toml(&text.replace("trial.yaml", &pack)).unwrap();
    let clock = Arc::new(ManualClock::new(NOW));
    let app = App::open(config, clock.clone()).await.unwrap();
    app.settle().await.unwrap();
    let store = app.service().store.clone();
    let from = SystemClock.now().max(NOW);
    for (day, stage, days_late, by) in moves {
        let at = from.plus_ms(day * DAY_MS);
        clock.set(at);
        let change = Change {
            deal: DealKey { connection: "crm".to_owned(), id: "7".to_owned() },
            kind: ChangeKind::FieldSet {
                field: Field::Stage,
                to: Fact::Known(Value::Text((*stage).to_owned())),
            },
            occurred_at: at.plus_ms(-days_late * DAY_MS),
            actor: Actor { kind: *by, user_id: None },
            vendor_id: None,
            vendor_seq: 0,
        };
        let told = NewInbox {
            connection: "crm".to_owned(),
            kind: CHANGES.to_owned(),
            received_at: at,
            headers: Vec::new(),
            body: serde_json::to_vec(&[change]).unwrap(),
        };
        store.append(told).await.unwrap();
        app.settle().await.unwrap();
    }
    store.close();
    (place, from)
}

/// A deal moves so many days later into a stage; how many days late that is told,
/// and who did it.
type Move = (i64, &'static str, i64, ActorKind);

const MOVES: &[Move] = &[
    (1, "talking", 0, ActorKind::Person),
    (2, "offer", 0, ActorKind::Person),
    (40, "talking", 0, ActorKind::Touchline),
    (80, "won", 60, ActorKind::Person),
];

/// Runs `rules explain RULE --deal DEAL` as of an instant.
fn as_of(place: &Place, rule: &str, deal: &str, at: UnixMs) -> serde_json::Value {
    let at = at.to_string();
    let ran = place.run(&["rules", "explain", rule, "--deal", deal, "--json", "--at", &at]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    serde_json::from_str(&ran.out).unwrap()
}

#[tokio::test]
async fn an_event_rule_is_explained_on_the_newest_change() {
    let (place, from) = place_after(MOVES).await;
    let told = |rule: &str, deal: &str, days: i64| {
        let told = as_of(&place, rule, deal, from.plus_ms(days * DAY_MS + HOUR_MS));
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        (text("verdict"), text("because"), told["change"].clone())
    };
    let (verdict, because, change) = told("stepped", "7", 1);
    assert_eq!((verdict.as_str(), because.as_str()), ("fired", "it spoke of this change"));
    let stages = (&change["from"], &change["to"], &change["source"]);
    assert_eq!(stages, (&"offer".into(), &"talking".into(), &"person".into()));
    assert_eq!(change["occurred_at"], from.plus_ms(DAY_MS).to_string());

    for (rule, deal, days, verdict, because) in [
        ("stepped", "7", 0, "silent", "past"),
        ("stepped", "7", 2, "silent", "cooldown"),
        ("moved", "7", 2, "not true", "a part"),
        ("stepped", "7", 40, "silent", "Touchline made the change itself"),
        ("any-move", "7", 80, "silent", "after a newer value"),
        ("closed", "8", 2, "silent", "past"),
        ("closed", "7", 2, "waits for its event", "no deal.closed of this deal is stored"),
    ] {
        let told = told(rule, deal, days);
        assert!(told.0 == verdict && told.1.contains(because), "{rule} {deal} {days}: {told:?}");
    }
}

#[tokio::test]
async fn a_rule_is_explained_on_a_deal() {
    let place = place().await;
    let explain = |rule: &str, deal: &str| {
        let at = "2026-11-23T08:00:00Z";
        let ran = place.run(&["rules", "explain", rule, "--deal", deal, "--at", at]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        ran.out
    };
    let all = [("long-offer", "7"), ("long-offer", "8"), ("silent", "7"), ("moved", "7")];
    let told: Vec<_> = all.iter().map(|(rule, deal)| explain(rule, deal)).collect();
    // The import ran by the system's clock.
    let told = told.join("\n");
    let (before, rest) = told.split_once("first looked at (").unwrap();
    let told = format!("{before}first looked at (TIME){}", rest.split_once(')').unwrap().1);
    let (before, rest) = told.split_once("taken in ").unwrap();
    let told = format!("{before}taken in TIME{}", &rest[rest.find('\n').unwrap()..]);
    insta::assert_snapshot!(told);
    let earlier = ["rules", "explain", "long-offer", "--deal", "7", "--at", "2026-10-20T08:00:00Z"];
    let earlier = place.run(&[&earlier[..], &["--json"]].concat());
    let earlier: serde_json::Value = serde_json::from_str(&earlier.out).unwrap();
    assert_eq!(earlier["verdict"], "not true");
    assert_eq!(earlier["connection"], "crm");
    assert_eq!(earlier["explanation"]["truth"], "false");
}

/// Ann owns the deals; Mary manages her, and Max manages somebody else.
const TEAMS: &str = "[people.\"ann.lee@example.com\"]
manager = \"mary@example.com\"
[people.\"ben@example.com\"]
manager = \"max@example.com\"
";

#[tokio::test]
async fn a_rule_that_says_nothing_says_why_before_what_it_finds() {
    let place = place().await;
    let config = std::fs::read_to_string(place.path().join("touchline.toml")).unwrap();
    place.write("touchline.toml", &format!("admins = [\"admin@example.com\"]\n{config}{TEAMS}"));
    let signed = ["--as", "admin@example.com", "--why", "a trial"];
    let change = |args: &[&str]| {
        let ran = place.run(&[&["rules"], args, &signed].concat());
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    };
    let verdict = |rule: &str| {
        let at = "2026-11-23T08:00:00Z".parse::<jiff::Timestamp>().unwrap();
        let told = as_of(&place, rule, "7", at.into());
        let because = told["because"].as_str().unwrap().to_owned();
        (told["state"].clone(), told["verdict"].clone(), because)
    };
    let begins = |rule: &str, state: &str, verdict_is: &str, because: &str| {
        let (stands, word, told) = verdict(rule);
        assert_eq!((stands, word), (state.into(), verdict_is.into()), "{told}");
        assert!(told.starts_with(because), "{told}");
        told
    };
    change(&["mute", "long-offer", "--team", "mary@example.com"]);
    let told = begins(
        "long-offer",
        "on",
        "not for this deal",
        "the team of mary@example.com muted it; its condition is true of this deal",
    );
    assert!(!told.contains("applies_to"), "{told}");
    change(&["mute", "long-offer", "--team", "mary@example.com", "--undo"]);
    change(&["pause", "long-offer"]);
    let told = begins("long-offer", "paused", "resting", "the rule is paused since 20");
    assert!(told.ends_with("(a trial); its condition is true of this deal"), "{told}");
    change(&["watch", "long-offer"]);
    begins("long-offer", "shadow", "only watched", "worked out and told to nobody since 20");
    change(&["retire", "stepped"]);
    let told = begins("stepped", "retired", "retired", "the rule is out of use since 20");
    assert!(!told.contains("cooldown"), "{told}");
    place
        .write("team.yaml", &PACK.replace("pack: trial", "pack: team").replace("id: ", "id: our-"));
    change(&["publish", "team.yaml", "--team", "max@example.com", "--yes"]);
    let of_team = "it is the rule of the team of max@example.com; its condition is true";
    begins("our-long-offer", "on", "not for this deal", of_team);
}

#[tokio::test]
async fn deals_that_cannot_be_judged_are_counted_apart() {
    let place = place().await;
    let ran = place.run(&["rules", "present", "silent"]);
    let told = "silent: 0 of 1 open deals; 1 more cannot be judged, because a fact is missing\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, told));
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let place = place().await;
    for (args, told) in [
        (["long-ofer", "--deal", "7"], "did you mean `long-offer`?"),
        (["long-offer", "--deal", "9"], "the database knows no deal `9`"),
    ] {
        let ran = place.run(&[&["rules", "explain"][..], &args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (1, ""));
        assert!(ran.err.contains(told) && ran.err.contains("hint: "), "{}", ran.err);
    }
    let other = ["rules", "explain", "moved", "--deal", "7", "--connection", "cm"];
    let ran = place.run(&other);
    assert!(ran.code == 1 && ran.err.contains("did you mean `crm`?"), "{}", ran.err);
}

#[tokio::test]
async fn activity_is_decided_about_in_pipelines_that_are_there() {
    let place = place().await;
    let trust = |pipeline: &str| {
        let about = ["--connection", "crm", "--pipeline", pipeline, "--reason", "we log all"];
        place.run(&[&["admin", "trust-activity", "on"][..], &about].concat())
    };
    let ran = trust("defalt");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    let told = "the account of crm has no pipeline `defalt`\nhint: did you mean `default`?";
    assert!(ran.err.contains(told), "{}", ran.err);
    let ran = trust("default");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}
