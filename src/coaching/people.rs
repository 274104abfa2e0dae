//! People: who they are, in which zone they work, who leads them, how chat knows
//! them. Kept in memory whole: a company has thousands, not millions.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use touchline_kit::ChatPerson;
use touchline_rules::facts::{Managers, Metadata};
use touchline_rules::time::DAY_MS;
use touchline_rules::{Calendar, UnixMs};

use crate::config::{Config, PersonConfig};
use crate::store::{self, IdentityRow, PersonRow, Store, StoreError};

/// People read from the store in one page.
const PAGE: usize = 500;
/// Somebody whom chat did not know is looked for again after that.
const LOOK_AGAIN_MS: i64 = DAY_MS;
/// The identity kind of a chat user.
pub const CHAT_IDENTITY: &str = "chat";

/// A person as the service knows them. Their id is their e-mail, lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// E-mail, lower case.
    pub email: String,
    /// The name people see.
    pub name: String,
    /// Zone of their chat profile, if it says one.
    pub time_zone: Option<String>,
    /// How chat knows them.
    pub chat: ChatStatus,
    /// When the first nudge was claimed for them.
    pub first_nudge_at: Option<UnixMs>,
    #[serde(skip)]
    version: i64,
}

/// How a chat knows somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatStatus {
    /// Nobody has looked yet.
    Unlooked,
    /// Known there.
    Found {
        /// Slug of the chat connection.
        connection: String,
        /// The vendor's id and profile.
        person: ChatPerson,
    },
    /// Not known there, as of this instant.
    Missing {
        /// When that was looked up.
        at: UnixMs,
    },
}

/// Whether chat is asked again about somebody it did not know at `missed_at`. An
/// instant that is still to come was written by a clock that was wrong.
#[must_use]
pub fn is_to_be_looked_for_again(missed_at: UnixMs, now: UnixMs) -> bool {
    missed_at > now || now.since_ms(missed_at) >= LOOK_AGAIN_MS
}

impl Person {
    /// Somebody heard of for the first time.
    #[must_use]
    pub fn new(email: &str, name: &str) -> Self {
        Person {
            email: email.to_lowercase(),
            name: if name.is_empty() { email.to_owned() } else { name.to_owned() },
            time_zone: None,
            chat: ChatStatus::Unlooked,
            first_nudge_at: None,
            version: 0,
        }
    }
}

/// Everybody, with what configuration says of them.
pub struct People {
    store: Store,
    config: Arc<Config>,
    known: RwLock<HashMap<String, Arc<Person>>>,
    managers: Managers,
}

fn managers_in(config: &Config) -> Managers {
    let led = config.people.iter().filter_map(|(email, one)| Some((email, one.manager.as_ref()?)));
    Managers::of(led.map(|(email, manager)| (email.as_str(), manager.as_str())))
}

impl People {
    /// Reads everybody from the store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(store: Store, config: Arc<Config>) -> anyhow::Result<People> {
        let mut known = HashMap::new();
        let mut after = String::new();
        loop {
            let page = store.people(after.clone(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.id);
            for row in page {
                let mut person: Person = serde_json::from_slice(&row.body)?;
                person.version = row.version;
                known.insert(row.id, Arc::new(person));
            }
        }
        let managers = managers_in(&config);
        Ok(People { store, config, known: RwLock::new(known), managers })
    }

    /// The person with this e-mail, if ever heard of.
    #[must_use]
    pub fn get(&self, email: &str) -> Option<Arc<Person>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(email).cloned()
    }

    /// The e-mails of everybody ever heard of, in order.
    #[must_use]
    pub fn emails(&self) -> Vec<String> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut emails: Vec<String> = known.keys().cloned().collect();
        emails.sort();
        emails
    }

    /// Stores a person, new or changed.
    ///
    /// # Errors
    /// When the store cannot take it, or somebody else changed the person.
    pub async fn put(&self, mut person: Person) -> store::Result<Arc<Person>> {
        let mut known_as = Vec::new();
        if let ChatStatus::Found { connection, person: chat } = &person.chat {
            known_as.push(IdentityRow {
                connection: connection.clone(),
                kind: CHAT_IDENTITY.to_owned(),
                vendor_id: chat.id.clone(),
                person: person.email.clone(),
            });
        }
        let row = PersonRow {
            id: person.email.clone(),
            email: person.email.clone(),
            version: person.version,
            body: serde_json::to_vec(&person)
                .map_err(|error| StoreError::Unexpected { detail: error.to_string() })?,
        };
        self.store.put_people(vec![row], known_as).await?;
        person.version += 1;
        let person = Arc::new(person);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(person.email.clone(), Arc::clone(&person));
        Ok(person)
    }

    /// The name to use for somebody.
    #[must_use]
    pub fn name_of(&self, email: &str) -> String {
        let configured = self.config.people.get(email).and_then(|person| person.name.clone());
        configured
            .or_else(|| self.get(email).map(|person| person.name.clone()))
            .unwrap_or_else(|| email.to_owned())
    }

    /// Who leads whom, as configuration says.
    #[must_use]
    pub fn managers(&self) -> &Managers {
        &self.managers
    }

    /// Who leads somebody, as configuration says.
    #[must_use]
    pub fn manager_of(&self, email: &str) -> Option<String> {
        self.config.people.get(email).and_then(|person| person.manager.clone())
    }

    /// What configuration says of somebody.
    #[must_use]
    pub fn configured(&self, email: &str) -> Option<&PersonConfig> {
        self.config.people.get(email)
    }

    /// Whom somebody leads, as configuration says.
    #[must_use]
    pub fn led_by(&self, manager: &str) -> Vec<String> {
        let people = self.config.people.iter();
        let led = people.filter(|(_, one)| one.manager.as_deref() == Some(manager));
        led.map(|(email, _)| email.clone()).collect()
    }

    /// Everybody who leads somebody.
    #[must_use]
    pub fn leaders(&self) -> Vec<String> {
        let mut leaders: Vec<String> =
            self.config.people.values().filter_map(|one| one.manager.clone()).collect();
        leaders.sort();
        leaders.dedup();
        leaders
    }

    /// The zone somebody works in: what configuration says of them, else their
    /// chat profile, else the account's, else the installation's. `None` when
    /// nobody says: then nothing is guessed.
    #[must_use]
    pub fn zone_of(&self, email: Option<&str>, account: &Metadata) -> Option<String> {
        let configured = email.and_then(|email| self.config.people.get(email));
        configured
            .and_then(|person| person.time_zone.clone())
            .or_else(|| email.and_then(|email| self.get(email)?.time_zone.clone()))
            .or_else(|| account.time_zone.clone())
            .or_else(|| Some(self.config.time_zone.clone()))
            .filter(|zone| !zone.is_empty())
    }

    /// The calendar somebody works by. Where no zone is known it is UTC, which
    /// `doctor` names as something to set.
    #[must_use]
    pub fn calendar_of(&self, email: Option<&str>, account: &Metadata) -> Calendar {
        let zone = self.zone_of(email, account);
        let known = zone.and_then(|zone| self.config.calendar_in(&zone));
        known
            .or_else(|| self.config.calendar_in("UTC"))
            .unwrap_or_else(|| Calendar::weekdays(jiff::tz::TimeZone::UTC))
    }

    /// The e-mail of a deal's owner, lower case.
    #[must_use]
    pub fn owner_email(metadata: &Metadata, owner_id: Option<&str>) -> Option<String> {
        let owner = metadata.owner(owner_id?)?;
        owner.email.as_ref().map(|email| email.to_lowercase())
    }
}
