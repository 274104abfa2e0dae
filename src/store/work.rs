//! Work still to be done at a vendor, one row for each thing however often it
//! was asked for.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;

use super::Store;
use super::error::Result;
use super::fairness::take_turns;
use super::sqlite::writer::CommitClass;
use super::statement::{all, first, number, run, sql_limit, statements};
use crate::wake::News;

statements! {
    /// Asked again: the newest body counts, and a running try is followed by
    /// another. Back-off after a failed try is kept.
    ASK(5) = "INSERT INTO work (kind, connection, key, revision, next_at, lease_until, attempts, \
        why, body) VALUES ($1, $2, $3, 1, $4, 0, 0, '', $5) \
        ON CONFLICT (kind, connection, key) DO UPDATE SET revision = work.revision + 1, \
        body = excluded.body, next_at = CASE WHEN work.attempts > 0 \
            OR work.next_at < excluded.next_at THEN work.next_at ELSE excluded.next_at END";
    EXISTS(3) = "SELECT COUNT(*) FROM work WHERE kind = $1 AND connection = $2 AND key = $3";
    COUNT(3) = "SELECT COUNT(*) FROM \
        (SELECT 1 FROM work WHERE kind = $1 AND connection = $2 LIMIT $3) AS counted";
    NEXT_CONNECTION(2) = "SELECT connection FROM work WHERE kind = $1 AND connection > $2 \
        ORDER BY connection LIMIT 1";
    FIRST_CONNECTION(1) = "SELECT connection FROM work WHERE kind = $1 ORDER BY connection LIMIT 1";
    DUE(5) = "SELECT kind, connection, key, revision, next_at, attempts, why, body FROM work \
        WHERE kind = $1 AND connection = $2 AND next_at <= $3 AND lease_until <= $4 \
        ORDER BY next_at LIMIT $5";
    CLAIM(5) = "UPDATE work SET lease_until = $1, attempts = attempts + 1 \
        WHERE kind = $2 AND connection = $3 AND key = $4 AND revision = $5";
    FINISH(4) = "DELETE FROM work WHERE kind = $1 AND connection = $2 AND key = $3 \
        AND revision = $4";
    /// Asked for again while it was being done.
    AGAIN(3) = "UPDATE work SET lease_until = 0, attempts = 0, why = '' \
        WHERE kind = $1 AND connection = $2 AND key = $3";
    RETRY(5) = "UPDATE work SET lease_until = 0, next_at = $1, why = $2 \
        WHERE kind = $3 AND connection = $4 AND key = $5";
    NEXT_AT(2) = "SELECT MIN(CASE WHEN lease_until > next_at THEN lease_until ELSE next_at END) \
        FROM work WHERE kind = $1 AND connection = $2";
    FORGET(2) = "DELETE FROM work WHERE connection = $1 AND key = $2";
}

/// What makes a piece of work the same piece.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkKey {
    /// `fetch`, `activity`, `metadata`, `edit`, `complete`, `backfill` …
    pub kind: String,
    /// Slug of the connection it is done at.
    pub connection: String,
    /// What it is about: a deal's or delivery's id.
    pub key: String,
}

/// A request for work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWork {
    /// What.
    pub key: WorkKey,
    /// Not before.
    pub next_at: UnixMs,
    /// What the worker needs to know.
    pub body: Vec<u8>,
}

/// Work that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkRow {
    /// What.
    pub key: WorkKey,
    /// How often it was asked for; finishing an older one leaves the newer to do.
    pub revision: i64,
    /// When it was due.
    pub next_at: UnixMs,
    /// Tries, this one included.
    pub attempts: u32,
    /// Why the last try failed.
    pub why: String,
    /// What the worker needs to know.
    pub body: Vec<u8>,
}

impl Store {
    /// Claims due work of these kinds, in turns between connections, for
    /// `lease_ms`. The try is counted before it is made. Connections in `skip`
    /// (broken or paused) are left alone.
    pub async fn claim_work(
        &self,
        kinds: &'static [&'static str],
        now: UnixMs,
        limit: usize,
        lease_ms: i64,
        skip: Vec<String>,
    ) -> Result<Vec<WorkRow>> {
        self.claim_work_each(vec![(kinds, limit)], now, lease_ms, skip).await
    }

    /// As [`Store::claim_work`] for several sorts of kinds, each with a limit of
    /// its own, in one transaction.
    pub async fn claim_work_each(
        &self,
        rooms: Vec<(&'static [&'static str], usize)>,
        now: UnixMs,
        lease_ms: i64,
        skip: Vec<String>,
    ) -> Result<Vec<WorkRow>> {
        let turn = self.next_turn();
        // A lease makes no work for anybody.
        self.write_news(CommitClass::Derived, News::NONE, move |tx| {
            let until = now.plus_ms(lease_ms).0;
            let mut claimed = Vec::new();
            for (kinds, limit) in rooms {
                let mut queues = BTreeMap::<String, Vec<WorkRow>>::new();
                for kind in kinds {
                    for connection in connections_with(tx, kind)? {
                        if !skip.contains(&connection) {
                            let due = due(tx, kind, &connection, now, limit)?;
                            queues.entry(connection).or_default().extend(due);
                        }
                    }
                }
                claimed.extend(take_turns(queues.into_values().collect(), limit, turn));
            }
            for row in &claimed {
                let WorkKey { kind, connection, key } = &row.key;
                run(tx, &CLAIM, params![until, kind, connection, key, row.revision])?;
            }
            Ok(claimed)
        })
        .await
    }

    /// Takes finished work away. What was asked for again meanwhile stays, due at once.
    pub async fn finish_work(&self, done: Vec<WorkRow>) -> Result<()> {
        let news = done_news(done.iter().map(|row| &row.key));
        self.write_news(CommitClass::Derived, news, move |tx| {
            for WorkRow { key: WorkKey { kind, connection, key }, revision, .. } in &done {
                if run(tx, &FINISH, params![kind, connection, key, revision])? == 0 {
                    run(tx, &AGAIN, params![kind, connection, key])?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Puts claimed work back until `next_at`, with the reason.
    pub async fn retry_work(&self, key: WorkKey, next_at: UnixMs, why: String) -> Result<()> {
        let news = done_news(std::iter::once(&key));
        self.write_news(CommitClass::Derived, news, move |tx| {
            let WorkKey { kind, connection, key } = &key;
            run(tx, &RETRY, params![next_at.0, why, kind, connection, key]).map(drop)
        })
        .await
    }

    /// Asks for work outside a batch; answers what found no room.
    pub async fn ask_work(&self, work: Vec<NewWork>) -> Result<Vec<WorkKey>> {
        let rows_max = self.options().work_rows_max;
        let news = asked_news(&work);
        self.write_news(CommitClass::Derived, news, move |tx| ask(tx, &work, rows_max)).await
    }

    /// When work of these kinds is next due, leases included.
    pub async fn next_work_at(&self, kinds: &'static [&'static str]) -> Result<Option<UnixMs>> {
        self.next_work_except(kinds, Vec::new()).await
    }

    /// As [`Store::next_work_at`], without the connections in `skip`.
    pub async fn next_work_except(
        &self,
        kinds: &'static [&'static str],
        skip: Vec<String>,
    ) -> Result<Option<UnixMs>> {
        self.read(move |main| {
            let mut next = None;
            for kind in kinds {
                let all = connections_with(main, kind)?;
                for connection in all.into_iter().filter(|name| !skip.contains(name)) {
                    let at = first(main, &NEXT_AT, params![kind, connection], |row| row.get(0))?;
                    let at: Option<i64> = at.flatten();
                    next = [next, at].into_iter().flatten().min();
                }
            }
            Ok(next.map(UnixMs))
        })
        .await
    }

    /// How much work of a kind waits at a connection, counted up to the limit of rows.
    pub async fn work_waiting(&self, kind: String, connection: String) -> Result<usize> {
        let rows_max = self.options().work_rows_max;
        self.read(move |main| count(main, &kind, &connection, rows_max)).await
    }
}

/// Who does work of a kind.
fn news_of(kind: &str) -> News {
    match kind {
        "fetch" | "activity" | "metadata" | "person" => News::READS,
        "edit" | "complete" => News::EDITS,
        "follow" | "outcome" | "escalate" | "letter" => News::FOLLOW_UPS,
        "erase" => News::ERASURES,
        _ => News::ALL,
    }
}

/// Who is woken when this work is asked for.
pub(super) fn asked_news(work: &[NewWork]) -> News {
    work.iter().fold(News::NONE, |news, one| news.and(news_of(&one.key.kind)))
}

/// Who is woken when work is done or put off. Whoever does it goes on anyway.
fn done_news<'a>(mut done: impl Iterator<Item = &'a WorkKey>) -> News {
    News::READS_DONE.when(done.any(|key| news_of(&key.kind) == News::READS))
}

/// Asks for each piece of work and answers those for which there was no room.
pub(super) fn ask(main: &Connection, work: &[NewWork], rows_max: usize) -> Result<Vec<WorkKey>> {
    let mut room = BTreeMap::<(&str, &str), usize>::new();
    let mut refused = Vec::new();
    for one in work {
        let WorkKey { kind, connection, key } = &one.key;
        let left = match room.entry((kind, connection)) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let taken = count(main, kind, connection, rows_max)?;
                entry.insert(rows_max.saturating_sub(taken))
            }
        };
        let known = *left == 0 && number(main, &EXISTS, params![kind, connection, key])? > 0;
        if *left == 0 && !known {
            refused.push(one.key.clone());
            continue;
        }
        // A repeated request takes no room, but counting it as one is safe.
        *left = left.saturating_sub(1);
        run(main, &ASK, params![kind, connection, key, one.next_at.0, one.body])?;
    }
    Ok(refused)
}

/// Takes away whatever is still to be done about one thing at a connection.
pub(super) fn forget(main: &Connection, connection: &str, key: &str) -> Result<()> {
    run(main, &FORGET, params![connection, key]).map(drop)
}

fn count(main: &Connection, kind: &str, connection: &str, rows_max: usize) -> Result<usize> {
    let counted = number(main, &COUNT, params![kind, connection, sql_limit(rows_max)])?;
    Ok(usize::try_from(counted).unwrap_or(usize::MAX))
}

/// Which connections have work of a kind: one index step each, however much waits.
fn connections_with(main: &Connection, kind: &str) -> Result<Vec<String>> {
    let text = |row: &Row<'_>| row.get::<_, String>(0);
    let mut names = Vec::new();
    let mut next = first(main, &FIRST_CONNECTION, params![kind], text)?;
    while let Some(name) = next {
        next = first(main, &NEXT_CONNECTION, params![kind, name], text)?;
        names.push(name);
    }
    Ok(names)
}

fn due(
    main: &Connection,
    kind: &str,
    connection: &str,
    now: UnixMs,
    limit: usize,
) -> Result<Vec<WorkRow>> {
    let what = params![kind, connection, now.0, now.0, sql_limit(limit)];
    all(main, &DUE, what, |row| {
        Ok(WorkRow {
            key: WorkKey { kind: row.get(0)?, connection: row.get(1)?, key: row.get(2)? },
            revision: row.get(3)?,
            next_at: UnixMs(row.get(4)?),
            attempts: row.get::<_, u32>(5)?.saturating_add(1),
            why: row.get(6)?,
            body: row.get(7)?,
        })
    })
}
