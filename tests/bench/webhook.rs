//! Webhook requests as HubSpot sends them, signed, ready to be written to a socket.

use std::net::SocketAddr;

use touchline::clock::{Clock, SystemClock};
use touchline_hubspot::fake::sign_v3;
use touchline_rules::UnixMs;

/// What signs them.
pub const CLIENT_SECRET: &str = "fake-client-secret";
/// The account they come from: the fake's own.
pub const PORTAL: i64 = 247_279_312;

const PATH: &str = "/hooks/hubspot";
const FIRST_EVENT_ID: u64 = 3_816_279_000;

/// A new amount of a deal.
#[derive(Copy, Clone, Debug)]
pub struct AmountSet {
    /// Makes the event unlike any other.
    pub serial: u64,
    /// The deal's id.
    pub deal: u64,
    /// Its new amount.
    pub amount: u64,
    /// When somebody set it.
    pub at: UnixMs,
}

impl AmountSet {
    fn json(&self) -> String {
        let AmountSet { serial, deal, amount, at: UnixMs(at) } = self;
        let event_id = FIRST_EVENT_ID + serial;
        format!(
            r#"{{"appId":51879189,"attemptNumber":0,"changeSource":"CRM_UI","eventId":{event_id},"isSensitive":false,"objectId":{deal},"objectTypeId":"0-3","occurredAt":{at},"portalId":{PORTAL},"propertyName":"amount","propertyValue":"{amount}","sourceId":"userId:7","subscriptionId":2814077,"subscriptionType":"object.propertyChange"}}"#
        )
    }
}

/// The body of one request with these events.
pub fn body(events: &[AmountSet]) -> String {
    let events: Vec<_> = events.iter().map(AmountSet::json).collect();
    format!("[{}]", events.join(","))
}

/// A whole signed request with these events.
pub fn request(to: SocketAddr, events: &[AmountSet]) -> Vec<u8> {
    let body = body(events);
    let at = SystemClock.now();
    let uri = format!("http://{to}{PATH}");
    let signature = sign_v3(CLIENT_SECRET, "POST", &uri, body.as_bytes(), at);
    format!(
        "POST {PATH} HTTP/1.1\r\nHost: {to}\r\nUser-Agent: HubSpot Webhooks\r\n\
         Content-Type: application/json\r\nX-HubSpot-Signature-v3: {signature}\r\n\
         X-HubSpot-Request-Timestamp: {}\r\nContent-Length: {}\r\n\r\n{body}",
        at.0,
        body.len()
    )
    .into_bytes()
}
