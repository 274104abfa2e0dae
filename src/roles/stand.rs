//! A service on a store of its own, with one CRM that is never called, for the
//! tests of single roles.

use std::sync::Arc;

use touchline_kit::{
    Accepted, ConnectionView, Connector, Crm, Inbound, Manifest, NetworkPolicy, RawRequest,
    Rejected, Secrets, Session, SessionConfig, StaticToken, StoredRequest, Undecodable,
};
use touchline_rules::UnixMs;
use touchline_rules::facts::{
    Actor, Change, ChangeKind, DealKey, DealState, Fact, Field, Metadata, Observation, Origin,
    Owner, Pipeline, Stage, StageKind, Value,
};
use touchline_rules::ruleset::{RuleSet, SourceFile};

use super::ingest::events::{CHANGES, OBSERVATIONS};
use crate::clock::ManualClock;
use crate::coaching::people::People;
use crate::coaching::rulesets::RuleSets;
use crate::coaching::settings::Settings;
use crate::config::Config;
use crate::connection::{Connection, Connections};
use crate::service::{Parts, Service};
use crate::store::{Batch, CommitClass, DealRow, NewInbox, Part, Store, StoreOptions, TimerRow};
use crate::vault::Vault;

/// The slug of the CRM.
pub const CRM: &str = "crm";
/// Ada's owner id there.
pub const ADA: &str = "501";
/// Monday 2 March 2026, 10:00 in London.
pub const START: UnixMs = UnixMs(1_772_445_600_000);
/// A body over which the connector panics.
pub const POISON: &[u8] = b"poison";

const RULES: &str = "pack: p
title: P
rules:
  - id: resized
    title: Resized
    on: deal.field_changed(amount)
    when: 'true'
    attention: interrupt
    tip: { headline: '{{ deal.name }} has another amount', body: 'Ask why, {{ person.name }}.' }
";

/// HubSpot but for what it makes of a webhook.
struct Touchy;

impl Connector for Touchy {
    fn manifest(&self) -> &'static Manifest {
        touchline_hubspot::HUBSPOT.manifest()
    }

    fn receive(
        &self,
        _: &str,
        _: &RawRequest<'_>,
        _: &Secrets,
        _: &ConnectionView,
        _: UnixMs,
    ) -> Result<Accepted, Rejected> {
        unreachable!("nothing is received here")
    }

    fn decode(
        &self,
        _: &str,
        request: &StoredRequest,
        _: &ConnectionView,
    ) -> Vec<Result<Inbound, Undecodable>> {
        assert_ne!(request.body, POISON, "a body nobody thought of");
        Vec::new()
    }

    fn crm(&self) -> Option<&dyn Crm> {
        touchline_hubspot::HUBSPOT.crm()
    }
}

/// A service.
pub struct Stand {
    pub service: Arc<Service>,
    pub clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

/// The key of a deal.
pub fn deal(id: &str) -> DealKey {
    DealKey { connection: CRM.to_owned(), id: id.to_owned() }
}

/// The rules of these tests.
pub fn rules(text: &str) -> RuleSet {
    let file = SourceFile { path: "p.yaml".to_owned(), text: text.to_owned() };
    let loaded = RuleSet::load(&[file], &[]);
    let found: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    loaded.set.unwrap_or_else(|| panic!("{}", found.join("\n")))
}

/// An account with one pipeline of one open stage and these owners.
pub fn account(owners: &[&str]) -> Metadata {
    let stage =
        Stage { id: "new".to_owned(), label: "New".to_owned(), kind: StageKind::Open, phase: None };
    let pipeline =
        Pipeline { id: "sales".to_owned(), label: "Sales".to_owned(), stages: vec![stage] };
    let owner = |id: &&str| Owner {
        id: (*id).to_owned(),
        user_id: None,
        email: Some(format!("owner{id}@example.com")),
        name: format!("Owner {id}"),
        archived: false,
    };
    Metadata {
        pipelines: vec![pipeline],
        owners: owners.iter().map(owner).collect(),
        ..Metadata::default()
    }
}

/// A deal as read before anybody watched it.
pub fn read(id: &str, owner: &str) -> Observation {
    let text = |text: &str| Fact::Known(Value::Text(text.to_owned()));
    let fields = [
        (Field::Name, text(id)),
        (Field::Pipeline, text("sales")),
        (Field::Stage, text("new")),
        (Field::Owner, text(owner)),
    ];
    Observation {
        deal: deal(id),
        origin: Origin::Backfill,
        observed_at: START,
        fields: fields.into(),
        history: Vec::new(),
        activities: None,
        gone: false,
        url: None,
    }
}

/// A webhook's word that a deal's amount is another.
pub fn resized(id: &str, amount: i64, at: UnixMs) -> Change {
    let to = Fact::Known(Value::Number(amount.into()));
    Change {
        deal: deal(id),
        kind: ChangeKind::FieldSet { field: Field::Amount, to },
        occurred_at: at,
        actor: Actor::default(),
        vendor_id: None,
        vendor_seq: 0,
    }
}

impl Stand {
    /// With lines of `more` in its configuration, and Ada as only owner.
    pub async fn new(more: &str) -> Stand {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(START));
        let text = format!("[attention]\nsending = \"everyone\"\n{more}");
        let config = Arc::new(Config::from_toml(&text).unwrap());
        let store = Store::open(&folder.path().join("stand.db"), StoreOptions::default()).unwrap();
        let tokens = Arc::new(StaticToken::from("fake-token"));
        let session = Session::new(SessionConfig {
            base_url: "http://127.0.0.1:9".to_owned(),
            network: NetworkPolicy::with_loopback(),
            ..SessionConfig::new(CRM, Touchy.manifest(), tokens, clock.clone())
        });
        let view = ConnectionView {
            name: CRM.to_owned(),
            public_url: "https://touchline.example.com".to_owned(),
            metadata: Arc::new(account(&[ADA])),
            settings: serde_json::Map::new(),
        };
        let mut connections = Connections::default();
        connections.insert(Connection::new(&Touchy, Secrets::default(), session.unwrap(), view));
        let people = People::load(store.clone(), Arc::clone(&config)).await.unwrap();
        let settings = Settings::load(store.clone(), &config, START).await.unwrap();
        let service = Arc::new(Service::new(Parts {
            config,
            clock: clock.clone(),
            store,
            connections: Arc::new(connections),
            rules: RuleSets::new(rules(RULES)),
            people,
            settings,
            vault: Arc::new(Vault::ephemeral()),
        }));
        Stand { service, clock, _folder: folder }
    }

    /// Appends a row to the inbox.
    pub async fn append(&self, kind: &str, body: Vec<u8>) -> u64 {
        let row = NewInbox {
            connection: CRM.to_owned(),
            kind: kind.to_owned(),
            received_at: self.service.now(),
            headers: b"[]".to_vec(),
            body,
        };
        self.service.store.append(row).await.unwrap()
    }

    /// Appends deals that were read.
    pub async fn append_read(&self, read: &[Observation]) -> u64 {
        self.append(OBSERVATIONS, serde_json::to_vec(read).unwrap()).await
    }

    /// Appends changes that were told.
    pub async fn append_changes(&self, changes: &[Change]) -> u64 {
        self.append(CHANGES, serde_json::to_vec(changes).unwrap()).await
    }

    /// Keeps an account as it is read now. What is in force stays.
    pub async fn store_account(&self, account: &Metadata) {
        let store = &self.service.store;
        let known = store.connection_part(CRM.to_owned(), Part::Metadata).await.unwrap();
        let version = known.map_or(0, |part| part.version);
        let (body, now) = (serde_json::to_vec(account).unwrap(), self.service.now());
        let put = store.put_connection_part(CRM.to_owned(), Part::Metadata, version, body, now);
        put.await.unwrap();
    }

    /// From now on nothing readable is stored of this deal; its timer is due.
    pub async fn spoil(&self, id: &str) {
        let key = deal(id);
        let known = self.service.store.load_subjects(vec![key.clone()]).await.unwrap().pop();
        let row = DealRow {
            connection: key.connection.clone(),
            id: key.id.clone(),
            version: known.map_or(0, |row| row.version),
            owner: String::new(),
            pipeline: String::new(),
            stage: String::new(),
            status: "open".to_owned(),
            engine_at: START,
            body: b"{\"half\":".to_vec(),
        };
        let timer = TimerRow { subject: super::batching::subject_key(&key), due_at: Some(START) };
        let settings_version = self.service.settings.current().version;
        let batch =
            Batch { settings_version, deals: vec![row], timers: vec![timer], ..Batch::default() };
        self.service.store.commit_batch(batch, CommitClass::Derived).await.unwrap();
    }

    /// A deal as stored; `None` when that cannot be read.
    pub async fn state(&self, id: &str) -> Option<DealState> {
        let row = self.service.store.load_subjects(vec![deal(id)]).await.unwrap().pop();
        serde_json::from_slice(&row.expect("a deal").body).ok()
    }

    /// How many rows of that kind of work wait.
    pub async fn waiting(&self, kind: &str) -> usize {
        let of = self.service.store.work_waiting(kind.to_owned(), CRM.to_owned());
        of.await.unwrap()
    }
}
