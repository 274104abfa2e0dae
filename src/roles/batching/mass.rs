//! Mass changes, seen as a batch is folded: how much each hand changed is counted
//! in memory, and committed with the batch that it was counted from.

use std::collections::{BTreeMap, BTreeSet};

use touchline_rules::UnixMs;
use touchline_rules::attention::{MassLimit, Tally, Window};
use touchline_rules::engine::{Firing, Outcome, Stimulus};
use touchline_rules::facts::{Actor, ChangeKind, DealKey};

use super::{Batching, id_of};
use crate::coaching::letters::kind_of;
use crate::coaching::settings::mass_limit;
use crate::roles::letters::{LETTER, of_hold};
use crate::service::Service;
use crate::store::{
    self, ActorPast, CauseRow, HoldRow, HoldState, MassStep, NewWork, TallyRow, WorkKey,
};

/// Hexadecimal digits of a window's id: short, for a person types it.
const ID_DIGITS: usize = 12;

/// Whose change something comes from, and when it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    hand: String,
    occurred_at: UnixMs,
}

impl Cause {
    /// The cause that a change by `actor` is, if it can be told whose it is.
    pub(super) fn of(actor: &Actor, kind: &ChangeKind, occurred_at: UnixMs) -> Option<Cause> {
        Tally::hand(actor, kind).map(|hand| Cause { hand, occurred_at })
    }
}

/// One hand of one connection.
type Hand = (String, String);

#[derive(Default)]
struct Watched {
    tally: Tally,
    holds: Vec<HoldRow>,
    counted_at: Option<UnixMs>,
}

/// The hands of a batch, and what it tells of them.
#[derive(Default)]
pub(super) struct MassWatch {
    limit: Option<MassLimit>,
    hands: BTreeMap<Hand, Watched>,
    /// Windows that opened or grew; `true` for those that cover what came before.
    moved: BTreeMap<String, bool>,
    causes: Vec<CauseRow>,
}

impl MassWatch {
    /// Looks up these hands, all in one look.
    pub(super) async fn load(service: &Service, hands: BTreeSet<Hand>) -> store::Result<Self> {
        let limit = mass_limit(&service.config);
        let hands: Vec<Hand> = hands.into_iter().filter(|_| limit.is_some()).collect();
        if hands.is_empty() {
            return Ok(MassWatch { limit, ..MassWatch::default() });
        }
        let past = service.store.actors_past(hands.clone()).await?;
        let watched = past.into_iter().map(|ActorPast { tally, holds }| {
            // A count of another version begins anew.
            let tally = tally.and_then(|body| serde_json::from_slice(&body).ok());
            Watched { tally: tally.unwrap_or_default(), holds, counted_at: None }
        });
        let hands = hands.into_iter().zip(watched).collect();
        Ok(MassWatch { limit, hands, ..MassWatch::default() })
    }

    /// Counts a change of `deal` that arrived at `now`. Answers the id of the
    /// window that it opened.
    pub(super) fn count(&mut self, deal: &DealKey, cause: &Cause, now: UnixMs) -> Option<String> {
        let limit = self.limit?;
        let Cause { hand, occurred_at: at } = cause;
        let watched = self.hands.get_mut(&(deal.connection.clone(), hand.clone()))?;
        let covers = |hold: &HoldRow| {
            let window = Window { from: hold.from, until: hold.until };
            match hold.state {
                HoldState::Open => window.takes(*at, &limit),
                // What an admin decided on is decided.
                HoldState::Released | HoldState::Discarded => hold.from <= *at && *at <= hold.until,
            }
        };
        if let Some(hold) = watched.holds.iter_mut().find(|hold| covers(hold)) {
            if hold.state == HoldState::Open {
                // What it had not reached is looked through as at its opening.
                let reaches_back = *at < hold.from;
                hold.from = hold.from.min(*at);
                hold.until = hold.until.max(*at);
                hold.changes = hold.changes.saturating_add(1);
                *self.moved.entry(hold.id.clone()).or_insert(false) |= reaches_back;
            }
            return None;
        }
        watched.counted_at = Some(now);
        let crossed = watched.tally.note(&deal.id, *at, &limit);
        let is_marked = Tally::is_marked(kind_of(hand));
        let window = crossed.or(is_marked.then_some(Window { from: *at, until: *at }))?;
        let from = window.from.0.to_string();
        let mut id = id_of(&format!("hold/{}/{hand}/{from}/{}", deal.connection, now.0));
        id.truncate(ID_DIGITS);
        watched.holds.push(HoldRow {
            id: id.clone(),
            connection: deal.connection.clone(),
            actor: hand.clone(),
            from: window.from,
            until: window.until,
            opened_at: now,
            changes: if crossed.is_some() { i64::from(limit.deals).saturating_add(1) } else { 1 },
            state: HoldState::Open,
            settled_at: None,
        });
        self.moved.insert(id.clone(), true);
        Some(id)
    }

    /// Notes whose change is behind a nudge.
    pub(super) fn caused(&mut self, nudge_id: &str, connection: &str, cause: &Cause) {
        if self.limit.is_none() {
            return;
        }
        self.causes.push(CauseRow {
            nudge_id: nudge_id.to_owned(),
            connection: connection.to_owned(),
            actor: cause.hand.clone(),
            occurred_at: cause.occurred_at,
        });
    }

    /// What is committed with the batch.
    pub(super) fn finish(self) -> Result<MassStep, serde_json::Error> {
        let mut step = MassStep { causes: self.causes, ..MassStep::default() };
        for ((connection, actor), watched) in self.hands {
            if let Some(updated_at) = watched.counted_at {
                let body = serde_json::to_vec(&watched.tally)?;
                step.tallies.push(TallyRow { connection, actor, updated_at, body });
            }
            for hold in watched.holds {
                if let Some(opened) = self.moved.get(&hold.id) {
                    step.holds.push((hold, *opened));
                }
            }
        }
        Ok(step)
    }
}

impl Batching<'_> {
    /// Watches how much these hands change, each a connection and a name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn watch(&mut self, hands: BTreeSet<(String, String)>) -> store::Result<()> {
        self.mass = MassWatch::load(self.service, hands).await?;
        Ok(())
    }

    /// Counts what a step changed; answers whose change the stimulus was.
    pub(super) fn count_hands(
        &mut self,
        key: &DealKey,
        stimulus: Stimulus<'_>,
        outcome: &Outcome,
        at: UnixMs,
    ) -> Option<Cause> {
        let told = match stimulus {
            Stimulus::Change(change) => std::slice::from_ref(change),
            Stimulus::Save(changes) => changes,
            Stimulus::Observation(_) | Stimulus::Timer | Stimulus::Reseed => &[],
        };
        let mut whose = None;
        for change in told {
            if let Some(cause) = Cause::of(&change.actor, &change.kind, change.occurred_at) {
                self.count_change(key, &cause, at);
                whose = Some(cause);
            }
        }
        if !told.is_empty() {
            return whose;
        }
        // What a record told of live changes, which no webhook did.
        for applied in outcome.applied.iter().filter(|applied| !applied.history) {
            if let Some(cause) = Cause::of(&applied.actor, &applied.kind, applied.occurred_at) {
                self.count_change(key, &cause, at);
            }
        }
        None
    }

    fn count_change(&mut self, key: &DealKey, cause: &Cause, at: UnixMs) {
        let Some(opened) = self.mass.count(key, cause, at) else { return };
        tracing::warn!(hold.id = opened, connection = key.connection, "a mass change is held back");
        if let Some(chat) = self.chat() {
            let key = of_hold(&opened);
            let key = WorkKey { kind: LETTER.to_owned(), connection: chat, key };
            self.batch.work.push(NewWork { key, next_at: at, body: Vec::new() });
        }
    }
}

/// The change that a firing comes from: its own, or for a state rule the one that
/// was just folded in, at `now`. What was due before it comes from time alone.
pub(super) fn cause_of(firing: &Firing, causes: &[Cause], now: Option<UnixMs>) -> Option<Cause> {
    match &firing.change {
        Some(change) => Cause::of(&change.actor, &ChangeKind::Created, change.occurred_at),
        None => causes.last().filter(|_| Some(firing.at) == now).cloned(),
    }
}
