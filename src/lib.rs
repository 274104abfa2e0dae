//! Touchline coaches salespeople inside the CRM and chat they already use.

pub mod store;
