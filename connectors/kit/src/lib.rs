//! The connector contract, and the one way a connector reaches the network.
//!
//! A connector is data ([`Manifest`]) plus small functions: [`Connector::receive`]
//! and [`Connector::decode`] are pure, [`Crm`] and [`Channel`] talk to the vendor
//! through a [`Session`], which owns authentication, limits, retry classes and
//! the guard against calls into private networks.

pub mod conformance;
pub mod contract;
pub mod guard;
pub mod inbound;
pub mod limits;
pub mod manifest;
pub mod mapping;
pub mod message;
pub mod oauth;
pub mod quota;
pub mod receive;
pub mod retry;
pub mod session;
pub mod setting;
pub mod signature;
pub mod testing;
pub mod token;

pub use contract::{
    ActivityRef, BackfillPage, BackfillPlan, Channel, ChatPerson, ConnectionView, Connector, Crm,
    CrmWrite, CrmWriteKind, PollPage, Receipt,
};
pub use guard::NetworkPolicy;
pub use inbound::{
    Answer, AnswerAction, ConnectionEvent, Inbound, NotHelpful, PauseFor, Undecodable,
};
pub use limits::Override;
pub use manifest::{Capability, DailyQuota, Limit, Manifest, OAuth, SecretField};
pub use message::{Card, CardLesson, CardView, Message};
pub use quota::{DailyOverride, Usage};
pub use receive::{Accepted, RawRequest, Rejected, Reply, Secrets, StoredRequest};
pub use session::{
    Body, Call, CallError, Clock, Effect, Priority, Session, SessionConfig, SessionError, Timeouts,
    TokenSource, VendorAnswer,
};
pub use setting::{Allowed, Setting};
pub use token::StaticToken;
