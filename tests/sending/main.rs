//! From a change in a CRM to a message and a task, and back by a click: the
//! roles of sending with a real store, on a clock that is moved by hand, with a
//! fake HubSpot and a fake Slack over loopback.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its set-up fails")]

mod accounts;
mod answers;
mod choices;
mod crm;
mod echo;
mod escalation;
mod faults;
mod hours;
mod house;
mod letters;
mod mass;
mod release;
mod rollout;
mod vendors;
