//! A service that is lived with by hand: its roles look around when they are told
//! to, and everything that a back-test has to know of it is noted down.

use std::collections::BTreeMap;
use std::sync::Arc;

use touchline::coaching::deliveries::{CHAT, DeliveryBody};
use touchline::coaching::nudges::NudgeBody;
use touchline::coaching::portfolios::target_of;
use touchline::coaching::settings::policy;
use touchline::roles::Role;
use touchline::roles::attention::Attention;
use touchline::roles::backfill::Backfill;
use touchline::roles::baselines::BaselinesRole;
use touchline::roles::batching::subject_key;
use touchline::roles::deliver::Deliver;
use touchline::roles::fetch::Fetch;
use touchline::roles::ingest::Ingest;
use touchline::roles::ingest::events::{Said, decode};
use touchline::roles::poll::Poll;
use touchline::roles::portfolio::Portfolio;
use touchline::roles::sweep::Sweep;
use touchline::roles::timers::Timers;
use touchline::service::Service;
use touchline::store::{DeliveryState, Store, SubjectKey};
use touchline_kit::Inbound;
use touchline_rules::UnixMs;
use touchline_rules::attention::SendAs;
use touchline_rules::backtest::{
    Crew, Fate, Fired, Member, Observer, Pace, Player, Report, Setup, Trust,
};
use touchline_rules::engine::{Firing, nudge_id};
use touchline_rules::facts::{Change, DealKey, Observation};
use touchline_rules::ruleset::RuleSet;

/// Rows of one look at the store.
pub const PAGE: usize = 1_000;
const BYTES: usize = 64 << 20;
/// Rounds in which everything due at one instant has to come to rest.
const ROUNDS_MAX: usize = 1_000;

/// The subject kind of a person.
const PERSON: &str = "person";

/// What happened, in order.
pub enum Told {
    /// A change was told, perhaps for the second time.
    Change(UnixMs, Change),
    /// A record was read.
    Record(UnixMs, Observation),
    /// The first baseline was worked out.
    FirstBaseline(UnixMs),
    /// Attention looked.
    Tick(UnixMs),
    /// A message to a reader was to leave with these nudges.
    Left(UnixMs, String, Vec<String>),
}

/// The roles of a service, and what they went through.
pub struct Living {
    service: Arc<Service>,
    intake: Vec<Box<dyn Role>>,
    timers: Timers,
    sweep: Sweep,
    baselines: BaselinesRole,
    portfolio: Portfolio,
    attention: Attention,
    deliver: Deliver,
    seq: u64,
    pub told: Vec<Told>,
}

/// The nudges of messages that wait, by delivery, with their reader.
type Waiting = BTreeMap<String, (String, Vec<String>)>;

impl Living {
    pub fn new(service: &Arc<Service>) -> Living {
        let of = || Arc::clone(service);
        Living {
            intake: vec![
                Box::new(Ingest::new(of())),
                Box::new(Fetch::new(of())),
                Box::new(Backfill::new(of())),
                Box::new(Poll::new(of())),
            ],
            timers: Timers::new(of()),
            sweep: Sweep::new(of()),
            baselines: BaselinesRole::new(of()),
            portfolio: Portfolio::new(of()),
            attention: Attention::new(of()),
            deliver: Deliver::new(of()),
            service: of(),
            seq: 0,
            told: Vec::new(),
        }
    }

    /// Every role looks around, until nothing is left to do at this instant.
    pub async fn tick(&mut self, now: UnixMs) {
        for round in 0.. {
            assert!(round < ROUNDS_MAX, "the intake did not come to rest");
            let mut worked = false;
            for role in &self.intake {
                worked |= rest(role.as_ref(), now).await;
            }
            if !worked {
                break;
            }
        }
        self.hear().await;
        rest(&self.timers, now).await;
        rest(&self.sweep, now).await;
        let had_baseline = self.has_baseline();
        rest(&self.baselines, now).await;
        if !had_baseline && self.has_baseline() {
            self.told.push(Told::FirstBaseline(now));
        }
        // What rests on it is looked at anew.
        rest(&self.sweep, now).await;
        rest(&self.portfolio, now).await;
        for round in 0.. {
            assert!(round < ROUNDS_MAX, "attention did not come to rest");
            self.told.push(Told::Tick(now));
            rest(&self.attention, now).await;
            let before = self.waiting().await;
            rest(&self.deliver, now).await;
            let after = self.waiting().await;
            for (delivery, (reader, mut nudges)) in before {
                if let Some((_, still)) = after.get(&delivery) {
                    nudges.retain(|nudge| !still.contains(nudge));
                }
                if !nudges.is_empty() {
                    self.told.push(Told::Left(now, reader, nudges));
                }
            }
            let next = self.service.store.next_recipient_at().await.unwrap();
            if next.is_none_or(|next| next > now) {
                break;
            }
        }
    }

    pub fn has_baseline(&self) -> bool {
        let crms = self.service.connections.crms();
        crms.into_iter().any(|crm| self.service.baselines(&crm.slug).newest().is_some())
    }

    /// Notes what came into the inbox.
    pub async fn hear(&mut self) {
        loop {
            let rows = self.service.store.inbox_after(self.seq, PAGE, BYTES).await.unwrap();
            if rows.is_empty() {
                return;
            }
            for row in rows {
                self.seq = row.seq;
                let at = row.request.received_at;
                for event in decode(&self.service, row).1 {
                    match event.said {
                        Said::Well(Inbound::Change(change)) => {
                            self.told.push(Told::Change(at, change));
                        }
                        Said::Well(Inbound::Observation(read)) => {
                            self.told.push(Told::Record(at, read));
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    async fn waiting(&self) -> Waiting {
        let store = &self.service.store;
        let mut waiting = Waiting::new();
        for row in store.deliveries_in(DeliveryState::Waiting, PAGE).await.unwrap() {
            if row.channel == CHAT {
                let nudges = store.nudges_of_delivery(row.id.clone()).await.unwrap();
                let nudges = nudges.into_iter().map(|nudge| nudge.id).collect();
                waiting.insert(row.id, (row.person, nudges));
            }
        }
        waiting
    }
}

/// Just after the service looked around for the last time: what came due since then
/// was not lived.
pub fn last_look(told: &[Told]) -> UnixMs {
    let last = told.iter().rev().find_map(|one| match one {
        Told::Tick(at) => Some(*at),
        _ => None,
    });
    last.map_or(UnixMs::MIN, |at| at.plus_ms(1))
}

/// Ticks a role until it has nothing to do; answers whether it had.
async fn rest(role: &dyn Role, now: UnixMs) -> bool {
    for round in 0..ROUNDS_MAX {
        if !role.tick(now).await.unwrap().worked {
            return round > 0;
        }
    }
    panic!("{} did not come to rest", role.name());
}

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

/// The account of a service whose past is played again.
pub struct Account<'a> {
    pub slug: &'a str,
    /// Where activities are trusted.
    pub pipeline: &'a str,
    pub rules: &'a RuleSet,
    /// Everybody, by e-mail.
    pub people: &'a [String],
}

impl Account<'_> {
    fn members(&self, service: &Service) -> BTreeMap<String, Member> {
        let of = |email: &String| {
            let configured = service.people.configured(email)?;
            let (target, manager_since) = (target_of(configured), configured.manager_since);
            Some((email.clone(), Member { target, manager_since }))
        };
        self.people.iter().filter_map(of).collect()
    }

    /// Plays what was told to `service`.
    pub fn played(
        &self,
        service: &Service,
        told: Vec<Told>,
        pace: Pace,
        until: UnixMs,
    ) -> (Report, Ends) {
        let metadata = service.metadata(self.slug);
        let calendar_of = |email: Option<&str>| service.people.calendar_of(email, &metadata);
        let calendars = self.people.iter().map(|one| (one.clone(), calendar_of(Some(one))));
        let crew = Crew {
            managers: service.people.managers().clone(),
            calendar: calendar_of(None),
            calendars: calendars.collect(),
            members: self.members(service),
        };
        let trusted = [self.pipeline.to_owned()];
        let setup = Setup {
            rules: self.rules,
            metadata: &metadata,
            crew: &crew,
            policy: &policy(&service.config, &service.settings.current().to),
            trust: Trust::In(&trusted),
            pace,
            since: UnixMs::MIN,
            until: UnixMs::MAX,
            estimated: false,
        };
        let mut player = Player::new(setup, Heard::default());
        for one in told {
            match one {
                Told::Change(at, change) => drop(player.change(at, change)),
                Told::Record(at, read) => drop(player.record(at, &read)),
                Told::FirstBaseline(at) => player.first_read_ended(at),
                Told::Tick(at) => player.tick(at),
                Told::Left(at, reader, nudges) => player.leave(at, &reader, &nudges),
            }
        }
        let (report, heard) = player.finish(until, Vec::new());
        (report, heard.ends)
    }
}

/// Notes what a player decides.
#[derive(Default)]
struct Heard {
    ends: Ends,
}

impl Observer for Heard {
    fn fired(&mut self, fired: Fired<'_>) {
        // As it is stored: numbers are written and read.
        let stored = serde_json::to_vec(fired.firing).unwrap();
        let firing: Firing = serde_json::from_slice(&stored).unwrap();
        let before = self.ends.insert(firing.id.clone(), (firing, End::Open));
        assert!(before.is_none(), "a firing was made twice: {before:?}");
    }

    fn decided(&mut self, firing: &Firing, at: UnixMs, fate: Fate) {
        let (_, end) = self.ends.get_mut(&firing.id).unwrap();
        *end = match fate {
            Fate::Leaving(form) => End::Leaving(form, at),
            Fate::Sent(form) => match *end {
                End::Leaving(_, decided_at) => End::Sent(form, decided_at, at),
                _ => End::Sent(form, at, at),
            },
            Fate::Kept => End::NotSent("card_only".to_owned()),
            Fate::NotSent(word) => End::NotSent(word.to_owned()),
            Fate::Deferred { .. } => End::Open,
        };
    }
}

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
