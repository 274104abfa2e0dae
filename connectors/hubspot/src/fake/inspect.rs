//! How tests and the demo look at what the client under test did, and turn the
//! knobs while it runs.

use touchline_rules::UnixMs;

use super::faults::Fault;
use super::limits::RateLimits;
use super::model::{HistoryEntry, ObjectKind, Record};
use super::oauth::OAuthAdmin;
use super::validate::parse_time;
use super::{FakeHubSpot, LoggedCall};

impl FakeHubSpot {
    /// A record, archived ones included.
    #[must_use]
    pub fn record(&self, id: u64) -> Option<Record> {
        self.lock().account.records.get(&id).cloned()
    }

    /// The present value of a property, derived ones included.
    #[must_use]
    pub fn value(&self, id: u64, name: &str) -> Option<String> {
        let now = self.now();
        let inner = self.lock();
        inner.account.value(inner.account.records.get(&id)?, name, now)
    }

    /// The values that a property had, newest first.
    #[must_use]
    pub fn history(&self, id: u64, name: &str) -> Vec<HistoryEntry> {
        let inner = self.lock();
        let entries = inner.account.records.get(&id).and_then(|record| record.values.get(name));
        entries.into_iter().flatten().rev().cloned().collect()
    }

    /// Every live record of a kind, oldest first.
    #[must_use]
    pub fn records(&self, kind: ObjectKind) -> Vec<Record> {
        let inner = self.lock();
        let ids = inner.account.by_kind.get(&kind).into_iter().flatten();
        ids.filter_map(|id| inner.account.records.get(id))
            .filter(|record| record.is_live())
            .cloned()
            .collect()
    }

    /// The live tasks that apps wrote through the API.
    #[must_use]
    pub fn tasks(&self) -> Vec<Record> {
        self.written_by_apps(ObjectKind::Task)
    }

    /// The live notes that apps wrote through the API.
    #[must_use]
    pub fn notes(&self) -> Vec<Record> {
        self.written_by_apps(ObjectKind::Note)
    }

    fn written_by_apps(&self, kind: ObjectKind) -> Vec<Record> {
        let mut records = self.records(kind);
        records.retain(|record| record.stored("hs_object_source") == Some("INTEGRATION"));
        records
    }

    /// Makes calls go wrong.
    pub fn fail(&self, fault: Fault) {
        self.lock().faults.add(fault);
    }

    /// 503 for every call until switched back.
    pub fn set_down(&self, down: bool) {
        self.lock().faults.down = down;
    }

    /// Ends every fault.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Changes the limits.
    pub fn set_limits(&self, limits: RateLimits) {
        self.lock().limiter.limits = limits;
    }

    /// Changes how long a change takes to reach search.
    pub fn set_search_lag_ms(&self, lag_ms: i64) {
        self.lock().account.search_lag_ms = lag_ms;
    }

    /// Changes the admin at the authorize page.
    pub fn set_oauth_admin(&self, admin: OAuthAdmin) {
        self.lock().oauth.admin = admin;
    }

    /// Hands out a new refresh token with each refresh.
    pub fn set_rotate_refresh(&self, rotate: bool) {
        self.lock().oauth.rotate_refresh = rotate;
    }

    /// The account's admin takes the app out: every OAuth token ends.
    pub fn uninstall(&self) {
        self.lock().oauth.uninstall();
    }

    /// The latest calls, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<LoggedCall> {
        self.lock().calls.iter().cloned().collect()
    }

    /// How many calls there were in all.
    #[must_use]
    pub fn call_count(&self) -> u64 {
        self.lock().call_count
    }
}

impl Record {
    /// The stored value of a time property.
    #[must_use]
    pub fn time(&self, property: &str) -> Option<UnixMs> {
        self.stored(property).and_then(parse_time)
    }
}
