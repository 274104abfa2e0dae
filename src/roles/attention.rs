//! Attention: from pending nudges to deliveries, one reader at a time. The
//! deciding is pure ([`touchline_rules::attention`]); here is what it needs and
//! what its decisions mean for the store.

mod decisions;
mod unassigned;

use std::sync::Arc;

use async_trait::async_trait;
use touchline_rules::UnixMs;
use touchline_rules::attention::log_reaches_back_to;
use touchline_rules::time::{HOUR_MS, SECOND_MS};

use super::batching::NOBODY;
use super::{PERSON, Progress, Role};
use crate::coaching::deliveries::log;
use crate::coaching::people::is_to_be_looked_for_again;
use crate::coaching::readers::{Reach, reach, reader, unsent};
use crate::coaching::settings::policy;
use crate::service::Service;
use crate::store::{self, Fenced, NewWork, StoreError, WorkKey};
use crate::wake::News;
use decisions::{Deciding, Place};

/// Readers looked at in one tick.
const READERS_MAX: usize = 64;
/// Nudges of one reader decided at once; what is left is decided next.
const PENDING_MAX: usize = 200;
/// Tries when something moved while a decision was made.
const TRIES_MAX: u32 = 4;
/// Nudges wait that long for their reader to be looked up in chat …
const LOOK_UP_WAIT_MS: i64 = 2 * SECOND_MS;
/// … and at most that long in all. Then they are decided by what is known, and
/// their messages wait.
const LOOK_UP_PATIENCE_MS: i64 = HOUR_MS;
/// After a reader's decisions failed, the next look at all.
const PAUSE_MS: i64 = SECOND_MS;

/// The role.
pub struct Attention {
    service: Arc<Service>,
}

impl Attention {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Attention { service }
    }

    /// Decides on everything that is due for one reader. Answers whether it was
    /// committed; if not, it is still due.
    async fn decide_for(&self, person: &str, now: UnixMs) -> anyhow::Result<bool> {
        let service = &self.service;
        for _ in 0..TRIES_MAX {
            let settings = service.settings.current();
            let policy = policy(&service.config, &settings.to);
            let bare = reader(service, &settings.to, person, &[], Vec::new());
            let since = log_reaches_back_to(&policy, &bare, now);
            let chat = service.connections.chat().map(|chat| chat.slug.clone());
            let slug = chat.clone().unwrap_or_default();
            let loaded = service
                .store
                .load_recipient(person.to_owned(), now, PENDING_MAX, since, slug)
                .await?;
            if loaded.settings_version != settings.version {
                service.settings.refresh().await?;
                continue;
            }
            let log = log(&loaded.recent, now);
            let reader = reader(service, &settings.to, person, &loaded.preferences, log);
            let is_sent_to = unsent(&policy, &reader).is_none();
            let place = self.place(person, chat, is_sent_to, now).await?;
            let deciding = Deciding { service, policy: &policy, reader: &reader, place, now };
            let decisions = deciding.decide(loaded.pending, loaded.hello.as_ref())?;
            match service.store.commit_attention(settings.version, decisions).await {
                Ok(Fenced::Done(crowded_out)) => {
                    if !crowded_out.is_empty() {
                        tracing::warn!(nudges = crowded_out.len(), "suppressed: queue_full");
                    }
                    return Ok(true);
                }
                Ok(Fenced::SettingsChanged { .. }) => drop(service.settings.refresh().await?),
                // An answer or an ending came between: what is left is loaded anew.
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// Where this reader's messages go. Asks to look them up if nobody has, or
    /// not for long; not while nothing would be sent to them anyway.
    async fn place(
        &self,
        person: &str,
        chat: Option<String>,
        is_sent_to: bool,
        now: UnixMs,
    ) -> store::Result<Place> {
        let Some(chat) = chat else { return Ok(Place::None) };
        let known = self.service.people.get(person);
        let (place, ask) = match reach(known.as_deref(), &chat) {
            Reach::Found(_) => (Place::Chat(chat.clone()), false),
            Reach::Missing(at) => (Place::None, is_to_be_looked_for_again(at, now)),
            Reach::Unlooked if !is_sent_to => (Place::Chat(chat.clone()), false),
            Reach::Unlooked => {
                let place = Place::Unlooked {
                    chat: chat.clone(),
                    until: now.plus_ms(LOOK_UP_WAIT_MS),
                    since_max: now.plus_ms(-LOOK_UP_PATIENCE_MS),
                };
                (place, true)
            }
        };
        if ask && is_sent_to {
            let work = look_up(&chat, person, now);
            self.service.store.ask_work(vec![work]).await?;
        }
        Ok(place)
    }
}

/// The work of looking somebody up in a chat.
pub(in crate::roles) fn look_up(chat: &str, person: &str, now: UnixMs) -> NewWork {
    let key =
        WorkKey { kind: PERSON.to_owned(), connection: chat.to_owned(), key: person.to_owned() };
    NewWork { key, next_at: now, body: Vec::new() }
}

#[async_trait]
impl Role for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn woken_by(&self) -> News {
        News::NUDGES
    }

    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let store = &self.service.store;
        let due = store.recipients_due(now, READERS_MAX).await?;
        if due.is_empty() {
            return Ok(Progress::idle_until(store.next_recipient_at().await?));
        }
        let mut worked = false;
        let mut failure = None;
        for person in due {
            let decided = match person.as_str() {
                NOBODY => self.find_readers(now).await,
                person => self.decide_for(person, now).await,
            };
            match decided {
                Ok(committed) => worked |= committed,
                // One reader's trouble is not the others'.
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if !worked => Err(error),
            _ if worked => Ok(Progress::WORKED),
            _ => Ok(Progress::idle_until(Some(now.plus_ms(PAUSE_MS)))),
        }
    }
}
