//! `touchline sim hubspot --replay`: the program itself, against a target that
//! is busy at first.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::process::Command;
use touchline::history::import::import;

use crate::data::{made_up_pipeline, made_up_teams, mapping};

/// The first stretch of the made-up file.
const ROWS: usize = 300;
/// The program has ended long before.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Target {
    requests: Mutex<u32>,
    taken: Mutex<Vec<Vec<Value>>>,
}

/// Takes signed webhooks, but not the first three.
async fn take(State(target): State<Arc<Target>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if !headers.contains_key("x-hubspot-signature-v3") {
        return StatusCode::UNAUTHORIZED;
    }
    let mut requests = target.requests.lock().unwrap();
    *requests += 1;
    if *requests <= 3 {
        return StatusCode::TOO_MANY_REQUESTS;
    }
    target.taken.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
    StatusCode::NO_CONTENT
}

async fn replayed(options: &[&str]) -> (Arc<Target>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sales_teams.csv"), made_up_teams()).unwrap();
    let csv: String =
        made_up_pipeline().lines().take(ROWS + 1).map(|line| format!("{line}\n")).collect();
    let history = import(csv.as_bytes(), folder.path(), &mapping()).unwrap().history;
    let file = folder.path().join("past.jsonl");
    history.write(std::fs::File::create(&file).unwrap()).unwrap();

    let target = Arc::new(Target::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks/crm", listener.local_addr().unwrap());
    let router = Router::new().fallback(take).with_state(Arc::clone(&target));
    let mut program = Command::new(env!("CARGO_BIN_EXE_touchline"));
    program
        .args(["sim", "hubspot", "--listen", "127.0.0.1:0", "--exit", "--target", &url])
        .arg("--replay")
        .arg(&file)
        .args(options)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::select! {
        _ = axum::serve(listener, router).into_future() => panic!("the target stopped"),
        output = tokio::time::timeout(PATIENCE, program.output()) => output.unwrap().unwrap(),
    };
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    (target, String::from_utf8(output.stdout).unwrap(), said)
}

/// How often each event came, told apart by deal, kind and value.
fn events(target: &Target) -> BTreeMap<String, u32> {
    let mut events = BTreeMap::new();
    for event in target.taken.lock().unwrap().concat() {
        let key = ["objectId", "subscriptionType", "propertyName", "propertyValue", "occurredAt"]
            .map(|name| event[name].to_string())
            .join(" ");
        *events.entry(key).or_default() += 1;
    }
    events
}

#[tokio::test]
async fn every_event_arrives_although_the_target_was_busy() {
    let (target, snippet, said) = replayed(&[]).await;
    let once = events(&target);
    assert!(once.values().all(|times| *times == 1));
    // A made-up prospect is made with a name, a pipeline, an owner and a stage.
    assert_eq!(once.len(), ROWS * 5);
    assert!(target.taken.lock().unwrap().iter().all(|batch| batch.len() <= 100));
    assert!(snippet.contains("[connections.crm]\nconnector = \"hubspot\""), "{snippet}");
    assert!(snippet.contains("client_secret = \"fake-client-secret\""), "{snippet}");
    assert!(said.contains("the service asks to wait"), "{said}");
    assert!(said.contains("played 300 movements: 1500 events"), "{said}");
    assert!(said.contains("0 given up"), "{said}");

    let (target, ..) = replayed(&["--twice", "--shuffle"]).await;
    let twice = events(&target);
    assert!(twice.values().all(|times| *times == 2));
    assert!(twice.keys().eq(once.keys()), "deals have the same ids in every replay");
}
