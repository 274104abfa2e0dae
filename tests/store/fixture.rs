//! A database in a folder of its own, and rows to put into it.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use touchline::store::*;
use touchline_rules::UnixMs;

pub const NOW: UnixMs = UnixMs(1_800_000_000_000);

pub struct Home {
    pub folder: TempDir,
    pub store: Store,
}

impl Home {
    pub fn new() -> Home {
        Home::with(StoreOptions::default())
    }

    pub fn with(options: StoreOptions) -> Home {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("touchline.db"), options).unwrap();
        Home { folder, store }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("touchline.db")
    }

    /// What a crash of the process leaves: the files as they are, copied while
    /// the store still has them open.
    pub fn after_kill(&self) -> Home {
        self.copy(|_| true)
    }

    /// What a power cut may leave: `main.db` without the log that was never synced.
    pub fn after_power_cut(&self) -> Home {
        self.copy(|name| !name.starts_with("touchline.db-"))
    }

    fn copy(&self, kept: impl Fn(&str) -> bool) -> Home {
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            // The shared-memory index is rebuilt from the log, as after a crash.
            if kept(&name) && !name.ends_with("-shm") {
                std::fs::copy(entry.path(), folder.path().join(&name)).unwrap();
            }
        }
        let store = reopen(folder.path());
        Home { folder, store }
    }
}

pub fn reopen(folder: &Path) -> Store {
    Store::open(&folder.join("touchline.db"), StoreOptions::default()).unwrap()
}

pub fn request(body: &str) -> NewInbox {
    NewInbox {
        connection: "crm".into(),
        kind: "events".into(),
        received_at: NOW,
        headers: b"h".to_vec(),
        body: body.as_bytes().to_vec(),
    }
}

pub fn deal_key(id: &str) -> SubjectKey {
    SubjectKey { kind: "deal".into(), connection: "crm".into(), id: id.into() }
}

pub fn deal(id: &str, version: i64) -> DealRow {
    DealRow {
        connection: "crm".into(),
        id: id.into(),
        version,
        owner: "owner-1".into(),
        pipeline: "default".into(),
        stage: "proposal".into(),
        status: "open".into(),
        engine_at: NOW,
        body: b"{}".to_vec(),
    }
}

pub fn change(deal: &str, field: &str, seq: i64) -> ChangeRow {
    ChangeRow {
        connection: "crm".into(),
        deal: deal.into(),
        field: field.into(),
        occurred_at: NOW,
        vendor_seq: seq,
        value_hash: vec![1; 16],
        engine_at: NOW,
        late: false,
        body: b"{}".to_vec(),
    }
}

pub fn firing(id: &str, deal: &str) -> FiringRow {
    FiringRow {
        id: id.into(),
        subject: deal_key(deal),
        rule_id: "buyer-silent".into(),
        rule_hash: "v1".into(),
        fired_at: NOW,
        ended_at: None,
        body: b"{}".to_vec(),
    }
}

pub fn nudge(id: &str, firing: &str, deal: &str, priority: i64) -> NudgeRow {
    NudgeRow {
        id: id.into(),
        firing_id: firing.into(),
        person: "ann".into(),
        subject: deal_key(deal),
        rule_id: "buyer-silent".into(),
        rule_hash: "v1".into(),
        attention: "interrupt".into(),
        priority,
        created_at: NOW,
        due_at: NOW,
        expires_at: NOW.plus_ms(1_000_000),
        state: NudgeState::Pending,
        body: b"{}".to_vec(),
    }
}

pub fn delivery(id: &str, connection: &str, nudges: &[&str]) -> NewDelivery {
    NewDelivery {
        id: id.into(),
        connection: connection.into(),
        channel: "chat".into(),
        person: "ann".into(),
        attention: "interrupt".into(),
        subject: "1".into(),
        on_end: "edit".into(),
        priority: 5,
        created_at: NOW,
        expires_at: NOW.plus_ms(1_000_000),
        until: NOW,
        nudges: nudges.iter().map(|id| (*id).to_owned()).collect(),
        body: b"text".to_vec(),
    }
}

pub fn claim_until(until: UnixMs) -> LastLook {
    LastLook::Claim { until, without: vec![], said: vec![] }
}

pub fn audit(action: &str) -> AuditEntry {
    AuditEntry {
        at: NOW,
        actor: "admin@example.com".into(),
        action: action.into(),
        body: b"{}".to_vec(),
    }
}

impl Home {
    pub async fn version(&self) -> i64 {
        self.store.settings_version().await.unwrap()
    }

    pub async fn commit(&self, mut batch: Batch) -> BatchOutcome {
        batch.settings_version = self.version().await;
        self.store.commit_batch(batch, CommitClass::Derived).await.unwrap().done().unwrap()
    }

    /// Commits nudges with these ids for deal 1, each of its own firing `f-ID`.
    pub async fn nudges(&self, ids: &[&str]) {
        let firing_id = |id: &str| format!("f-{id}");
        let batch = Batch {
            firings: ids.iter().map(|id| firing(&firing_id(id), "1")).collect(),
            nudges: ids.iter().map(|id| nudge(id, &firing_id(id), "1", 5)).collect(),
            ..Batch::default()
        };
        self.commit(batch).await;
    }

    pub async fn decide(&self, decisions: Vec<Decision>) -> Vec<String> {
        let version = self.version().await;
        self.store.commit_attention(version, decisions).await.unwrap().done().unwrap()
    }

    /// One nudge, decided and waiting as delivery `d-ID` on `chat`.
    pub async fn waiting(&self, id: &str) -> String {
        self.nudges(&[id]).await;
        let delivery_id = format!("d-{id}");
        self.decide(vec![Decision::Send(delivery(&delivery_id, "chat", &[id]))]).await;
        delivery_id
    }

    /// What is due on these connections, at most so many of each.
    pub async fn due(&self, now: UnixMs, rooms: &[(&str, usize)]) -> Looked {
        let rooms = rooms.iter().map(|(name, room)| ((*name).to_owned(), (*room).into())).collect();
        self.store.due_deliveries(now, rooms, false).await.unwrap()
    }

    /// Settles one and the same look at everything that was found.
    pub async fn settle(&self, now: UnixMs, found: Looked, look: LastLook) -> Vec<DeliveryRow> {
        let looks = found.deliveries.into_iter().map(|(row, _)| (row.id, look.clone())).collect();
        let settled = self.store.settle_due(found.settings_version, now, looks, vec![]).await;
        settled.unwrap().done().unwrap()
    }

    /// Claims whatever is due, as a worker that finds nothing to object to.
    pub async fn claim(&self, now: UnixMs) -> Vec<DeliveryRow> {
        let found = self.due(now, &[("chat", 10), ("crm", 10)]).await;
        self.settle(now, found, claim_until(now.plus_ms(60_000))).await
    }

    /// Drops what waits, as a last look that objects to it.
    pub async fn drop_waiting(&self, id: &str, reason: &str) {
        let look = LastLook::Drop { reason: reason.into(), without: vec![] };
        let looks = vec![(id.to_owned(), look)];
        let settled = self.store.settle_due(self.version().await, NOW, looks, vec![]).await;
        settled.unwrap().done().unwrap();
    }

    /// The ledger's reasons, each with its number.
    pub fn reasons(&self) -> Vec<(String, i64)> {
        self.rows("SELECT reason, COUNT(*) FROM suppressed GROUP BY reason ORDER BY reason")
    }

    /// What a statement of a word and a number finds in the database itself.
    pub fn rows(&self, sql: &str) -> Vec<(String, i64)> {
        let raw = rusqlite::Connection::open(self.path()).unwrap();
        let mut prepared = raw.prepare(sql).unwrap();
        let rows = prepared.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(|row| row.unwrap()).collect()
    }

    pub async fn state(&self, delivery_id: &str) -> DeliveryRow {
        self.store.delivery(delivery_id.to_owned()).await.unwrap().unwrap()
    }
}
