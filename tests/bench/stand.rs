//! The service in this process, on a clock that stands still, with deals that
//! came in through the inbox. Nothing is served: roles are ticked by hand.

use std::sync::Arc;

use touchline::app::App;
use touchline::clock::ManualClock;
use touchline::config::Config;
use touchline::roles::Role as _;
use touchline::roles::ingest::Ingest;
use touchline::service::{Service, Verdicts};
use touchline::store::NewInbox;
use touchline_rules::UnixMs;
use touchline_rules::facts::Observation;
use touchline_rules::ruleset::RuleSet;

use crate::company::{CONNECTION, NOW, metadata};
use crate::server::Home;

/// The inbox kinds of a webhook and of read records.
pub const WEBHOOK: &str = "hook:";
const OBSERVATIONS: &str = "observations";
/// Rows made durable together: below the queue's own limit.
const GROUP: usize = 1_000;
/// Records in one inbox row, as the CRM reader writes them.
const RECORDS: usize = 100;

/// The service and its clock.
pub struct Stand {
    app: App,
    ingest: Ingest,
    /// Moved by hand.
    pub clock: Arc<ManualClock>,
    _home: Home,
}

impl Stand {
    /// A new database with the made-up account and these rules.
    pub async fn new(rules: RuleSet) -> anyhow::Result<Stand> {
        let home = Home::new("", "", "")?;
        let clock = Arc::new(ManualClock::new(NOW));
        let app = App::open(Config::load(Some(&home.file))?, clock.clone()).await?;
        let service = app.service();
        service.rules.replace(rules);
        if let Some(connection) = service.connections.get(CONNECTION) {
            connection.set_metadata(Arc::new(metadata()));
        }
        let trusted = metadata().pipelines.into_iter().map(|one| one.id).collect();
        service.set_verdicts(CONNECTION, Verdicts { version: 1, trusted, ..Verdicts::default() });
        let ingest = Ingest::new(Arc::clone(service));
        Ok(Stand { app, ingest, clock, _home: home })
    }

    /// What the roles share.
    pub fn service(&self) -> &Arc<Service> {
        self.app.service()
    }

    /// Puts requests into the inbox.
    pub async fn append(
        &self,
        kind: &str,
        bodies: impl Iterator<Item = Vec<u8>>,
        received_at: UnixMs,
    ) -> anyhow::Result<()> {
        let row = |body| NewInbox {
            connection: CONNECTION.to_owned(),
            kind: kind.to_owned(),
            received_at,
            headers: b"[]".to_vec(),
            body,
        };
        let rows: Vec<_> = bodies.map(row).collect();
        for group in rows.chunks(GROUP) {
            self.service().store.append_all(group.to_vec()).await?;
        }
        Ok(())
    }

    /// Reads these deals in, as a first read does.
    pub async fn read_in(&self, records: &[Observation]) -> anyhow::Result<()> {
        let rows = records.chunks(RECORDS).map(serde_json::to_vec);
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        self.append(OBSERVATIONS, rows.into_iter(), NOW).await?;
        self.drain().await
    }

    /// Ticks ingest until nothing is left.
    pub async fn drain(&self) -> anyhow::Result<()> {
        while self.ingest.tick(self.service().now()).await?.worked {}
        Ok(())
    }

    /// How often any rule has fired.
    pub async fn firings(&self) -> anyhow::Result<u64> {
        let summary = self.service().store.summary().await?;
        Ok(summary.firings.iter().map(|(_, count)| count).sum())
    }
}
