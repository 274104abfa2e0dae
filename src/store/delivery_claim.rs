//! From waiting to claimed: what is due is read with all that the last look
//! before sending needs, in turns between connections; what that look decided is
//! committed in one transaction, on the disk before anything leaves.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;
use touchline_rules::facts::DealKey;

use super::Store;
use super::deal::{self, DealRow};
use super::delivery::{DeliveryRow, DeliveryState, delivery_row, save, select};
use super::error::Result;
use super::fairness::{Room, take_turns};
use super::nudge::{self, NudgeRow, NudgeState};
use super::portfolio::{self, PersonStateRow};
use super::preference::{self, PreferenceRow};
use super::setting::{self, Fenced, fenced};
use super::sqlite::writer::CommitClass;
use super::statement::{all, first, sql_limit, statements};
use super::work::{self, NewWork};
use super::{connection, delivery, ledger};
use crate::wake::News;

statements! {
    FIRST_CONNECTION(0) = "SELECT connection FROM delivery WHERE state = 'waiting' \
        ORDER BY connection LIMIT 1";
    NEXT_CONNECTION(1) = "SELECT connection FROM delivery WHERE state = 'waiting' \
        AND connection > $1 ORDER BY connection LIMIT 1";
    /// In a chat nobody hears anything before a hello, where one is wanted. One
    /// of unknown outcome counts once it is not sent again: that is after the
    /// second time, or when it is never looked at any more.
    /// The fifth parameter lists the readers to pass over, as JSON.
    DUE(6) = select!("WHERE state = 'waiting' AND connection = $1 AND until <= $2 \
        AND expires_at > $3 AND (channel <> 'chat' OR $4 = 0 OR EXISTS ( \
            SELECT 1 FROM delivery AS hello WHERE hello.person = delivery.person \
            AND hello.connection = delivery.connection AND hello.channel = 'hello' \
            AND (hello.state IN ('sent', 'accepted') \
                OR (hello.state = 'unknown' \
                    AND (hello.resends > 0 OR hello.until >= 253402207200000))))) \
        AND person NOT IN (SELECT value FROM json_each($5)) \
        ORDER BY until, priority, id LIMIT $6");
    NEXT_AT(2) = "SELECT until FROM delivery WHERE state = 'waiting' AND connection = $1 \
        AND until > $2 ORDER BY until LIMIT 1";
    NEXT_UNKNOWN_AT(1) = "SELECT until FROM delivery WHERE state = 'unknown' AND until > $1 \
        ORDER BY until LIMIT 1";
    EXPIRED(2) = select!("WHERE state = 'waiting' AND expires_at <= $1 ORDER BY id LIMIT $2");
    CLAIMED(1) = select!("WHERE state = 'claimed' ORDER BY until LIMIT $1");
    UNKNOWN_UNTIL(2) = select!("WHERE state = 'unknown' AND until <= $1 ORDER BY until LIMIT $2");
}

/// Interrupted claims settled in one transaction.
const RECOVER_ROWS_MAX: usize = 1_000;

/// Deliveries with everything that a look at them needs, read in one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// The settings' version this was read under.
    pub settings_version: i64,
    /// Each delivery with the nudges it carries, most important first.
    pub deliveries: Vec<(DeliveryRow, Vec<NudgeRow>)>,
    /// The deals those nudges are about.
    pub deals: Vec<DealRow>,
    /// The people those nudges are about.
    pub people: Vec<PersonStateRow>,
    /// What their readers chose for themselves.
    pub preferences: Vec<PreferenceRow>,
    /// Connections that are broken (among those with deliveries waiting, where
    /// what is due was asked for): left alone.
    pub broken: Vec<String>,
}

/// What the last look at a waiting delivery decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastLook {
    /// Send it, charged to its reader's budget.
    Claim {
        /// The end of the lease.
        until: UnixMs,
        /// Nudges that it goes out without, each with the ledger's word.
        without: Vec<(String, String)>,
        /// What nudges say by now, by their ids: what is sent is what is kept.
        said: Vec<(String, Vec<u8>)>,
    },
    /// Look again then.
    Wait {
        /// When.
        until: UnixMs,
        /// What it waits for.
        why: String,
    },
    /// It is not sent any more.
    Drop {
        /// The ledger's word.
        reason: String,
        /// Nudges with a word of their own.
        without: Vec<(String, String)>,
    },
    /// It came too late for its form: attention decides on its nudges anew. One
    /// that was sent before with an unknown outcome is dropped as `expired`.
    TakeBack,
}

/// What there is to wait for.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveriesAhead {
    /// When the next waiting or unknown one comes due, of those not due yet.
    pub next: Option<UnixMs>,
    /// Whether any waits, due or not.
    pub any_waiting: bool,
}

impl Store {
    /// Waiting deliveries that are due, in turns between connections, of each at
    /// most as many as `rooms` gives it. Connections without a room and broken
    /// ones are left alone. With `hello_first`, nothing for a person by a chat
    /// before the hello there is settled.
    pub async fn due_deliveries(
        &self,
        now: UnixMs,
        rooms: BTreeMap<String, Room>,
        hello_first: bool,
    ) -> Result<Looked> {
        let turn = self.next_turn();
        self.read(move |main| {
            let mut queues = Vec::new();
            let mut broken = Vec::new();
            for name in connections_waiting(main)? {
                if connection::is_broken(main, &name)? {
                    broken.push(name);
                } else if let Some(room) = rooms.get(&name).filter(|room| room.most > 0) {
                    let not_for = serde_json::to_string(&room.not_for).unwrap_or_default();
                    let most = sql_limit(room.most);
                    let due = params![name, now.0, now.0, hello_first, not_for, most];
                    queues.push(all(main, &DUE, due, delivery_row)?);
                }
            }
            let looked = look(main, take_turns(queues, usize::MAX, turn))?;
            Ok(Looked { broken, ..looked })
        })
        .await
    }

    /// Deliveries of unknown outcome that are due for another look, and every
    /// broken connection.
    pub async fn unknown_due(&self, now: UnixMs, limit: usize) -> Result<Looked> {
        self.read(move |main| {
            let due = params![now.0, sql_limit(limit)];
            let looked = look(main, all(main, &UNKNOWN_UNTIL, due, delivery_row)?)?;
            Ok(Looked { broken: connection::broken(main)?, ..looked })
        })
        .await
    }

    /// Commits what the last look at due deliveries decided and asks for `work`;
    /// answers those that were claimed, which is on the disk then. One that
    /// moved meanwhile, or carries a nudge that did, is left for the next look.
    pub async fn settle_due(
        &self,
        settings_version: i64,
        now: UnixMs,
        looks: Vec<(String, LastLook)>,
        work: Vec<NewWork>,
    ) -> Result<Fenced<Vec<DeliveryRow>>> {
        let rows_max = self.options().work_rows_max;
        let takes_back = looks.iter().any(|(_, look)| *look == LastLook::TakeBack);
        let news = work::asked_news(&work).and(News::NUDGES.when(takes_back));
        self.write_news(CommitClass::Original, news, move |tx| {
            fenced(tx, settings_version, || {
                let mut claimed = Vec::new();
                for (id, look) in &looks {
                    let row = delivery::get(tx, id)?;
                    if let Some(row) = row.filter(|row| is_due(row, now)) {
                        claimed.extend(settle(tx, &row, look, now)?);
                    }
                }
                work::ask(tx, &work, rows_max)?;
                Ok(claimed)
            })
        })
        .await
    }

    /// When there is something to look at after `now`.
    pub async fn deliveries_ahead(&self, now: UnixMs) -> Result<DeliveriesAhead> {
        self.read(move |main| {
            let (names, at) = (connections_waiting(main)?, |row: &Row<'_>| row.get(0).map(UnixMs));
            let mut next = first(main, &NEXT_UNKNOWN_AT, params![now.0], at)?;
            for name in &names {
                let waiting = first(main, &NEXT_AT, params![name, now.0], at)?;
                next = [next, waiting].into_iter().flatten().min();
            }
            next = next.filter(|at| *at < UnixMs::MAX);
            Ok(DeliveriesAhead { next, any_waiting: !names.is_empty() })
        })
        .await
    }

    /// Turns every claim into *unknown*: for the start of `serve` and after a
    /// worker stopped half-way, when nobody can still be sending. Answers how many.
    pub async fn recover_claims(&self) -> Result<usize> {
        let mut recovered = 0;
        loop {
            let step = self
                .write(CommitClass::Original, move |tx| {
                    let claimed =
                        all(tx, &CLAIMED, params![sql_limit(RECOVER_ROWS_MAX)], delivery_row)?;
                    for row in &claimed {
                        save(tx, &row.step(DeliveryState::Unknown, "interrupted")?)?;
                    }
                    Ok(claimed.len())
                })
                .await?;
            recovered += step;
            if step < RECOVER_ROWS_MAX {
                return Ok(recovered);
            }
        }
    }

    /// Drops waiting deliveries that are not worth sending any more, with ledger
    /// rows (`expired`); answers how many.
    pub async fn drop_expired(&self, now: UnixMs, limit: usize) -> Result<usize> {
        self.write_news(CommitClass::Original, News::NONE, move |tx| {
            let expired = all(tx, &EXPIRED, params![now.0, sql_limit(limit)], delivery_row)?;
            expired.iter().try_for_each(|row| drop_one(tx, row, "expired", now).map(drop))?;
            Ok(expired.len())
        })
        .await
    }
}

/// Reads what belongs to each delivery.
fn look(main: &Connection, rows: Vec<DeliveryRow>) -> Result<Looked> {
    let mut looked = Looked { settings_version: setting::version(main)?, ..Looked::default() };
    let mut deals = BTreeSet::new();
    let mut people = BTreeSet::new();
    for row in rows {
        let nudges = nudge::of_delivery(main, &row.id)?;
        for NudgeRow { subject, .. } in &nudges {
            looked.people.extend(portfolio::about(main, subject)?);
            deals
                .insert(DealKey { connection: subject.connection.clone(), id: subject.id.clone() });
        }
        people.insert(row.person.clone());
        looked.deliveries.push((row, nudges));
    }
    for key in deals {
        looked.deals.extend(deal::load_deal(main, &key.connection, &key.id)?);
    }
    for person in people {
        looked.preferences.extend(preference::of(main, &person)?);
    }
    Ok(looked)
}

/// As [`DUE`] asks. A look may be older than what it looked at.
fn is_due(row: &DeliveryRow, now: UnixMs) -> bool {
    row.state == DeliveryState::Waiting && row.until <= now && now < row.expires_at
}

fn settle(
    main: &Connection,
    row: &DeliveryRow,
    look: &LastLook,
    now: UnixMs,
) -> Result<Option<DeliveryRow>> {
    match look {
        LastLook::Claim { until, without, said } => {
            let claimed = claim(main, row, *until, without, now)?;
            for (id, body) in said.iter().filter(|_| claimed.is_some()) {
                nudge::set_body(main, id, body)?;
            }
            Ok(claimed)
        }
        LastLook::Wait { until, why } => {
            save(main, &DeliveryRow { until: *until, why: why.clone(), ..row.clone() })?;
            Ok(None)
        }
        LastLook::Drop { reason, without } => {
            leave_out(main, row, without, now)?;
            drop_one(main, row, reason, now).map(|()| None)
        }
        // It may have arrived before: decided anew, it could come a third time.
        LastLook::TakeBack if row.resends > 0 => drop_one(main, row, "expired", now).map(|()| None),
        LastLook::TakeBack => {
            save(main, &row.step(DeliveryState::Dropped, "taken_back")?.refunded())?;
            for nudge in nudge::of_delivery(main, &row.id)? {
                match nudge.state {
                    NudgeState::Decided => {
                        nudge::set_state(main, &nudge.id, NudgeState::Pending, now)?;
                    }
                    // It would have been left out: nothing else tells why.
                    NudgeState::Ended => let_go(main, &nudge, "reason_gone", now)?,
                    _ => {}
                }
            }
            Ok(None)
        }
    }
}

fn claim(
    main: &Connection,
    row: &DeliveryRow,
    until: UnixMs,
    without: &[(String, String)],
    now: UnixMs,
) -> Result<Option<DeliveryRow>> {
    let is_left_out = |id: &str| without.iter().any(|(one, _)| one == id);
    let nudges = nudge::of_delivery(main, &row.id)?;
    let mut shown = nudges.iter().filter(|nudge| !is_left_out(&nudge.id));
    if shown.any(|nudge| nudge.state != NudgeState::Decided) {
        return Ok(None);
    }
    leave_out(main, row, without, now)?;
    let claimed = DeliveryRow {
        until,
        attempts: row.attempts.saturating_add(1),
        // A second sending of an unknown one was paid for by the first.
        spent_at: row.spent_at.or(Some(now)),
        ..row.step(DeliveryState::Claimed, "")?
    };
    save(main, &claimed)?;
    Ok(Some(claimed))
}

/// Takes nudges out of a delivery and into the ledger.
fn leave_out(
    main: &Connection,
    row: &DeliveryRow,
    without: &[(String, String)],
    now: UnixMs,
) -> Result<()> {
    for (id, word) in without {
        delivery::take_out(main, &row.id, id)?;
        if let Some(nudge) = nudge::get(main, id)? {
            let_go(main, &nudge, word, now)?;
        }
    }
    Ok(())
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
        let_go(main, &nudge, reason, now)?;
    }
    Ok(())
}

/// Writes a nudge into the ledger, unless another delivery may still reach or
/// has reached its reader. One that an admin may have tried again stays decided.
pub(super) fn let_go(main: &Connection, nudge: &NudgeRow, reason: &str, now: UnixMs) -> Result<()> {
    let others = delivery::of_nudge(main, &nudge.id)?;
    let is_over = |state| matches!(state, DeliveryState::Dropped | DeliveryState::Failed);
    if others.iter().any(|other| !is_over(other.state)) {
        return Ok(());
    }
    let may_be_replayed = others.iter().any(|other| other.state == DeliveryState::Failed);
    match nudge.state {
        NudgeState::Decided if !may_be_replayed => nudge::suppress(main, nudge, reason, now),
        _ => ledger::add(main, &nudge.suppressed(reason, now)),
    }
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
