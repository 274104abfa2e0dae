//! Every command with every mistake we could think of: each message says what is
//! wrong, where, and what to do next; the exit code is 2 for a wrong call and 1
//! for everything that another configuration, file or database would make right.

use std::fmt::Write as _;

use crate::{HUBSPOT, Place};
use touchline::store::{Store, StoreOptions};

/// A mistake: what is set up for it, and how it is called.
type Mistake<'a> = (&'a str, &'a [&'a str]);

/// Runs each in one place and tells what a person would see.
fn told(place: &Place, mistakes: &[Mistake<'_>]) -> String {
    let folder = place.path().display().to_string();
    let mut out = String::new();
    for (config, args) in mistakes {
        let mut args = args.to_vec();
        let file = "mistaken.toml";
        if !config.is_empty() {
            place.write(file, config);
            args.extend(["--config", file]);
        }
        let ran = place.run_briefly(&args);
        assert_eq!(ran.out, "", "{args:?}: nothing of an error is data");
        assert!(matches!(ran.code, 1 | 2), "{args:?} ends with {}: {}", ran.code, ran.err);
        let err = without_process(&ran.err.replace(&folder, "FOLDER"));
        assert!(
            err.contains("hint: ") || ran.code == 2,
            "{args:?} does not say what to do next: {err}"
        );
        for line in config.lines() {
            writeln!(out, "| {line}").unwrap();
        }
        writeln!(out, "$ touchline {}", args.join(" ").replace(&folder, "FOLDER")).unwrap();
        for line in err.lines().filter(|line| is_told(line)) {
            writeln!(out, "{line}").unwrap();
        }
        writeln!(out, "({})\n", ran.code).unwrap();
    }
    out
}

/// The frame that clap puts around its own messages says nothing of the mistake.
fn is_told(line: &str) -> bool {
    !(line.is_empty() || line.starts_with("For more information"))
}

/// The number of a process differs from run to run.
fn without_process(text: &str) -> String {
    let Some((before, after)) = text.split_once("(process ") else { return text.to_owned() };
    format!("{before}(process N{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
}

fn place() -> Place {
    let place = Place::new("");
    place.write("empty", "");
    std::fs::create_dir(place.path().join("folder")).unwrap();
    std::fs::write(place.path().join("binary"), [0xff, 0xfe, 0x00]).unwrap();
    place
}

#[test]
fn a_configuration_that_does_not_fit() {
    let serve: &[&str] = &["serve"];
    let mistakes: Vec<Mistake<'_>> = [
        "[attention]\nquiet_ours = \"off\"",
        "listn = \"127.0.0.1:1\"",
        "[http]\nbody_max_bytes = \"big\"",
        "[http]\nbody_max_bytes = -1",
        "[http]\nconnections_max = [1]",
        "[http\n",
        "listen = \"8080\"",
        "public_url = \"touchline.example.com\"",
        "public_url = \"localhost:8080\"",
        "public_url = \"https://touchline.example.com/?a=b\"",
        "database = \"postgres://here\"",
        "time_zone = \"Mars\"",
        "working_days = [\"mon\", \"montag\"]",
        "holidays = [\"2026-13-01\"]",
        "[log]\nlevel = \"=loud\"",
        "[log]\nformat = \"xml\"",
        "[attention]\nsending = \"some\"",
        "[attention]\nquiet_hours = \"late\"",
        "[attention]\ndigest_at = [\"09:00\", \"noon\"]",
        "[people.\"ann.lee@example.com\"]\ntime_zone = \"Mars\"",
        "[people.\"ann.lee@example.com\"]\nboss = \"lead@example.com\"",
        "[connections.\"Hub Spot\"]\nconnector = \"hubspot\"",
        "[connections.crm]\nconnector = \"hubspott\"",
        "[connections.crm]\nclient_id = \"x\"",
        "[connections.crm]\nconnector = \"hubspot\"\nclient_secret = \"env:TOUCHLINE_TEST_NOT_SET\"",
        "[connections.crm]\nconnector = \"hubspot\"\nclient_secret = \"file:nowhere\"",
        "[connections.crm]\nconnector = \"hubspot\"\nclient_secret = 5",
        "[connections.crm]\nconnector = \"hubspot\"\naccess_token = \"\"",
        "[connections.chat]\nconnector = \"slack\"\nbot_token = \"fake-token\"",
        "[connections.crm]\nconnector = \"hubspot\"\naccept_signature_v1v2 = false",
        "[connections.crm]\nconnector = \"hubspot\"\naccept_signature_v1_v2 = \"no\"",
        "[connections.crm]\nconnector = \"hubspot\"\nactivity_look_back_days = 5000",
        "[connections.crm]\nconnector = \"hubspot\"\nbase_url = \"api.example.com\"",
        "[connections.crm]\nconnector = \"hubspot\"\ndaily_share_percent = 300",
        "[connections.crm]\nconnector = \"hubspot\"\nlimits = { search_per_s = 2 }",
        "[connections.crm]\nconnector = \"hubspot\"\nlimits = { searches_per_s = \"fast\" }",
        "[crm]\nactivity_look_back_days = 0\n[connections.crm]\nconnector = \"hubspot\"",
    ]
    .map(|config| (config, serve))
    .to_vec();
    let told = told(&place(), &mistakes);
    insta::assert_snapshot!(told);
}

#[test]
fn a_configuration_file_that_cannot_be_read() {
    let place = place();
    let told = told(
        &place,
        &[
            ("", &["serve", "--config", "none.toml"]),
            ("", &["doctor", "--config", "folder"]),
            ("", &["rules", "check", "--config", "binary"]),
            ("", &["demo", "--config", "none.toml"]),
            ("", &["sim", "hubspot", "--config", "none.toml"]),
            ("", &["--config", "none.toml", "serve"]),
        ],
    );
    insta::assert_snapshot!(told);
}

#[test]
fn a_service_that_cannot_start() {
    let place = place();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    place.write("junk.db", &"this is no database. ".repeat(100));
    let with = |database: &str, key: &str| {
        format!("database = \"sqlite:{database}\"\nkey_file = \"{key}\"")
    };
    let databases = ["nowhere/t.db", "folder", "junk.db", "/proc/touchline/t.db"];
    let databases = databases.map(|database| with(database, "new.key"));
    let keys = ["nowhere/t.key", "folder", "empty", "binary"].map(|key| with("new.db", key));
    let rules = ["nowhere.yaml", "folder", "builtin:core"]
        .map(|pack| format!("{}\nrules = [\"{pack}\"]", with("new.db", "new.key")));
    let configs: Vec<_> = databases.into_iter().chain(keys).chain(rules).collect();
    let mistakes: Vec<Mistake<'_>> =
        configs.iter().map(|config| (config.as_str(), &["serve"][..])).collect();
    let mut out = told(&place, &mistakes);
    let store = Store::open(&place.path().join("held.db"), Default::default()).unwrap();
    let lock = store.lock_serve().unwrap();
    let held = with("held.db", "new.key");
    out += &told(&place, &[(held.as_str(), &["serve"])]);
    drop(lock);
    let config = format!("listen = \"{address}\"\n{}", with("new.db", "new.key"));
    out += &told(&place, &[(config.as_str(), &["serve"])]).replace(&address, "ADDRESS");
    insta::assert_snapshot!(out);
}

#[test]
fn commands_that_need_a_database() {
    let told = told(
        &place(),
        &[
            ("", &["admin", "sending", "show"]),
            ("", &["admin", "ledger"]),
            ("", &["admin", "audit", "check"]),
            ("", &["admin", "dead-letters", "list"]),
            ("", &["rules", "explain", "stage-skipped", "--deal", "1"]),
        ],
    );
    insta::assert_snapshot!(told);
}

#[test]
fn admin_and_doctor() {
    let place = Place::new(HUBSPOT);
    place.run(&["admin", "sending", "off", "--reason", "begin"]);
    let signature: &[&str] = &["doctor", "signature", "--connection", "hubspot"];
    let signature = |more: &[&'static str]| [signature, more].concat();
    let nowhere = signature(&["--path", "/hooks/hubspot", "--body", "nowhere"]);
    let header = signature(&["--path", "/hooks/hubspot", "--header", "nothing"]);
    let json = ["doctor", "--json", "signature", "--connection", "hubspot", "--path", "/"];
    let told = told(
        &place,
        &[
            ("", &["admin", "sendin"]),
            ("", &["admin", "sending"]),
            ("", &["admin", "sending", "on", "--reason", "go"]),
            ("", &["admin", "sending", "everyone"]),
            ("", &["admin", "sending", "everyone", "--reason", " "]),
            ("", &["admin", "sending", "pilot", "--reason", "go"]),
            ("", &["admin", "sending", "pilot", "--people", "ann", "--reason", "go"]),
            ("", &["admin", "sending", "off", "--as", "nobody", "--reason", "go"]),
            ("", &["admin", "dead-letters", "replay", "--reason", "go"]),
            ("", &["admin", "dead-letters", "replay", "x", "--reason", "go"]),
            ("", &["admin", "dead-letters", "discard", "1"]),
            ("", &["admin", "dead-letters", "replay", "17", "--reason", "go"]),
            ("", &["admin", "deliveries", "replay", "--reason", "go"]),
            ("", &["admin", "deliveries", "replay", "d1"]),
            ("", &["admin", "deliveries", "discard", "d1", "--reason", "go"]),
            ("", &["admin", "trust-activity", "on"]),
            ("", &["admin", "trust-activity", "on", "--connection", "hubspt", "--reason", "go"]),
            ("", &["admin", "trust-activity", "on", "--reason", "go"]),
            ("", &["admin", "audit", "show", "--last", "0"]),
            ("", &["doctor", "--connection", "hubspt"]),
            ("", &signature(&[])),
            ("", &nowhere),
            ("", &header),
            ("", &json),
        ],
    );
    insta::assert_snapshot!(told);
}

#[test]
fn connecting() {
    let place = place();
    let chat = "[connections.chat]\nconnector = \"slack\"\nbot_token = \"fake-token\"\nsigning_secret = \"fake-secret\"";
    let told = told(
        &place,
        &[
            ("", &["connect"]),
            ("", &["connect", "salesforce"]),
            ("", &["connect", "hubspt"]),
            ("", &["connect", "hubspot"]),
            ("", &["connect", "slack"]),
            ("", &["connect", "hubspot", "--as", "nobody"]),
            (HUBSPOT, &["connect", "hubspot", "--connection", "hubspt"]),
            (chat, &["connect", "hubspot", "--connection", "chat"]),
            ("[connections.crm]\nconnector = \"hubspot\"", &["connect", "hubspot"]),
        ],
    );
    insta::assert_snapshot!(told);
}

#[test]
fn rules() {
    let place = place();
    place.write("empty.yaml", "");
    place.write("tab.yaml", "pack: trial\n\ttitle: x\n");
    let told = told(
        &place,
        &[
            ("", &["rules", "chek"]),
            ("", &["rules", "check", "nowhere.yaml"]),
            ("", &["rules", "check", "folder"]),
            ("", &["rules", "check", "binary"]),
            ("", &["rules", "check", "empty.yaml"]),
            ("", &["rules", "check", "tab.yaml"]),
            ("", &["rules", "check", "builtin:core-pipelin"]),
            ("", &["rules", "test", "nowhere.yaml"]),
            ("", &["rules", "explain", "stage-skipped"]),
            ("", &["rules", "explain", "stage-skipped", "--deal", "1", "--at", "noon"]),
        ],
    );
    insta::assert_snapshot!(told);
}

#[test]
fn histories_demos_and_fakes() {
    let place = place();
    let mapping = include_str!("../history/crm-sales.mapping.toml");
    place.write("good.toml", &mapping.replace("file ", "# file ").replace("file=", "# file="));
    place.write("unknown.toml", &format!("as_if = 1\n{mapping}"));
    place.write("zone.toml", &mapping.replace("America/New_York", "Mars"));
    place.write("other.csv", "opportunity,deal_stage\n1,Won\n");
    std::fs::create_dir(place.path().join("lived")).unwrap();
    place.write("lived/touchline.db", "");
    let import = |csv: &'static str, mapping: &'static str, out: &'static str| {
        ["history", "import", csv, "--mapping", mapping, "--out", out]
    };
    let told = told(
        &place,
        &[
            ("", &["history", "import"]),
            ("", &import("other.csv", "nowhere.toml", "out")),
            ("", &import("other.csv", "folder", "out")),
            ("", &import("other.csv", "empty", "out")),
            ("", &import("other.csv", "unknown.toml", "out")),
            ("", &import("other.csv", "zone.toml", "out")),
            ("", &import("nowhere.csv", "good.toml", "out")),
            ("", &import("folder", "good.toml", "out")),
            ("", &import("empty", "good.toml", "out")),
            ("", &import("other.csv", "good.toml", "out")),
            (
                "",
                &[&import("other.csv", "good.toml", "out")[..], &["--connection", "crm"]].concat(),
            ),
            ("", &["demo", "--days", "0"]),
            ("", &["demo", "--exit-after", "soon"]),
            ("", &["demo", "--show", "3"]),
            ("", &["demo", "--data", "empty"]),
            ("", &["demo", "--data", "lived"]),
            ("", &["demo", "--history", "nowhere.jsonl"]),
            ("", &["demo", "--history", "folder"]),
            ("", &["demo", "--history", "empty"]),
            ("", &["demo", "--history", "other.csv"]),
            ("", &["sim", "teams"]),
            ("", &["sim", "hubspot", "--listen", "9101"]),
            ("", &["sim", "hubspot", "--listen", "203.0.113.1:1"]),
            ("", &["sim", "hubspot", "--target", "here"]),
            ("", &["sim", "hubspot", "--target", "http://127.0.0.1:8080"]),
            ("", &["sim", "hubspot", "--replay", "nowhere.jsonl"]),
            ("", &["sim", "hubspot", "--speed", "2"]),
            ("", &["sim", "slack", "--people", "empty"]),
            ("", &["sim", "slack", "--zone", "Mars"]),
            ("", &["config", "everything"]),
            ("", &["sevre"]),
        ],
    );
    insta::assert_snapshot!(told);
}

#[test]
fn a_ledger_of_nothing_says_where_to_look() {
    let place = place();
    Store::open(&place.path().join("t.db"), StoreOptions::default()).unwrap().close();
    let ran = place.run_briefly(&["admin", "ledger"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "no rule has fired yet\n"));
    assert!(ran.err.starts_with("hint: `touchline doctor`"), "{}", ran.err);
}

#[test]
fn a_command_that_needs_another_word_lists_what_there_is() {
    let place = place();
    for args in [&[][..], &["admin"], &["rules"], &["history"], &["sim"], &["admin", "audit"]] {
        let ran = place.run_briefly(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}");
        assert!(ran.err.contains("Usage: ") && ran.err.contains("Commands:"), "{}", ran.err);
    }
}
