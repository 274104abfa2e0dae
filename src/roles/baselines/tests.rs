//! What a snapshot holds is what was known at its midnight, whenever it is made.

use touchline_rules::baseline::{Baselines, Measure, WonThreshold};
use touchline_rules::facts::{Change, ChangeKind, Fact, Pipeline, Stage, StageKind, Value};
use touchline_rules::time::{DAY_MS, HOUR_MS};

use super::*;
use crate::roles::ingest::Ingest;
use crate::roles::stand::{ADA, CRM, START, Stand, account, read, resized};

/// The midnight that follows the start, in London.
const MIDNIGHT: UnixMs = UnixMs(START.0 + 14 * HOUR_MS);

/// An account whose deals can be won.
async fn stand() -> Stand {
    let stand = Stand::new("").await;
    let mut metadata = account(&[ADA]);
    metadata.time_zone = Some("Europe/London".to_owned());
    let Pipeline { stages, .. } = &mut metadata.pipelines[0];
    stages.push(Stage { id: "won".into(), label: "Won".into(), kind: StageKind::Won, phase: None });
    let connection = stand.service.connections.get(CRM).unwrap();
    connection.set_metadata(Arc::new(metadata));
    // Not the first: what was told before counts as it was told.
    stand
        .service
        .set_baselines(CRM, Baselines::of([Builder::default().at(START.plus_ms(-DAY_MS))]));
    stand
}

fn win(id: &str, at: UnixMs) -> Change {
    let to = Fact::Known(Value::Text("won".to_owned()));
    Change { kind: ChangeKind::FieldSet { field: Field::Stage, to }, ..resized(id, 0, at) }
}

/// The account's biggest won amount, and how many deals it has won.
fn biggest(stand: &Stand) -> Option<(f64, u32)> {
    let all = stand.service.baselines(CRM);
    let biggest = WonThreshold { percentile: 99, of: Measure::Amount, min_n: 1, fallback: None };
    let newest = all.newest().filter(|one| one.at == MIDNIGHT)?;
    Some((newest.resolve(&biggest, None, None)?.value, newest.won_deals))
}

async fn tell(stand: &Stand, at: UnixMs, changes: &[Change]) {
    stand.clock.advance_ms(at.since_ms(stand.service.now()));
    stand.append_changes(changes).await;
    Ingest::new(Arc::clone(&stand.service)).tick(at).await.unwrap();
}

/// Rows enough for several pages, of which the walk takes one a tick.
const DEALS: i64 = PAGE as i64 + 40;

#[tokio::test]
async fn what_was_told_after_midnight_is_not_in_it() {
    let stand = stand().await;
    let ids: Vec<String> = (0..DEALS).map(|n| format!("d{n:03}")).collect();
    let all: Vec<_> = ids.iter().map(|id| read(id, ADA)).collect();
    stand.append_read(&all).await;
    let at = START.plus_ms(HOUR_MS);
    let sold: Vec<Change> = ids.iter().flat_map(|id| [resized(id, 100, at), win(id, at)]).collect();
    tell(&stand, at, &sold).await;
    while Ingest::new(Arc::clone(&stand.service)).tick(at).await.unwrap().more {}
    // After midnight: of one deal a larger amount is told that it had before, of
    // another that it has it since.
    let late = MIDNIGHT.plus_ms(HOUR_MS);
    let told = [resized("d001", 9_000, at.plus_ms(1)), resized("d002", 7_000, late)];
    tell(&stand, late, &told).await;
    let role = BaselinesRole::new(Arc::clone(&stand.service));
    let mut ticks = 0;
    while role.tick(late).await.unwrap().worked {
        ticks += 1;
    }
    assert_eq!((biggest(&stand), ticks), (Some((100.0, DEALS as u32)), 2));
    // The next midnight knows both, and restoring brings both snapshots back.
    let next = late.plus_ms(DAY_MS);
    stand.clock.advance_ms(next.since_ms(stand.service.now()));
    while role.tick(next).await.unwrap().worked {}
    let known = stand.service.baselines(CRM);
    assert_eq!(known.newest().unwrap().at, MIDNIGHT.plus_ms(DAY_MS));
    stand.service.set_baselines(CRM, Baselines::default());
    crate::coaching::baselines::restore(&stand.service).await.unwrap();
    let stored = stand.service.baselines(CRM);
    assert_eq!(stored.newest(), known.newest());
    assert!(biggest(&stand).is_none(), "the newest is another");
}
