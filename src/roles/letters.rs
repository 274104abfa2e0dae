//! Letters: the weekly list of what a person was not bothered with, the notice to
//! admins that a mass change is held back, and answers to what somebody asked of
//! themselves. Each is written once, and sent as any delivery is; no limit counts it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use touchline_rules::UnixMs;
use touchline_rules::attention::{Policy, Recipient, Week, week_of};
use touchline_rules::engine::delivery_id;
use touchline_rules::time::{DAY_MS, HOUR_MS, MINUTE_MS};

use super::ingest::EDIT;
use super::{Progress, Role};
use crate::coaching::deliveries::{DeliveryBody, Letter, NOTICE, REPLY, WEEKLY};
use crate::coaching::ledger::held_back;
use crate::coaching::letters;
use crate::coaching::people::Person;
use crate::coaching::readers::{reader, unsent};
use crate::coaching::settings::{SendingTo, mass_limit, policy};
use crate::service::Service;
use crate::store::{
    HoldReport, HoldState, NewDelivery, PreferenceKind, PreferenceRow, StoreError, WorkRow,
};
use crate::wake::News;

/// Work: write a letter that was asked for; the key says which.
pub const LETTER: &str = "letter";

const KINDS: &[&str] = &[LETTER];
/// Letters written in one tick.
const WORK_MAX: usize = 64;
/// One that was begun and not finished is begun again after that.
const LEASE_MS: i64 = 60_000;
/// Who tells how a hold stands waits that long for something to be held …
const NOTHING_YET_MS: i64 = MINUTE_MS;
/// … and no longer than that after the hold opened.
const NOTHING_MS: i64 = HOUR_MS;
/// Messages that had left before a hold, named one by one.
const LEFT_NAMED_MAX: usize = 10;
/// Of the newest of a ledger, so many are told.
const SPARED_TOLD_MAX: usize = 15;
/// Everybody's week is looked at that often; in between at the next digest of one.
const WEEKS_EVERY_MS: i64 = 6 * HOUR_MS;
/// An answer or notice that could not be delivered for so long is not any more.
const LETTER_LIFE_MS: i64 = 3 * DAY_MS;
/// Before every nudge.
const PRIORITY: i64 = 0;

const HOLD: &str = "hold/";
const SETTINGS: &str = "settings/";
const SPARED: &str = "spared/";

/// The work key of the notice about a hold.
#[must_use]
pub fn of_hold(id: &str) -> String {
    format!("{HOLD}{id}")
}

/// The work key of the answer to who asks for their settings.
#[must_use]
pub fn of_settings(person: &str) -> String {
    format!("{SETTINGS}{person}")
}

/// The work key of the answer to who asks what they were spared.
#[must_use]
pub fn of_spared(person: &str) -> String {
    format!("{SPARED}{person}")
}

/// The role.
pub struct Letters {
    service: Arc<Service>,
    weeks_at: AtomicI64,
}

impl Letters {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Letters { service, weeks_at: AtomicI64::new(i64::MIN) }
    }

    /// Writes what was asked for. Answers when to look again, if at all.
    async fn write(&self, work: &WorkRow, now: UnixMs) -> anyhow::Result<Option<UnixMs>> {
        let WorkRow { key, next_at, revision, .. } = work;
        if let Some(id) = key.key.strip_prefix(HOLD) {
            return self.tell_admins(id, &key.connection, now).await;
        }
        // Asked again, it is answered again.
        let cause = format!("{} {} {revision}", key.key, next_at.0);
        let (person, letter) = if let Some(person) = key.key.strip_prefix(SETTINGS) {
            (person, self.settings(person, now).await?)
        } else if let Some(person) = key.key.strip_prefix(SPARED) {
            (person, self.spared(person, now).await?)
        } else {
            return Ok(None);
        };
        if self.service.people.get(person).is_none() {
            return Ok(None);
        }
        let until = now.plus_ms(LETTER_LIFE_MS);
        let letter = delivery(&key.connection, REPLY, &cause, person, (now, until), letter)?;
        self.service.store.add_letters(vec![letter]).await?;
        Ok(None)
    }

    async fn settings(&self, person: &str, now: UnixMs) -> anyhow::Result<Letter> {
        let chosen = self.service.store.preferences(person.to_owned()).await?;
        let of = reader(&self.service, &SendingTo::default(), person, &chosen, Vec::new());
        let muted: Vec<String> = of.muted_rules.iter().cloned().collect();
        let paused = of.paused_until.filter(|until| *until > now);
        Ok(letters::settings(&of.choice, &muted, paused, &of.calendar.zone))
    }

    async fn spared(&self, person: &str, now: UnixMs) -> anyhow::Result<Letter> {
        let store = &self.service.store;
        let rows = store.suppressed_of(person.to_owned(), now.plus_ms(1), SPARED_TOLD_MAX).await?;
        let mut newest = Vec::new();
        for row in rows {
            let nudge = store.nudge(row.nudge_id).await?;
            let headline = nudge.map_or(row.rule_id, |nudge| letters::headline(&nudge));
            newest.push((headline, row.reason, row.at));
        }
        let calendar = self.service.people.calendar_of(Some(person), &self.service.account());
        Ok(letters::spared(&newest, &calendar.zone))
    }

    /// Tells the admins of a hold, once there is something in it.
    async fn tell_admins(
        &self,
        id: &str,
        chat: &str,
        now: UnixMs,
    ) -> anyhow::Result<Option<UnixMs>> {
        let service = &self.service;
        let report = service.store.mass_hold(id.to_owned(), LEFT_NAMED_MAX).await?;
        let Some(report) = report.filter(|report| report.hold.state == HoldState::Open) else {
            return Ok(None);
        };
        if report.held == 0 && report.left == 0 {
            let waited_ms = now.since_ms(report.hold.opened_at);
            return Ok((waited_ms < NOTHING_MS).then(|| now.plus_ms(NOTHING_YET_MS)));
        }
        let letter = self.notice(&report);
        let mut notices = Vec::new();
        for admin in &service.config.admins {
            self.meet(admin).await?;
            let until = now.plus_ms(LETTER_LIFE_MS);
            let cause = of_hold(id);
            notices.push(delivery(chat, NOTICE, &cause, admin, (now, until), letter.clone())?);
        }
        service.store.add_letters(notices).await?;
        Ok(None)
    }

    fn notice(&self, report: &HoldReport) -> Letter {
        let service = &self.service;
        let hold = &report.hold;
        let metadata = service.metadata(&hold.connection);
        let user = hold.actor.split_once(':').map(|(_, user)| user).filter(|user| !user.is_empty());
        let known = user.and_then(|user| {
            metadata.owners.iter().find(|owner| owner.user_id.as_deref() == Some(user))
        });
        let who = match (known, user) {
            (Some(owner), _) => owner.name.clone(),
            (None, Some(user)) => format!("User {user}"),
            (None, None) => format!("An {}", letters::kind_of(&hold.actor).name()),
        };
        let limit = mass_limit(&service.config);
        let limit =
            limit.unwrap_or(touchline_rules::attention::MassLimit { deals: 0, within_ms: 0 });
        letters::notice(report, &who, &limit, &|email| service.people.name_of(email))
    }

    /// Somebody whom neither CRM nor chat told of yet.
    async fn meet(&self, email: &str) -> anyhow::Result<()> {
        let people = &self.service.people;
        if people.get(email).is_none() {
            match people.put(Person::new(email, "")).await {
                Ok(_) | Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Writes the weekly lists that are due; answers when the next one is, and
    /// whether any was written.
    async fn weeks(&self, now: UnixMs) -> anyhow::Result<(UnixMs, bool)> {
        let service = &self.service;
        let settings = service.settings.refresh().await?;
        let policy = policy(&service.config, &settings.to);
        let again = now.plus_ms(WEEKS_EVERY_MS);
        let chat = service.connections.chat().map(|chat| chat.slug.clone());
        let Some(chat) = chat.filter(|_| policy.weekly_on.is_some()) else {
            return Ok((again, false));
        };
        let mut chosen: HashMap<String, Vec<PreferenceRow>> = HashMap::new();
        for row in service.store.hours_chosen().await? {
            debug_assert!(matches!(row.kind, PreferenceKind::Limit | PreferenceKind::Pause));
            chosen.entry(row.person.clone()).or_default().push(row);
        }
        let (mut next, mut written) = (again, 0);
        for email in service.people.emails() {
            let of = chosen.get(&email).map_or(&[][..], Vec::as_slice);
            let reader = reader(service, &settings.to, &email, of, Vec::new());
            let Some(week) = week_of(&policy, &reader, now) else { continue };
            if week.at > now {
                next = next.min(week.at);
            } else if let Some(letter) = self.week(&policy, &reader, &week, &chat, now).await? {
                written += service.store.add_letters(vec![letter]).await?;
            }
        }
        Ok((next, written > 0))
    }

    /// One person's list. `None` when there is nothing to tell or nobody is to be
    /// told: on the day itself only, not into a pause, and nobody who never heard of us.
    async fn week(
        &self,
        policy: &Policy,
        reader: &Recipient,
        week: &Week,
        chat: &str,
        now: UnixMs,
    ) -> anyhow::Result<Option<NewDelivery>> {
        let (service, calendar) = (&self.service, &reader.calendar);
        let is_its_day = calendar.local_date(week.at) == calendar.local_date(now);
        let is_paused = reader.paused_until.is_some_and(|until| until > now);
        let is_new = reader.first_nudge_at.is_none();
        if !is_its_day || is_paused || is_new || unsent(policy, reader).is_some() {
            return Ok(None);
        }
        let named = service.config.attention.weekly_named_max;
        let person = reader.person.clone();
        let period = (week.since, week.at);
        let spared = service.store.spared(person, period, held_back(), named).await?;
        let rules = service.rules.current();
        let Some(letter) = letters::weekly(&spared, week, &rules, &calendar.zone) else {
            return Ok(None);
        };
        let cause = week.at.0.to_string();
        let until = calendar.next_midnight(week.at);
        let at = (now, until);
        Ok(Some(delivery(chat, WEEKLY, &cause, &reader.person, at, letter)?))
    }
}

/// A letter as a delivery: its id follows from what caused it.
fn delivery(
    chat: &str,
    channel: &str,
    cause: &str,
    person: &str,
    (now, until): (UnixMs, UnixMs),
    letter: Letter,
) -> Result<NewDelivery, serde_json::Error> {
    Ok(NewDelivery {
        id: delivery_id(&format!("{person} {cause}"), chat, channel),
        connection: chat.to_owned(),
        channel: channel.to_owned(),
        person: person.to_owned(),
        attention: channel.to_owned(),
        subject: String::new(),
        on_end: EDIT.to_owned(),
        priority: PRIORITY,
        created_at: now,
        expires_at: until,
        until: now,
        nudges: Vec::new(),
        body: DeliveryBody { letter: Some(letter), ..DeliveryBody::default() }.bytes()?,
    })
}

#[async_trait]
impl Role for Letters {
    fn name(&self) -> &'static str {
        "letters"
    }

    fn woken_by(&self) -> News {
        News::FOLLOW_UPS
    }

    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let store = &self.service.store;
        let mut worked = false;
        if self.weeks_at.load(Ordering::Relaxed) <= now.0 {
            let (next, written) = self.weeks(now).await?;
            self.weeks_at.store(next.0, Ordering::Relaxed);
            worked = written;
        }
        let weeks_at = UnixMs(self.weeks_at.load(Ordering::Relaxed));
        let due = store.next_work_at(KINDS).await?;
        if due.is_none_or(|at| at > now) {
            let next = Some(due.map_or(weeks_at, |at| at.min(weeks_at)));
            return Ok(if worked {
                Progress::done_until(next)
            } else {
                Progress::idle_until(next)
            });
        }
        let claimed = store.claim_work(KINDS, now, WORK_MAX, LEASE_MS, Vec::new()).await?;
        let mut done = Vec::new();
        for work in claimed {
            if let Some(next) = self.write(&work, now).await? {
                store.retry_work(work.key, next, "nothing is held yet".to_owned()).await?;
            } else {
                done.push(work);
            }
        }
        store.finish_work(done).await?;
        Ok(Progress::WORKED)
    }
}
