//! What the account begins with where no history fills it: two owners, and deals
//! that somebody can move.

use touchline_hubspot::fake::{Actor, FakeError, FakeHubSpot};
use touchline_rules::UnixMs;
use touchline_rules::time::DAY_MS;

use super::super::people::PEOPLE;

/// HubSpot's user id of the first person.
const FIRST_USER_ID: i64 = 7_000;
/// The deals: name, stage, amount, and how many days ago each was made.
const DEALS: [(&str, &str, Option<&str>, i64); 4] = [
    ("Harbour Foods - 50 seats", "appointmentscheduled", None, 12),
    ("Quay Works - rollout", "qualifiedtobuy", Some("12000"), 20),
    ("Mill Energy - pilot", "presentationscheduled", None, 30),
    ("Dune Clinics - renewal", "decisionmakerboughtin", Some("4500"), 8),
];

/// Fills the account. It was so before anybody listened: no webhook tells of it.
///
/// # Errors
/// When the account refuses a deal.
pub(super) fn fill(hubspot: &FakeHubSpot) -> Result<(), FakeError> {
    let heard = hubspot.config().subscriptions.clone();
    hubspot.subscribe(Vec::new());
    let filled = fill_unheard(hubspot);
    hubspot.subscribe(heard);
    filled
}

fn fill_unheard(hubspot: &FakeHubSpot) -> Result<(), FakeError> {
    let owners: Vec<(u64, i64)> = PEOPLE
        .iter()
        .zip(FIRST_USER_ID..)
        .map(|((email, given, family), user)| (hubspot.add_owner(email, given, family, user), user))
        .collect();
    for ((name, stage, amount, days), (owner, user)) in DEALS.iter().zip(owners.iter().cycle()) {
        let made_at = hubspot.now().plus_ms(-days * DAY_MS);
        let (owner, close) = (owner.to_string(), close_date(made_at));
        let mut values = vec![
            ("dealname", *name),
            ("pipeline", "default"),
            ("dealstage", *stage),
            ("closedate", &close),
            ("hubspot_owner_id", &owner),
        ];
        values.extend(amount.map(|amount| ("amount", amount)));
        hubspot.create_deal(&values, &Actor::user(*user).at(made_at))?;
    }
    Ok(())
}

/// Two months after a deal was made.
fn close_date(made_at: UnixMs) -> String {
    made_at.plus_ms(60 * DAY_MS).0.to_string()
}
