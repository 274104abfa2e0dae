//! What became of each firing: read from the store where it was lived through, and
//! held against what a back-test says.

use std::collections::BTreeMap;

use touchline::coaching::deliveries::{CHAT, DeliveryBody};
use touchline::coaching::nudges::NudgeBody;
use touchline::roles::batching::subject_key;
use touchline::store::{DeliveryState, Store, SubjectKey};
use touchline_rules::UnixMs;
use touchline_rules::attention::SendAs;
use touchline_rules::engine::{Firing, nudge_id};
use touchline_rules::facts::DealKey;

use crate::living::PAGE;

/// The subject kind of a person.
const PERSON: &str = "person";

/// What became of a firing in the end.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// Decided on, and sent.
    Sent(SendAs, UnixMs, UnixMs),
    /// Decided on; it waits to be sent.
    Leaving(SendAs, UnixMs),
    NotSent(String),
    Open,
}

/// Firings whole, with what became of them, by their ids.
pub type Ends = BTreeMap<String, (Firing, End)>;

/// What a store holds of every firing.
pub async fn lived(store: &Store, people: &[String]) -> Ends {
    let mut reasons = BTreeMap::new();
    for person in people.iter().chain([&String::new()]) {
        let rows = store.suppressed_of(person.clone(), UnixMs::MAX, PAGE).await.unwrap();
        reasons.extend(rows.into_iter().map(|row| (row.nudge_id, row.reason)));
    }
    let (mut subjects, mut after) =
        (people.iter().map(|one| about(one)).collect::<Vec<_>>(), None::<DealKey>);
    loop {
        let page = store.deals_after(after.clone(), PAGE).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(DealKey { connection: last.connection.clone(), id: last.id.clone() });
        let keys = page.into_iter().map(|row| DealKey { connection: row.connection, id: row.id });
        subjects.extend(keys.map(|deal| subject_key(&deal)));
    }
    let mut ends = Ends::new();
    for subject in subjects {
        for firing in store.firings_of(subject, PAGE).await.unwrap() {
            let firing: Firing = serde_json::from_slice(&firing.body).unwrap();
            let mut end = End::Open;
            for person in people.iter().map(String::as_str).chain([""]) {
                let nudge = nudge_id(&firing.id, person);
                let not_sent = reasons.get(&nudge).cloned().map(End::NotSent);
                let of_person = in_chat(store, &nudge).await.or(not_sent);
                if let Some(of_person) = of_person
                    && !is_question(store, &nudge).await
                {
                    end = of_person;
                }
            }
            ends.insert(firing.id.clone(), (firing, end));
        }
    }
    ends
}

/// A person as the subject of firings.
fn about(person: &str) -> SubjectKey {
    SubjectKey { kind: PERSON.to_owned(), connection: String::new(), id: person.to_owned() }
}

/// Whether a nudge asks the owner's manager: what becomes of that is another matter
/// than what became of the firing.
async fn is_question(store: &Store, nudge: &str) -> bool {
    let row = store.nudge(nudge.to_owned()).await.unwrap();
    let body = row.and_then(|row| serde_json::from_slice::<NudgeBody>(&row.body).ok());
    body.is_some_and(|body| body.heard_at.is_some())
}

/// How a nudge fared in chat, if it came or comes there.
async fn in_chat(store: &Store, nudge: &str) -> Option<End> {
    let all = store.deliveries_of_nudge(nudge.to_owned()).await.unwrap();
    all.into_iter().filter(|delivery| delivery.channel == CHAT).find_map(|delivery| {
        let form = DeliveryBody::read(&delivery).slot;
        let form = form.map_or(SendAs::Interrupt, |slot| SendAs::Digest { slot });
        match (delivery.state, delivery.spent_at) {
            (DeliveryState::Sent, Some(at)) => Some(End::Sent(form, delivery.created_at, at)),
            (DeliveryState::Waiting, _) => Some(End::Leaving(form, delivery.created_at)),
            _ => None,
        }
    })
}

/// Both are the same, firing by firing.
pub fn assert_same(lived: &Ends, played: &Ends) {
    if let Some(differing) = differing(lived, played) {
        panic!("{differing}");
    }
}

/// Where the two are not the same, firing by firing; `None` if nowhere.
pub fn differing(lived: &Ends, played: &Ends) -> Option<String> {
    let only_in = |of: &Ends, other: &Ends| {
        let of = of.iter().filter(|(id, one)| other.get(*id) != Some(one));
        let told = of.map(|(_, (firing, end))| {
            let Firing { rule_id, deal, at, seen, quoted, .. } = firing;
            format!("{at} {rule_id} of {}, seeing {seen:?}, {quoted:?}: {end:?}", deal.id)
        });
        let mut told: Vec<String> = told.collect();
        told.sort();
        told
    };
    let (missing, added) = (only_in(lived, played), only_in(played, lived));
    (!missing.is_empty() || !added.is_empty()).then(|| {
        format!("lived, but not played so: {missing:#?}\nplayed, but not lived so: {added:#?}")
    })
}
