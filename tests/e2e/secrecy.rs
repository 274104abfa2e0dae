//! What the log never says, at its most talkative.

use std::io::Write;
use std::sync::{Arc, Mutex};

use touchline_hubspot::fake::{Actor, Fault, FaultKind};
use touchline_slack::fake::FaultKind as ChatFault;

use crate::fixture::*;
use crate::wire;

/// Typed into the CRM and never to be seen outside of messages.
const PRIVATE: &str = "Zanzibar Confidential";

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Connecting, a nudge with its task, a refused webhook, a strange one, vendors
/// that refuse and break, a click, and a revoked token.
async fn an_eventful_day() -> Vec<String> {
    let pack =
        ON_STAGE_CHANGE.replace("attention: interrupt", "attention: interrupt\n    crm: task");
    let scene = Scene::set(Setting { pack: &pack, ..Setting::default() }).await;
    let (deal, other) = (scene.deal(PRIVATE), scene.deal(&format!("{PRIVATE} too")));
    let app = scene.stage.open().await.unwrap();
    let by = || Actor::user(ANN_USER);
    let play = async {
        scene.connect(&app).await;
        scene.hubspot().set(deal, "dealstage", "qualifiedtobuy", &by()).unwrap();
        scene.hubspot().set(deal, "hs_next_step", PRIVATE, &by()).unwrap();
        scene.live_minutes(&app, 5).await;
        let told = scene.stage.slack.messages().pop().expect("a nudge");
        scene.stage.slack.click(ANN_CHAT, &told.ts, "nudge.done", None).await.unwrap();
        scene.stage.slack.send_command(ANN_CHAT, &format!("pause {PRIVATE}")).await.unwrap();

        let strange = scene.change(deal, "amount", PRIVATE);
        assert_eq!(scene.post(&body(&strange)).await.status, 200);
        assert_eq!(scene.post(format!("{PRIVATE} {ANN}").as_bytes()).await.status, 200);
        let wrong = [("x-hubspot-signature-v3".to_owned(), "fake-signature".to_owned())];
        assert_eq!(scene.post_with(&wrong, PRIVATE.as_bytes()).await.status, 401);
        let elsewhere = format!("POST /hooks/hubspot?who={ANN}");
        let base = &scene.stage.service_url;
        assert_eq!(wire::send(base, &elsewhere, &wrong, b"").await.status, 401);

        let message = format!("owner {ANN} may not own it");
        let refuse = Fault::on("/tasks", FaultKind::Validation { message: message.clone() });
        scene.hubspot().fail(refuse.times(2));
        scene.hubspot().fail(Fault::on("/deals", FaultKind::Status(502)).times(2));
        scene.stage.slack.fail("chat.postMessage", ChatFault::Error(message), 1);
        scene.stage.slack.fail("chat.update", ChatFault::CloseBefore, 1);
        scene.hubspot().set(deal, "dealstage", "contractsent", &by()).unwrap();
        scene.hubspot().set(other, "dealstage", "contractsent", &by()).unwrap();
        scene.live_minutes(&app, 10).await;

        scene.stage.slack.revoke_token();
        scene.hubspot().set(other, "dealstage", "qualifiedtobuy", &by()).unwrap();
        scene.live_minutes(&app, 10).await;
    };
    scene.stage.play(&app, play).await;
    let config = scene.hubspot().config();
    let signed = scene.hubspot().sign("POST", "/", b"", scene.now());
    let mut secrets = vec![config.client_secret.clone(), config.access_token.clone(), signed];
    secrets.extend(["fake-xoxb-token", "fake-signing-secret", "fake-signature"].map(str::to_owned));
    secrets
}

#[tokio::test]
async fn no_secret_no_body_and_no_address_is_ever_logged() {
    let captured = Captured::default();
    let writer = captured.clone();
    // Other stages of this process write into it as well; the same holds for them.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let mut never = an_eventful_day().await;
    never.extend([PRIVATE.to_owned(), "@example.com".to_owned(), "propertyValue".to_owned()]);
    let log = String::from_utf8_lossy(&captured.0.lock().unwrap()).into_owned();
    assert!(log.lines().count() > 50 && log.contains("TRACE"), "little was captured: {log}");
    let said: Vec<_> = log
        .lines()
        .filter(|line| never.iter().any(|secret| line.contains(secret.as_str())))
        .take(10)
        .collect();
    assert!(said.is_empty(), "{said:#?}");
}
