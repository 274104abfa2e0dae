//! Slack's Node and Python clients, and a Bolt app that receives our fake's interactions.

use std::process::Command;

use crate::{Running, example, python, root, run, script};

const TOKEN: &str = "fake-xoxb-token";
const SECRET: &str = "fake-signing-secret";

fn fake() -> (Running, String) {
    let serve = ["serve", "--port", "0"];
    let fake = Running::start(Command::new(example("fake_slack")).args(serve));
    let url = address(&fake.first_line);
    (fake, url)
}

/// The first http address in a line, with its slash.
fn address(line: &str) -> String {
    let from = line.find("http://").unwrap_or_else(|| panic!("no address in {line:?}"));
    let url = line[from..].split(|c: char| c.is_whitespace() || c == '"').next().unwrap();
    let host = url.trim_start_matches("http://").split('/').next().unwrap();
    format!("http://{host}/")
}

/// Where a Bolt app listens: its first line names the port.
fn bolt_url(app: &Running) -> String {
    let told: serde_json::Value = serde_json::from_str(&app.first_line).unwrap();
    format!("http://127.0.0.1:{}/slack", told["port"])
}

#[test]
fn the_node_client_works_with_the_fake() {
    let (_fake, url) = fake();
    let out = run(Command::new("node").arg(script("slack", "check.mjs")).args([&url, TOKEN]));
    assert!(out.contains("ok 429 and Retry-After"), "{out}");
}

#[test]
fn the_python_client_works_with_the_fake_and_finds_no_fault_in_our_blocks() {
    let (_fake, url) = fake();
    let folder = tempfile::tempdir().unwrap();
    let (blocks, request) = (folder.path().join("blocks.json"), folder.path().join("request.json"));
    std::fs::write(&blocks, run(Command::new(example("fake_slack")).arg("blocks"))).unwrap();
    let click = ["click", "--action", "nudge.snooze", "--choice", "3"];
    std::fs::write(&request, run(Command::new(example("fake_slack")).args(click))).unwrap();
    let out = run(Command::new(python("slack"))
        .arg(root().join("tests/contract/slack/python/check.py"))
        .args([&url, TOKEN])
        .args([blocks, request])
        .arg(SECRET));
    for check in ["ok blocks", "ok signature", "ok web api"] {
        assert!(out.contains(check), "{out}");
    }
}

#[test]
fn a_bolt_app_takes_what_the_fake_signs_and_refuses_another_secret() {
    let bolt = script("slack", "bolt.mjs");
    let mut app = Running::start(Command::new("node").arg(&bolt).args(["0", SECRET]));
    let url = bolt_url(&app);
    let fake = |args: &[&str]| {
        run(Command::new(example("fake_slack")).args(["--answer-url", &url]).args(args))
    };
    fake(&["click", "--action", "nudge.done"]);
    let got = app.line();
    assert!(got.contains("nudge.done"), "{got}");
    fake(&["type", "pause week"]);
    let got = app.line();
    assert!(got.contains("pause week"), "{got}");

    let other = Running::start(Command::new("node").arg(&bolt).args(["0", "fake-other-secret"]));
    let url = bolt_url(&other);
    let answer = Command::new(example("fake_slack"))
        .args(["--answer-url", &url, "click", "--action", "nudge.done"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&answer.stdout).into_owned()
        + &String::from_utf8_lossy(&answer.stderr);
    assert!(said.contains("401"), "{said}");
}
