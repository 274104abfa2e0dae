//! Claiming deliveries: durable before anything leaves, in turns between connections.

use rusqlite::{Connection, params};
use touchline_rules::UnixMs;

use super::Store;
use super::delivery::{DeliveryRow, DeliveryState, delivery_row, save, select};
use super::error::Result;
use super::fairness::take_turns;
use super::setting::{Fenced, fenced};
use super::sqlite::writer::CommitClass;
use super::statement::{all, first, sql_limit, statements};
use super::{delivery, ledger, nudge};

statements! {
    FIRST_CONNECTION(0) = "SELECT connection FROM delivery WHERE state = 'waiting' \
        ORDER BY connection LIMIT 1";
    NEXT_CONNECTION(1) = "SELECT connection FROM delivery WHERE state = 'waiting' \
        AND connection > $1 ORDER BY connection LIMIT 1";
    DUE(4) = select!("WHERE state = 'waiting' AND connection = $1 AND until <= $2 \
        AND expires_at > $3 ORDER BY until, priority, id LIMIT $4");
    NEXT_AT(1) = "SELECT until FROM delivery WHERE state = 'waiting' AND connection = $1 \
        ORDER BY until LIMIT 1";
    EXPIRED(2) = select!("WHERE state = 'waiting' AND expires_at <= $1 ORDER BY id LIMIT $2");
    CLAIMED_UNTIL(2) = select!("WHERE state = 'claimed' AND until <= $1 ORDER BY until LIMIT $2");
    UNKNOWN_UNTIL(2) = select!("WHERE state = 'unknown' AND until <= $1 ORDER BY until LIMIT $2");
}

/// Interrupted claims settled in one transaction.
const RECOVER_ROWS_MAX: usize = 1_000;

impl Store {
    /// Claims due deliveries for `lease_ms`, at most `per_connection` of each
    /// connection, in turns, and charges them to their readers' budgets. On the
    /// disk when it answers. Connections in `skip` are left alone.
    pub async fn claim_deliveries(
        &self,
        settings_version: i64,
        now: UnixMs,
        per_connection: usize,
        limit: usize,
        lease_ms: i64,
        skip: Vec<String>,
    ) -> Result<Fenced<Vec<DeliveryRow>>> {
        let turn = self.next_turn();
        self.write(CommitClass::Original, move |tx| {
            fenced(tx, settings_version, || {
                let mut queues = Vec::new();
                for name in connections_waiting(tx)? {
                    if !skip.contains(&name) {
                        let due = params![name, now.0, now.0, sql_limit(per_connection)];
                        queues.push(all(tx, &DUE, due, delivery_row)?);
                    }
                }
                let due = take_turns(queues, limit, turn);
                due.iter().map(|row| claim(tx, row, now, lease_ms)).collect()
            })
        })
        .await
    }

    /// When the next waiting delivery is due.
    pub async fn next_delivery_at(&self) -> Result<Option<UnixMs>> {
        self.read(|main| {
            let mut next = None;
            for name in connections_waiting(main)? {
                let at = first(main, &NEXT_AT, params![name], |row| row.get(0).map(UnixMs))?;
                next = [next, at].into_iter().flatten().min();
            }
            Ok(next)
        })
        .await
    }

    /// Turns every claim into *unknown*: for the start of `serve`, when no worker
    /// of the past can still be sending. Answers how many.
    pub async fn recover_claims(&self) -> Result<usize> {
        self.expire_claims(UnixMs::MAX).await
    }

    /// Turns claims whose lease ended into *unknown*; answers how many.
    pub async fn expire_claims(&self, now: UnixMs) -> Result<usize> {
        let mut expired = 0;
        loop {
            let step = self
                .write(CommitClass::Original, move |tx| {
                    let overdue = params![now.0, sql_limit(RECOVER_ROWS_MAX)];
                    let overdue = all(tx, &CLAIMED_UNTIL, overdue, delivery_row)?;
                    for row in &overdue {
                        save(tx, &row.step(DeliveryState::Unknown, "interrupted")?)?;
                    }
                    Ok(overdue.len())
                })
                .await?;
            expired += step;
            if step < RECOVER_ROWS_MAX {
                return Ok(expired);
            }
        }
    }

    /// Deliveries of unknown outcome that are due for another look.
    pub async fn unknown_due(&self, now: UnixMs, limit: usize) -> Result<Vec<DeliveryRow>> {
        self.read(move |main| {
            all(main, &UNKNOWN_UNTIL, params![now.0, sql_limit(limit)], delivery_row)
        })
        .await
    }

    /// Drops waiting deliveries that are not worth sending any more, with ledger
    /// rows (`expired`); answers how many.
    pub async fn drop_expired(&self, now: UnixMs, limit: usize) -> Result<usize> {
        self.write(CommitClass::Original, move |tx| {
            let expired = all(tx, &EXPIRED, params![now.0, sql_limit(limit)], delivery_row)?;
            for row in &expired {
                drop_one(tx, row, "expired", now)?;
            }
            Ok(expired.len())
        })
        .await
    }
}

/// Drops a delivery, refunds it, and writes its nudges into the ledger.
pub(super) fn drop_one(
    main: &Connection,
    row: &DeliveryRow,
    reason: &str,
    now: UnixMs,
) -> Result<()> {
    save(main, &row.step(DeliveryState::Dropped, reason)?.refunded())?;
    for nudge in nudge::of_delivery(main, &row.id)? {
        // Another delivery of the same nudge may still reach its reader.
        let others = delivery::of_nudge(main, &nudge.id)?;
        if others.iter().all(|other| other.state == DeliveryState::Dropped) {
            match nudge.state {
                nudge::NudgeState::Decided => nudge::suppress(main, &nudge, reason, now)?,
                _ => ledger::add(main, &nudge.suppressed(reason, now))?,
            }
        }
    }
    Ok(())
}

fn claim(main: &Connection, row: &DeliveryRow, now: UnixMs, lease_ms: i64) -> Result<DeliveryRow> {
    let claimed = DeliveryRow {
        until: now.plus_ms(lease_ms),
        attempts: row.attempts.saturating_add(1),
        // A second sending of an unknown one was paid for by the first.
        spent_at: row.spent_at.or(Some(now)),
        ..row.step(DeliveryState::Claimed, "")?
    };
    save(main, &claimed)?;
    Ok(claimed)
}

/// Which connections have deliveries waiting: one index step each.
fn connections_waiting(main: &Connection) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut next = first(main, &FIRST_CONNECTION, [], |row| row.get::<_, String>(0))?;
    while let Some(name) = next {
        next = first(main, &NEXT_CONNECTION, params![name], |row| row.get(0))?;
        names.push(name);
    }
    Ok(names)
}
