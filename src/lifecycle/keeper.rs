//! What rules do to themselves: they pause when their time is over or when they do
//! not help, and their owners are told.

use serde_json::json;
use touchline_rules::UnixMs;
use touchline_rules::life::{Expiry, ExpiryStep, RuleState};
use touchline_rules::ruleset::Rule;

use super::book::{RuleBook, state_of};
use super::listing::{counted_from, expiry, health, limits};
use super::notices::{Notice, NoticeKind, instead, is_to_owner};
use super::steps::moved;
use super::{LifeError, Lifecycle, Signature, TOUCHLINE};
use crate::coaching::deliveries::DeliveryBody;
use crate::store::{
    AuditEntry, DeliveryState, Fenced, NOTICE_TOLD, NOTICE_UNTOLD, RuleChange, RuleLifeRow,
    RuleNoticeRow, Store,
};

/// Notices looked after in one round.
const NOTICES_MAX: usize = 200;

impl Lifecycle {
    /// Looks at every rule once, as of `now`; owners are told by the chat of that
    /// slug. Answers how many rules paused themselves or were told of.
    ///
    /// # Errors
    /// When the store fails, or a file cannot be read.
    pub async fn keep(
        &self,
        book: &RuleBook,
        chat: Option<&str>,
        now: UnixMs,
    ) -> Result<usize, LifeError> {
        let mut kept = 0;
        for rule in book.written.rules() {
            let life = book.life_of(rule);
            if !state_of(&life).looks() {
                continue;
            }
            kept += usize::from(self.look_at(rule, &life, chat, now).await?);
        }
        Ok(kept + settle_notices(&self.store, book, &self.config.admins, now).await?)
    }

    async fn look_at(
        &self,
        rule: &Rule,
        life: &RuleLifeRow,
        chat: Option<&str>,
        now: UnixMs,
    ) -> Result<bool, LifeError> {
        let since = counted_from(&self.config, life, now);
        let health = health(&self.store, &rule.id, since).await?;
        if let Some(why) = health.verdict(&limits(&self.config)) {
            let what = format!("{why} (since {}).", day(since));
            let notice = Notice { kind: NoticeKind::Unhealthy, rule, cause: now, what };
            return self.pause(life, &why.to_string(), &notice, chat, now).await;
        }
        let Some(expiry) = expiry(&self.config, rule, life) else { return Ok(false) };
        match expiry.at(now) {
            ExpiryStep::Wait(_) => Ok(false),
            ExpiryStep::Notice => self.announce(rule, life, expiry, chat, now).await,
            ExpiryStep::End => {
                let what = format!(
                    "Nobody confirmed it since {}, and its time was over on {}.",
                    day(life.confirmed_at),
                    day(expiry.ends_at)
                );
                let notice =
                    Notice { kind: NoticeKind::Expired, rule, cause: life.confirmed_at, what };
                self.pause(life, "nobody confirmed it in time", &notice, chat, now).await
            }
        }
    }

    async fn announce(
        &self,
        rule: &Rule,
        life: &RuleLifeRow,
        expiry: Expiry,
        chat: Option<&str>,
        now: UnixMs,
    ) -> Result<bool, LifeError> {
        let what = format!("Its time is over on {}.", day(expiry.ends_at));
        let notice = Notice { kind: NoticeKind::ExpiresSoon, rule, cause: life.confirmed_at, what };
        if self.store.rule_notice(notice.id()).await?.is_some() {
            return Ok(false);
        }
        let signed = signed("its time is over within a week", now);
        let told = json!({ "rule": rule.id, "ends_at": expiry.ends_at.to_string() });
        let version = self.store.settings_version().await?;
        let mut change = signed.change(version, "expires_soon", told)?;
        change.log.push(signed.log("expires_soon", life));
        self.commit(change, &notice, chat, now).await
    }

    async fn pause(
        &self,
        life: &RuleLifeRow,
        why: &str,
        notice: &Notice<'_>,
        chat: Option<&str>,
        now: UnixMs,
    ) -> Result<bool, LifeError> {
        let signed = signed(why, now);
        let (version, rows) = self.store.rule_book().await?;
        let stored = rows.lives.iter().find(|stored| stored.rule_id == life.rule_id);
        if stored.is_some_and(|stored| stored != life) {
            // Somebody was here meanwhile: the next look sees it.
            return Ok(false);
        }
        let next = moved(life, RuleState::Paused, None, &signed);
        let told = json!({ "rule": life.rule_id, "from": life.state, "kind": notice.kind.name() });
        let mut change = signed.change(version, "pause", told)?;
        change.log.push(signed.log("pause", &next));
        change.calls_off.push(life.rule_id.clone());
        change.lives.push(next);
        let done = self.commit(change, notice, chat, now).await?;
        if done {
            tracing::warn!(rule.id = life.rule_id, why, "a rule has paused itself");
        }
        Ok(done)
    }

    async fn commit(
        &self,
        mut change: RuleChange,
        notice: &Notice<'_>,
        chat: Option<&str>,
        now: UnixMs,
    ) -> Result<bool, LifeError> {
        change.notices.push(notice.rows(chat, now)?);
        if let (None, Some(chat)) = (&notice.rule.owner, chat) {
            for admin in &self.config.admins {
                let (row, message) = notice.rows_for(admin, chat, now)?;
                change.notices.push((row, Some(message)));
            }
        }
        // Settings that moved meanwhile are seen by the next look.
        Ok(matches!(self.store.commit_rules(change).await?, Fenced::Done(_)))
    }
}

fn signed(why: &str, at: UnixMs) -> Signature {
    Signature { by: TOUCHLINE.to_owned(), agreed_by: None, why: why.to_owned(), at }
}

/// Notes which notices reached their readers. One that could not be told stands in
/// the audit log and in the list of rules, and goes to the admins instead. Answers
/// how many notices that makes.
async fn settle_notices(
    store: &Store,
    book: &RuleBook,
    admins: &[String],
    now: UnixMs,
) -> Result<usize, LifeError> {
    let mut handed_on = 0;
    for notice in store.rule_notices_asked(NOTICES_MAX).await? {
        let delivery = store.delivery(notice.id.clone()).await?;
        let (state, why) = match delivery.as_ref().map(|delivery| delivery.state) {
            Some(DeliveryState::Sent | DeliveryState::Accepted) => (NOTICE_TOLD, String::new()),
            Some(DeliveryState::Dropped | DeliveryState::Failed) => {
                let why = delivery.as_ref().map(|delivery| delivery.why.as_str());
                (
                    NOTICE_UNTOLD,
                    crate::coaching::ledger::in_words(why.unwrap_or_default()).to_owned(),
                )
            }
            None => (NOTICE_UNTOLD, "its message is gone".to_owned()),
            Some(DeliveryState::Waiting | DeliveryState::Claimed | DeliveryState::Unknown) => {
                continue;
            }
        };
        let audit = (state == NOTICE_UNTOLD).then(|| untold(&notice, &why, now)).transpose()?;
        let rule = book.written.rule(&notice.rule_id);
        let mut others = Vec::new();
        if let Some(untold) = delivery.filter(|_| state == NOTICE_UNTOLD)
            && rule.is_some_and(|rule| is_to_owner(&notice, rule))
        {
            let notice = RuleNoticeRow { why: why.clone(), ..notice.clone() };
            let letter = DeliveryBody::read(&untold).letter.unwrap_or_default();
            for admin in admins.iter().filter(|admin| **admin != notice.person) {
                let letter = letter.clone();
                others.push(instead(&notice, admin, &untold.connection, letter, now)?);
            }
        }
        handed_on += others.len();
        store.settle_rule_notice(notice.id, state, why, audit, others).await?;
    }
    Ok(handed_on)
}

fn untold(notice: &RuleNoticeRow, why: &str, at: UnixMs) -> Result<AuditEntry, serde_json::Error> {
    let told = json!({ "rule": notice.rule_id, "owner": notice.person, "notice": notice.kind, "why": why });
    Ok(AuditEntry {
        at,
        actor: TOUCHLINE.to_owned(),
        action: "rule_owner_not_told".to_owned(),
        body: serde_json::to_vec(&told)?,
    })
}

/// A day as people read it.
fn day(at: UnixMs) -> String {
    let shown =
        jiff::Timestamp::from_millisecond(at.0).map(|at| at.strftime("%-d %B %Y").to_string());
    shown.unwrap_or_else(|_| at.to_string())
}
