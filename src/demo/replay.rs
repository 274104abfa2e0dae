//! A history played as movements of a fake HubSpot account: what people did then,
//! in that order, with the instants at which they did it.
//!
//! Deals get whole numbers as HubSpot's do, in the order in which the history
//! first names them, so the same history always makes the same ids. A CSV does
//! not say who moved a deal; played back, its owner did. Nor does it say that a
//! property was blank: what it never tells of a deal, the account withholds, so
//! that nothing is concluded from a silence.

use std::collections::{BTreeSet, HashMap, HashSet};

use anyhow::Context as _;
use touchline_hubspot::fake::{self, Actor, FakeHubSpot, ObjectKind};
use touchline_rules::UnixMs;
use touchline_rules::facts::{
    Activity, ActivityKind, ActorKind, Change, ChangeKind, Direction, Fact, Field, Value,
};

use super::account::{add_fact_properties, add_pipelines, property};
use crate::history::{Header, History};

/// HubSpot's id of the first deal; those that the fake gives out itself lie below.
const FIRST_DEAL_ID: u64 = 60_000_000_000;
/// HubSpot's user id of the first person.
const FIRST_USER_ID: i64 = 7_000;
/// The user behind what nobody is known to have done.
const NOBODY: i64 = 1;
/// Two values of one field at one instant are told apart by this much.
const TELL_APART_MS: i64 = 1;

/// A history on its way into a fake account.
pub struct Replay {
    movements: Vec<Movement>,
    next: usize,
    /// The history's ids of the deals; the place is what HubSpot's id counts from.
    ids: Vec<String>,
    present: HashSet<u64>,
    people: People,
    /// User ids of the deals' owners, as of the movement played last.
    owned_by: HashMap<u64, i64>,
    app_id: i64,
}

/// What somebody did to one deal at one instant.
struct Movement {
    at: UnixMs,
    deal: u64,
    actor: touchline_rules::facts::Actor,
    deed: Deed,
}

enum Deed {
    /// Values in order; makes the deal if it is not there yet.
    Write(Vec<(Field, String)>),
    Log(Activity),
    Delete,
    Restore,
    MergeInto(u64),
}

/// The history's people in the account.
#[derive(Default)]
struct People {
    /// HubSpot's owner id and user id by the history's owner id.
    owners: HashMap<String, (u64, i64)>,
    /// HubSpot's user id by the history's user id.
    users: HashMap<String, i64>,
}

/// Everybody in the history with an e-mail, and their name: owners, then those
/// who only manage.
#[must_use]
pub fn people(header: &Header) -> Vec<(String, String)> {
    let owners = header.metadata.owners.iter();
    let owners = owners.filter_map(|owner| Some((owner.email.clone()?, owner.name.clone())));
    let mut people: Vec<(String, String)> = owners.collect();
    let mut known: BTreeSet<String> = people.iter().map(|(email, _)| email.clone()).collect();
    for (_, manager) in &header.managers {
        if known.insert(manager.clone()) {
            people.push((manager.clone(), name_in(manager)));
        }
    }
    people
}

/// Who manages whom, as a configuration says it.
#[must_use]
pub fn managers_config(header: &Header) -> String {
    let lines = header.managers.iter().map(|(email, manager)| {
        // TOML's basic strings escape as JSON's do.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        format!("[people.{}]\nmanager = {}\n", quoted(email), quoted(manager))
    });
    lines.collect()
}

/// `lee.lead@example.com` is called Lee Lead.
fn name_in(email: &str) -> String {
    let local = email.split('@').next().unwrap_or(email);
    let words = local.split(['.', '_', '-']).filter(|word| !word.is_empty()).map(|word| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| {
            first.to_uppercase().chain(letters).collect::<String>()
        })
    });
    words.collect::<Vec<_>>().join(" ")
}

impl Replay {
    /// Puts the history's people and pipelines into the account. No deal moves yet.
    #[must_use]
    pub fn new(history: &History, hubspot: &FakeHubSpot) -> Replay {
        add_pipelines(&history.header, hubspot);
        add_fact_properties(hubspot);
        let people = People::of(&history.header, hubspot);
        let mut script = Script::default();
        for change in &history.changes {
            script.add(change, &people);
        }
        script.movements.sort_by_key(|movement| movement.at);
        Replay {
            movements: script.movements,
            next: 0,
            ids: script.ids,
            present: HashSet::new(),
            people,
            owned_by: HashMap::new(),
            app_id: hubspot.config().app_id,
        }
    }

    /// How many movements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.movements.len()
    }

    /// Whether there is nothing to play.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.movements.is_empty()
    }

    /// How many movements were played.
    #[must_use]
    pub fn played(&self) -> usize {
        self.next
    }

    /// When the next movement happened.
    #[must_use]
    pub fn next_at(&self) -> Option<UnixMs> {
        self.movements.get(self.next).map(|movement| movement.at)
    }

    /// When the last movement happened that comes at most `ms` after the next.
    #[must_use]
    pub fn last_within(&self, ms: i64) -> Option<UnixMs> {
        let until = self.next_at()?.plus_ms(ms);
        let ahead = &self.movements[self.next..];
        ahead[..ahead.partition_point(|movement| movement.at <= until)].last().map(|last| last.at)
    }

    /// The history's own id of the deal that HubSpot calls `id`.
    #[must_use]
    pub fn deal_of(&self, id: u64) -> Option<&str> {
        let place = usize::try_from(id.checked_sub(FIRST_DEAL_ID)?).ok()?;
        self.ids.get(place).map(String::as_str)
    }

    /// Plays what happened until `until`, at most `movements_max`, and stops ahead
    /// of a deal's second movement: webhooks of one portion may overtake each
    /// other without touching the order in which any deal moved. Answers how many
    /// were played.
    ///
    /// # Errors
    /// When the account refuses a movement, as it would one that makes no sense.
    pub fn play_portion(
        &mut self,
        until: UnixMs,
        movements_max: usize,
        hubspot: &FakeHubSpot,
    ) -> anyhow::Result<usize> {
        let from = self.next;
        let mut moved = HashSet::new();
        while let Some(movement) = self.movements.get(self.next) {
            let full = self.next - from >= movements_max;
            if full || movement.at > until || !moved.insert(movement.deal) {
                break;
            }
            self.play(self.next, hubspot)?;
            self.next += 1;
        }
        Ok(self.next - from)
    }

    fn play(&mut self, index: usize, hubspot: &FakeHubSpot) -> anyhow::Result<()> {
        let Movement { at, deal, actor, deed } = &self.movements[index];
        let (at, deal) = (*at, *deal);
        if let Deed::Write(values) = deed
            && let Some((_, owner)) = values.iter().rfind(|(field, _)| *field == Field::Owner)
        {
            let user = self.people.user_of_owner(owner);
            self.owned_by.insert(deal, user.unwrap_or(NOBODY));
        }
        let owner = self.owned_by.get(&deal).copied().unwrap_or(NOBODY);
        let by = self.people.actor(actor, owner, self.app_id).at(at);
        let done = match deed {
            Deed::Write(values) => {
                let named: Vec<(&str, &str)> =
                    values.iter().map(|(field, text)| (property(*field), &**text)).collect();
                if self.present.insert(deal) {
                    let untold = Field::ALL
                        .iter()
                        .filter(|field| values.iter().all(|(told, _)| told != *field));
                    hubspot.withhold(deal, untold.map(|field| property(*field)));
                    let told: Vec<_> =
                        named.into_iter().filter(|(_, text)| !text.is_empty()).collect();
                    hubspot.create_deal_as(deal, &told, &by).map(drop)
                } else {
                    hubspot.set_many(&[deal], &named, &by)
                }
            }
            Deed::Log(activity) => log(hubspot, deal, activity, &by),
            Deed::Delete => hubspot.delete(ObjectKind::Deal, deal, &by),
            Deed::Restore => hubspot.restore(ObjectKind::Deal, deal, &by),
            Deed::MergeInto(survivor) => hubspot.merge(*survivor, deal, &by),
        };
        done.with_context(|| {
            let deal = self.deal_of(deal).unwrap_or_default();
            format!("the history moves deal {deal} at {at} in a way no account would take")
        })
    }
}

fn log(
    hubspot: &FakeHubSpot,
    deal: u64,
    activity: &Activity,
    by: &Actor,
) -> Result<(), fake::FakeError> {
    let way = match activity.direction {
        Direction::Inbound => fake::Direction::Inbound,
        Direction::Outbound | Direction::Unknown => fake::Direction::Outbound,
    };
    let logged = match activity.kind {
        ActivityKind::Email => hubspot.log_email(deal, way, activity.at, by),
        ActivityKind::Call => hubspot.log_call(deal, way, activity.at, by),
        ActivityKind::Meeting => hubspot.log_meeting(deal, activity.at, by),
        ActivityKind::Task => hubspot.log_task(deal, activity.at, "Task", by),
        ActivityKind::Note => hubspot.log_note(deal, activity.at, "Note", by),
    };
    logged.map(drop)
}

impl People {
    fn of(header: &Header, hubspot: &FakeHubSpot) -> People {
        let mut people = People::default();
        let mut user_ids = FIRST_USER_ID..;
        let mut add = |email: &str, name: &str| {
            let user = user_ids.next().unwrap_or(NOBODY);
            let (first, last) = name.split_once(' ').unwrap_or((name, ""));
            (hubspot.add_owner(email, first, last, user), user)
        };
        let mut emails = BTreeSet::new();
        for owner in &header.metadata.owners {
            let email = owner.email.as_deref().unwrap_or_default();
            let (id, user) = add(email, &owner.name);
            emails.insert(email);
            if owner.archived {
                hubspot.change_owner(id, |known| known.archived = true);
            }
            people.owners.insert(owner.id.clone(), (id, user));
            people.users.extend(owner.user_id.clone().map(|known| (known, user)));
        }
        for (_, manager) in &header.managers {
            if emails.insert(manager) {
                add(manager, &name_in(manager));
            }
        }
        people
    }

    fn user_of_owner(&self, hubspot_owner: &str) -> Option<i64> {
        let id: u64 = hubspot_owner.parse().ok()?;
        self.owners.values().find(|(owner, _)| *owner == id).map(|(_, user)| *user)
    }

    fn actor(&self, actor: &touchline_rules::facts::Actor, owner: i64, app_id: i64) -> Actor {
        let named = actor.user_id.as_ref().and_then(|id| self.users.get(id)).copied();
        let user = named.unwrap_or(owner);
        match actor.kind {
            ActorKind::Person | ActorKind::Import | ActorKind::Unknown => Actor::user(user),
            ActorKind::Bulk => Actor::bulk(user),
            ActorKind::Integration => Actor::integration(0),
            ActorKind::Touchline => Actor::integration(app_id),
        }
    }
}

/// Movements being put together from changes.
#[derive(Default)]
struct Script {
    movements: Vec<Movement>,
    ids: Vec<String>,
    numbers: HashMap<String, u64>,
}

impl Script {
    fn number(&mut self, id: &str) -> u64 {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let number = FIRST_DEAL_ID + self.ids.len() as u64;
        self.ids.push(id.to_owned());
        self.numbers.insert(id.to_owned(), number);
        number
    }

    fn add(&mut self, change: &Change, people: &People) {
        let deal = self.number(&change.deal.id);
        let deed = match &change.kind {
            ChangeKind::Created => Deed::Write(Vec::new()),
            ChangeKind::FieldSet { to: Fact::Unknown, .. } => return,
            ChangeKind::FieldSet { field, to } => {
                Deed::Write(vec![(*field, text(*field, to, people))])
            }
            ChangeKind::Activity(activity) => Deed::Log(activity.clone()),
            ChangeKind::Deleted => Deed::Delete,
            ChangeKind::Restored => Deed::Restore,
            ChangeKind::MergedInto { survivor } => Deed::MergeInto(self.number(survivor)),
        };
        let mut at = change.occurred_at;
        if let Some(last) = self.movements.last_mut()
            && last.deal == deal
            && at <= last.at
        {
            if let (Deed::Write(values), Deed::Write(more)) = (&mut last.deed, &deed) {
                let told = |field: Field| values.iter().any(|(known, _)| *known == field);
                let again = more.iter().any(|(field, _)| told(*field));
                if !again && last.actor == change.actor {
                    values.extend(more.iter().cloned());
                    return;
                }
            }
            at = last.at.plus_ms(TELL_APART_MS);
        }
        self.movements.push(Movement { at, deal, actor: change.actor.clone(), deed });
    }
}

/// A value as HubSpot writes it; empty for none.
fn text(field: Field, value: &Fact<Value>, people: &People) -> String {
    match value {
        Fact::Empty | Fact::Unknown => String::new(),
        Fact::Known(Value::Text(id)) if field == Field::Owner => {
            people.owners.get(id).map_or_else(String::new, |(owner, _)| owner.to_string())
        }
        Fact::Known(Value::Text(text)) => text.clone(),
        Fact::Known(Value::Number(number)) => number.to_string(),
        Fact::Known(Value::Time(at)) => at.0.to_string(),
    }
}

#[cfg(test)]
mod tests;
