//! One hand moves every deal while the program is killed again and again: what was
//! to be held back stays held back.

use crate::storm::{Force, Storm};

/// Of the admin, who is a seller too.
const ADMIN: &str = "seller0@example.com";
const DEALS: usize = 600;
const KILLS: usize = 6;
/// Deals that one hand may change before it is too much.
const LIMIT: i64 = 50;

fn held_back(config: &str) -> String {
    let limit = format!("mass_change_deals = {LIMIT}\nweekly_on = \"off\"");
    let config = config.replace("mass_change_deals = \"off\"", &limit);
    format!("admins = [\"{ADMIN}\"]\n{config}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_mass_change_holds_back_stays_held_wherever_the_program_dies() {
    let force = Force { deals: DEALS, events: DEALS, kills: KILLS, seed: 11 };
    let mut storm = Storm::gather_with(force, held_back).await;
    let mut in_flight = 0;
    for _ in 0..KILLS {
        storm.sweep(DEALS / KILLS);
        in_flight += storm.kill_somewhere().await;
        storm.serve.start().await;
    }
    storm.calm().await;
    let holds = storm.ledger.number("SELECT COUNT(*) FROM mass_hold WHERE state = 'open'");
    assert_eq!(holds, 1, "one hand, one hold");
    let (held, all) = (
        storm.ledger.number("SELECT COUNT(*) FROM nudge WHERE state = 'held'"),
        storm.ledger.number("SELECT COUNT(*) FROM nudge"),
    );
    let left = storm.ledger.number(
        "SELECT COUNT(DISTINCT l.nudge_id) FROM delivery AS d \
         INNER JOIN delivery_nudge AS l ON l.delivery_id = d.id \
         WHERE d.channel = 'chat' AND d.spent_at > 0",
    );
    assert_eq!((all, held + left), (DEALS as i64, DEALS as i64), "{held} held, {left} left");
    assert!(left <= LIMIT, "{left} left, and the limit is {LIMIT}");
    let notices = storm.messages_of("notice");
    assert!(
        (1..=1 + in_flight).contains(&notices),
        "{notices} notices, {in_flight} deliveries in flight"
    );
    storm.stop().await;
    storm.judge(in_flight);
}
