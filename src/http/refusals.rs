//! Refused webhooks, kept where `touchline doctor` finds them from another process.

use std::collections::VecDeque;

use touchline_rules::UnixMs;

use super::hooks::{Intake, REFUSALS_KEPT, Refusal};
use crate::store::{Part, Store, StoreError};

/// How often a list is written over what somebody else wrote meanwhile.
const OVERTAKEN_MAX: u32 = 3;

/// Writes the refusals that `intake` remembered since the last call behind those
/// of before, the last twenty of each connection. Nothing is written when there
/// are none, so it can be called every few seconds.
///
/// # Errors
/// When the store cannot be written; they are then remembered for the next call.
pub async fn persist_refusals(
    store: &Store,
    intake: &Intake,
    now: UnixMs,
) -> crate::store::Result<()> {
    let mut failed = Ok(());
    for (connection, fresh) in intake.take_refusals() {
        if let Err(error) = append(store, &connection, &fresh, now).await {
            for refusal in fresh {
                intake.remember(&connection, refusal);
            }
            failed = Err(error);
        }
    }
    failed
}

/// The kept refusals of a connection, oldest first.
///
/// # Errors
/// When the store cannot be read.
pub async fn refusals(store: &Store, connection: &str) -> crate::store::Result<Vec<Refusal>> {
    Ok(load(store, connection).await?.1)
}

async fn append(
    store: &Store,
    connection: &str,
    fresh: &VecDeque<Refusal>,
    now: UnixMs,
) -> crate::store::Result<()> {
    let mut outcome = Ok(());
    for _ in 0..OVERTAKEN_MAX {
        let (version, mut all) = load(store, connection).await?;
        all.extend(fresh.iter().cloned());
        all.drain(..all.len().saturating_sub(REFUSALS_KEPT));
        let body = serde_json::to_vec(&all)
            .map_err(|error| StoreError::Unexpected { detail: error.to_string() })?;
        let name = connection.to_owned();
        let put = store.put_connection_part(name, Part::Refusals, version, body, now);
        outcome = put.await.map(drop);
        if !matches!(outcome, Err(StoreError::Conflict { .. })) {
            break;
        }
    }
    outcome
}

/// What cannot be read, an older build wrote: it is begun anew.
async fn load(store: &Store, connection: &str) -> crate::store::Result<(i64, Vec<Refusal>)> {
    let part = store.connection_part(connection.to_owned(), Part::Refusals).await?;
    Ok(part.map_or((0, Vec::new()), |part| {
        (part.version, serde_json::from_slice(&part.body).unwrap_or_default())
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;
    use crate::config::Config;

    const NOW: UnixMs = UnixMs(1_795_420_800_000);

    fn refusal(number: i64) -> Refusal {
        Refusal {
            at: NOW.plus_ms(number),
            request: "POST /hooks/hubspot".into(),
            code: "bad_signature".into(),
            reason: "wrong".into(),
            diagnosis: vec![("body".into(), "sha256:4f53cda18c2b".into())],
        }
    }

    #[tokio::test]
    async fn the_last_twenty_outlive_the_process_and_disturb_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("t.db"), Default::default()).unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        let limits = Config::from_toml("").unwrap().http;
        let intake = Intake::new(store.clone(), Arc::default(), clock, limits, |_| {});
        let version = store.settings_version().await.unwrap();
        for round in 0..3 {
            for number in 0..9 {
                intake.remember("hubspot", refusal(round * 9 + number));
            }
            persist_refusals(&store, &intake, NOW).await.unwrap();
        }
        persist_refusals(&store, &intake, NOW).await.unwrap();
        let kept = refusals(&store, "hubspot").await.unwrap();
        assert_eq!(kept, (7..27).map(refusal).collect::<Vec<_>>());
        assert_eq!(refusals(&store, "other").await.unwrap(), []);
        assert_eq!(store.settings_version().await.unwrap(), version, "no batch is decided anew");
        let part = store.connection_part("hubspot".into(), Part::Refusals).await.unwrap();
        assert_eq!(part.unwrap().version, 3, "nothing new, nothing written");
    }
}
