//! Who may change which rule.
//!
//! A rule belongs to the company or to one team. A team's manager changes what is
//! her team's; an admin changes everything. What is the company's, a manager who is
//! no admin may ask for: a second person, an admin or another manager, agrees to it.
//! The owner of a rule answers for it: she may always pause or confirm it, if she is
//! somebody whom the configuration or a connected account knows.
//!
//! Whoever can read the database acts under the name she gives: it is recorded,
//! and not proven.

use touchline_rules::life::Step;

use super::book::RuleBook;
use super::{Deed, LifeError, Lifecycle};
use crate::coaching::people::{ChatStatus, Person};

/// How a deed may be done.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// At once.
    Now,
    /// Once a second person agrees.
    WithSecond,
}

impl Lifecycle {
    /// How `acting` may do this deed.
    ///
    /// # Errors
    /// [`LifeError::NotAllowed`], saying who may; [`LifeError::Refused`] for a team
    /// of nobody; [`LifeError::Store`].
    pub async fn allowed(
        &self,
        acting: &str,
        deed: &Deed,
        book: &RuleBook,
    ) -> Result<Allowed, LifeError> {
        let team = team_of(deed, book);
        if !team.is_empty() && !self.teams.leads(&team) {
            return Err(LifeError::refused(
                format!("{team} manages nobody"),
                format!(
                    "name who belongs to the team in the configuration: [people.\"ann@example.com\"] manager = \"{team}\""
                ),
            ));
        }
        if self.teams.is_admin(acting) {
            return Ok(Allowed::Now);
        }
        if !team.is_empty() {
            if acting == team {
                return Ok(Allowed::Now);
            }
            return Err(LifeError::not_allowed(
                format!("{acting} does not manage the team of {team}"),
                format!("{team} or an admin may"),
            ));
        }
        if answers_for(acting, deed, book) && self.knows(acting).await? {
            return Ok(Allowed::Now);
        }
        if self.teams.leads(acting) {
            return Ok(Allowed::WithSecond);
        }
        Err(LifeError::not_allowed(
            format!("{acting} may not change the company's rules"),
            self.who_may(),
        ))
    }

    /// Whether `acting` may agree to what `asked_by` wants of the company's rules.
    ///
    /// # Errors
    /// [`LifeError::NotAllowed`], saying who may.
    pub(super) fn may_agree(&self, acting: &str, asked_by: &str) -> Result<(), LifeError> {
        if acting == asked_by {
            return Err(LifeError::not_allowed(
                format!("{acting} asked for it, and cannot agree to it as well"),
                "another manager or an admin may",
            ));
        }
        if self.teams.is_admin(acting) || self.teams.leads(acting) {
            return Ok(());
        }
        Err(LifeError::not_allowed(
            format!("{acting} may not change the company's rules"),
            self.who_may(),
        ))
    }

    /// Whether somebody is anybody here: named by the configuration, an owner in a
    /// connected CRM, or found in a connected chat. A rule may name an owner who is not.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn knows(&self, email: &str) -> Result<bool, LifeError> {
        let email = email.to_lowercase();
        let is_configured = self.config.people.contains_key(&email)
            || self.teams.leads(&email)
            || self.teams.is_admin(&email);
        let mut owners = self.accounts.iter().flat_map(|(_, account)| &account.owners);
        let is_hers = |it: &String| it.to_lowercase() == email;
        if is_configured || owners.any(|owner| owner.email.as_ref().is_some_and(is_hers)) {
            return Ok(true);
        }
        let Some(row) = self.store.person(email).await? else { return Ok(false) };
        let person: Person = serde_json::from_slice(&row.body)?;
        Ok(matches!(person.chat, ChatStatus::Found { .. }))
    }

    fn who_may(&self) -> String {
        let first = if self.teams.has_admins() {
            "an admin may"
        } else {
            "name admins in the configuration: admins = [\"admin@example.com\"]"
        };
        format!("{first}; a manager may ask for it, and a second person agrees")
    }
}

/// The team that a deed concerns; empty for the company.
fn team_of(deed: &Deed, book: &RuleBook) -> String {
    match deed {
        Deed::Publish(publishing) => publishing.team.clone(),
        Deed::Mute { team, .. } | Deed::Tighten { team, .. } => team.clone(),
        Deed::Step { rule, .. } | Deed::Confirm { rule } | Deed::Rollback { rule, .. } => {
            book.life(rule).map(|life| life.team.clone()).unwrap_or_default()
        }
    }
}

fn answers_for(acting: &str, deed: &Deed, book: &RuleBook) -> bool {
    let (Deed::Step { rule, step: Step::Pause } | Deed::Confirm { rule }) = deed else {
        return false;
    };
    let owner = book.written.rule(rule).and_then(|rule| rule.owner.as_ref());
    owner.is_some_and(|owner| owner.eq_ignore_ascii_case(acting))
}
