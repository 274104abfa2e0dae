//! The connector contract, and the one way a connector reaches the network.
//!
//! A connector is data ([`Manifest`]) plus small functions: [`Connector::receive`]
//! and [`Connector::decode`] are pure, [`Crm`] and [`Channel`] talk to the vendor
//! through a [`Session`], which owns authentication, limits, retry classes and
//! the guard against calls into private networks.

pub mod contract;
pub mod inbound;
pub mod manifest;
pub mod message;
pub mod receive;
pub mod session;

pub use contract::{
    ActivityRef, BackfillPage, BackfillPlan, Channel, ChatPerson, ConnectionView, Connector, Crm,
    CrmWrite, CrmWriteKind, PollPage, Receipt,
};
pub use inbound::{
    Answer, AnswerAction, ConnectionEvent, Inbound, NotHelpful, PauseFor, Undecodable,
};
pub use manifest::{Capability, DailyQuota, Limit, Manifest, OAuth, SecretField};
pub use message::{Card, CardView, Message};
pub use receive::{Accepted, RawRequest, Rejected, Reply, Secrets, StoredRequest};
pub use session::{
    Body, Call, CallError, Clock, Effect, Priority, Session, TokenSource, VendorAnswer,
};
