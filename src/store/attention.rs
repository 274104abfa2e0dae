//! What attention needs of one person, and what it decided.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, params};
use touchline_rules::UnixMs;

use super::Store;
use super::delivery::{self, DeliveryRow, delivery_row, select};
use super::error::{Result, StoreError};
use super::ledger;
use super::mass;
use super::nudge::{self, NudgeRow, NudgeState};
use super::person::{self, PersonRow};
use super::preference::{self, PreferenceRow};
use super::setting::{Fenced, fenced};
use super::sqlite::writer::CommitClass;
use super::statement::{all, first, run, sql_limit, statements};
use crate::wake::News;

statements! {
    DUE(2) = "SELECT person FROM nudge WHERE state = 'pending' AND due_at <= $1 \
        GROUP BY person ORDER BY MIN(due_at), person LIMIT $2";
    NEXT_AT(0) = "SELECT due_at FROM nudge WHERE state = 'pending' ORDER BY due_at LIMIT 1";
    ASSIGN(5) = "UPDATE nudge SET id = $1, person = $2, body = $3, due_at = $4 WHERE id = $5";
    DEFER(3) = "UPDATE nudge SET attention = $1, due_at = $2 WHERE id = $3";
    HELLO(2) = select!("WHERE person = $1 AND connection = $2 AND channel = 'hello' \
        ORDER BY created_at DESC, id LIMIT 1");
}

/// One recipient, as attention sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The settings' version this was read under, for [`Store::commit_attention`].
    pub settings_version: i64,
    /// Who; `None` if the id is not known any more.
    pub person: Option<PersonRow>,
    /// Pending nudges that are due, in the order (priority, due_at, id).
    pub pending: Vec<NudgeRow>,
    /// What was decided or charged lately, each with the nudges it carries: the
    /// budget's account.
    pub recent: Vec<(DeliveryRow, Vec<String>)>,
    /// The newest introduction by the chat that was asked about.
    pub hello: Option<DeliveryRow>,
    /// Mutes, pauses, snoozes, stricter limits; also those that have run out.
    pub preferences: Vec<PreferenceRow>,
}

/// A delivery to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// Derived from nudge, connection and channel.
    pub id: String,
    /// Slug of the connection that sends it.
    pub connection: String,
    /// `chat`, `task`, `note` …
    pub channel: String,
    /// Who reads it.
    pub person: String,
    /// `interrupt`, `digest`, `hello` …
    pub attention: String,
    /// The deal it is about; empty for a digest.
    pub subject: String,
    /// The work that quietens it once its reason is gone: `edit` or `complete`.
    pub on_end: String,
    /// 1 to 9, 1 first.
    pub priority: i64,
    /// When it was decided.
    pub created_at: UnixMs,
    /// After this it is not sent.
    pub expires_at: UnixMs,
    /// Not before.
    pub until: UnixMs,
    /// The nudges it carries; none for a hello.
    pub nudges: Vec<String>,
    /// Everything else.
    pub body: Vec<u8>,
}

/// One decision of attention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Send it; the nudges in it are decided.
    Send(NewDelivery),
    /// Look at this nudge again then.
    Defer {
        /// The nudge.
        nudge_id: String,
        /// When.
        until: UnixMs,
        /// The class it has from now on.
        attention: String,
    },
    /// A nudge of which nobody knew whom it is for has a reader, who decides its id.
    Assign {
        /// The nudge.
        nudge_id: String,
        /// Its id from now on.
        id: String,
        /// Its reader.
        person: String,
        /// Its body from now on.
        body: Vec<u8>,
        /// When attention looks at it again.
        at: UnixMs,
    },
    /// Nothing is pushed: it is kept for the deal's card, and the ledger says so.
    Keep {
        /// The nudge.
        nudge_id: String,
        /// The ledger's word.
        reason: String,
        /// When that was decided.
        at: UnixMs,
    },
    /// Do not send it.
    Suppress {
        /// The nudge.
        nudge_id: String,
        /// The ledger's word.
        reason: String,
        /// When that was decided.
        at: UnixMs,
    },
    /// Part of a mass change: an admin decides.
    Hold {
        /// The nudge.
        nudge_id: String,
    },
}

impl Store {
    /// People with a pending nudge due at or before `now`, the longest due first.
    pub async fn recipients_due(&self, now: UnixMs, limit: usize) -> Result<Vec<String>> {
        self.read(move |main| all(main, &DUE, params![now.0, sql_limit(limit)], |row| row.get(0)))
            .await
    }

    /// When attention next has something to look at.
    pub async fn next_recipient_at(&self) -> Result<Option<UnixMs>> {
        self.read(|main| first(main, &NEXT_AT, [], |row| row.get(0).map(UnixMs))).await
    }

    /// Everything attention needs of one person, read in one moment: at most
    /// `pending_max` nudges due at `now`, deliveries since `recent_since`, and
    /// the hello said by the connection `chat`.
    pub async fn load_recipient(
        &self,
        person: String,
        now: UnixMs,
        pending_max: usize,
        recent_since: UnixMs,
        chat: String,
    ) -> Result<Recipient> {
        self.read(move |main| {
            Ok(Recipient {
                settings_version: super::setting::version(main)?,
                person: person::get(main, &person)?,
                pending: nudge::pending(main, &person, now, pending_max)?,
                recent: delivery::recent(main, &person, recent_since)?,
                hello: first(main, &HELLO, params![person, chat], delivery_row)?,
                preferences: preference::of(main, &person)?,
            })
        })
        .await
    }

    /// Commits decisions about one person's nudges. Where a connection's queue
    /// of deliveries is full, the least important are suppressed as
    /// `queue_full` instead; their nudges' ids are answered.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a nudge is no longer pending: nothing is
    /// committed, load the recipient again.
    pub async fn commit_attention(
        &self,
        settings_version: i64,
        decisions: Vec<Decision>,
    ) -> Result<Fenced<Vec<String>>> {
        let waiting_max = self.options().deliveries_waiting_max;
        let sends = decisions.iter().any(|decision| matches!(decision, Decision::Send(_)));
        let assigns = decisions.iter().any(|one| matches!(one, Decision::Assign { .. }));
        let news = News::DELIVERIES.when(sends).and(News::NUDGES.when(assigns));
        self.write_news(CommitClass::Derived, news, move |tx| {
            fenced(tx, settings_version, || commit(tx, decisions, waiting_max))
        })
        .await
    }
}

fn commit(
    tx: &Transaction<'_>,
    mut decisions: Vec<Decision>,
    waiting_max: usize,
) -> Result<Vec<String>> {
    // The most important deliveries take the room that is left.
    decisions.sort_by_key(|decision| match decision {
        Decision::Send(delivery) => delivery.priority,
        _ => 0,
    });
    let mut room = BTreeMap::<String, usize>::new();
    let mut crowded_out = Vec::new();
    for decision in decisions {
        match decision {
            Decision::Send(row) => {
                let left = match room.get(&row.connection) {
                    Some(left) => *left,
                    None => {
                        let waiting = delivery::count_waiting(tx, &row.connection, waiting_max)?;
                        waiting_max.saturating_sub(waiting)
                    }
                };
                room.insert(row.connection.clone(), left.saturating_sub(1));
                if left == 0 {
                    crowd_out(tx, &row)?;
                    crowded_out.extend(row.nudges);
                } else {
                    send(tx, &row)?;
                }
            }
            Decision::Defer { nudge_id, until, attention } => {
                undecided(tx, &nudge_id)?;
                run(tx, &DEFER, params![attention, until.0, nudge_id])?;
            }
            Decision::Assign { nudge_id, id, person, body, at } => {
                let nudge = undecided(tx, &nudge_id)?;
                if nudge::get(tx, &id)?.is_some() {
                    // The same firing found its reader before.
                    nudge::set_state(tx, &nudge_id, NudgeState::Ended, nudge.due_at)?;
                } else {
                    run(tx, &ASSIGN, params![id, person, body, at.0, nudge_id])?;
                    mass::renamed(tx, &nudge_id, &id)?;
                }
            }
            Decision::Keep { nudge_id, reason, at } => {
                let nudge = undecided(tx, &nudge_id)?;
                ledger::add(tx, &nudge.suppressed(&reason, at))?;
                nudge::set_state(tx, &nudge_id, NudgeState::Decided, nudge.due_at)?;
            }
            Decision::Suppress { nudge_id, reason, at } => {
                nudge::suppress(tx, &undecided(tx, &nudge_id)?, &reason, at)?;
            }
            Decision::Hold { nudge_id } => {
                let nudge = undecided(tx, &nudge_id)?;
                nudge::set_state(tx, &nudge_id, NudgeState::Held, nudge.due_at)?;
            }
        }
    }
    Ok(crowded_out)
}

/// A nudge may go out on two channels at once, so its second delivery finds it decided.
fn send(tx: &Transaction<'_>, row: &NewDelivery) -> Result<()> {
    for id in &row.nudges {
        let nudge = known(tx, id)?;
        match nudge.state {
            NudgeState::Pending => {
                nudge::set_state(tx, id, NudgeState::Decided, nudge.due_at)?;
            }
            NudgeState::Decided => {}
            state => return Err(moved(id, state)),
        }
    }
    delivery::forget_dropped(tx, &row.id)?;
    if !delivery::add(tx, row)? {
        // Otherwise a nudge that is said again, after a snooze, would be lost.
        return Err(StoreError::conflict("delivery", &row.id, "exists already; name another"));
    }
    Ok(())
}

fn crowd_out(tx: &Transaction<'_>, row: &NewDelivery) -> Result<()> {
    for id in &row.nudges {
        let nudge = known(tx, id)?;
        if nudge.state == NudgeState::Pending {
            nudge::suppress(tx, &nudge, "queue_full", row.created_at)?;
        }
    }
    Ok(())
}

fn undecided(main: &Connection, id: &str) -> Result<NudgeRow> {
    let nudge = known(main, id)?;
    match nudge.state {
        NudgeState::Pending => Ok(nudge),
        state => Err(moved(id, state)),
    }
}

fn known(main: &Connection, id: &str) -> Result<NudgeRow> {
    nudge::get(main, id)?.ok_or_else(|| StoreError::not_found("nudge", id))
}

fn moved(id: &str, state: NudgeState) -> StoreError {
    StoreError::conflict("nudge", id, format!("is {} and no longer pending", state.name()))
}
