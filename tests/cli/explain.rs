//! `rules explain` over a small database: two deals of an imported past.

use std::sync::Arc;

use touchline::app::App;
use touchline::clock::ManualClock;
use touchline::config::Config;
use touchline_rules::UnixMs;

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
";

/// A database that knows the two deals.
async fn place() -> Place {
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
    let app = App::open(config, Arc::new(ManualClock::new(NOW))).await.unwrap();
    app.settle().await.unwrap();
    app.service().store.close();
    place
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
    insta::assert_snapshot!(told);
    let earlier = ["rules", "explain", "long-offer", "--deal", "7", "--at", "2026-10-20T08:00:00Z"];
    let earlier = place.run(&[&earlier[..], &["--json"]].concat());
    let earlier: serde_json::Value = serde_json::from_str(&earlier.out).unwrap();
    assert_eq!(earlier["verdict"], "not true");
    assert_eq!(earlier["connection"], "crm");
    assert_eq!(earlier["explanation"]["truth"], "false");
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
