//! The person-scope log: what deals told of people, in order, and what it was
//! folded into.
//!
//! A deal's commit appends; one role folds. Folding replaces: of a deal the
//! standing of its newest version counts, and an edit told twice is one row. So
//! it does not matter in which order or how often something was told. A row of
//! the log goes with the fold that took it in, so the log is as long as the role
//! is behind.

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;

use super::Store;
use super::error::{Result, StoreError};
use super::sqlite::writer::CommitClass;
use super::statement::{all, first, number, run, sql_limit, statements};
use super::timer::SubjectKey;
use crate::wake::News;

statements! {
    CURSOR(0) = "SELECT seq FROM cursor WHERE name = 'portfolio'";
    MOVE(2) = "UPDATE cursor SET seq = $1 WHERE name = 'portfolio' AND seq = $2";
    APPEND(3) = "INSERT INTO portfolio_log (seq, connection, deal, body) VALUES ((SELECT MAX( \
        COALESCE((SELECT MAX(seq) FROM portfolio_log), 0), \
        (SELECT seq FROM cursor WHERE name = 'portfolio')) + 1), $1, $2, $3)";
    AFTER(2) = "SELECT seq, connection, deal, body FROM portfolio_log WHERE seq > $1 \
        ORDER BY seq LIMIT $2";
    FORGET_LOG(1) = "DELETE FROM portfolio_log WHERE seq <= $1";
    OWNER(2) = "SELECT owner FROM portfolio_deal WHERE connection = $1 AND deal = $2";
    PUT_DEAL(6) = "INSERT INTO portfolio_deal (connection, deal, owner, version, closed_at, body) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (connection, deal) DO UPDATE SET \
        owner = excluded.owner, version = excluded.version, closed_at = excluded.closed_at, \
        body = excluded.body WHERE portfolio_deal.version < excluded.version OR \
        (portfolio_deal.version = excluded.version AND portfolio_deal.body <> excluded.body)";
    ADD_EDIT(6) = "INSERT INTO portfolio_edit (id, owner, connection, deal, at, body) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    /// Whoever looks at this person now looks again.
    MARK(1) = "INSERT INTO person_state (person, version, due_at, body) VALUES ($1, 1, 0, x'') \
        ON CONFLICT (person) DO UPDATE SET version = person_state.version + 1, due_at = 0";
    KNOW(1) = "INSERT INTO person_state (person, version, due_at, body) VALUES ($1, 1, 0, x'') \
        ON CONFLICT DO NOTHING";
    DUE(2) = "SELECT person, version, due_at, body FROM person_state WHERE due_at <= $1 \
        ORDER BY due_at, person LIMIT $2";
    NEXT_AT(0) = "SELECT due_at FROM person_state ORDER BY due_at LIMIT 1";
    STATE(1) = "SELECT person, version, due_at, body FROM person_state WHERE person = $1";
    PUT_STATE(4) = "UPDATE person_state SET version = version + 1, due_at = $1, body = $2 \
        WHERE person = $3 AND version = $4";
    DEALS(2) = "SELECT connection, deal, owner, version, closed_at, body FROM portfolio_deal \
        WHERE owner IN (SELECT value FROM json_each($1)) ORDER BY connection, deal LIMIT $2";
    ALL_DEALS(3) = "SELECT connection, deal, owner, version, closed_at, body FROM portfolio_deal \
        WHERE (connection, deal) > ($1, $2) ORDER BY connection, deal LIMIT $3";
    EDITS(3) = "SELECT body FROM portfolio_edit WHERE owner IN (SELECT value FROM json_each($1)) \
        AND at >= $2 ORDER BY at, id LIMIT $3";
    OLD_DEALS(2) = "DELETE FROM portfolio_deal WHERE (connection, deal) IN (SELECT connection, deal \
        FROM portfolio_deal WHERE closed_at > 0 AND closed_at < $1 LIMIT $2)";
    OLD_EDITS(2) = "DELETE FROM portfolio_edit WHERE id IN (SELECT id FROM portfolio_edit \
        WHERE at < $1 LIMIT $2)";
    CLEAR_DEALS(1) = "DELETE FROM portfolio_deal WHERE (connection, deal) IN \
        (SELECT connection, deal FROM portfolio_deal LIMIT $1)";
    CLEAR_EDITS(1) = "DELETE FROM portfolio_edit WHERE id IN (SELECT id FROM portfolio_edit LIMIT $1)";
    CLEAR_PEOPLE(1) = "DELETE FROM person_state WHERE person IN (SELECT person FROM person_state LIMIT $1)";
    MARK_OWNER(2) = "UPDATE person_state SET version = version + 1, due_at = 0 WHERE person IN \
        (SELECT owner FROM portfolio_deal WHERE connection = $1 AND deal = $2)";
    ERASE_LOG(2) = "DELETE FROM portfolio_log WHERE connection = $1 AND deal = $2";
    ERASE_DEAL(2) = "DELETE FROM portfolio_deal WHERE connection = $1 AND deal = $2";
    ERASE_EDITS(2) = "DELETE FROM portfolio_edit WHERE connection = $1 AND deal = $2";
    /// When nudges of these rules reached somebody, since an instant.
    PUSHES(3) = "SELECT MIN(d.sent_at) FROM nudge AS n \
        INNER JOIN delivery_nudge AS l ON l.nudge_id = n.id \
        INNER JOIN delivery AS d ON d.id = l.delivery_id AND d.state IN ('sent', 'accepted') \
        WHERE n.person = $1 AND n.rule_id IN (SELECT value FROM json_each($2)) \
        AND d.sent_at >= $3 GROUP BY n.id ORDER BY 1 LIMIT 1000";
    /// How a rule was answered since an instant, and by how many people.
    ANSWERS(4) = "SELECT COUNT(*), \
        COALESCE(SUM(CASE WHEN o.kind = $1 THEN 1 ELSE 0 END), 0), COUNT(DISTINCT o.person) \
        FROM nudge AS n INNER JOIN outcome AS o ON o.nudge_id = n.id \
        WHERE o.kind IN (SELECT value FROM json_each($2)) AND n.rule_id = $3 AND n.created_at >= $4";
}

/// The subject kind of a person.
const PERSON: &str = "person";
/// The most deals of one person and the people they lead that are looked at.
const DEALS_MAX: usize = 20_000;
/// The same for edits.
const EDITS_MAX: usize = 20_000;

/// Something that a deal tells of people, as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldRow {
    /// Slug of the connection.
    pub connection: String,
    /// The vendor's id of the deal.
    pub deal: String,
    /// What.
    pub body: Vec<u8>,
}

/// What one deal means for its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortfolioDealRow {
    /// Slug of the connection.
    pub connection: String,
    /// The vendor's id of the deal.
    pub deal: String,
    /// E-mail of its owner; empty for a deal that says nothing of anybody.
    pub owner: String,
    /// The version of the deal that says so.
    pub version: i64,
    /// When it was closed; `None` while it is open.
    pub closed_at: Option<UnixMs>,
    /// All of it.
    pub body: Vec<u8>,
}

/// An edit that somebody made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortfolioEditRow {
    /// Derived from the change: the same change makes the same row.
    pub id: String,
    /// E-mail of the deal's owner.
    pub owner: String,
    /// Slug of the connection.
    pub connection: String,
    /// The vendor's id of the deal.
    pub deal: String,
    /// When.
    pub at: UnixMs,
    /// All of it.
    pub body: Vec<u8>,
}

/// What a stretch of the log is folded into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fold {
    /// Where the cursor stood, and where it stands then.
    pub from: i64,
    /// The last row that is covered.
    pub to: i64,
    /// Standings, in the order in which they were told.
    pub deals: Vec<PortfolioDealRow>,
    /// Edits.
    pub edits: Vec<PortfolioEditRow>,
    /// People whom it concerns, beside the owners of those deals.
    pub people: Vec<String>,
}

/// What rules remember of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonStateRow {
    /// E-mail.
    pub person: String,
    /// As loaded. The commit fails if something was told of the person since.
    pub version: i64,
    /// When the rules are to be looked at.
    pub due_at: UnixMs,
    /// All of it; empty for somebody new.
    pub body: Vec<u8>,
}

impl Store {
    /// What was told and not folded yet: where the cursor stands, and the next rows,
    /// each with its number.
    pub async fn portfolio_log(&self, limit: usize) -> Result<(i64, Vec<(i64, ToldRow)>)> {
        self.read(move |main| {
            let cursor = number(main, &CURSOR, [])?;
            let rows = all(main, &AFTER, params![cursor, sql_limit(limit)], |row| {
                let told =
                    ToldRow { connection: row.get(1)?, deal: row.get(2)?, body: row.get(3)? };
                Ok((row.get(0)?, told))
            })?;
            Ok((cursor, rows))
        })
        .await
    }

    /// Folds a stretch of the log in, moves the cursor, and lets the rows go.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the cursor stands elsewhere: somebody else has
    /// folded them.
    pub async fn fold_portfolio(&self, fold: Fold) -> Result<()> {
        self.write_news(CommitClass::Derived, News::NONE, move |tx| {
            if run(tx, &MOVE, params![fold.to, fold.from])? != 1 {
                let changed = format!("no longer stands at {}", fold.from);
                return Err(StoreError::conflict("cursor", "portfolio", changed));
            }
            for deal in &fold.deals {
                let PortfolioDealRow { connection, deal, owner, version, closed_at, body } = deal;
                let at = params![connection, deal];
                let before: Option<String> = first(tx, &OWNER, at, |row| row.get(0))?;
                let closed_at = closed_at.map_or(0, |at| at.0);
                let row = params![connection, deal, owner, version, closed_at, body];
                if run(tx, &PUT_DEAL, row)? == 0 {
                    continue;
                }
                for person in before.iter().chain([owner]).filter(|person| !person.is_empty()) {
                    run(tx, &MARK, params![person])?;
                }
            }
            for edit in &fold.edits {
                let PortfolioEditRow { id, owner, connection, deal, at, body } = edit;
                run(tx, &ADD_EDIT, params![id, owner, connection, deal, at.0, body])?;
            }
            for person in &fold.people {
                run(tx, &MARK, params![person])?;
            }
            run(tx, &FORGET_LOG, params![fold.to]).map(drop)
        })
        .await
    }

    /// Sees to it that these people are looked at by and by.
    pub async fn know_people(&self, people: Vec<String>) -> Result<()> {
        self.write_news(CommitClass::Derived, News::NONE, move |tx| {
            people.iter().try_for_each(|person| run(tx, &KNOW, params![person]).map(drop))
        })
        .await
    }

    /// People whose rules are to be looked at by `now`, and when the next are.
    pub async fn people_due(
        &self,
        now: UnixMs,
        limit: usize,
    ) -> Result<(Vec<PersonStateRow>, Option<UnixMs>)> {
        self.read(move |main| {
            let due = all(main, &DUE, params![now.0, sql_limit(limit)], person_row)?;
            let next = first(main, &NEXT_AT, [], |row| row.get(0).map(UnixMs))?;
            Ok((due, next))
        })
        .await
    }

    /// What rules remember of one person.
    pub async fn person_state(&self, person: String) -> Result<Option<PersonStateRow>> {
        self.read(move |main| load_person(main, &person)).await
    }

    /// The deals of these people that are still kept.
    pub async fn portfolio_deals(&self, owners: Vec<String>) -> Result<Vec<PortfolioDealRow>> {
        let owners = serde_json::to_string(&owners).unwrap_or_default();
        self.read(move |main| {
            all(main, &DEALS, params![owners, sql_limit(DEALS_MAX)], portfolio_deal_row)
        })
        .await
    }

    /// A page of everybody's deals in the order of their keys.
    pub async fn portfolio_after(
        &self,
        after: (String, String),
        limit: usize,
    ) -> Result<Vec<PortfolioDealRow>> {
        self.read(move |main| {
            let of = params![after.0, after.1, sql_limit(limit)];
            all(main, &ALL_DEALS, of, portfolio_deal_row)
        })
        .await
    }

    /// Edits on the deals of these people since an instant, oldest first.
    pub async fn portfolio_edits(
        &self,
        owners: Vec<String>,
        since: UnixMs,
    ) -> Result<Vec<Vec<u8>>> {
        let owners = serde_json::to_string(&owners).unwrap_or_default();
        self.read(move |main| {
            let of = params![owners, since.0, sql_limit(EDITS_MAX)];
            all(main, &EDITS, of, |row| row.get(0))
        })
        .await
    }

    /// When nudges of these rules reached somebody since an instant.
    pub async fn nudges_reached(
        &self,
        person: String,
        rules: Vec<String>,
        since: UnixMs,
    ) -> Result<Vec<UnixMs>> {
        let rules = serde_json::to_string(&rules).unwrap_or_default();
        self.read(move |main| {
            let of = params![person, rules, since.0];
            all(main, &PUSHES, of, |row| row.get(0).map(UnixMs))
        })
        .await
    }

    /// How often a rule's nudges since an instant were answered with one of `kinds`,
    /// how often with `counted` of these, and by how many people.
    pub async fn answers_counted(
        &self,
        rule: String,
        kinds: Vec<&'static str>,
        counted: &'static str,
        since: UnixMs,
    ) -> Result<(i64, i64, i64)> {
        let kinds = serde_json::to_string(&kinds).unwrap_or_default();
        self.read(move |main| {
            let of = params![counted, kinds, rule, since.0];
            let row = first(main, &ANSWERS, of, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            Ok(row.unwrap_or_default())
        })
        .await
    }

    /// Forgets at most `limit` deals closed before an instant, and as many edits from
    /// before another. Answers how many rows went.
    pub async fn forget_portfolio(
        &self,
        closed_before: UnixMs,
        edits_before: UnixMs,
        limit: usize,
    ) -> Result<usize> {
        self.write_news(CommitClass::Derived, News::NONE, move |tx| {
            let deals = run(tx, &OLD_DEALS, params![closed_before.0, sql_limit(limit)])?;
            Ok(deals + run(tx, &OLD_EDITS, params![edits_before.0, sql_limit(limit)])?)
        })
        .await
    }

    /// Forgets everything of people in steps, once no rule is about them any more;
    /// answers how many rows went. What was said stays, as everything said does.
    pub async fn clear_portfolio(&self, limit: usize) -> Result<usize> {
        self.write_news(CommitClass::Derived, News::NONE, move |tx| {
            let log = number(tx, &CURSOR, [])?;
            let rows = all(tx, &AFTER, params![log, sql_limit(limit)], |row| row.get::<_, i64>(0))?;
            if let Some(last) = rows.last() {
                run(tx, &MOVE, params![last, log])?;
                run(tx, &FORGET_LOG, params![last])?;
            }
            let steps = [&CLEAR_DEALS, &CLEAR_EDITS, &CLEAR_PEOPLE];
            let gone: Result<Vec<usize>> =
                steps.iter().map(|step| run(tx, step, params![sql_limit(limit)])).collect();
            Ok(rows.len() + gone?.iter().sum::<usize>())
        })
        .await
    }
}

/// Appends to the log.
pub(super) fn append(main: &Connection, told: &ToldRow) -> Result<()> {
    run(main, &APPEND, params![told.connection, told.deal, told.body]).map(drop)
}

/// Writes what is remembered of a person, if nothing was told since.
pub(super) fn put_person(main: &Connection, row: &PersonStateRow) -> Result<()> {
    let PersonStateRow { person, version, due_at, body } = row;
    if run(main, &PUT_STATE, params![due_at.0, body, person, version])? == 1 {
        return Ok(());
    }
    let changed = format!("is no longer at version {version}");
    Err(StoreError::conflict("person", person, changed))
}

fn load_person(main: &Connection, person: &str) -> Result<Option<PersonStateRow>> {
    first(main, &STATE, params![person], person_row)
}

/// The person that a subject is; `None` for a deal.
pub(super) fn about(main: &Connection, subject: &SubjectKey) -> Result<Option<PersonStateRow>> {
    if subject.kind == PERSON { load_person(main, &subject.id) } else { Ok(None) }
}

/// Erases what a deal told of people; its owner is looked at again.
pub(super) fn erase(main: &Connection, connection: &str, deal: &str) -> Result<usize> {
    let steps = [&MARK_OWNER, &ERASE_LOG, &ERASE_DEAL, &ERASE_EDITS];
    let touched: Result<Vec<usize>> =
        steps.iter().map(|step| run(main, step, params![connection, deal])).collect();
    Ok(touched?.iter().sum())
}

fn person_row(row: &Row<'_>) -> rusqlite::Result<PersonStateRow> {
    Ok(PersonStateRow {
        person: row.get(0)?,
        version: row.get(1)?,
        due_at: UnixMs(row.get(2)?),
        body: row.get(3)?,
    })
}

fn portfolio_deal_row(row: &Row<'_>) -> rusqlite::Result<PortfolioDealRow> {
    let closed_at: i64 = row.get(4)?;
    Ok(PortfolioDealRow {
        connection: row.get(0)?,
        deal: row.get(1)?,
        owner: row.get(2)?,
        version: row.get(3)?,
        closed_at: (closed_at != 0).then_some(UnixMs(closed_at)),
        body: row.get(5)?,
    })
}
