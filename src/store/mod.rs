//! Everything that is remembered, and the only place with SQL.
//!
//! # A walk through it
//!
//! A request arrives: [`Store::append`] puts it into `<stem>-inbox.db`, one row
//! for each HTTP request, by a group commit with a sync (`inbox.rs`). Only then
//! is it answered. The inbox is a file of its own so that accepting never waits
//! for processing.
//!
//! Ingest reads on from the cursor, asks [`Store::load_subjects`] and
//! [`Store::seen`] for what is known, decides in pure code, and hands the
//! outcome to [`Store::commit_batch`] (`batch.rs`): state, history, dedupe keys,
//! firings, nudges, timers, work and the cursor itself, in ONE transaction of
//! `<stem>.db`. Ids are derived from causes, so a replay makes the same rows.
//! That commit is *derived*: after a power cut it may be gone, and the inbox
//! rebuilds it. Hence [`Store::purge_inbox`] deletes only what lies below the
//! cursor that a completed checkpoint put on the disk.
//!
//! Attention loads one person ([`Store::load_recipient`]) and commits its
//! decisions ([`Store::commit_attention`]); deliveries then move through the
//! states of `delivery.rs`. A claim is an *original* commit: it and everything
//! before it is on the disk before a message leaves. Whatever exists nowhere
//! else (claims, receipts, credentials, people, settings, audit) is original too.
//!
//! # What is kept
//!
//! Every table that grows by what happens has an end, and housekeeping takes
//! away in small steps what has reached it (`retention.rs`): webhooks and what
//! was seen of them after days, events given up, histories of deals that were
//! closed long ago, and what rules said, after the `[retention]` of the
//! configuration. The audit log has none. A privacy deletion goes before all of
//! them (`erase.rs`, `blank_inbox`, `blank_dead_requests`).
//!
//! # Decisions
//!
//! - Rows are columns that a query needs, and a `body` of bytes that only the
//!   caller understands. The store knows no domain type but keys and instants.
//! - One thread writes `<stem>.db`; a few threads read it; one thread appends to
//!   the inbox; one checkpoints. Callers await their answers. A queue in front
//!   of each is bounded and refuses instead of growing.
//! - Commands write the same files from another process. So a batch names the
//!   cursor and the deal versions it was decided on, and a batch or claim names
//!   the settings version: if one moved, nothing is committed and the caller
//!   decides anew ([`Fenced`]). [`Store::lock_serve`] excludes a second `serve` only.
//! - A failed sync is the end: nothing is acknowledged after it, and
//!   [`Store::failed`] tells the process to stop and start again.
//! - Statements are constants listed for a registry test, in SQL that PostgreSQL
//!   would read too wherever that costs nothing; what is SQLite's own lies in
//!   `sqlite/` and in the hot path.

mod attention;
mod audit;
mod backup;
mod baseline;
mod batch;
mod connection;
mod counter;
mod credential;
mod cursor;
mod dead_letter;
mod deal;
mod dedupe;
mod delivery;
mod delivery_claim;
mod delivery_outcome;
mod erase;
mod error;
mod failure;
mod fairness;
mod firing;
mod hold;
mod inbox;
mod ledger;
mod letter;
mod link;
mod mass;
mod nudge;
mod options;
mod person;
mod places;
mod portfolio;
mod preference;
#[cfg(test)]
mod registry;
mod release_case;
mod retention;
mod rule_health;
mod rule_life;
mod rule_notice;
mod rule_request;
mod rule_version;
mod setting;
mod sqlite;
mod statement;
mod summary;
mod team_choice;
mod timer;
mod work;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::{Connection, Transaction};

use crate::wake::{News, Wake};

pub use attention::{Decision, NewDelivery, Recipient};
pub use audit::{AuditCheck, AuditEntry, AuditRow};
pub use baseline::BaselineRow;
pub use batch::{Batch, BatchOutcome, CursorMove};
pub use connection::{BROKEN, ConnectionPart, ConnectionRow, NEW, Part, WORKING};
pub use counter::Count;
pub use credential::CredentialRow;
pub use dead_letter::{DeadLetterRow, DeadLetterState, NewDeadLetter};
pub use deal::{ChangePlace, ChangeRow, DealRow};
pub use dedupe::DedupeKey;
pub use delivery::{DeliveryRow, DeliveryState};
pub use delivery_claim::{DeliveriesAhead, LastLook, Looked};
pub use error::{Result, StoreError};
pub use fairness::Room;
pub use firing::{EndedFiring, FiringRow};
pub use inbox::{AppendError, InboxRow, NewInbox};
pub use ledger::SuppressedRow;
pub use letter::Spared;
pub use link::NewLink;
pub use mass::{ActorPast, CauseRow, HoldReport, HoldRow, HoldState, MassStep, TallyRow};
pub use nudge::{NudgeRow, NudgeState, OutcomeRow};
pub use options::StoreOptions;
pub use person::{IdentityRow, PersonRow, stranger};
pub use places::of as places_of;
pub use portfolio::{Fold, PersonStateRow, PortfolioDealRow, PortfolioEditRow, ToldRow};
pub use preference::{PreferenceKind, PreferenceRow};
pub use release_case::{ReleaseCaseRow, ReleaseCases, ReleaseState, ReleaseStep};
pub use rule_health::RuleAnswers;
pub use rule_life::{RuleBookRows, RuleChange, RuleLifeRow, RuleLogRow};
pub use rule_notice::{NOTICE_ASKED, NOTICE_TOLD, NOTICE_UNTOLD, RuleNoticeRow};
pub use rule_request::RuleRequestRow;
pub use rule_version::RuleVersionRow;
pub use setting::{Fenced, SettingRow};
pub use sqlite::lock::ServeLock;
pub use sqlite::writer::CommitClass;
pub use summary::{Fates, Summary};
pub use team_choice::{TeamChoiceRow, TeamChoiceStep};
pub use timer::{SubjectKey, TimerRow};
pub use work::{NewWork, WorkKey, WorkRow};

use failure::Failure;
use inbox::InboxLog;
use sqlite::append::{AppendLimits, Appender};
use sqlite::checkpoint::{Checkpoints, DurableCursor};
use sqlite::worker::{Handle, Workers};
use sqlite::writer::Writer;
use sqlite::{Files, Purpose, lock, migrate};

/// Checkpoints and purges that may wait; one that finds no room is not needed.
const MAINTENANCE_WAITING_MAX: usize = 8;

/// The open database. Cheap to clone; the last clone closes it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    // Fields drop in this order: those that post checkpoints go first.
    appender: Appender,
    writer: Workers<Writer>,
    readers: Workers<Connection>,
    inbox_reader: Workers<Connection>,
    maintenance: Workers<Checkpoints>,
    failure: Failure,
    files: Files,
    options: StoreOptions,
    /// Where the next round of turns between connections begins.
    turn: AtomicUsize,
    /// Where every commit of this process is told.
    wake: Wake,
}

impl Store {
    /// Opens or creates the database at `path` (for example `touchline.db`) and
    /// the inbox beside it, and brings both to this build's schema. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Open`], [`StoreError::NewerSchema`], [`StoreError::MigrationWhileServing`].
    pub fn open(path: &Path, options: StoreOptions) -> Result<Store> {
        let files = Files::beside(path);
        let writer = |path: &Path| sqlite::open(path, Purpose::Write, files.pages(path), &options);
        let reader = |path: &Path| sqlite::open(path, Purpose::Read, files.pages(path), &options);
        let (mut main, mut inbox) = (writer(&files.main)?, writer(&files.inbox)?);
        migrate::migrate(&mut main, &files.main, &files.lock, migrate::MAIN)?;
        migrate::migrate(&mut inbox, &files.inbox, &files.lock, migrate::INBOX)?;

        let failure = Failure::new();
        let checkpoints = Checkpoints {
            main: writer(&files.main)?,
            inbox: writer(&files.inbox)?,
            durable: DurableCursor::default(),
            failure: failure.clone(),
        };
        let maintenance =
            Workers::start("store-checkpoint", MAINTENANCE_WAITING_MAX, vec![checkpoints])?;
        let log = InboxLog {
            connection: inbox,
            floor: cursor::read(&main)?,
            checkpoints: maintenance.handle(),
            checkpoint_every_rows: options.checkpoint_every_rows,
            checkpoint_every_bytes: options.checkpoint_every_bytes,
            rows_since_checkpoint: 0,
            bytes_since_checkpoint: 0,
        };
        let limits = AppendLimits {
            rows_max: options.append_rows_max,
            bytes_max: options.append_bytes_max,
            retry_after_ms: options.append_retry_after_ms,
        };
        let every_rows = options.checkpoint_every_rows;
        let of_main = Writer::new(main, failure.clone(), maintenance.handle(), every_rows);
        let readers = (0..options.readers.max(1)).map(|_| reader(&files.main));
        let readers = readers.collect::<Result<Vec<_>>>()?;
        let waiting_max = options.jobs_waiting_max;
        let wake = Wake::default();
        let inner = Inner {
            appender: Appender::start(log, limits, failure.clone(), wake.clone())?,
            writer: Workers::start("store-write", waiting_max, vec![of_main])?,
            readers: Workers::start("store-read", waiting_max, readers)?,
            inbox_reader: Workers::start("inbox-read", waiting_max, vec![reader(&files.inbox)?])?,
            maintenance,
            failure,
            files,
            options,
            turn: AtomicUsize::new(0),
            wake,
        };
        Ok(Store(Arc::new(inner)))
    }

    /// Makes this process the one `serve` of the database until the lock is dropped.
    ///
    /// # Errors
    /// [`StoreError::AlreadyServing`] names the process that holds it.
    pub fn lock_serve(&self) -> Result<ServeLock> {
        lock::lock_serve(&self.0.files.lock)
    }

    /// The process that serves the database now, as it calls itself; `None` when
    /// none does.
    ///
    /// # Errors
    /// [`StoreError::Open`] when the lock file cannot be used.
    pub fn serving(&self) -> Result<Option<String>> {
        lock::serving(&self.0.files.lock)
    }

    /// Resolves when the disk has failed: nothing is acknowledged any more, and
    /// the process should stop.
    pub async fn failed(&self) -> StoreError {
        self.0.failure.wait().await
    }

    /// Whether the disk has failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.0.failure.check().is_err()
    }

    /// The limits it was opened with.
    #[must_use]
    pub fn options(&self) -> &StoreOptions {
        &self.0.options
    }

    /// Takes no more work, finishes what waits, and copies the logs back.
    /// Blocks. Correctness never depends on it.
    pub fn close(&self) {
        let inner = &self.0;
        inner.appender.finish();
        inner.writer.finish();
        // A queue that is full or closed only means a slower next start.
        drop(inner.maintenance.handle().post(|checkpoints| drop(checkpoints.run())));
        inner.maintenance.finish();
        inner.readers.finish();
        inner.inbox_reader.finish();
    }

    async fn read<T: Send + 'static>(
        &self,
        body: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let failure = self.0.failure.clone();
        let job = move |connection: &mut Connection| {
            // One transaction, so that several statements see one state.
            let tx = connection.transaction()?;
            let answer = body(&tx);
            answer.inspect_err(|error| failure.note(error))
        };
        self.0.readers.handle().run(job).await
    }

    async fn read_inbox<T: Send + 'static>(
        &self,
        body: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let failure = self.0.failure.clone();
        let job = move |connection: &mut Connection| {
            body(connection).inspect_err(|error| failure.note(error))
        };
        self.0.inbox_reader.handle().run(job).await
    }

    /// Commits what `body` writes, and wakes everybody.
    async fn write<T: Send + 'static>(
        &self,
        class: CommitClass,
        body: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.write_news(class, News::ALL, body).await
    }

    /// As [`Store::write`], where it is known whose work it may make.
    async fn write_news<T: Send + 'static>(
        &self,
        class: CommitClass,
        news: News,
        body: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.write_telling(class, move |tx| Ok((body(tx)?, news))).await
    }

    /// As [`Store::write`], where `body` itself finds out.
    async fn write_telling<T: Send + 'static>(
        &self,
        class: CommitClass,
        body: impl FnOnce(&Transaction<'_>) -> Result<(T, News)> + Send + 'static,
    ) -> Result<T> {
        let wake = self.0.wake.clone();
        let job = move |writer: &mut Writer| {
            let (answer, news) = writer.commit(class, body)?;
            wake.tell(news);
            Ok(answer)
        };
        self.0.writer.handle().run(job).await
    }

    /// Where every commit of this process is told.
    #[must_use]
    pub fn wake(&self) -> &Wake {
        &self.0.wake
    }

    fn appender(&self) -> &Appender {
        &self.0.appender
    }

    fn checkpoints(&self) -> Handle<Checkpoints> {
        self.0.maintenance.handle()
    }

    fn next_turn(&self) -> usize {
        self.0.turn.fetch_add(1, Ordering::Relaxed)
    }
}
