//! How many webhooks came, day by day and by their answer, kept where `touchline
//! doctor` finds it from another process.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use touchline_rules::UnixMs;
use touchline_rules::time::{DAY_MS, SECOND_MS};

use super::hooks::{Counts, Intake};
use crate::store::{Part, Store, StoreError};

/// Days kept, today included.
pub const DAYS_KEPT: usize = 7;
/// How often counts are written at most: strangers can raise them.
pub const WRITE_EVERY_MS: i64 = 10 * SECOND_MS;

/// Webhooks by their answer.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Made durable.
    pub accepted: u64,
    /// 401.
    pub refused: u64,
    /// 413.
    pub too_large: u64,
    /// 429.
    pub turned_away: u64,
    /// 503.
    pub failed: u64,
}

impl Answered {
    fn now(counts: &Counts) -> Answered {
        let Counts { accepted, refused, too_large, turned_away, failed } = counts;
        let [accepted, refused, too_large, turned_away, failed] =
            [accepted, refused, too_large, turned_away, failed]
                .map(|count| count.load(Ordering::Relaxed));
        Answered { accepted, refused, too_large, turned_away, failed }
    }

    fn each(self, other: Answered, of: fn(u64, u64) -> u64) -> Answered {
        Answered {
            accepted: of(self.accepted, other.accepted),
            refused: of(self.refused, other.refused),
            too_large: of(self.too_large, other.too_large),
            turned_away: of(self.turned_away, other.turned_away),
            failed: of(self.failed, other.failed),
        }
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Answered) -> Answered {
        self.each(other, u64::saturating_add)
    }

    /// Those that were not taken and whose sender did nothing wrong, or may not have.
    #[must_use]
    pub fn lost(self) -> u64 {
        self.too_large.saturating_add(self.turned_away).saturating_add(self.failed)
    }
}

/// The last days of a connection: number of the day (UTC) since 1970 and counts.
pub type IntakeDays = BTreeMap<i64, Answered>;

/// Writes down what an intake counts.
#[derive(Debug, Default)]
pub struct DayBook {
    /// By connection, what is written down of the counts since the start.
    written: BTreeMap<String, Answered>,
    next: BTreeMap<String, UnixMs>,
}

impl DayBook {
    /// Adds what `intake` counted for a connection since it was last written down
    /// to its day, at most once in [`WRITE_EVERY_MS`].
    ///
    /// # Errors
    /// When the store cannot be read or written; nothing is lost then.
    pub async fn write(
        &mut self,
        store: &Store,
        intake: &Intake,
        connection: &str,
        now: UnixMs,
    ) -> crate::store::Result<()> {
        let Some(counts) = intake.counts(connection) else { return Ok(()) };
        let counted = Answered::now(counts);
        let written = self.written.get(connection).copied().unwrap_or_default();
        let fresh = counted.each(written, u64::saturating_sub);
        let is_early = self.next.get(connection).is_some_and(|at| now < *at);
        if fresh == Answered::default() || is_early {
            return Ok(());
        }
        let part = store.connection_part(connection.to_owned(), Part::Intake).await?;
        let (version, mut days) = part.map_or((0, IntakeDays::new()), |part| {
            (part.version, serde_json::from_slice(&part.body).unwrap_or_default())
        });
        add(&mut days, now, fresh);
        let body = serde_json::to_vec(&days).unwrap_or_default();
        let name = connection.to_owned();
        match store.put_connection_part(name, Part::Intake, version, body, now).await {
            // Written by somebody else meanwhile: added with the next call.
            Err(StoreError::Conflict { .. }) => return Ok(()),
            put => put.map(drop)?,
        }
        self.written.insert(connection.to_owned(), counted);
        self.next.insert(connection.to_owned(), now.plus_ms(WRITE_EVERY_MS));
        Ok(())
    }
}

fn add(days: &mut IntakeDays, now: UnixMs, fresh: Answered) {
    let day = days.entry(now.0.div_euclid(DAY_MS)).or_default();
    *day = day.and(fresh);
    while days.len() > DAYS_KEPT {
        days.pop_first();
    }
}

/// What is written down of a connection's last days, `now` included.
///
/// # Errors
/// When the store cannot be read.
pub async fn intake_days(
    store: &Store,
    connection: &str,
    now: UnixMs,
) -> crate::store::Result<IntakeDays> {
    let part = store.connection_part(connection.to_owned(), Part::Intake).await?;
    let mut days: IntakeDays =
        part.and_then(|part| serde_json::from_slice(&part.body).ok()).unwrap_or_default();
    let first = now.0.div_euclid(DAY_MS) + 1 - DAYS_KEPT as i64;
    days.retain(|day, _| *day >= first);
    Ok(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_has_its_own_counts_and_a_week_is_kept() {
        let one = Answered { accepted: 1, too_large: 2, ..Answered::default() };
        let mut days = IntakeDays::new();
        for day in 0..9 {
            add(&mut days, UnixMs(day * DAY_MS), one);
            add(&mut days, UnixMs((day + 1) * DAY_MS - 1), one);
        }
        assert_eq!(days.keys().copied().collect::<Vec<_>>(), (2..9).collect::<Vec<_>>());
        let twice = Answered { accepted: 2, too_large: 4, ..Answered::default() };
        assert!(days.values().all(|day| *day == twice && day.lost() == 4));
    }
}
