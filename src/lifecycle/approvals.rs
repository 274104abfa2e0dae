//! What waits for a second person, and her word on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use touchline_rules::UnixMs;

use super::book::RuleBook;
use super::deeds::Meaning;
use super::whole::AskedRule;
use super::{Deed, LifeError, Lifecycle, Outcome, Signature};
use crate::store::{Fenced, RuleChange, RuleRequestRow};

/// Requests that are listed.
const OPEN_MAX: usize = 200;
/// Hexadecimal digits of an id that people type.
const ID_DIGITS: usize = 8;
/// Tries when settings move meanwhile.
const TRIES_MAX: u32 = 8;

const OPEN: &str = "open";
const APPROVED: &str = "approved";
const REFUSED: &str = "refused";

/// Something that was asked for and waits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Request {
    /// What people type.
    pub id: String,
    /// Who asked.
    pub by: String,
    /// When.
    pub at: UnixMs,
    /// Why.
    pub why: String,
    /// What would be done, in words.
    pub lines: Vec<String>,
    /// What is to be published, in short.
    pub rules: Vec<AskedRule>,
    /// What is to be done.
    #[serde(skip)]
    pub deed: Deed,
    #[serde(skip)]
    based_on: BTreeMap<String, String>,
}

/// What is stored of it.
#[derive(Serialize, Deserialize)]
struct Body {
    why: String,
    lines: Vec<String>,
    #[serde(default)]
    rules: Vec<AskedRule>,
    deed: Deed,
    /// The version of each rule when it was asked for.
    based_on: BTreeMap<String, String>,
}

impl Request {
    pub(super) fn new(
        deed: Deed,
        signed: &Signature,
        book: &RuleBook,
        (lines, rules): (Vec<String>, Vec<AskedRule>),
    ) -> Self {
        let cause = format!("{} {} {deed:?}", signed.by, signed.at.0);
        let mut id = touchline_kit::signature::hex(&crate::lifecycle::digest(&cause));
        id.truncate(ID_DIGITS);
        let based_on = versions(book);
        Request {
            id,
            by: signed.by.clone(),
            at: signed.at,
            why: signed.why.clone(),
            lines,
            rules,
            deed,
            based_on,
        }
    }

    /// The change that keeps it.
    pub(super) fn kept(&self, version: i64, signed: &Signature) -> Result<RuleChange, LifeError> {
        let told = json!({ "request": self.id, "what": self.lines });
        let mut change = signed.change(version, "ask", told)?;
        change.requests.push(self.row(OPEN, None)?);
        Ok(change)
    }

    fn row(
        &self,
        state: &str,
        settled: Option<(&str, UnixMs)>,
    ) -> Result<RuleRequestRow, LifeError> {
        let body = Body {
            why: self.why.clone(),
            lines: self.lines.clone(),
            rules: self.rules.clone(),
            deed: self.deed.clone(),
            based_on: self.based_on.clone(),
        };
        Ok(RuleRequestRow {
            id: self.id.clone(),
            at: self.at,
            actor: self.by.clone(),
            state: state.to_owned(),
            settled_at: settled.map(|(_, at)| at),
            settled_by: settled.map(|(by, _)| by.to_owned()).unwrap_or_default(),
            body: serde_json::to_vec(&body)?,
        })
    }

    pub(super) fn read(row: &RuleRequestRow) -> Result<Request, LifeError> {
        let Body { why, lines, rules, deed, based_on } = serde_json::from_slice(&row.body)?;
        let (id, by) = (row.id.clone(), row.actor.clone());
        Ok(Request { id, by, at: row.at, why, lines, rules, deed, based_on })
    }
}

fn versions(book: &RuleBook) -> BTreeMap<String, String> {
    let of = |rule: &touchline_rules::ruleset::Rule| {
        let state = book.life(&rule.id).map_or("on", |life| life.state.as_str());
        (rule.id.clone(), format!("{state} {}", rule.version_hash))
    };
    book.written.rules().iter().map(of).collect()
}

impl Lifecycle {
    /// What waits for a second person, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn requests(&self) -> Result<Vec<Request>, LifeError> {
        let rows = self.store.open_rule_requests(OPEN_MAX).await?;
        rows.iter().map(Request::read).collect()
    }

    /// The word of a second person on a request. When she agrees it is done, if the
    /// rules are still as they were when it was asked for.
    ///
    /// # Errors
    /// [`LifeError`]: nothing was changed.
    pub async fn settle(
        &self,
        id: &str,
        agrees: bool,
        by: &str,
        why: &str,
        at: UnixMs,
    ) -> Result<Outcome, LifeError> {
        for _ in 0..TRIES_MAX {
            let request = self.open_request(id).await?;
            let (version, book) = self.book().await?;
            if !agrees {
                // Whoever asked may take it back.
                if by != request.by {
                    self.may_agree(by, &request.by)?;
                }
                let signed =
                    Signature { by: by.to_owned(), agreed_by: None, why: why.to_owned(), at };
                let mut change = signed.change(version, "refuse", json!({ "request": id }))?;
                change.requests.push(request.row(REFUSED, Some((by, at)))?);
                if let Fenced::Done(_) = self.store.commit_rules(change).await? {
                    return Ok(Outcome::Done(vec![format!("request {id} is refused")]));
                }
                continue;
            }
            self.may_agree(by, &request.by)?;
            check_unmoved(&request, &book)?;
            let why = if why.is_empty() {
                request.why.clone()
            } else {
                format!("{}; {why}", request.why)
            };
            let signed =
                Signature { by: request.by.clone(), agreed_by: Some(by.to_owned()), why, at };
            let meaning = self.meaning(version, &book, &request.deed, &signed).await?;
            let Some(Meaning { mut change, lines }) = meaning else { return Ok(Outcome::Nothing) };
            change.requests.push(request.row(APPROVED, Some((by, at)))?);
            if let Fenced::Done(_) = self.store.commit_rules(change).await? {
                return Ok(Outcome::Done(lines));
            }
        }
        Err(LifeError::Other(anyhow::anyhow!("settings keep changing; try again")))
    }

    async fn open_request(&self, id: &str) -> Result<Request, LifeError> {
        let hint = "`touchline rules requests` lists what waits";
        let Some(row) = self.store.rule_request(id.to_owned()).await? else {
            return Err(LifeError::not_found(format!("there is no request {id}"), hint));
        };
        if row.state != OPEN {
            let problem = format!("request {id} was {} by {}", row.state, row.settled_by);
            return Err(LifeError::refused(problem, hint));
        }
        Request::read(&row)
    }
}

/// Nobody agrees to something else than she read.
fn check_unmoved(request: &Request, book: &RuleBook) -> Result<(), LifeError> {
    let now = versions(book);
    let concerned: Vec<&str> = match &request.deed {
        Deed::Publish(_) => request.rules.iter().map(|rule| rule.rule.as_str()).collect(),
        Deed::Step { rule, .. }
        | Deed::Confirm { rule }
        | Deed::Rollback { rule, .. }
        | Deed::Mute { rule, .. }
        | Deed::Tighten { rule, .. } => vec![rule],
    };
    match concerned.into_iter().find(|rule| now.get(*rule) != request.based_on.get(*rule)) {
        None => Ok(()),
        Some(rule) => Err(LifeError::refused(
            format!("`{rule}` was changed since request {} was made", request.id),
            "ask for it anew, against the rules as they are now",
        )),
    }
}
