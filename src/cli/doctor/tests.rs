//! What the doctor says, word for word.

mod held;

use std::sync::Arc;

use touchline_hubspot::fake::{sign_v1, sign_v3};
use touchline_kit::{Connector as _, RawRequest};
use touchline_rules::UnixMs;
use touchline_rules::facts::{DealKey, DealState};
use touchline_rules::time::{HOUR_MS, MINUTE_MS};

use super::findings::{Findings, lasting};
use super::signature::{Captured, explain};
use super::*;
use crate::clock::ManualClock;
use crate::coaching::data_check::{DataCheck, FactShare, PipelineCheck};
use crate::coaching::opening::declared;
use crate::http::hooks::Refusal;
use crate::http::intake_days::{Answered, IntakeDays};
use crate::roles::backfill::{BackfillProgress, Waiting};
use crate::store::{Batch, CommitClass, DealRow, NewInbox, Part, StoreOptions};

const NOW: UnixMs = UnixMs(1_795_420_800_000);
const SECRET: &str = "fake-client-secret";
const URL: &str = "https://touchline.example.com";

struct Rig {
    config: Arc<Config>,
    store: Store,
    clock: Arc<dyn Clock>,
    folder: tempfile::TempDir,
}

fn rig() -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let config = Arc::new(config_at(&folder));
    let store = Store::open(&config.database_path(), StoreOptions::default()).unwrap();
    Rig { config, store, clock: Arc::new(ManualClock::new(NOW)), folder }
}

fn config_at(folder: &tempfile::TempDir) -> Config {
    let path = |name: &str| folder.path().join(name).display().to_string();
    let config = Config::from_toml(&format!(
        "public_url = \"{URL}\"\ndatabase = \"sqlite:{}\"\nkey_file = \"{}\"\n\
         [connections.hubspot]\nconnector = \"hubspot\"\nclient_secret = \"{SECRET}\"\n\
         access_token = \"fake-access-token\"\nbase_url = \"http://127.0.0.1:1\"",
        path("t.db"),
        path("t.key"),
    ));
    config.unwrap()
}

impl Rig {
    async fn look(&self, only: Option<&str>) -> Findings {
        examine(&self.config, &self.clock, only, true).await.unwrap()
    }

    /// The report without what differs from run to run.
    async fn report(&self, only: Option<&str>) -> String {
        let report = self.look(only).await.to_string();
        report.replace(&self.folder.path().display().to_string(), "FOLDER")
    }
}

fn captured(path: &str, body: &str, signed_path: &str, at: UnixMs) -> Captured {
    let stamp = at.0.to_string();
    let signature = sign_v3(SECRET, "POST", &format!("{URL}{signed_path}"), body.as_bytes(), at);
    Captured {
        method: "POST".into(),
        path: path.into(),
        headers: vec![
            ("x-hubspot-signature-v3".into(), signature),
            ("x-hubspot-request-timestamp".into(), stamp),
        ],
        body: body.into(),
    }
}

/// The refusal as the intake would remember it.
fn refusal(captured: &Captured, at: UnixMs) -> Refusal {
    let config = rig().config.clone();
    let declared = declared(&config, "hubspot").unwrap();
    let view = touchline_kit::ConnectionView {
        name: "hubspot".into(),
        public_url: URL.into(),
        metadata: Arc::default(),
        settings: serde_json::Map::new(),
    };
    let Captured { method, path, headers, body } = captured;
    let request = RawRequest { method, path_and_query: path, headers, body };
    let judged = touchline_hubspot::HUBSPOT.receive("", &request, &declared.secrets, &view, at);
    let rejected = judged.unwrap_err();
    Refusal {
        at,
        request: format!("{method} {path}"),
        code: rejected.code.into(),
        reason: rejected.reason,
        diagnosis: rejected.diagnosis.into_iter().map(|(name, hash)| (name.into(), hash)).collect(),
    }
}

#[tokio::test]
async fn a_short_wait_at_a_limit_is_how_it_goes_and_any_other_is_to_look_at() {
    for (code, wait_ms, told) in [
        ("limited", 20_000, "ok    first read: 0 deals; at the vendor's limit, it goes on in 20 s"),
        ("limited", HOUR_MS, "warn  first read: 0 deals; it waits until "),
        ("limited", -20_000, "warn  first read: 0 deals; it waits until "),
        ("unauthorized", 20_000, "warn  first read: 0 deals; it waits until "),
    ] {
        let rig = rig();
        let waiting = Waiting { until: NOW.plus_ms(wait_ms), why: "why".into(), code: code.into() };
        let begun = BackfillProgress::begin(&rig.config.crm, NOW);
        let progress = BackfillProgress { waiting: Some(waiting), ..begun };
        let body = serde_json::to_vec(&progress).unwrap();
        let part = Part::Backfill;
        rig.store.put_connection_part("hubspot".into(), part, 0, body, NOW).await.unwrap();
        let report = rig.report(Some("hubspot")).await;
        assert!(report.contains(told), "{code} {wait_ms}: {report}");
    }
}

#[tokio::test]
async fn a_refused_webhook_is_explained() {
    let rig = rig();
    let mut spoilt = captured("/hooks/hubspot", "[]", "/other/path", NOW);
    // The v1 signature shows that the secret is right.
    spoilt.headers.push(("x-hubspot-signature".into(), sign_v1(SECRET, b"[]")));
    let refused = vec![refusal(&spoilt, NOW.plus_ms(-3 * MINUTE_MS))];
    let body = serde_json::to_vec(&refused).unwrap();
    rig.store.put_connection_part("hubspot".into(), Part::Refusals, 0, body, NOW).await.unwrap();
    insta::assert_snapshot!(rig.report(Some("hubspot")).await, @r"
    installation
      ok    vendors call https://touchline.example.com
      warn  `touchline serve` is not running on this database
            hint: start it; until then nothing is received and nothing is sent
      ok    the database opens, and the audit log is sound (entries: 0)
      ok    there is no key file FOLDER/t.key yet, and nothing is sealed
    connection hubspot
      warn  pipelines and owners were not read yet
            hint: the service reads them when it runs and the account is connected
      warn  rules that are inactive here: nothing is mapped to what they read
            next-step-overdue: deal.next_step_date
            hint: `touchline connect hubspot --connection hubspot --suggest` guesses what to write under [connections.hubspot.facts] and [connections.hubspot.phases]
      warn  no webhook was taken lately
            hint: the vendor should call https://touchline.example.com/hooks/hubspot
      bad   webhooks refused in the last day: 1, the last 3 min ago
            2026-11-23T07:57:00Z  POST /hooks/hubspot
              bad_signature: the v3 signature is wrong: the client secret is right, for the v1 signature fits: compare public_url with the targetUrl in webhooks-hsmeta.json (scheme, host, path), and see that no proxy rewrites the path
              received_signature sha256:6ee5cee7be2e
              expected_signature sha256:bd4f02b637e5
              uri sha256:2fd0c5162b22
              uri_decoded sha256:2fd0c5162b22
              body sha256:4f53cda18c2b
              method sha256:9aee6b1bcdf6
            hint: `touchline doctor signature` recomputes one request that you have captured
    1 bad, 4 to look at
    ");
    assert_eq!(rig.look(None).await.worst(), Level::Bad);

    // One that was taken since makes it something to look at only.
    let row = NewInbox {
        connection: "hubspot".into(),
        kind: "hook:".into(),
        received_at: NOW.plus_ms(-MINUTE_MS),
        headers: Vec::new(),
        body: b"[]".to_vec(),
    };
    rig.store.append(row).await.unwrap();
    assert_eq!(rig.look(Some("hubspot")).await.worst(), Level::Warn);
}

#[tokio::test]
async fn an_installation_that_was_never_started_says_so() {
    let rig = rig();
    insta::assert_snapshot!(rig.report(None).await, @r"
    installation
      ok    vendors call https://touchline.example.com
      warn  `touchline serve` is not running on this database
            hint: start it; until then nothing is received and nothing is sent
      ok    the database opens, and the audit log is sound (entries: 0)
      ok    there is no key file FOLDER/t.key yet, and nothing is sealed
      ok    the rules load (rules: 21, packs: 1, warnings: 0)
      warn  sending is off: nobody is sent anything
            hint: `touchline admin sending pilot --people … --reason …` begins with a few
      ok    no request of the inbox waits
      ok    no dead letters
      ok    no delivery hangs or failed
      ok    where the rules stand (on: 21)
      warn  rules of which nobody is told when they pause themselves: 21; nobody here knows their owners, and there are no admins
            sales-ops@example.com: 21
            hint: set `admins` in the configuration, or the rules' `owner` to an e-mail address that the CRM or the chat knows
    connection hubspot
      warn  pipelines and owners were not read yet
            hint: the service reads them when it runs and the account is connected
      warn  rules that are inactive here: nothing is mapped to what they read
            next-step-overdue: deal.next_step_date
            hint: `touchline connect hubspot --connection hubspot --suggest` guesses what to write under [connections.hubspot.facts] and [connections.hubspot.phases]
      warn  no webhook was taken lately
            hint: the vendor should call https://touchline.example.com/hooks/hubspot
    0 bad, 6 to look at
    ");
    assert_eq!(rig.look(None).await.worst(), Level::Warn);
    let mut with_admins = config_at(&rig.folder);
    with_admins.admins = vec!["a@example.com".into()];
    let rig = Rig { config: Arc::new(with_admins), ..rig };
    let report = rig.report(None).await;
    assert!(!report.contains("of which nobody is told"), "{report}");
}

#[tokio::test]
async fn a_broken_connection_and_dead_letters_are_bad() {
    let rig = rig();
    crate::coaching::opening::register(&rig.config, &rig.store, NOW).await.unwrap();
    let reason = "invalid_grant missing or invalid refresh token".to_owned();
    let set = rig.store.set_connection_status("hubspot".into(), "broken".into(), reason, NOW);
    assert!(set.await.unwrap());
    let report = rig.report(Some("hubspot")).await;
    assert!(report.contains("bad   broken since 2026-11-23T08:00:00Z: invalid_grant"), "{report}");
    assert!(report.contains("hint: `touchline connect hubspot --connection hubspot`"), "{report}");
    let row = NewInbox {
        connection: "hubspot".into(),
        kind: "hook:".into(),
        received_at: NOW.plus_ms(-HOUR_MS),
        headers: Vec::new(),
        body: b"[]".to_vec(),
    };
    rig.store.append(row).await.unwrap();
    let report = rig.report(None).await;
    assert!(report.contains("bad   requests waiting: 1, the oldest for 60 min"), "{report}");
}

#[tokio::test]
async fn a_lost_key_is_bad_and_is_not_made_anew() {
    let rig = rig();
    let vault = Vault::open(&rig.config.key_file).unwrap();
    let row = crate::store::CredentialRow {
        connection: "hubspot".into(),
        name: "grant".into(),
        version: 0,
        updated_at: NOW,
        body: vault.seal("hubspot/grant", b"fake-grant").unwrap(),
    };
    rig.store.put_credential(row).await.unwrap();
    let report = rig.report(None).await;
    assert!(report.contains("ok    the key opens what is sealed (credentials: 1)"), "{report}");
    std::fs::remove_file(&rig.config.key_file).unwrap();
    let report = rig.report(None).await;
    assert!(
        report
            .contains("bad   there is no key file FOLDER/t.key, but 1 sealed credentials need it"),
        "{report}"
    );
    assert!(!rig.config.key_file.exists());
}

#[tokio::test]
async fn how_webhooks_were_answered_is_told() {
    let rig = rig();
    let today = NOW.0.div_euclid(touchline_rules::time::DAY_MS);
    let put = async |version, too_large| {
        let day = Answered { accepted: 40, too_large, ..Answered::default() };
        let before = Answered { accepted: 2, failed: 3, ..Answered::default() };
        let days = IntakeDays::from([(today - 9, before), (today - 1, before), (today, day)]);
        let body = serde_json::to_vec(&days).unwrap();
        let part = Part::Intake;
        rig.store.put_connection_part("hubspot".into(), part, version, body, NOW).await.unwrap();
        rig.report(Some("hubspot")).await
    };
    let told = "webhooks in 7 days, up to 10 s ago: 42 taken, 0 refused (401), 0 too large (413), 0 turned away (429), 3 not stored (503)";
    let report = put(0, 0).await;
    assert!(report.contains(&format!("ok    {told}")), "{report}");
    let report = put(1, 1).await;
    assert!(report.contains("1 too large (413)") && report.contains("today not taken: 1"));
    assert!(report.contains("hint: http.body_max_bytes"), "{report}");
}

#[tokio::test]
async fn what_the_crm_carries_and_which_rules_lack_it_is_told() {
    let rig = rig();
    let share = |name: &str, percent| FactShare { name: name.into(), deals: 1, percent };
    let pipeline = PipelineCheck {
        id: "default".into(),
        label: "Sales".into(),
        open_deals: 2,
        active_deals: 2,
        trusted: true,
        overridden: None,
        facts: vec![share("deal.next_step", 50), share("deal.name", 100), share("deal.id", 100)],
    };
    let check =
        DataCheck { at: NOW, needed_percent: 60, within_days: 30, pipelines: vec![pipeline] };
    check.store(&rig.store, "hubspot").await.unwrap();
    let key = DealKey { connection: "hubspot".into(), id: "1".into() };
    let row = DealRow {
        connection: "hubspot".into(),
        id: "1".into(),
        version: 0,
        owner: String::new(),
        pipeline: String::new(),
        stage: String::new(),
        status: "open".into(),
        engine_at: NOW,
        body: serde_json::to_vec(&DealState::new(key)).unwrap(),
    };
    let settings_version = rig.store.settings_version().await.unwrap();
    let batch = Batch { settings_version, deals: vec![row], ..Batch::default() };
    rig.store.commit_batch(batch, CommitClass::Derived).await.unwrap().done().unwrap();
    let report = rig.report(Some("hubspot")).await;
    let shares = "Sales: the share of those deals that carried each fact\n        100 %  deal.name, deal.id\n         50 %  deal.next_step";
    assert!(report.contains(shares), "{report}");
    assert!(report.contains("on how many of 1 open deals"), "{report}");
    assert!(report.contains("nobody told of deal.stage_kind"), "{report}");
}

#[tokio::test]
async fn a_vendor_that_cannot_be_reached_is_bad() {
    let rig = rig();
    let examined = examine(&rig.config, &rig.clock, Some("hubspot"), false).await.unwrap();
    let found = examined.all().iter().find(|one| one.level == Level::Bad).unwrap();
    assert!(found.text.starts_with("HubSpot does not answer: not available"), "{}", found.text);
    assert_eq!(found.hints, ["is the vendor up, and can this machine reach it?"]);
}

fn explained(captured: &Captured, at: UnixMs) -> (bool, String) {
    let config = rig().config.clone();
    let declared = declared(&config, "hubspot").unwrap();
    let mut findings = Findings::default();
    findings.about("connection hubspot");
    let fits = explain(&config, &declared, captured, at, &mut findings);
    (fits, findings.to_string())
}

#[test]
fn a_captured_request_is_judged_as_of_when_it_was_signed() {
    let good = captured("/hooks/hubspot", "[]", "/hooks/hubspot", NOW);
    assert!(explained(&good, NOW).0);
    let (fits, said) = explained(&good, NOW.plus_ms(HOUR_MS));
    assert!(fits, "{said}");
    assert!(said.contains("as of 2026-11-23T08:00:00Z") && said.contains("3600 s old"), "{said}");
}

#[test]
fn the_usual_causes_of_a_wrong_signature_are_named() {
    let slash = captured("/hooks/hubspot", "[]", "/hooks/hubspot/", NOW);
    let query = captured("/hooks/hubspot?a=1", "[]", "/hooks/hubspot", NOW);
    let mut line_end = captured("/hooks/hubspot", "[]", "/hooks/hubspot", NOW);
    line_end.body.push(b'\n');
    let cases =
        [(slash, "with a slash"), (query, "without the query"), (line_end, "without the line end")];
    for (captured, expected) in cases {
        let (fits, said) = explained(&captured, NOW);
        assert!(!fits && said.contains(&format!("hint: the signature fits {expected}")), "{said}");
        assert!(!said.contains(SECRET), "{said}");
    }
    let (_, said) = explained(&captured("/hooks/hubspot", "[]", "/elsewhere", NOW), NOW);
    insta::assert_snapshot!(said, @r"
    connection hubspot
      bad   bad_signature: the v3 signature is wrong: check that client_secret belongs to the very app that sends, that public_url is the start of its targetUrl, and that no proxy changes the body
            judged as POST https://touchline.example.com/hooks/hubspot
            with a body of 2 bytes
            received_signature sha256:6adf31a7916e
            expected_signature sha256:bd4f02b637e5
            uri sha256:2fd0c5162b22
            uri_decoded sha256:2fd0c5162b22
            body sha256:4f53cda18c2b
            method sha256:9aee6b1bcdf6
            hint: no usual change of address or body makes it fit: compare the secret with the vendor's
    1 bad, 0 to look at
    ");
}

#[test]
fn lengths_of_time_are_read_at_a_glance() {
    let shown = [0, 1_500, 119_999, 120_000, 2 * HOUR_MS, 72 * HOUR_MS, -5].map(lasting);
    assert_eq!(shown, ["0 s", "1 s", "119 s", "2 min", "2 h", "3 days", "0 s"]);
}
