//! The one transaction in which a batch of events, timers or observations takes effect.
//!
//! What an event costs on this path: two reads before it (its dedupe key, its
//! deal) and four writes (dedupe key, deal, change, timer); one more write when
//! stage, owner or status moved, two more when a rule fires. Around a batch
//! stand four statements: begin, settings version, cursor, commit.

use rusqlite::Transaction;
use touchline_rules::UnixMs;

use super::Store;
use super::counter::{self, Count};
use super::cursor;
use super::dead_letter::{self, NewDeadLetter};
use super::deal::{self, ChangeRow, DealRow};
use super::dedupe::{self, DedupeKey};
use super::error::Result;
use super::firing::{self, EndedFiring, FiringRow};
use super::ledger::{self, SuppressedRow};
use super::mass::{self, MassStep};
use super::nudge::{self, NudgeRow, NudgeState, OutcomeRow};
use super::portfolio::{self, PersonStateRow, ToldRow};
use super::preference::{self, PreferenceKind, PreferenceRow};
use super::release_case::{self, ReleaseStep};
use super::setting::{Fenced, fenced};
use super::sqlite::writer::CommitClass;
use super::timer::{self, TimerRow};
use super::work::{self, NewWork, WorkKey};
use crate::wake::News;

/// The step of the ingest cursor that a batch stands for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct CursorMove {
    /// Where it stood when the batch was read. If it stands elsewhere, somebody
    /// else has processed these rows and nothing is committed.
    pub from: u64,
    /// The last inbox row that the batch covers.
    pub to: u64,
}

/// Everything that one batch changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The settings' version it was decided under.
    pub settings_version: i64,
    /// The cursor's step; `None` for timers.
    pub cursor: Option<CursorMove>,
    /// Contents seen, with their arrival.
    pub dedupe: Vec<(DedupeKey, UnixMs)>,
    /// Deals, each once, as they are after the batch.
    pub deals: Vec<DealRow>,
    /// What is appended to their histories.
    pub changes: Vec<ChangeRow>,
    /// What the deals tell of people, for the person-scope log.
    pub told: Vec<ToldRow>,
    /// People, each once, as rules about them remember them after the batch.
    pub people: Vec<PersonStateRow>,
    /// Their timers.
    pub timers: Vec<TimerRow>,
    /// New firings.
    pub firings: Vec<FiringRow>,
    /// New nudges.
    pub nudges: Vec<NudgeRow>,
    /// Firings whose reason went away.
    pub ended: Vec<EndedFiring>,
    /// What the engine itself suppressed (`late`).
    pub suppressed: Vec<SuppressedRow>,
    /// Answers and met outcomes.
    pub outcomes: Vec<OutcomeRow>,
    /// Nudges that an answer moves: id, state, and when attention looks again.
    pub nudge_steps: Vec<(String, NudgeState, UnixMs)>,
    /// Choices that an answer made.
    pub preferences: Vec<PreferenceRow>,
    /// Choices that an answer took back: person, sort, key.
    pub preferences_cleared: Vec<(String, PreferenceKind, String)>,
    /// What it tells of mass changes.
    pub mass: MassStep,
    /// Present cases whose turn came.
    pub releases: Vec<ReleaseStep>,
    /// Work that is asked for.
    pub work: Vec<NewWork>,
    /// Pieces given up.
    pub dead_letters: Vec<NewDeadLetter>,
    /// What is added to counts.
    pub counts: Vec<Count>,
}

/// What a committed batch really added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchOutcome {
    /// Firings that were not there before.
    pub firings_new: usize,
    /// Nudges that were not there before.
    pub nudges_new: usize,
    /// Work for which there was no room.
    pub work_refused: Vec<WorkKey>,
}

impl Store {
    /// Commits a batch: all of it or nothing. `Derived` for what the inbox and
    /// the timers can rebuild; `Original` for what a person answered or wrote,
    /// and for an import.
    ///
    /// # Errors
    /// [`super::StoreError::Conflict`] when the cursor or a deal moved since it
    /// was loaded: load again and decide anew.
    pub async fn commit_batch(
        &self,
        batch: Batch,
        class: CommitClass,
    ) -> Result<Fenced<BatchOutcome>> {
        let work_rows_max = self.options().work_rows_max;
        self.write_telling(class, move |tx| {
            let done = fenced(tx, batch.settings_version, || commit(tx, &batch, work_rows_max))?;
            Ok(match done {
                Fenced::Done((outcome, news)) => (Fenced::Done(outcome), news),
                Fenced::SettingsChanged { version } => {
                    (Fenced::SettingsChanged { version }, News::NONE)
                }
            })
        })
        .await
    }
}

fn commit(
    tx: &Transaction<'_>,
    batch: &Batch,
    work_rows_max: usize,
) -> Result<(BatchOutcome, News)> {
    if let Some(CursorMove { from, to }) = batch.cursor {
        cursor::advance(tx, from, to)?;
    }
    let timers_moved = commit_state(tx, batch)?;
    let mut outcome = commit_coaching(tx, batch)?;
    let mut work = batch.work.clone();
    // After the nudges, so that one made and ended in the same batch is found.
    for ended in &batch.ended {
        work.extend(firing::end(tx, ended)?);
    }
    outcome.work_refused = work::ask(tx, &work, work_rows_max)?;
    batch.dead_letters.iter().try_for_each(|row| dead_letter::add(tx, row))?;
    batch.counts.iter().try_for_each(|count| counter::add(tx, count))?;
    let nudges_moved = outcome.nudges_new > 0 || !batch.nudge_steps.is_empty();
    let news = work::asked_news(&work)
        .and(News::TIMERS.when(timers_moved))
        .and(News::PEOPLE.when(!batch.told.is_empty()))
        .and(News::NUDGES.when(nudges_moved));
    Ok((outcome, news))
}

/// Answers whether any timer is another now.
fn commit_state(tx: &Transaction<'_>, batch: &Batch) -> Result<bool> {
    for (key, received_at) in &batch.dedupe {
        dedupe::remember(tx, key, *received_at)?;
    }
    batch.deals.iter().try_for_each(|row| deal::put(tx, row))?;
    batch.changes.iter().try_for_each(|row| deal::append_change(tx, row))?;
    batch.told.iter().try_for_each(|row| portfolio::append(tx, row))?;
    batch.people.iter().try_for_each(|row| portfolio::put_person(tx, row))?;
    let mut moved = false;
    for row in &batch.timers {
        moved |= timer::put(tx, row)?;
    }
    Ok(moved)
}

fn commit_coaching(tx: &Transaction<'_>, batch: &Batch) -> Result<BatchOutcome> {
    let mut outcome = BatchOutcome::default();
    for row in &batch.firings {
        outcome.firings_new += usize::from(firing::add(tx, row)?);
    }
    for row in &batch.nudges {
        outcome.nudges_new += usize::from(nudge::add(tx, row)?);
    }
    batch.suppressed.iter().try_for_each(|row| ledger::add(tx, row))?;
    batch.outcomes.iter().try_for_each(|row| nudge::add_outcome(tx, row))?;
    for (id, state, due_at) in &batch.nudge_steps {
        nudge::set_state(tx, id, *state, *due_at)?;
    }
    batch.preferences.iter().try_for_each(|row| preference::put(tx, row))?;
    for (person, kind, key) in &batch.preferences_cleared {
        preference::clear(tx, person, *kind, key)?;
    }
    mass::commit(tx, &batch.mass)?;
    batch.releases.iter().try_for_each(|step| release_case::step(tx, step))?;
    Ok(outcome)
}
