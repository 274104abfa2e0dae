use std::sync::Arc;

use touchline::coaching::data_check::{DataCheck, override_activity};
use touchline::roles::Role as _;
use touchline::roles::sweep::{Sweep, SweepState};
use touchline::store::Part;
use touchline_hubspot::fake::Direction;
use touchline_rules::time::{DAY_MS, HOUR_MS, MINUTE_MS};

use crate::house::{House, Running, START, seller};

/// Ten deals, of which so many were talked about lately.
async fn company(active: usize) -> (House, Vec<u64>, Running) {
    let mut house = House::new().await;
    house.poll_minutes = 360;
    let deals: Vec<u64> = (0..10).map(|n| house.deal(&format!("Deal {n}"))).collect();
    for deal in deals.iter().take(active) {
        let at = START.plus_ms(-DAY_MS);
        house.hubspot.log_email(*deal, Direction::Inbound, at, &seller()).expect("an e-mail");
    }
    house.hubspot.set(deals[0], "amount", "900", &seller()).expect("set");
    house.clock.advance_ms(HOUR_MS);
    let running = house.started().await;
    (house, deals, running)
}

async fn check(running: &Running) -> DataCheck {
    let check = DataCheck::load(&running.service.store, "hubspot").await;
    check.expect("readable").expect("made")
}

#[tokio::test]
async fn a_data_check_tells_what_open_deals_carry() {
    let (_house, _, running) = company(6).await;
    let check = check(&running).await;
    let sales = &check.pipelines[0];
    assert_eq!((sales.id.as_str(), sales.open_deals, sales.active_deals), ("default", 10, 6));
    assert!(sales.trusted);
    let percent =
        |name: &str| sales.facts.iter().find(|fact| fact.name == name).map(|fact| fact.percent);
    assert_eq!(percent("deal.name"), Some(100));
    assert_eq!(percent("deal.amount"), Some(10));
    assert_eq!(percent("deal.last_inbound_at"), Some(60));
    assert_eq!(percent("deal.next_step"), Some(0));
}

#[tokio::test]
async fn under_sixty_percent_activity_is_unknown_until_an_admin_decides() {
    let (_house, deals, running) = company(5).await;
    assert!(!check(&running).await.pipelines[0].trusted);
    running.run_for(10 * DAY_MS).await;
    assert_eq!(running.truth("quiet", deals[0]).await, None);
    let store = &running.service.store;
    let by = ("admin@example.com", "we log elsewhere");
    override_activity(store, "hubspot", "default", Some(true), by, running.now())
        .await
        .expect("decided");
    running.settle().await;
    // It is true by now, and seeded: nothing fires for what was true before.
    assert_eq!(running.truth("quiet", deals[0]).await, Some(true));
    assert_eq!(running.fired("quiet", deals[0]).await, None);
    running.run_for(DAY_MS).await;
    assert_eq!(check(&running).await.pipelines[0].overridden, Some(true));
    override_activity(store, "hubspot", "default", None, by, running.now()).await.expect("decided");
    running.settle().await;
    assert!(!running.service.verdicts("hubspot").trusts("default"));
}

#[tokio::test]
async fn enough_activity_is_trusted_and_silence_then_fires() {
    let (_house, deals, running) = company(10).await;
    assert_eq!(running.service.verdicts("hubspot").version, 1);
    assert_eq!(running.truth("quiet", deals[0]).await, Some(false));
    running.run_for(5 * DAY_MS).await;
    assert!(running.fired("quiet", deals[0]).await.is_some());
    let sweep = sweep(&running).await;
    assert!(sweep.nightly && sweep.missed == 0, "{sweep:?}");
}

#[tokio::test]
async fn a_restart_keeps_verdicts_and_sweeps_nothing_again() {
    let (house, _, running) = company(10).await;
    let before = sweep(&running).await;
    let verdicts = running.service.verdicts("hubspot");
    running.stop();
    let running = house.start().await;
    assert_eq!(running.service.verdicts("hubspot"), verdicts);
    assert_eq!(running.service.metadata("hubspot").time_zone.as_deref(), Some("Europe/London"));
    running.settle().await;
    assert_eq!(sweep(&running).await, before);
}

async fn sweep(running: &Running) -> SweepState {
    let part = running.service.store.connection_part("hubspot".into(), Part::Sweep).await;
    serde_json::from_slice(&part.expect("readable").expect("made").body).expect("a state")
}

/// Three hundred deals are two pages: stopped between them, the sweep goes on
/// with the second, and its data check counts each deal once.
#[tokio::test]
async fn a_sweep_that_was_stopped_goes_on() {
    let house = House::new().await;
    for n in 0..300 {
        house.deal(&format!("Deal {n}"));
    }
    house.clock.advance_ms(HOUR_MS);
    let running = house.start().await;
    running.run_for(10 * MINUTE_MS).await;
    let by = ("admin@example.com", "we log elsewhere");
    override_activity(&running.service.store, "hubspot", "default", Some(true), by, running.now())
        .await
        .expect("decided");
    let role = Sweep::new(Arc::clone(&running.service));
    role.tick(running.now()).await.expect("a page");
    let first = sweep(&running).await;
    assert_eq!((first.deals, first.finished_at), (256, None));
    running.stop();

    let running = house.start().await;
    Sweep::new(Arc::clone(&running.service)).tick(running.now()).await.expect("a page");
    let second = sweep(&running).await;
    assert_eq!((second.deals, second.started_at), (300, first.started_at));
    assert!(second.finished_at.is_some());
    assert_eq!(check(&running).await.pipelines[0].open_deals, 300);
}
