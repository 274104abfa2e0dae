//! Teams: the people whom a manager manages, as configuration says, and the admins.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Config;

/// Who leads whom, and who may change what is the company's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Teams {
    of: BTreeMap<String, BTreeSet<String>>,
    admins: BTreeSet<String>,
}

impl Teams {
    /// As configuration says: a team is everybody whose `manager` somebody is.
    #[must_use]
    pub fn of(config: &Config) -> Teams {
        let mut of = BTreeMap::<String, BTreeSet<String>>::new();
        for (email, person) in &config.people {
            if let Some(manager) = &person.manager {
                of.entry(manager.clone()).or_default().insert(email.clone());
            }
        }
        Teams { of, admins: config.admins.iter().map(|email| email.to_lowercase()).collect() }
    }

    /// The people whom that manager manages; nobody where she manages none.
    #[must_use]
    pub fn members(&self, manager: &str) -> BTreeSet<String> {
        self.of.get(manager).cloned().unwrap_or_default()
    }

    /// Whether somebody manages anybody.
    #[must_use]
    pub fn leads(&self, email: &str) -> bool {
        self.of.contains_key(email)
    }

    /// Whether somebody is an admin.
    #[must_use]
    pub fn is_admin(&self, email: &str) -> bool {
        self.admins.contains(email)
    }

    /// Whether there is any admin.
    #[must_use]
    pub fn has_admins(&self) -> bool {
        !self.admins.is_empty()
    }
}
