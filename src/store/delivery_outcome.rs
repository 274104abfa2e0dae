//! What became of a claimed delivery. Every step is on the disk when it answers.

use rusqlite::Connection;
use touchline_rules::UnixMs;

use super::Store;
use super::counter::{self, Count};
use super::delivery::{self, DeliveryRow, DeliveryState, get, save};
use super::delivery_claim::{drop_one, let_go};
use super::error::{Result, StoreError};
use super::sqlite::writer::CommitClass;
use super::work::{self, NewWork};
use super::{ledger, nudge};
use crate::wake::News;

/// The ledger's word for what a vendor refuses for good.
const FAILED: &str = "failed";

impl Store {
    /// The vendor took it and told where; `follow_up` is asked for with it.
    ///
    /// # Errors
    /// As every step here: [`StoreError::NotFound`], or [`StoreError::Conflict`]
    /// when the delivery's state forbids it.
    pub async fn record_sent(
        &self,
        id: String,
        receipt: Vec<u8>,
        at: UnixMs,
        follow_up: Vec<NewWork>,
    ) -> Result<()> {
        let rows_max = self.options().work_rows_max;
        let news = work::asked_news(&follow_up);
        self.write_news(CommitClass::Original, news, move |tx| {
            let row = known(tx, &id)?;
            let sent = row.step(DeliveryState::Sent, "")?;
            let sent = DeliveryRow { receipt, sent_at: Some(at), ..sent };
            settle(tx, &row, &sent)?;
            work::ask(tx, &follow_up, rows_max).map(drop)
        })
        .await
    }

    /// It may or may not have been sent; look again at `look_at`.
    pub async fn record_unknown(&self, id: String, why: String, look_at: UnixMs) -> Result<()> {
        self.step(id, move |row| {
            let unknown = match row.state {
                DeliveryState::Unknown => DeliveryRow { why, ..row.clone() },
                _ => row.step(DeliveryState::Unknown, &why)?,
            };
            Ok(DeliveryRow { until: look_at, ..unknown })
        })
        .await
    }

    /// It was certainly not sent: it waits again until `until`, and its reader's
    /// budget is given back. Also settles an unknown one that the vendor says it
    /// never saw. `tried` tells whether the vendor was asked at all: what a limit
    /// held back is no try.
    pub async fn record_retry(
        &self,
        id: String,
        until: UnixMs,
        why: String,
        tried: bool,
    ) -> Result<()> {
        self.step(id, move |row| {
            let waiting = row.step(DeliveryState::Waiting, &why)?;
            let waiting = match row.state {
                // The vendor looked for every sending and found none.
                DeliveryState::Unknown => DeliveryRow { spent_at: None, ..waiting },
                _ => waiting.refunded(),
            };
            let attempts = waiting.attempts.saturating_sub(u32::from(!tried));
            Ok(DeliveryRow { until, attempts, ..waiting })
        })
        .await
    }

    /// Sends one of unknown outcome again, which is allowed once in its life.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] the second time.
    pub async fn resend_unknown(&self, id: String, until: UnixMs) -> Result<()> {
        self.step(id, move |row| {
            if row.state != DeliveryState::Unknown || row.resends > 0 {
                let detail = format!("is {} and was sent again already", row.state.name());
                return Err(StoreError::conflict("delivery", &row.id, detail));
            }
            let waiting = row.step(DeliveryState::Waiting, "sent again: outcome unknown")?;
            Ok(DeliveryRow { until, resends: row.resends + 1, ..waiting })
        })
        .await
    }

    /// The vendor refuses it and always will; certainly not sent, so refunded. The
    /// ledger says so of each nudge that no other delivery carries.
    pub async fn record_failed(&self, id: String, why: String) -> Result<()> {
        self.write(CommitClass::Original, move |tx| {
            let row = known(tx, &id)?;
            let tried_at = row.spent_at.unwrap_or(row.created_at);
            settle(tx, &row, &row.step(DeliveryState::Failed, &why)?.refunded())?;
            let nudges = nudge::of_delivery(tx, &row.id)?;
            nudges.iter().try_for_each(|nudge| let_go(tx, nudge, FAILED, tried_at))
        })
        .await
    }

    /// An admin wants a failed one tried again, with its attempts forgotten. An
    /// introduction, which carries no nudge, begins its life anew; what it
    /// introduces waits for it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it did not fail, when its time is over, or
    /// when its reader was introduced otherwise since.
    pub async fn replay_delivery(&self, id: String, now: UnixMs) -> Result<()> {
        self.write_news(CommitClass::Original, News::DELIVERIES, move |tx| {
            let row = known(tx, &id)?;
            if row.state != DeliveryState::Failed {
                let detail = format!("is {}, not failed", row.state.name());
                return Err(StoreError::conflict("delivery", &row.id, detail));
            }
            let nudges = nudge::of_delivery(tx, &row.id)?;
            if nudges.is_empty() {
                if delivery::is_introduced(tx, &row)? {
                    let detail = "is not needed: another introduction was made since";
                    return Err(StoreError::conflict("delivery", &row.id, detail));
                }
                let life_ms = row.expires_at.since_ms(row.created_at);
                delivery::renew(tx, &row.id, now.plus_ms(life_ms))?;
            } else if row.expires_at <= now {
                let detail = format!("was worth saying until {}; discard it", row.expires_at);
                return Err(StoreError::conflict("delivery", &row.id, detail));
            }
            let waiting = row.step(DeliveryState::Waiting, "replayed")?;
            settle(tx, &row, &DeliveryRow { until: now, attempts: 0, ..waiting })?;
            nudges.iter().try_for_each(|nudge| ledger::take_back(tx, &nudge.id, FAILED))
        })
        .await
    }

    /// An admin gives a failed one up, or lets one rest of which nobody will
    /// ever know whether it arrived; answers its new state. The ledger goes on
    /// saying why a failed one was not sent.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is neither, or still being looked into.
    pub async fn discard_delivery(&self, id: String, now: UnixMs) -> Result<DeliveryState> {
        self.write_news(CommitClass::Original, News::NONE, move |tx| {
            let row = known(tx, &id)?;
            match row.state {
                DeliveryState::Failed => {
                    drop_one(tx, &row, FAILED, now)?;
                    Ok(DeliveryState::Dropped)
                }
                DeliveryState::Unknown if row.is_left_alone() => {
                    let accepted = row.step(DeliveryState::Accepted, &row.why)?;
                    save(tx, &DeliveryRow { sent_at: row.spent_at, ..accepted })?;
                    Ok(DeliveryState::Accepted)
                }
                DeliveryState::Unknown => {
                    let detail = "is still being looked into";
                    Err(StoreError::conflict("delivery", &row.id, detail))
                }
                state => {
                    let detail = format!("is {}: there is nothing to decide", state.name());
                    Err(StoreError::conflict("delivery", &row.id, detail))
                }
            }
        })
        .await
    }

    async fn step(
        &self,
        id: String,
        next: impl FnOnce(&DeliveryRow) -> Result<DeliveryRow> + Send + 'static,
    ) -> Result<()> {
        self.write_news(CommitClass::Original, News::DELIVERIES, move |tx| {
            let row = known(tx, &id)?;
            settle(tx, &row, &next(&row)?)
        })
        .await
    }
}

fn known(main: &Connection, id: &str) -> Result<DeliveryRow> {
    get(main, id)?.ok_or_else(|| StoreError::not_found("delivery", id))
}

/// Writes the step and counts it for its connection: `sent`, `unknown`, `failed`,
/// `retried`, `sent_again`.
fn settle(main: &Connection, before: &DeliveryRow, after: &DeliveryRow) -> Result<()> {
    save(main, after)?;
    let what = match after.state {
        state if state == before.state => return Ok(()),
        DeliveryState::Waiting if after.resends > before.resends => "sent_again",
        DeliveryState::Waiting => "retried",
        state => state.name(),
    };
    let name = format!("deliveries_{what}");
    counter::add(main, &Count { scope: after.connection.clone(), name, bucket: 0, value: 1 })
}
