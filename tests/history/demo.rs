//! `demo --history`: a past is lived through on its own dates, timers included.

use touchline::demo::history::{Options, play};
use touchline::history::import::import;

use crate::data::mapping;

/// One deal that moved and closed, one that stayed in its stage.
const CSV: &str = "\
opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value
A1,Ann Lee,Box,Acme Example,Won,3/1/2017,3/8/2017,1054
A2,Ann Lee,Crate,Bolt Example,Engaging,3/1/2017,,
";
const TEAM: &str = "sales_agent,manager,regional_office\nAnn Lee,Mia Lead,Central\n";

#[tokio::test]
async fn a_past_is_lived_through_with_its_timers() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sales_teams.csv"), TEAM).unwrap();
    let mut mapping = mapping();
    mapping.as_of = "2017-04-10".parse().unwrap();
    let history = import(CSV.as_bytes(), folder.path(), &mapping).unwrap().history;
    let file = folder.path().join("past.jsonl");
    history.write(std::fs::File::create(&file).unwrap()).unwrap();

    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let options = Options { file, shown_max: 2, exit_after: None, folder: data };
    let mut out = Vec::new();
    play(options, &mut out).await.unwrap();
    let out = String::from_utf8(out).unwrap();

    assert!(out.contains("── Wed 1 Mar 08:00 EST · Slack to Ann Lee ──"), "{out}");
    assert!(out.contains("is in Engaging without an amount"), "{out}");
    assert!(out.contains("more messages to 1 people"), "{out}");
    assert!(out.contains("simulated days, 2017-02-15 to 2017-04-09"), "{out}");
    let fired = |rule: &str| {
        let line = out.lines().find(|line| line.trim_end().ends_with(rule));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u32>().ok()).unwrap_or(0)
    };
    assert_eq!(fired("advanced-without-facts"), 2, "{out}");
    // Nobody touched the second deal for three weeks, and then for ten working days.
    assert_eq!(fired("long-in-stage"), 2, "{out}");
}
