//! The connector against the fake HubSpot: the whole road, both ways.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use touchline_hubspot::fake::{
    Actor, DataType, Direction, FakeConfig, FakeHubSpot, Fault, FaultKind, ObjectKind, WebhookFile,
};
use touchline_hubspot::{HUBSPOT, MANIFEST};
use touchline_kit::testing::{ManualClock, StaticToken, loopback_config};
use touchline_kit::{
    BackfillPlan, CallError, ConnectionView, Connector, Crm, CrmWrite, CrmWriteKind, Inbound,
    RawRequest, Secrets, Session, SessionConfig, StoredRequest,
};
use touchline_rules::UnixMs;
use touchline_rules::condition::Type;
use touchline_rules::facts::suggest::suggest_facts;
use touchline_rules::facts::{
    ActivityKind, ActorKind, ChangeKind, DealKey, Fact, Field, Observation, Origin, PersonMark,
    StageKind, StagePhase, Value,
};
use touchline_rules::time::{DAY_MS, HOUR_MS, MINUTE_MS};

/// 2026-11-23T08:00:00Z.
const NOW: UnixMs = UnixMs(1_795_420_800_000);
const WEBHOOKS: &str = include_str!("../app/src/app/webhooks/webhooks-hsmeta.json");

struct House {
    fake: Arc<FakeHubSpot>,
    session: Session,
    on: ConnectionView,
    clock: ManualClock,
    inbox: Arc<Mutex<Vec<Inbound>>>,
}

/// Serves until the test's runtime ends.
async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    #[expect(clippy::disallowed_methods, reason = "test server")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

type Hook = (ConnectionView, ManualClock, Arc<Mutex<Vec<Inbound>>>);

/// What the service does with a webhook, without storing it.
async fn hook(State((on, clock, inbox)): State<Hook>, request: Request) -> axum::http::StatusCode {
    use touchline_kit::Clock as _;
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let own = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let headers: Vec<_> = head.headers.iter().filter_map(own).collect();
    let mut secrets = Secrets::default();
    secrets.insert("client_secret", "fake-client-secret");
    let raw = RawRequest {
        method: head.method.as_str(),
        path_and_query: head.uri.path(),
        headers: &headers,
        body: &body,
    };
    if let Err(rejected) = HUBSPOT.receive("", &raw, &secrets, &on, clock.now()) {
        panic!("refused: {rejected}");
    }
    let stored = StoredRequest { headers, body: body.to_vec(), received_at: clock.now() };
    for piece in HUBSPOT.decode("", &stored, &on) {
        inbox.lock().expect("no panic while held").push(piece.expect("decodable"));
    }
    axum::http::StatusCode::OK
}

async fn house() -> House {
    let clock = ManualClock::new(NOW);
    let mut on = ConnectionView {
        name: "hubspot".into(),
        public_url: "https://touchline.example.com".into(),
        metadata: Arc::default(),
        settings: serde_json::Map::new(),
    };
    let inbox: Arc<Mutex<Vec<Inbound>>> = Arc::default();
    let hooks = Router::new().fallback(hook).with_state((on.clone(), clock.clone(), inbox.clone()));
    let hooks_url = serve(hooks).await;
    let variables = [("BASE_URL", on.public_url.as_str()), ("CONNECTION", "hubspot")];
    let file = WebhookFile::parse(WEBHOOKS, &variables).expect("the shipped webhook file");
    let mut config = FakeConfig::new(Arc::new(clock.clone())).with_webhook_file(file);
    config.scopes = MANIFEST
        .oauth
        .as_ref()
        .expect("OAuth")
        .scopes
        .iter()
        .map(|scope| (*scope).to_owned())
        .collect();
    config.send_to = Some(format!("{hooks_url}/hooks/hubspot"));
    let fake = FakeHubSpot::new(config);
    let url = serve(fake.router()).await;
    let token = Arc::new(StaticToken::from("fake-access-token"));
    let config = SessionConfig { tokens: token, ..loopback_config(&url, &MANIFEST, &clock) };
    let session = Session::new(config).expect("a session");
    on.metadata = Arc::new(HUBSPOT.metadata(&session, &on).await.expect("metadata"));
    House { fake, session, on, clock, inbox }
}

impl House {
    fn deal(&self, name: &str, stage: &str) -> u64 {
        let values = [("dealname", name), ("dealstage", stage), ("amount", "1250.50")];
        self.fake.create_deal(&values, &Actor::user(7)).expect("a deal")
    }

    async fn fetch(&self, id: u64) -> Observation {
        let ids = [id.to_string()];
        let read = HUBSPOT.fetch(&self.session, &self.on, &ids, Origin::Hydrate).await;
        read.expect("observations").pop().expect("an observation")
    }

    fn task(&self, deal: u64) -> CrmWrite {
        CrmWrite {
            kind: CrmWriteKind::Task,
            deal: DealKey { connection: "hubspot".into(), id: deal.to_string() },
            owner_id: None,
            subject: "Ask who signs".into(),
            body: "Offer <one> thing".into(),
            due_at: NOW.plus_ms(HOUR_MS),
            marker: "0a1b2c3d4e5f".into(),
        }
    }

    async fn webhooks(&self) -> Vec<Inbound> {
        self.clock.advance_ms(1_000);
        let now = self.fake.now();
        self.fake.tick(now).await;
        std::mem::take(&mut *self.inbox.lock().expect("no panic while held"))
    }
}

#[tokio::test]
async fn metadata_is_read_with_the_shipped_scopes() {
    let house = house().await;
    let metadata = &house.on.metadata;
    assert_eq!(metadata.account_id.as_deref(), Some("247279312"));
    assert_eq!(metadata.time_zone.as_deref(), Some("America/New_York"));
    assert_eq!(metadata.currency.as_deref(), Some("USD"));
    let kind = |stage| metadata.stage(None, stage).map(|(_, one)| one.kind);
    assert_eq!(kind("closedwon"), Some(StageKind::Won));
    assert_eq!(kind("closedlost"), Some(StageKind::Lost));
    assert_eq!(kind("contractsent"), Some(StageKind::Open));
    let told = HUBSPOT.self_test(&house.session, &house.on).await;
    assert!(told.expect("a verdict").starts_with("HubSpot answers: 1 deal pipeline"));
}

#[tokio::test]
async fn a_deal_is_read_with_history_and_activities() {
    let house = house().await;
    let deal = house.deal("Example renewal", "appointmentscheduled");
    house.clock.advance_ms(HOUR_MS);
    let by = Actor::user(7);
    house.fake.set(deal, "dealstage", "contractsent", &by).expect("set");
    house.fake.log_email(deal, Direction::Inbound, NOW.plus_ms(60_000), &by).expect("an e-mail");
    house.fake.log_email(deal, Direction::Outbound, NOW.plus_ms(-200 * DAY_MS), &by).expect("one");
    house.fake.log_meeting(deal, NOW.plus_ms(7 * DAY_MS), &by).expect("a meeting");
    let read = house.fetch(deal).await;
    let stage = Fact::Known(Value::Text("contractsent".into()));
    assert!(read.fields.contains(&(Field::Stage, stage)));
    let stages: Vec<_> =
        read.history.iter().filter(|one| one.field == Field::Stage).map(|one| one.at).collect();
    assert_eq!(stages, [NOW, NOW.plus_ms(HOUR_MS)]);
    let actor = &read.history.last().expect("a history").actor;
    assert_eq!((actor.kind, actor.user_id.as_deref()), (ActorKind::Person, Some("7")));
    let activities = read.activities.expect("activities");
    assert_eq!(activities.len(), 2, "the old e-mail is beyond the look-back: {activities:?}");
    assert!(read.url.expect("an address").contains("0-3"));
}

#[tokio::test]
async fn deleted_and_merged_deals_are_gone() {
    let house = house().await;
    let (kept, merged, deleted) = (
        house.deal("A", "contractsent"),
        house.deal("B", "contractsent"),
        house.deal("C", "contractsent"),
    );
    let by = Actor::user(7);
    house.fake.merge(kept, merged, &by).expect("a merge");
    house.fake.delete(touchline_hubspot::fake::ObjectKind::Deal, deleted, &by).expect("deleted");
    let ids = [kept, merged, deleted, 4_711].map(|id| id.to_string());
    let read = HUBSPOT.fetch(&house.session, &house.on, &ids, Origin::Poll).await;
    let read = read.expect("observations");
    let gone: BTreeSet<&str> =
        read.iter().filter(|one| one.gone).map(|one| one.deal.id.as_str()).collect();
    assert_eq!(gone, ids[1..].iter().map(String::as_str).collect());
    assert_eq!(read.len(), 4);
}

#[tokio::test]
async fn the_first_read_finds_open_deals_and_then_lately_closed_ones() {
    let house = house().await;
    let open: Vec<u64> = (0..60).map(|n| house.deal(&format!("D{n}"), "contractsent")).collect();
    let won = house.deal("Won", "closedwon");
    house.fake.set(won, "closedate", &NOW.0.to_string(), &Actor::user(7)).expect("set");
    let old = house.deal("Old", "closedlost");
    let long_ago = NOW.plus_ms(-900 * DAY_MS).0.to_string();
    house.fake.set(old, "closedate", &long_ago, &Actor::user(7)).expect("set");
    let plan = BackfillPlan {
        closed_since: NOW.plus_ms(-365 * DAY_MS),
        activity_since: NOW.plus_ms(-90 * DAY_MS),
    };
    let (mut cursor, mut seen, mut total) = (None::<String>, Vec::new(), None);
    for _ in 0..10 {
        house.clock.advance_ms(MINUTE_MS);
        let page = HUBSPOT.backfill(&house.session, &house.on, &plan, cursor.as_deref()).await;
        let page = page.expect("a page");
        total = page.total.or(total);
        seen.extend(page.observations.into_iter().map(|one| one.deal.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let expected: BTreeSet<String> = open.iter().chain([&won]).map(u64::to_string).collect();
    assert_eq!(cursor, None);
    assert_eq!(seen.len(), 61);
    assert_eq!(seen.iter().cloned().collect::<BTreeSet<_>>(), expected);
    assert_eq!(seen.last(), Some(&won.to_string()));
    assert_eq!(total, Some(61));
}

/// A mapped property is asked for with its past, and who took part with each
/// activity; a property that the account does not have stays unknown.
#[tokio::test]
async fn what_is_mapped_is_read() {
    let mut house = house().await;
    house.fake.define_property(ObjectKind::Deal, "rival", "Main competitor", DataType::Text);
    let offered = HUBSPOT.deal_properties(&house.session, &house.on).await.expect("properties");
    let rival = offered.iter().find(|one| one.name == "rival").expect("the new one");
    assert_eq!((rival.label.as_str(), rival.holds), ("Main competitor", Some(Type::Text)));
    let guessed = suggest_facts(&offered);
    let guess = |field| guessed.iter().find(|one| one.field == field).map(|one| &*one.property);
    assert_eq!(guess(Field::Competitor), Some("rival"));
    assert_eq!(guess(Field::Contacts), Some("num_associated_contacts"));
    assert_eq!(guess(Field::ForecastCategory), Some("hs_manual_forecast_category"));
    house.on.settings = serde_json::json!({
        "facts": {"competitor": "rival", "champion": "gone", "contacts": "num_associated_contacts"},
        "phases": {"proposal": ["contractsent"]},
        "activity_contacts": true,
    })
    .as_object()
    .expect("a table")
    .clone();
    let account = HUBSPOT.metadata(&house.session, &house.on).await.expect("metadata");
    let (_, stage) = account.stage(None, "contractsent").expect("a stage");
    assert_eq!(stage.phase, Some(StagePhase::Proposal));
    let (deal, by) = (house.deal("Example", "contractsent"), Actor::user(7));
    house.fake.set(deal, "rival", "Acme", &by).expect("set");
    let person = house.fake.create(ObjectKind::Contact, &[("email", "p@example.com")], &by);
    let person = person.expect("a contact");
    let mail = house.fake.log_email(deal, Direction::Inbound, NOW, &by).expect("an e-mail");
    house.fake.log_note(deal, NOW, "Note", &by).expect("a note");
    for of in [deal, mail] {
        house.fake.associate(person, of, &by).expect("tied");
    }
    let read = house.fetch(deal).await;
    let field = |wanted| read.fields.iter().find(|(field, _)| *field == wanted);
    let text = |text: &str| Fact::Known(Value::Text(text.into()));
    assert_eq!(field(Field::Competitor), Some(&(Field::Competitor, text("Acme"))));
    assert_eq!(
        field(Field::Contacts).map(|one| &one.1),
        Some(&Fact::Known(Value::Number(1.into())))
    );
    assert_eq!(field(Field::Champion), None, "the account has no such property");
    let past: Vec<_> = read.history.iter().filter(|one| one.field == Field::Competitor).collect();
    assert_eq!((past.len(), past[0].actor.user_id.as_deref()), (1, Some("7")));
    let activities = read.activities.expect("activities");
    let people = |kind| activities.iter().find(|one| one.kind == kind).expect("one").people.clone();
    assert_eq!(people(ActivityKind::Email), Some(vec![PersonMark::of(&person.to_string())]));
    assert_eq!(people(ActivityKind::Note), None);
}

#[tokio::test]
async fn the_poll_finds_deals_and_activities() {
    let house = house().await;
    let first = HUBSPOT.changed_since(&house.session, &house.on, None, NOW).await;
    let mut cursor = first.expect("a page").cursor;
    house.clock.advance_ms(HOUR_MS);
    let deal = house.deal("Example", "contractsent");
    let at = NOW.plus_ms(HOUR_MS);
    let call = house.fake.log_call(deal, Direction::Inbound, at, &Actor::user(7)).expect("a call");
    house.clock.advance_ms(MINUTE_MS);
    let (mut deals, mut activities) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        house.clock.advance_ms(1_000);
        let now = house.fake.now();
        let page = HUBSPOT.changed_since(&house.session, &house.on, Some(&cursor), now).await;
        let page = page.expect("a page");
        deals.extend(page.deals);
        activities.extend(page.activities);
        cursor = page.cursor;
    }
    assert!(deals.iter().any(|(id, changed)| *id == deal.to_string() && *changed >= at));
    let found: Vec<_> = activities.iter().filter(|one| one.id == call.to_string()).collect();
    assert!(!found.is_empty(), "{activities:?}");
    let changes = HUBSPOT.activities(&house.session, &house.on, &[found[0].clone()]).await;
    let changes = changes.expect("changes");
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].deal.id, deal.to_string());
    assert_eq!(changes[0].occurred_at, at);
}

#[tokio::test]
async fn a_task_survives_a_lost_answer_and_counts_as_ours() {
    let house = house().await;
    let deal = house.deal("Example", "contractsent");
    let write = house.task(deal);
    let none = HUBSPOT.reconcile(&house.session, &house.on, &write).await;
    assert_eq!(none, Ok(None));
    let lost = Fault::on("/tasks", FaultKind::ResetAfterEffect).method("POST").times(1);
    house.fake.fail(lost);
    let made = HUBSPOT.write(&house.session, &house.on, &write).await;
    assert!(matches!(made, Err(CallError::Ambiguous { .. })), "{made:?}");
    let found = HUBSPOT.reconcile(&house.session, &house.on, &write).await;
    let receipt = found.expect("an answer").expect("a receipt");
    assert_eq!(house.fake.tasks().len(), 1);
    let activities = house.fetch(deal).await.activities.expect("activities");
    assert!(activities.len() == 1 && activities[0].by_touchline, "{activities:?}");
    HUBSPOT.complete(&house.session, &house.on, &receipt).await.expect("completed");
    let id = house.fake.tasks()[0].id;
    assert_eq!(house.fake.value(id, "hs_task_status").as_deref(), Some("COMPLETED"));
    let mut note = house.task(deal);
    note.kind = CrmWriteKind::Note;
    HUBSPOT.write(&house.session, &house.on, &note).await.expect("a receipt");
    assert_eq!(house.fake.notes().len(), 1);
}

#[tokio::test]
async fn webhooks_of_the_shipped_file_are_received_and_understood() {
    let house = house().await;
    let deal = house.deal("Example", "appointmentscheduled");
    let made = house.webhooks().await;
    assert!(made.iter().any(|one| matches!(one, Inbound::Change(change)
        if change.kind == ChangeKind::Created && change.deal.id == deal.to_string())));
    let other = house.deal("Other", "appointmentscheduled");
    let by = Actor::bulk(7);
    house.fake.set_many(&[deal, other], &[("dealstage", "contractsent")], &by).expect("set");
    house.fake.log_email(deal, Direction::Inbound, NOW, &Actor::user(7)).expect("an e-mail");
    house.fake.merge(deal, other, &Actor::user(7)).expect("a merge");
    let news = house.webhooks().await;
    let bulk = news.iter().filter(|one| {
        matches!(one, Inbound::Change(change)
        if change.actor.kind == ActorKind::Bulk)
    });
    assert_eq!(bulk.count(), 2);
    assert!(news.iter().any(|one| matches!(one, Inbound::Activity(_))));
    assert!(
        news.iter().any(|one| matches!(one, Inbound::Change(change)
        if matches!(change.kind, ChangeKind::MergedInto { .. }))),
        "{news:#?}"
    );
}

#[tokio::test]
async fn faults_are_told_apart() {
    let house = house().await;
    let deal = house.deal("Example", "contractsent");
    let write = async |kind: FaultKind| {
        house.fake.clear_faults();
        house.fake.fail(Fault::on("/tasks", kind).times(1));
        house.clock.advance_ms(HOUR_MS);
        HUBSPOT.write(&house.session, &house.on, &house.task(deal)).await.expect_err("a fault")
    };
    assert!(matches!(write(FaultKind::Status(423)).await, CallError::Unavailable { .. }));
    assert!(matches!(write(FaultKind::Status(504)).await, CallError::Ambiguous { .. }));
    let moving = write(FaultKind::Migrating { retry_after_s: 60 }).await;
    let at = house.fake.now().plus_ms(60_000);
    assert!(matches!(moving, CallError::Unavailable { retry_at, .. } if retry_at == Some(at)));
    let missing = FaultKind::MissingScope { scope: "crm.objects.contacts.write".into() };
    let missing = write(missing).await;
    assert!(missing.to_string().contains("crm.objects.contacts.write"), "{missing}");
    assert!(matches!(write(FaultKind::ExpiredToken).await, CallError::Unauthorized { .. }));
    let refused = write(FaultKind::Validation { message: "no".into() }).await;
    assert!(matches!(refused, CallError::Refused { .. }));
}
