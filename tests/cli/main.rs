//! The commands as a shell sees them: output, messages, exit codes.

#![expect(clippy::unwrap_used, reason = "a test ends where its set-up fails")]

mod backtest;
mod explain;
mod life;
mod mistakes;
mod present;
mod rules;
mod whole;
mod wrong_names;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// A folder with a configuration of its own.
struct Place(tempfile::TempDir);

impl Place {
    fn new(more: &str) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "public_url = \"https://touchline.example.com\"\ndatabase = \"sqlite:{}\"\nkey_file = \"{}\"\n{more}",
            path("t.db"),
            path("t.key")
        );
        std::fs::write(folder.path().join("touchline.toml"), config).unwrap();
        Place(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_touchline"));
        let output = command.current_dir(self.path()).args(args).output().unwrap();
        Ran::from(output)
    }
}

/// How often a command that is wrong is looked at, and how long it may take: a minute.
const LOOK_EVERY: Duration = Duration::from_millis(5);
const LOOKS_MAX: u32 = 12_000;

impl Place {
    /// Runs what should end at once: a service that starts all the same is ended.
    fn run_briefly(&self, args: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_touchline"));
        command.current_dir(self.path()).args(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut looks = 0;
        while child.try_wait().unwrap().is_none() {
            looks += 1;
            assert!(looks < LOOKS_MAX || child.kill().is_err(), "{args:?} goes on and on");
            std::thread::sleep(LOOK_EVERY);
        }
        Ran::from(child.wait_with_output().unwrap())
    }
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        Ran { code, out: text(output.stdout), err: text(output.stderr) }
    }
}

const HUBSPOT: &str = "[connections.hubspot]\nconnector = \"hubspot\"\n\
    client_id = \"fake-client-id\"\nclient_secret = \"fake-client-secret\"\n";

impl Place {
    /// Starts the service, and ends it once it is ready; answers what it said then.
    fn serve_once(&self) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_touchline"));
        command.current_dir(self.path()).arg("serve").env("TOUCHLINE_LISTEN", "127.0.0.1:0");
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let ready = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("ready")));
        child.kill().unwrap();
        child.wait().unwrap();
        ready.unwrap().unwrap()
    }
}

#[test]
fn a_log_that_is_no_terminal_has_no_colours() {
    let place = Place::new("");
    let ready = place.serve_once();
    assert!(ready.contains("INFO") && !ready.contains('\x1b'), "{ready:?}");
}

/// A hang-up reloads rules, and says what else of the file waits for a start.
#[test]
fn what_a_reload_does_not_take_over_is_said() {
    let place = Place::new("listen = \"127.0.0.1:0\"\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_touchline"));
    command.current_dir(place.path()).arg("serve").stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("ready")));
    let file = place.path().join("touchline.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let people = "[people.\"ann@example.com\"]\nmanager = \"lead@example.com\"\n";
    std::fs::write(&file, format!("{config}{people}")).unwrap();
    let hangup = Command::new("kill").args(["-HUP", &child.id().to_string()]).status();
    let told = lines.find(|line| line.contains("takes effect at the next start"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(hangup.unwrap().success());
    let told = told.unwrap();
    assert!(told.contains("WARN") && told.contains("people"), "{told}");
}

/// As `touchline … | head` does once `head` has seen enough.
#[test]
fn output_that_nobody_reads_ends_quietly() {
    let place = Place::new("");
    place.run(&["admin", "sending", "off", "--reason", "begin"]);
    for args in [
        &["config"][..],
        &["rules", "schema"],
        &["rules", "lesson"],
        &["rules", "list", "--json"],
        &["demo", "--days", "1", "--fast"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_touchline"));
        command.current_dir(place.path()).args(args).stdout(writer).stderr(Stdio::piped());
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.err, "", "{args:?}");
        assert!(ran.code == 141 || args == ["--help"], "{args:?} ended with {}", ran.code);
    }
}

/// Messages too: `2>&1 | head`.
#[test]
fn messages_that_nobody_reads_end_quietly() {
    let place = Place::new("");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_touchline"));
    command.current_dir(place.path()).args(["rules", "check"]).stderr(writer);
    let ran = Ran::from(command.output().unwrap());
    assert_eq!((ran.code, ran.out.as_str()), (141, ""));
}

#[test]
fn connect_prints_one_link_and_says_what_will_happen() {
    let place = Place::new(HUBSPOT);
    let ran = place.run(&["connect", "hubspot"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let start = "https://touchline.example.com/connect/hubspot/start?connection=hubspot&nonce=";
    assert!(ran.out.starts_with(start) && ran.out.lines().count() == 1, "{}", ran.out);
    assert!(ran.err.contains("crm.objects.deals.read"), "{}", ran.err);
    assert!(ran.err.contains("/connect/hubspot/callback"), "{}", ran.err);
    assert!(ran.err.contains("`touchline serve` is not running"), "{}", ran.err);
    assert!(!(ran.out.clone() + &ran.err).contains("fake-client-secret"));
    let json = place.run(&["connect", "hubspot", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_ne!(json["url"], ran.out.trim());
}

#[test]
fn connect_says_what_is_missing() {
    let none = Place::new("").run(&["connect", "hubspot"]);
    assert!(none.code == 1 && none.err.contains("add [connections.hubspot]"), "{}", none.err);
    let no_app = Place::new("[connections.crm]\nconnector = \"hubspot\"\n");
    let ran = no_app.run(&["connect", "hubspot"]);
    assert!(ran.code == 1 && ran.err.contains("no client_id and client_secret"), "{}", ran.err);
    let fixed = Place::new(&format!("{HUBSPOT}access_token = \"fake-access-token\"\n"));
    let ran = fixed.run(&["connect", "hubspot"]);
    assert!(ran.code == 1 && ran.err.contains("has a static token"), "{}", ran.err);
    let two = format!("{HUBSPOT}{}", HUBSPOT.replace("[connections.hubspot]", "[connections.eu]"));
    let ran = Place::new(&two).run(&["connect", "hubspot"]);
    assert!(
        ran.code == 1 && ran.err.contains("--connection with one of eu, hubspot"),
        "{}",
        ran.err
    );
}

#[test]
fn sending_is_set_with_a_reason_and_can_be_checked() {
    let place = Place::new("");
    let unreasoned = place.run(&["admin", "sending", "everyone"]);
    assert!(unreasoned.code == 2 && unreasoned.err.contains("--reason"), "{}", unreasoned.err);
    let nobody = place.run(&["admin", "sending", "pilot", "--reason", "trial"]);
    assert!(nobody.code == 2 && nobody.err.contains("--people"), "{}", nobody.err);
    let people = "Seller0@example.com,seller1@example.com";
    let set = [
        "admin",
        "sending",
        "pilot",
        "--people",
        people,
        "--as",
        "lead@example.com",
        "--reason",
        "trial",
    ];
    let set = place.run(&set);
    assert_eq!(
        set.out,
        "sending is on for a pilot of 2:\n  seller0@example.com\n  seller1@example.com\n"
    );
    let off = place.run(&["admin", "sending", "off", "--reason", "enough"]);
    assert_eq!((off.code, off.out.as_str()), (0, "sending is off: nobody is sent anything\n"));
    let shown = place.run(&["admin", "sending", "show", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(
        (&shown["sending"], &shown["pilot"][1]),
        (&"off".into(), &"seller1@example.com".into())
    );
    let log = place.run(&["admin", "audit", "show"]);
    assert!(
        log.out.contains("\"actor\":\"lead@example.com\"") && log.out.contains("enough"),
        "{}",
        log.out
    );
    let check = place.run(&["admin", "audit", "check"]);
    assert!(check.code == 0 && check.out.starts_with("ok    2 entries"), "{}", check.out);
    assert_eq!(place.run(&["admin", "sending", "everyone", "--as", "nobody"]).code, 2);
}

#[test]
fn who_is_named_must_be_an_admin_where_there_are_admins() {
    let place = Place::new(&format!("admins = [\"Admin@example.com\"]\n{HUBSPOT}"));
    place.run(&["admin", "sending", "off", "--reason", "begin"]);
    let changes: [&[&str]; 9] = [
        &["sending", "everyone"],
        &["trust-activity", "on"],
        &["holds", "release", "h1"],
        &["holds", "discard", "h1"],
        &["release", "stop"],
        &["preferences", "ann@example.com", "clear"],
        &["dead-letters", "discard", "17"],
        &["deliveries", "replay", "--all"],
        &["deliveries", "discard", "d1"],
    ];
    let by = |who| ["--reason", "go", "--as", who];
    let run = |change: &[&str], who| place.run(&[&["admin"], change, &by(who)].concat());
    for change in changes {
        let ran = run(change, "ann@example.com");
        let told = "ann@example.com may not change what concerns everybody\nhint: an admin may (admin@example.com)";
        assert!(ran.code == 1 && ran.err.contains(told), "{change:?}: {}", ran.err);
    }
    assert_eq!(run(&["sending", "everyone"], "ADMIN@example.com").code, 0);
    let log = place.run(&["admin", "audit", "show"]).out;
    let actors: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let actors: Vec<&serde_json::Value> = actors.iter().map(|entry| &entry["actor"]).collect();
    assert_eq!(actors, ["operator", "admin@example.com"], "{log}");
}

#[test]
fn nobody_else_sees_which_tips_somebody_stopped() {
    let place = Place::new("");
    place.run(&["admin", "sending", "off", "--reason", "begin"]);
    let of = |args: &[&str]| {
        let ran = place.run(&[&["admin", "preferences", "ann@example.com"], args].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out
    };
    let before = (of(&[]), of(&["show", "--json"]));
    let note = "muted tips are not shown: only the person sees them";
    assert!(before.0.contains(note) && before.1.contains(note), "{before:?}");
    // Set by an admin, or by the person in chat: the row is the same.
    let set = of(&["set", "mute", "no-activity", "--reason", "she asked"]);
    assert_eq!((of(&[]), of(&["show", "--json"])), before);
    let unset = of(&["set", "unmute", "no-activity", "--reason", "she asked"]);
    let never_set = of(&["set", "unmute", "no-activity", "--reason", "she asked"]);
    assert!(set == before.0 && unset == before.0 && never_set == before.0);
}

#[test]
fn no_database_is_made_where_touchline_is_not_at_home() {
    let place = Place::new("");
    std::fs::remove_file(place.path().join("touchline.toml")).unwrap();
    place.write("ours.yaml", "pack: ours\ntitle: Ours\nrules: []\n");
    let commands: [&[&str]; 4] = [
        &["rules", "publish", "ours.yaml", "--as", "admin@example.com", "--why", "go"],
        &["rules", "pause", "moved", "--as", "admin@example.com", "--why", "go"],
        &["admin", "sending", "everyone", "--reason", "go"],
        &["admin", "preferences", "ann@example.com", "clear", "--reason", "go"],
    ];
    for command in commands {
        let ran = place.run(command);
        assert!(ran.code == 1 && ran.err.contains("there is no database"), "{}", ran.err);
        assert!(ran.err.contains("`touchline serve`"), "{}", ran.err);
    }
    let made = std::fs::read_dir(place.path()).unwrap().map(|one| one.unwrap().file_name());
    assert_eq!(made.collect::<Vec<_>>(), ["ours.yaml"]);
}

#[test]
fn dead_letters_are_listed_and_unknown_ones_refused() {
    let place = Place::new("");
    assert_eq!(place.run(&["admin", "dead-letters", "list"]).code, 1, "there is no database yet");
    place.run(&["admin", "sending", "off", "--reason", "begin"]);
    let none = place.run(&["admin", "dead-letters", "list"]);
    assert_eq!((none.code, none.err.as_str()), (0, "no dead letters\n"));
    let replay = place.run(&["admin", "dead-letters", "replay", "17/3", "--reason", "again"]);
    assert!(replay.code == 1 && replay.err.contains("17/3"), "{}", replay.err);
    assert_eq!(place.run(&["admin", "dead-letters", "replay", "--reason", "all?"]).code, 2);
    assert_eq!(place.run(&["admin", "dead-letters", "replay", "x", "--reason", "all?"]).code, 2);
}

#[test]
fn deliveries_are_listed_and_settled_with_a_reason() {
    let place = Place::new("");
    place.run(&["admin", "sending", "off", "--reason", "begin"]);
    let none = place.run(&["admin", "deliveries", "list"]);
    assert_eq!((none.code, none.err.as_str()), (0, "no delivery waits for a decision\n"));
    let replay = place.run(&["admin", "deliveries", "replay", "d1", "--reason", "again"]);
    assert!(replay.code == 1 && replay.err.contains("no delivery \"d1\""), "{}", replay.err);
    let json = ["admin", "deliveries", "discard", "d1", "--reason", "gone", "--json"];
    let json = place.run(&json);
    let line: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((json.code, &line["id"]), (1, &"d1".into()), "{line}");
    assert_eq!(place.run(&["admin", "deliveries", "discard", "--all"]).code, 2, "no reason");
    let all = ["admin", "deliveries", "replay", "--all", "--as", "lead@example.com"];
    assert_eq!(place.run(&[&all[..], &["--reason", "again"]].concat()).code, 0);
    let log = place.run(&["admin", "audit", "show"]);
    assert!(
        log.out.contains("delivery_replay") && log.out.contains("delivery_discard"),
        "{}",
        log.out
    );
}

#[test]
fn the_doctor_exits_with_one_only_when_something_is_bad() {
    let place = Place::new("");
    let fresh = place.run(&["doctor"]);
    assert!(fresh.code == 0 && fresh.out.contains("there is no database"), "{}", fresh.out);
    let bad = Place::new("rules = [\"builtin:nothing\"]\n");
    bad.run(&["admin", "sending", "off", "--reason", "begin"]);
    let ran = bad.run(&["doctor"]);
    assert!(ran.code == 1 && ran.out.contains("bad   there is no rule pack"), "{}", ran.out);
    let json = bad.run(&["doctor", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert!(json.as_array().unwrap().iter().any(|one| one["level"] == "bad"));
    assert_eq!(bad.run(&["doctor", "--connection", "none"]).code, 1);
    let signature = Place::new(HUBSPOT).run(&[
        "doctor",
        "signature",
        "--connection",
        "hubspot",
        "--path",
        "/hooks/hubspot",
    ]);
    assert!(signature.code == 1 && signature.out.contains("no_signature"), "{}", signature.out);
}
