//! Serves the fake HubSpot on loopback: `fake_hubspot [PORT] [SECONDS]`.
//!
//! Prints one line of JSON that says where it is and how to sign in, then serves
//! until the seconds (default 600) are over. `tests/contract/hubspot` drives it
//! with HubSpot's own client libraries.

use std::sync::Arc;
use std::time::Duration;

use touchline_hubspot::fake::{Actor, Direction, FakeConfig, FakeHubSpot};
use touchline_kit::Clock;
use touchline_rules::UnixMs;

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the example is its own composition root")]
    fn now(&self) -> UnixMs {
        jiff::Timestamp::now().into()
    }
}

/// What the contract checks expect to find: two owners, and a deal that a person
/// moved and mailed about.
fn seed(fake: &FakeHubSpot) -> Result<(), touchline_hubspot::fake::FakeError> {
    let owner = fake.add_owner("seller0@example.com", "Sam", "Seller", 7);
    fake.add_owner("lead@example.com", "Lee", "Lead", 8);
    let owner = owner.to_string();
    let values = [
        ("dealname", "Seeded deal"),
        ("dealstage", "qualifiedtobuy"),
        ("amount", "1250.00"),
        ("closedate", "2026-12-01"),
        ("hubspot_owner_id", owner.as_str()),
    ];
    let now = fake.now();
    let deal = fake.create_deal(&values, &Actor::user(7).at(now.plus_ms(-120_000)))?;
    fake.set(deal, "dealstage", "contractsent", &Actor::user(7).at(now.plus_ms(-60_000)))?;
    fake.log_email(deal, Direction::Inbound, now.plus_ms(-30_000), &Actor::user(7))?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let port: u16 = args.next().map_or(Ok(0), |text| text.parse())?;
    let seconds: u64 = args.next().map_or(Ok(600), |text| text.parse())?;
    let fake = FakeHubSpot::new(FakeConfig::new(Arc::new(SystemClock)));
    seed(&fake)?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let config = fake.config();
    println!(
        "{}",
        serde_json::json!({
            "base_url": format!("http://{}", listener.local_addr()?),
            "access_token": config.access_token,
            "client_id": config.client_id,
            "client_secret": config.client_secret,
            "redirect_uri": config.redirect_uris.first(),
        })
    );
    let over = tokio::time::sleep(Duration::from_secs(seconds));
    axum::serve(listener, fake.router()).with_graceful_shutdown(over).await?;
    Ok(())
}
