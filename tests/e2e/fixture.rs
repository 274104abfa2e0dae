//! A stage with one seller, one pipeline and eager settings, and what every test
//! must leave behind.

use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use touchline::app::App;
use touchline::demo::stage::{Plan, Stage};
use touchline_hubspot::fake::{Actor, FakeConfig, FakeHubSpot};
use touchline_kit::Clock as _;
use touchline_rules::UnixMs;
use touchline_rules::time::{DAY_MS, MINUTE_MS};
use touchline_slack::fake::{FakeMessage, FakeUser};

use crate::wire::{self, Answer};

/// Monday 2 March 2026, 10:00 in London.
pub const MONDAY: UnixMs = UnixMs(1_772_445_600_000);
/// The seller of most tests, in London.
pub const ANN: &str = "ann@example.com";
/// Ann's user id in the CRM.
pub const ANN_USER: i64 = 7_001;
/// Ann's id in the chat.
pub const ANN_CHAT: &str = "U0ANN";

/// Every nudge goes out at once, as often as there is one.
pub const EAGER: &str = r#"
[attention]
sending = "everyone"
interruptions_per_day = "off"
interruptions_per_day_new = "off"
deal_spacing_working_days = "off"
digest_items_max = "off"
mass_change_deals = "off"
quiet_hours = "off"
"#;

/// A pack that speaks up whenever a deal changes its stage.
pub const ON_STAGE_CHANGE: &str = include_str!("../echo.yaml");

/// What a stage is set with.
pub struct Setting<'a> {
    pub at: UnixMs,
    pub config: &'a str,
    pub pack: &'a str,
    pub hubspot: fn(&mut FakeConfig),
}

impl Default for Setting<'_> {
    fn default() -> Self {
        Setting { at: MONDAY, config: EAGER, pack: ON_STAGE_CHANGE, hubspot: |_| {} }
    }
}

/// A stage and its folder.
pub struct Scene {
    pub stage: Stage,
    pub folder: tempfile::TempDir,
    /// Ann's owner id in the CRM.
    pub ann: u64,
}

impl Scene {
    pub async fn set(setting: Setting<'_>) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let pack = folder.path().join("pack.yaml");
        std::fs::write(&pack, setting.pack).unwrap();
        let mut plan = Plan::new(setting.at, folder.path());
        plan.config = format!("rules = [\"{}\"]\n{}", pack.display(), setting.config);
        plan.chat = vec![FakeUser::new(ANN_CHAT, ANN, "Ann Example", "Europe/London")];
        plan.hubspot = setting.hubspot;
        let stage = Stage::new(plan).await.unwrap();
        let ann = stage.hubspot.add_owner(ANN, "Ann", "Example", ANN_USER);
        Scene { stage, folder, ann }
    }

    pub fn hubspot(&self) -> &Arc<FakeHubSpot> {
        &self.stage.hubspot
    }

    pub fn now(&self) -> UnixMs {
        self.stage.clock.now()
    }

    pub fn wait_minutes(&self, minutes: i64) {
        self.stage.clock.advance_ms(minutes * MINUTE_MS);
    }

    /// A deal of Ann's in the first stage, made thirty days ago.
    pub fn deal(&self, name: &str) -> u64 {
        self.deal_of(self.ann, name, self.now().plus_ms(-30 * DAY_MS))
    }

    pub fn deal_of(&self, owner: u64, name: &str, born: UnixMs) -> u64 {
        let owner = owner.to_string();
        let values = [
            ("dealname", name),
            ("pipeline", "default"),
            ("dealstage", "appointmentscheduled"),
            ("hubspot_owner_id", &owner),
        ];
        self.hubspot().create_deal(&values, &Actor::user(ANN_USER).at(born)).unwrap()
    }

    /// Lets happen what is due at this instant.
    pub async fn settle(&self, app: &App) {
        self.stage.settle(app).await.unwrap();
    }

    /// Lets so many minutes go by, with all that is due in them.
    pub async fn live_minutes(&self, app: &App, minutes: i64) {
        let until = self.now().plus_ms(minutes * MINUTE_MS);
        self.stage.live_until(app, until).await.unwrap();
    }

    /// Connects the accounts and reads them: afterwards nothing of it is news.
    pub async fn connect(&self, app: &App) {
        self.live_minutes(app, 1).await;
    }

    /// Posts a body as HubSpot would, rightly signed.
    pub async fn post(&self, body: &[u8]) -> Answer {
        let headers = self.hubspot().signed_headers("POST", body, self.now());
        self.post_with(&headers, body).await
    }

    pub async fn post_with(&self, headers: wire::Headers<'_>, body: &[u8]) -> Answer {
        wire::send(&self.stage.service_url, "POST /hooks/hubspot", headers, body).await
    }

    /// A webhook event of a deal of this account.
    pub fn event(&self, deal: u64, kind: &str) -> Value {
        let config = self.hubspot().config();
        json!({
            "eventId": deal, "subscriptionId": 1, "portalId": config.portal_id,
            "appId": config.app_id, "occurredAt": self.now().0, "subscriptionType": kind,
            "attemptNumber": 0, "objectId": deal, "changeSource": "CRM_UI",
            "sourceId": format!("userId:{ANN_USER}"),
        })
    }

    /// A webhook event of a changed property.
    pub fn change(&self, deal: u64, property: &str, value: &str) -> Value {
        let mut event = self.event(deal, "deal.propertyChange");
        event["propertyName"] = property.into();
        event["propertyValue"] = value.into();
        event
    }

    /// What the database holds, each row's columns as text.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        rows(&self.folder.path().join("touchline.db"), sql)
    }

    /// What the inbox holds.
    pub fn inbox_rows(&self, sql: &str) -> Vec<Vec<String>> {
        rows(&self.folder.path().join("touchline-inbox.db"), sql)
    }

    /// One number from the database.
    pub fn number(&self, sql: &str) -> i64 {
        self.rows(sql)[0][0].parse().unwrap()
    }

    /// Webhooks waiting in the inbox or handled.
    pub fn appended(&self) -> i64 {
        self.inbox_rows("SELECT COUNT(*) FROM inbox WHERE kind LIKE 'hook:%'")[0][0]
            .parse()
            .unwrap()
    }

    /// What a stage must not leave behind.
    pub async fn finish(&self, app: &App) {
        self.settle(app).await;
        let claimed = self.rows("SELECT id, why FROM delivery WHERE state = 'claimed'");
        assert!(claimed.is_empty(), "claimed and never settled: {claimed:?}");
        let unexpected: Vec<_> =
            self.hubspot().calls().into_iter().filter(|call| !call.served).collect();
        assert!(unexpected.is_empty(), "calls that HubSpot does not have: {unexpected:?}");
        let rootless = self.rows(
            "SELECT delivery.id, delivery.attention FROM delivery \
             LEFT JOIN delivery_nudge ON delivery_nudge.delivery_id = delivery.id \
             LEFT JOIN nudge ON nudge.id = delivery_nudge.nudge_id \
             LEFT JOIN firing ON firing.id = nudge.firing_id \
             WHERE delivery.attention <> 'hello' AND firing.id IS NULL",
        );
        assert!(rootless.is_empty(), "deliveries without a firing: {rootless:?}");
        let twice = self.rows(
            "SELECT firing_id, person FROM nudge GROUP BY firing_id, person HAVING COUNT(*) > 1",
        );
        assert!(twice.is_empty(), "more than one nudge of a firing for a person: {twice:?}");
        for row in self.rows("SELECT id, resends FROM delivery") {
            let told =
                self.stage.slack.messages().iter().filter(|one| carries(one, &row[0])).count();
            let allowed = 1 + row[1].parse::<usize>().unwrap();
            assert!(told <= allowed, "delivery {} was told {told} times", row[0]);
        }
        let unread = self.inbox_rows("SELECT COALESCE(MAX(seq), 0) FROM inbox")[0][0].clone();
        let cursor = self.rows("SELECT seq FROM cursor WHERE name = 'ingest'")[0][0].clone();
        assert_eq!(unread, cursor, "stored requests that nobody read");
    }
}

fn carries(message: &FakeMessage, delivery: &str) -> bool {
    let metadata = message.metadata.as_ref();
    metadata.is_some_and(|told| told["event_payload"]["delivery_id"] == delivery)
}

/// A property change event's body with one event.
pub fn body(event: &Value) -> Vec<u8> {
    Value::Array(vec![event.clone()]).to_string().into_bytes()
}

fn rows(path: &std::path::Path, sql: &str) -> Vec<Vec<String>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = Connection::open_with_flags(path, flags).unwrap();
    let mut statement = database.prepare(sql).unwrap();
    let columns = statement.column_count();
    let text = |row: &rusqlite::Row<'_>| (0..columns).map(|n| column(row, n)).collect();
    let rows = statement.query_map([], text).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn column(row: &rusqlite::Row<'_>, n: usize) -> rusqlite::Result<String> {
    use rusqlite::types::ValueRef;
    Ok(match row.get_ref(n)? {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into(),
    })
}
