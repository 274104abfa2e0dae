use std::path::Path;

use touchline_rules::facts::{ChangeKind, Fact, Field, Value};

use super::History;
use super::import::{Imported, import};
use super::mapping::Mapping;

const MAPPING: &str = r#"
as_of = "2017-12-31"
time_zone = "America/New_York"
date_format = "%m/%d/%Y"
stages = [
  { name = "Prospecting", kind = "open" },
  { name = "Engaging", kind = "open", entered = "engage" },
  { name = "Won", kind = "won", entered = "close" },
  { name = "Lost", kind = "lost", entered = "close" },
]
[columns]
id = "id"
stage = "stage"
owner = "seller"
name = ["account", "product"]
amount = "value"
close_date = "close"
[created]
days_before_first_date = 14
otherwise = "2017-12-01"
[team]
email_domain = "example.com"
"#;

const HEAD: &str = "id,seller,product,account,stage,engage,close,value\n";

fn read(rows: &str) -> Imported {
    let mapping: Mapping = toml::from_str(MAPPING).unwrap();
    import(format!("{HEAD}{rows}").as_bytes(), Path::new("."), &mapping).unwrap()
}

fn stages(imported: &Imported) -> Vec<String> {
    let stages = imported.history.changes.iter().filter_map(|change| match &change.kind {
        ChangeKind::FieldSet { field: Field::Stage, to: Fact::Known(Value::Text(stage)) } => {
            Some(format!("{} {stage}", change.occurred_at))
        }
        _ => None,
    });
    stages.collect()
}

#[test]
fn a_won_row_walks_through_every_stage_on_local_midnights() {
    let imported = read("A1,Ann Lee,Box,Acme,Won,10/20/2016,3/1/2017,1054\n");
    assert!(imported.bad.is_empty(), "{:?}", imported.bad);
    insta::assert_debug_snapshot!(stages(&imported), @r#"
    [
        "2016-10-06T04:00:00Z prospecting",
        "2016-10-20T04:00:00Z engaging",
        "2017-03-01T05:00:00Z won",
    ]
    "#);
    let owner = &imported.history.header.metadata.owners[0];
    assert_eq!(owner.email.as_deref(), Some("ann.lee@example.com"));
}

#[test]
fn a_lost_row_never_passes_won_and_a_row_without_dates_is_made_on_the_given_day() {
    let imported =
        read("A1,Ann Lee,Box,Acme,Lost,10/20/2016,3/1/2017,0\nA2,Ann Lee,Box,,Prospecting,,,\n");
    assert!(imported.bad.is_empty(), "{:?}", imported.bad);
    assert!(!stages(&imported).iter().any(|stage| stage.ends_with("won")));
    assert!(stages(&imported).contains(&"2017-12-01T05:00:00Z prospecting".to_owned()));
}

#[test]
fn a_row_of_another_width_and_an_amount_below_nothing_are_bad() {
    let imported = read(
        "A1,Ann Lee,Box,Acme,Won,10/20/2016,3/1/2017\n\
         A2,Ann Lee,Box,Acme, Inc,Won,10/20/2016,3/1/2017,5\n\
         A3,Ann Lee,Box,Acme,Won,10/20/2016,3/1/2017,-5\n\
         A4,Ann Lee,Box,Acme,Won,10/20/2016,3/1/2017,0,\n",
    );
    let bad: Vec<_> = imported.bad.iter().map(|(line, why)| format!("{line}: {why}")).collect();
    assert_eq!(
        bad,
        [
            "2: expected 8 columns, found 7",
            "3: expected 8 columns, found 9",
            "4: the amount `-5` is below 0",
        ]
    );
    assert_eq!(stages(&imported).len(), 3, "an empty column behind the last moves nothing");
}

#[test]
fn a_row_without_an_owner_is_a_deal_of_nobody_and_counted() {
    let imported = read("A1,,Box,Acme,Won,10/20/2016,3/1/2017,5\n");
    assert_eq!((imported.bad.len(), imported.unowned), (0, 1));
    let owned = imported
        .history
        .changes
        .iter()
        .any(|change| matches!(change.kind, ChangeKind::FieldSet { field: Field::Owner, .. }));
    assert!(!owned);
}

#[test]
fn the_days_of_a_history_are_those_of_its_changes_and_its_as_of() {
    let span = read("A1,Ann Lee,Box,Acme,Won,10/20/2016,3/1/2017,5\n").history.span().unwrap();
    let days = [span.first, span.last, span.as_of].map(|day| day.to_string());
    assert_eq!(days, ["2016-10-06", "2017-03-01", "2017-12-31"]);
    assert_eq!(read("").history.span(), None);
}

#[test]
fn steps_of_one_day_keep_their_order() {
    let imported = read("A1,Ann Lee,Box,Acme,Won,3/1/2017,3/1/2017,1054\n");
    insta::assert_debug_snapshot!(stages(&imported), @r#"
    [
        "2017-02-15T05:00:00Z prospecting",
        "2017-03-01T05:00:00Z engaging",
        "2017-03-01T05:01:00Z won",
    ]
    "#);
}

#[test]
fn bad_rows_are_named_by_line_and_left_out_whole() {
    let imported = read(
        "A1,Ann Lee,Box,Acme,Won,10/20/2016,3/1/2017,1054\n\
         A1,Ann Lee,Box,Acme,Won,10/20/2016,3/1/2017,1054\n\
         ,Ann Lee,Box,Acme,Won,10/20/2016,3/1/2017,1\n\
         A4,Ann Lee,Box,Acme,Sold,10/20/2016,3/1/2017,1\n\
         A5,Ann Lee,Box,Acme,Won,20/10/2016,3/1/2017,1\n\
         A6,Ann Lee,Box,Acme,Won,10/20/2016,3/1/2016,1\n\
         A7,Ann Lee,Box,Acme,Won,10/20/2016,3/1/2017,lots\n\
         A8,Ann Lee,Box,Acme,Won,10/20/2016,3/1/2018,1\n",
    );
    assert_eq!(imported.rows, 8);
    insta::assert_debug_snapshot!(imported.bad, @r#"
    [
        (
            3,
            "the id A1 stands in an earlier row too",
        ),
        (
            4,
            "`id` is empty",
        ),
        (
            5,
            "`Sold` is none of the mapping's stages",
        ),
        (
            6,
            "`20/10/2016` is no date of the form %m/%d/%Y",
        ),
        (
            7,
            "entered Won before Engaging",
        ),
        (
            8,
            "`lots` is no amount",
        ),
        (
            9,
            "`3/1/2018` lies after as_of 2017-12-31",
        ),
    ]
    "#);
    assert!(imported.history.changes.iter().all(|change| change.deal.id == "A1"));
}

#[test]
fn what_is_written_is_read_again() {
    let imported = read("A1,Ann Lee,Box,Acme,Won,10/20/2016,3/1/2017,1054\n");
    let mut file = Vec::new();
    imported.history.write(&mut file).unwrap();
    assert_eq!(History::read(file.as_slice()).unwrap(), imported.history);
}

#[test]
fn a_file_that_is_no_history_names_the_line() {
    let error = History::read("id,stage\n1,Won\n".as_bytes()).unwrap_err();
    assert!(error.to_string().starts_with("line 1 of the history"), "{error}");
}

#[test]
fn columns_of_named_facts_are_read_by_their_type() {
    let facts = "[columns.facts]\ncompetitor = \"rival\"\ndiscount = \"off\"\nnext_step_date = \"due\"\n[created]";
    let phased = "{ name = \"Engaging\", kind = \"open\", phase = \"late\",";
    let text = MAPPING
        .replace("[created]", facts)
        .replace("{ name = \"Engaging\", kind = \"open\",", phased);
    let mapping: Mapping = toml::from_str(&text).unwrap();
    let head = HEAD.trim_end();
    let row =
        |id: &str, told: &str| format!("{id},Ann Lee,Box,Acme,Engaging,10/20/2016,,,{told}\n");
    let csv = format!(
        "{head},rival,off,due\n{}{}{}{}",
        row("A1", "Acme,12.5 %,11/1/2016"),
        row("A2", ",,"),
        row("A3", "Acme,a lot,"),
        row("A4", "Acme,,soon")
    );
    let imported = import(csv.as_bytes(), Path::new("."), &mapping).unwrap();
    let lines: Vec<u64> = imported.bad.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [4, 5], "{:?}", imported.bad);
    assert_eq!(imported.bad[0].1, "the discount `a lot` is no number");
    let told: Vec<String> = imported
        .history
        .changes
        .iter()
        .filter_map(|change| match &change.kind {
            ChangeKind::FieldSet { field, to } if field.is_named_fact() => {
                Some(format!("{} {} {to:?}", change.deal.id, field.name()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            "A1 next_step_date Known(Time(2016-11-01T00:00:00Z))",
            "A1 competitor Known(Text(\"Acme\"))",
            "A1 discount Known(Number(12.5))",
        ]
    );
    let stages = &imported.history.header.metadata.pipelines[0].stages;
    let phases: Vec<_> = stages.iter().filter_map(|stage| stage.phase).collect();
    assert_eq!(phases, [touchline_rules::facts::StagePhase::Late]);
}

#[test]
fn a_field_with_a_place_of_its_own_is_no_named_fact() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mapping.toml");
    let wrong = MAPPING.replace("[created]", "[columns.facts]\namount = \"value\"\n[created]");
    std::fs::write(&path, wrong).unwrap();
    let error = Mapping::read(&path).unwrap_err().to_string();
    assert!(error.contains("lists `amount` among its facts"), "{error}");
}

#[test]
fn a_file_in_another_encoding_says_how_to_save_it() {
    let mapping: Mapping = toml::from_str(MAPPING).unwrap();
    let read = |bytes: &[u8]| import(bytes, Path::new("."), &mapping);
    let latin_1 = |text: &str| text.chars().map(|c| c as u8).collect::<Vec<u8>>();
    let error = read(&latin_1("id,Verkäufer\n")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the first line is not UTF-8\nhint: save the file as “CSV UTF-8”"
    );
    let row = "A1,Jörg Lee,Box,Acme,Won,10/20/2016,3/1/2017,1054\n";
    let imported = read(&latin_1(&format!("{HEAD}{row}"))).unwrap();
    let told = "is not UTF-8; save the file as “CSV UTF-8”".to_owned();
    assert_eq!(imported.bad, [(2, told)]);
}
