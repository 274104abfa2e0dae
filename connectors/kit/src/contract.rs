//! The traits a connector implements.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use touchline_rules::UnixMs;
use touchline_rules::facts::suggest::Offered;
use touchline_rules::facts::{ActivityKind, Change, DealKey, Metadata, Observation, Origin};

use crate::inbound::{Inbound, Undecodable};
use crate::manifest::Manifest;
use crate::message::Message;
use crate::receive::{Accepted, RawRequest, Rejected, Secrets, StoredRequest};
use crate::session::{CallError, Session};
use crate::setting::Setting;

/// What a connector may know of the connection it works for.
#[derive(Clone, Debug)]
pub struct ConnectionView {
    /// Slug.
    pub name: String,
    /// What the vendor calls, without a trailing slash: signatures are checked
    /// against it, never against the request's own host.
    pub public_url: String,
    /// What is known of the account; its defaults before the first read.
    pub metadata: std::sync::Arc<Metadata>,
    /// The non-secret settings of the connection, each in the form that
    /// [`crate::Allowed::read`] gives it.
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// A vendor's side of the house.
pub trait Connector: Send + Sync {
    /// What it declares.
    fn manifest(&self) -> &'static Manifest;

    /// Its settings that are no secrets, each with what it may be. Any other key
    /// of a connection, and any other value, is a mistake that keeps the service
    /// from starting.
    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    /// Judges one request: pure, total, constant-time on secrets. `kind` is the
    /// path part after the connection's slug. The reply is sent after the
    /// append is durable.
    ///
    /// # Errors
    /// [`Rejected`] when the signature or its time is not right.
    fn receive(
        &self,
        kind: &str,
        request: &RawRequest<'_>,
        secrets: &Secrets,
        connection: &ConnectionView,
        now: UnixMs,
    ) -> Result<Accepted, Rejected>;

    /// Reads what a stored request says: pure and total. One bad event of a
    /// hundred spoils itself only.
    fn decode(
        &self,
        kind: &str,
        request: &StoredRequest,
        connection: &ConnectionView,
    ) -> Vec<Result<Inbound, Undecodable>>;

    /// Its CRM side, if it has one.
    fn crm(&self) -> Option<&dyn Crm> {
        None
    }

    /// Its chat side, if it has one.
    fn channel(&self) -> Option<&dyn Channel> {
        None
    }
}

/// Reading deals and writing tasks.
#[async_trait]
pub trait Crm: Send + Sync {
    /// Asks the vendor whether the connection works, with one cheap call.
    async fn self_test(&self, session: &Session, on: &ConnectionView) -> Result<String, CallError>;

    /// Pipelines, stages, owners, account.
    async fn metadata(&self, session: &Session, on: &ConnectionView)
    -> Result<Metadata, CallError>;

    /// The properties that a deal can have: what configuration may fill facts
    /// from. None where a vendor's cannot be mapped.
    async fn deal_properties(
        &self,
        _session: &Session,
        _on: &ConnectionView,
    ) -> Result<Vec<Offered>, CallError> {
        Ok(Vec::new())
    }

    /// One page of the first read, from `cursor` (`None` to begin). Open deals
    /// first, then those closed since [`BackfillPlan::closed_since`].
    async fn backfill(
        &self,
        session: &Session,
        on: &ConnectionView,
        plan: &BackfillPlan,
        cursor: Option<&str>,
    ) -> Result<BackfillPage, CallError>;

    /// Reads these deals with history and activities, in as few calls as the
    /// vendor allows. A deal that does not exist comes back as
    /// [`Observation::gone`].
    async fn fetch(
        &self,
        session: &Session,
        on: &ConnectionView,
        deals: &[String],
        origin: Origin,
    ) -> Result<Vec<Observation>, CallError>;

    /// How many deals one [`Crm::fetch`] may name.
    fn fetch_limit(&self) -> usize;

    /// What changed since `cursor` (`None`: since now), oldest first.
    async fn changed_since(
        &self,
        session: &Session,
        on: &ConnectionView,
        cursor: Option<&str>,
        now: UnixMs,
    ) -> Result<PollPage, CallError>;

    /// Looks up activities of which only ids are known, as changes of the deals
    /// they belong to.
    async fn activities(
        &self,
        session: &Session,
        on: &ConnectionView,
        refs: &[ActivityRef],
    ) -> Result<Vec<Change>, CallError>;

    /// Writes a task or note. Must carry [`CrmWrite::marker`] so that
    /// [`Crm::reconcile`] can find it.
    async fn write(
        &self,
        session: &Session,
        on: &ConnectionView,
        write: &CrmWrite,
    ) -> Result<Receipt, CallError>;

    /// After an unknown outcome: the receipt of that write, if it happened.
    async fn reconcile(
        &self,
        session: &Session,
        on: &ConnectionView,
        write: &CrmWrite,
    ) -> Result<Option<Receipt>, CallError>;

    /// Marks a task of ours completed.
    async fn complete(
        &self,
        session: &Session,
        on: &ConnectionView,
        receipt: &Receipt,
    ) -> Result<(), CallError>;
}

/// Showing messages to people.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Asks the vendor whether the connection works, with one cheap call.
    async fn self_test(&self, session: &Session, on: &ConnectionView) -> Result<String, CallError>;

    /// The person with this e-mail, if the vendor knows one.
    async fn find_person(
        &self,
        session: &Session,
        on: &ConnectionView,
        email: &str,
    ) -> Result<Option<ChatPerson>, CallError>;

    /// Sends a message to a person.
    async fn deliver(
        &self,
        session: &Session,
        on: &ConnectionView,
        to: &ChatPerson,
        delivery_id: &str,
        message: &Message,
    ) -> Result<Receipt, CallError>;

    /// Replaces a message already sent.
    async fn update(
        &self,
        session: &Session,
        on: &ConnectionView,
        receipt: &Receipt,
        message: &Message,
    ) -> Result<(), CallError>;
}

/// How far back the first read goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackfillPlan {
    /// Closed deals are read if they closed since.
    pub closed_since: UnixMs,
    /// Activities are read if they happened since.
    pub activity_since: UnixMs,
}

/// One page of the first read.
#[derive(Clone, Debug)]
pub struct BackfillPage {
    /// Deals, with [`Origin::Backfill`].
    pub observations: Vec<Observation>,
    /// Where to go on; `None` when all is read.
    pub next: Option<String>,
    /// How many deals there are in all, where the vendor tells.
    pub total: Option<u64>,
}

/// One page of what changed.
#[derive(Clone, Debug)]
pub struct PollPage {
    /// Deals that changed; to be fetched with [`Origin::Poll`] unless what is
    /// stored is as new as this instant.
    pub deals: Vec<(String, UnixMs)>,
    /// Activities that changed.
    pub activities: Vec<ActivityRef>,
    /// Where to go on.
    pub cursor: String,
    /// More is waiting now.
    pub more: bool,
}

/// An activity of which only the id is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActivityRef {
    /// Its sort.
    pub kind: ActivityKind,
    /// The vendor's id.
    pub id: String,
}

/// A task or note to write on a deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrmWrite {
    /// Task or note.
    pub kind: CrmWriteKind,
    /// The deal.
    pub deal: DealKey,
    /// The vendor's owner id of the recipient.
    pub owner_id: Option<String>,
    /// Plain text, one line.
    pub subject: String,
    /// Plain text.
    pub body: String,
    /// When it is due, and the owner reminded.
    pub due_at: UnixMs,
    /// The delivery's id: found again by reconcile.
    pub marker: String,
}

/// The sort of a [`CrmWrite`].
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrmWriteKind {
    /// A task with an owner and a reminder.
    Task,
    /// A note.
    Note,
}

/// Where a vendor put what we sent: enough to edit it later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The vendor's place (Slack: the conversation's `D…` id; HubSpot: `task` or `note`).
    pub place: String,
    /// The vendor's id there (Slack: `ts`; HubSpot: the object's id).
    pub id: String,
}

/// A person as a chat knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatPerson {
    /// The vendor's user id.
    pub id: String,
    /// The name people see.
    pub name: String,
    /// IANA time zone of their profile.
    pub time_zone: Option<String>,
}
