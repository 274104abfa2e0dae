//! Who made an edit, as seen from the deal: its owner, the owner's manager,
//! somebody else, or no person at all.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Actor, ActorKind, Metadata};

/// Who made a change, as `change.by` says it.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangedBy {
    /// The deal's owner. Who gives a deal away or takes it over counts too.
    Owner,
    /// Who leads the owner.
    Manager,
    /// Another person of the company.
    Colleague,
    /// Another application or automation.
    Integration,
    /// A file import.
    Import,
    /// Touchline itself.
    Touchline,
    /// Nobody told, or it cannot be matched with a person.
    #[default]
    Unknown,
}

impl ChangedBy {
    /// Everybody, in the order in which messages list them.
    pub const ALL: [ChangedBy; 7] = [
        ChangedBy::Owner,
        ChangedBy::Manager,
        ChangedBy::Colleague,
        ChangedBy::Integration,
        ChangedBy::Import,
        ChangedBy::Touchline,
        ChangedBy::Unknown,
    ];

    /// The name conditions use in `change.by`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ChangedBy::Owner => "owner",
            ChangedBy::Manager => "manager",
            ChangedBy::Colleague => "colleague",
            ChangedBy::Integration => "integration",
            ChangedBy::Import => "import",
            ChangedBy::Touchline => "touchline",
            ChangedBy::Unknown => "unknown",
        }
    }

    /// Whether nobody told. For leaving it out of what is stored.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == ChangedBy::Unknown
    }
}

/// Who leads whom, by e-mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Managers(BTreeMap<String, String>);

impl Managers {
    /// Nobody is known to lead anybody.
    #[must_use]
    pub fn none() -> &'static Managers {
        static NONE: Managers = Managers(BTreeMap::new());
        &NONE
    }

    /// Pairs of a person and their manager.
    #[must_use]
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Managers {
        let lower =
            |(person, manager): (&str, &str)| (person.to_lowercase(), manager.to_lowercase());
        Managers(pairs.into_iter().map(lower).collect())
    }

    /// Everybody who is led, with who leads them, by e-mail.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(person, manager)| (person.as_str(), manager.as_str()))
    }

    /// The e-mail of who leads this person.
    #[must_use]
    pub fn of_person(&self, email: &str) -> Option<&str> {
        self.0.get(&email.to_lowercase()).map(String::as_str)
    }
}

/// Who `actor` is to a deal with these owners (the present one, and for a change
/// of owner the one before).
///
/// A person is recognised by the user id that the CRM tells with the change.
#[must_use]
pub fn changed_by(
    actor: &Actor,
    owners: &[&str],
    metadata: &Metadata,
    managers: &Managers,
) -> ChangedBy {
    match actor.kind {
        ActorKind::Touchline => return ChangedBy::Touchline,
        ActorKind::Integration => return ChangedBy::Integration,
        ActorKind::Import => return ChangedBy::Import,
        ActorKind::Person | ActorKind::Bulk | ActorKind::Unknown => {}
    }
    let Some(user) = actor.user_id.as_deref() else { return ChangedBy::Unknown };
    let is_user = |owner: &super::Owner| owner.user_id.as_deref().unwrap_or(&owner.id) == user;
    let of_deal = || owners.iter().filter_map(|id| metadata.owner(id));
    if of_deal().any(is_user) {
        return ChangedBy::Owner;
    }
    if of_deal().count() < owners.len() {
        // The account knows an owner that we do not: it may be this very user.
        return ChangedBy::Unknown;
    }
    let mut leads = of_deal().filter_map(|one| managers.of_person(one.email.as_deref()?));
    let emails: Vec<&str> = metadata
        .owners
        .iter()
        .filter(|one| is_user(one))
        .filter_map(|one| one.email.as_deref())
        .collect();
    let is_lead = |lead: &str| emails.iter().any(|email| email.eq_ignore_ascii_case(lead));
    if leads.any(is_lead) { ChangedBy::Manager } else { ChangedBy::Colleague }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Owner;

    fn owner(id: &str, user_id: Option<&str>, email: &str) -> Owner {
        Owner {
            id: id.into(),
            user_id: user_id.map(Into::into),
            email: Some(email.into()),
            name: email.into(),
            archived: false,
        }
    }

    fn by(kind: ActorKind, user: Option<&str>, owners: &[&str]) -> ChangedBy {
        let metadata = Metadata {
            owners: vec![
                owner("1", Some("71"), "Ann@example.com"),
                owner("2", Some("72"), "lead@example.com"),
                owner("3", None, "cy@example.com"),
            ],
            ..Metadata::default()
        };
        let managers = Managers::of([("ann@example.com", "Lead@example.com")]);
        let actor = Actor { kind, user_id: user.map(Into::into) };
        changed_by(&actor, owners, &metadata, &managers)
    }

    #[test]
    fn people_are_told_by_their_user_id() {
        let person = |user, owners: &[&str]| by(ActorKind::Person, Some(user), owners);
        assert_eq!(person("71", &["1"]), ChangedBy::Owner);
        assert_eq!(person("72", &["1"]), ChangedBy::Manager);
        assert_eq!(person("72", &["2"]), ChangedBy::Owner);
        assert_eq!(person("71", &["2"]), ChangedBy::Colleague);
        assert_eq!(person("99", &["1"]), ChangedBy::Colleague, "not somebody who owns deals");
        assert_eq!(person("3", &["3"]), ChangedBy::Owner, "one kind of id");
        assert_eq!(by(ActorKind::Bulk, Some("72"), &["1"]), ChangedBy::Manager);
        assert_eq!(by(ActorKind::Unknown, Some("71"), &["1"]), ChangedBy::Owner);
    }

    #[test]
    fn who_gives_a_deal_away_is_its_owner() {
        assert_eq!(by(ActorKind::Person, Some("71"), &["2", "1"]), ChangedBy::Owner);
        assert_eq!(by(ActorKind::Person, Some("72"), &["3", "1"]), ChangedBy::Manager);
    }

    #[test]
    fn what_cannot_be_told_is_not_guessed() {
        assert_eq!(by(ActorKind::Person, None, &["1"]), ChangedBy::Unknown);
        assert_eq!(by(ActorKind::Person, Some("99"), &["4"]), ChangedBy::Unknown);
        assert_eq!(by(ActorKind::Person, Some("99"), &[]), ChangedBy::Colleague, "nobody's deal");
    }

    #[test]
    fn machines_are_no_people() {
        assert_eq!(by(ActorKind::Integration, Some("71"), &["1"]), ChangedBy::Integration);
        assert_eq!(by(ActorKind::Import, Some("71"), &["1"]), ChangedBy::Import);
        assert_eq!(by(ActorKind::Touchline, Some("71"), &["1"]), ChangedBy::Touchline);
    }
}
