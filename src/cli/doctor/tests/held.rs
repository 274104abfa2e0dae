//! What is held back is told.

use super::*;
use crate::store::{AuditEntry, HoldRow, HoldState, MassStep};

#[tokio::test]
async fn a_mass_change_that_waits_for_a_decision_is_told_with_its_nudges() {
    let rig = rig();
    let at = NOW.plus_ms(-2 * HOUR_MS);
    let hold = HoldRow {
        id: "h1".into(),
        connection: "hubspot".into(),
        actor: "user:7001".into(),
        from: at.plus_ms(-MINUTE_MS),
        until: at,
        opened_at: at,
        changes: 60,
        state: HoldState::Open,
        settled_at: None,
    };
    let mass = MassStep { holds: vec![(hold, true)], ..MassStep::default() };
    let settings_version = rig.store.settings_version().await.unwrap();
    let batch = Batch { settings_version, mass, ..Batch::default() };
    rig.store.commit_batch(batch, CommitClass::Derived).await.unwrap().done().unwrap();
    let told = "warn  a mass change in hubspot holds nudges back: 0, since 2026-11-23T06:00:00Z (2 h)\n        hint: `touchline admin holds list`";
    let report = rig.report(None).await;
    assert!(report.contains(told), "{report}");
    let audit = AuditEntry { at: NOW, actor: "a".into(), action: "x".into(), body: Vec::new() };
    rig.store.settle_hold("h1".into(), true, audit).await.unwrap();
    let report = rig.report(None).await;
    assert!(!report.contains("mass change"), "{report}");
}
