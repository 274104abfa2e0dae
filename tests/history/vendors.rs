//! A CRM and a chat in memory, which can be down: no network, no time of their own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use touchline::connection::Connection;
use touchline_kit::retry::classify_by_status;
use touchline_kit::testing::{ManualClock, loopback_config};
use touchline_kit::{
    Accepted, ActivityRef, BackfillPage, BackfillPlan, CallError, Capability, Channel, ChatPerson,
    Clock as _, ConnectionView, Connector, Crm, CrmWrite, Inbound, Manifest, Message, PollPage,
    RawRequest, Receipt, Rejected, Secrets, Session, StoredRequest, Undecodable,
};
use touchline_rules::UnixMs;
use touchline_rules::facts::{
    Activity, Change, ChangeKind, DealKey, Fact, Field, HistoryItem, Metadata, Observation, Origin,
    Value,
};

static MANIFEST: Manifest = Manifest {
    name: "memory",
    title: "Memory",
    capabilities: &[Capability::Crm, Capability::Channel],
    base_url: "http://127.0.0.1:9",
    secrets: &[],
    limits: &[],
    oauth: None,
    daily: None,
    classify: classify_by_status,
    setup: &[],
};

/// Both vendors.
pub struct Vendors {
    clock: ManualClock,
    account: Metadata,
    /// Everything that will ever happen, in order.
    changes: Vec<Change>,
    crm_down: AtomicBool,
    chat_down: AtomicBool,
    said: Mutex<u64>,
}

struct CrmSide(Arc<Vendors>);
struct ChatSide(Arc<Vendors>);

impl Vendors {
    pub fn new(clock: ManualClock, account: Metadata, changes: Vec<Change>) -> Arc<Vendors> {
        let (crm_down, chat_down) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Vendors { clock, account, changes, crm_down, chat_down, said: Mutex::default() })
    }

    pub fn set_down(&self, crm: bool, chat: bool) {
        self.crm_down.store(crm, Ordering::SeqCst);
        self.chat_down.store(chat, Ordering::SeqCst);
    }

    /// The CRM as a connection of that slug. It lives as long as the process.
    pub fn crm(self: &Arc<Self>, slug: &str) -> Connection {
        self.connection(slug, Box::leak(Box::new(CrmSide(Arc::clone(self)))))
    }

    /// The chat as a connection of that slug. It lives as long as the process.
    pub fn chat(self: &Arc<Self>, slug: &str) -> Connection {
        self.connection(slug, Box::leak(Box::new(ChatSide(Arc::clone(self)))))
    }

    fn connection(&self, slug: &str, connector: &'static dyn Connector) -> Connection {
        let session = Session::new(loopback_config(MANIFEST.base_url, &MANIFEST, &self.clock));
        let view = ConnectionView {
            name: slug.to_owned(),
            public_url: "https://touchline.example.com".to_owned(),
            metadata: Arc::new(self.account.clone()),
            settings: serde_json::Map::new(),
        };
        Connection::new(connector, Secrets::default(), session.unwrap(), view)
    }

    fn past(&self) -> impl Iterator<Item = &Change> {
        let now = self.clock.now();
        self.changes.iter().take_while(move |change| change.occurred_at <= now)
    }

    fn read(&self, deal: DealKey, origin: Origin) -> Observation {
        let (mut history, mut activities) = (Vec::<HistoryItem>::new(), Vec::<Activity>::new());
        let (mut created_at, mut gone) = (None, false);
        for change in self.past().filter(|change| change.deal == deal) {
            let at = change.occurred_at;
            match &change.kind {
                ChangeKind::Created => created_at = Some(at),
                ChangeKind::FieldSet { field, to } => history.push(HistoryItem {
                    field: *field,
                    value: to.clone(),
                    at,
                    actor: change.actor.clone(),
                    vendor_seq: change.vendor_seq,
                }),
                ChangeKind::Activity(activity) => activities.push(activity.clone()),
                ChangeKind::Deleted => gone = true,
                ChangeKind::Restored => gone = false,
                _ => {}
            }
        }
        let present = Field::ALL.into_iter().filter_map(|field| {
            let of_it = history.iter().filter(|item| item.field == field);
            let newest = of_it.max_by_key(|item| (item.at, item.vendor_seq))?;
            Some((field, newest.value.clone()))
        });
        let mut fields: Vec<_> = present.collect();
        fields.extend(created_at.map(|at| (Field::CreatedAt, Fact::Known(Value::Time(at)))));
        Observation {
            deal,
            origin,
            observed_at: self.clock.now(),
            fields,
            history,
            activities: Some(activities),
            gone: gone || created_at.is_none(),
            url: None,
        }
    }
}

fn answer(is_down: &AtomicBool) -> Result<(), CallError> {
    match is_down.load(Ordering::SeqCst) {
        true => Err(CallError::Unavailable { retry_at: None, detail: "down".to_owned() }),
        false => Ok(()),
    }
}

macro_rules! connector {
    ($side:ty, $part:ident, $kind:ty) => {
        impl Connector for $side {
            fn manifest(&self) -> &'static Manifest {
                &MANIFEST
            }

            fn receive(
                &self,
                _: &str,
                _: &RawRequest<'_>,
                _: &Secrets,
                _: &ConnectionView,
                _: UnixMs,
            ) -> Result<Accepted, Rejected> {
                unreachable!("changes are put into the inbox")
            }

            fn decode(
                &self,
                _: &str,
                _: &StoredRequest,
                _: &ConnectionView,
            ) -> Vec<Result<Inbound, Undecodable>> {
                Vec::new()
            }

            fn $part(&self) -> Option<&$kind> {
                Some(self)
            }
        }
    };
}

connector!(CrmSide, crm, dyn Crm);
connector!(ChatSide, channel, dyn Channel);

#[async_trait]
impl Crm for CrmSide {
    async fn self_test(&self, _: &Session, _: &ConnectionView) -> Result<String, CallError> {
        answer(&self.0.crm_down).map(|()| "memory".to_owned())
    }

    async fn metadata(&self, _: &Session, _: &ConnectionView) -> Result<Metadata, CallError> {
        answer(&self.0.crm_down).map(|()| self.0.account.clone())
    }

    async fn backfill(
        &self,
        _: &Session,
        on: &ConnectionView,
        _: &BackfillPlan,
        _: Option<&str>,
    ) -> Result<BackfillPage, CallError> {
        answer(&self.0.crm_down)?;
        let created = self.0.past().filter(|change| change.kind == ChangeKind::Created);
        let read = created.map(|change| {
            assert_eq!(change.deal.connection, on.name);
            self.0.read(change.deal.clone(), Origin::Backfill)
        });
        Ok(BackfillPage { observations: read.collect(), next: None, total: None })
    }

    async fn fetch(
        &self,
        _: &Session,
        on: &ConnectionView,
        deals: &[String],
        origin: Origin,
    ) -> Result<Vec<Observation>, CallError> {
        answer(&self.0.crm_down)?;
        let key = |id: &String| DealKey { connection: on.name.clone(), id: id.clone() };
        Ok(deals.iter().map(|id| self.0.read(key(id), origin)).collect())
    }

    fn fetch_limit(&self) -> usize {
        2
    }

    async fn changed_since(
        &self,
        _: &Session,
        _: &ConnectionView,
        cursor: Option<&str>,
        now: UnixMs,
    ) -> Result<PollPage, CallError> {
        answer(&self.0.crm_down)?;
        let since = cursor.map_or(now.0, |cursor| cursor.parse().unwrap());
        let fresh = self.0.past().filter(|change| change.occurred_at.0 > since);
        let deals = fresh.map(|change| (change.deal.id.clone(), change.occurred_at)).collect();
        let cursor = self.0.clock.now().0.to_string();
        Ok(PollPage { deals, activities: Vec::new(), cursor, more: false })
    }

    async fn activities(
        &self,
        _: &Session,
        _: &ConnectionView,
        _: &[ActivityRef],
    ) -> Result<Vec<Change>, CallError> {
        unreachable!("activities are told whole")
    }

    async fn write(
        &self,
        _: &Session,
        _: &ConnectionView,
        _: &CrmWrite,
    ) -> Result<Receipt, CallError> {
        unreachable!("no rule asks for a task or a note")
    }

    async fn reconcile(
        &self,
        _: &Session,
        _: &ConnectionView,
        _: &CrmWrite,
    ) -> Result<Option<Receipt>, CallError> {
        unreachable!("nothing is written")
    }

    async fn complete(
        &self,
        _: &Session,
        _: &ConnectionView,
        _: &Receipt,
    ) -> Result<(), CallError> {
        unreachable!("nothing is written")
    }
}

#[async_trait]
impl Channel for ChatSide {
    async fn self_test(&self, _: &Session, _: &ConnectionView) -> Result<String, CallError> {
        answer(&self.0.chat_down).map(|()| "memory".to_owned())
    }

    async fn find_person(
        &self,
        _: &Session,
        _: &ConnectionView,
        email: &str,
    ) -> Result<Option<ChatPerson>, CallError> {
        answer(&self.0.chat_down)?;
        Ok(Some(ChatPerson { id: email.to_owned(), name: email.to_owned(), time_zone: None }))
    }

    async fn deliver(
        &self,
        _: &Session,
        _: &ConnectionView,
        to: &ChatPerson,
        _: &str,
        _: &Message,
    ) -> Result<Receipt, CallError> {
        answer(&self.0.chat_down)?;
        let mut said = self.0.said.lock().unwrap();
        *said += 1;
        Ok(Receipt { place: to.id.clone(), id: said.to_string() })
    }

    async fn update(
        &self,
        _: &Session,
        _: &ConnectionView,
        _: &Receipt,
        _: &Message,
    ) -> Result<(), CallError> {
        answer(&self.0.chat_down)
    }
}
