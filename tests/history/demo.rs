//! `demo --history`: a past is lived through on its own dates, timers included.

use touchline::demo::history::{Options, play};
use touchline::history::History;
use touchline::history::import::import;
use touchline_rules::facts::{Change, ChangeKind, Fact, Field};

use crate::data::mapping;

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
