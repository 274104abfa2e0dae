//! A service that is lived with by hand: its roles look around when they are told
//! to, and everything that a back-test has to know of it is noted down.

use std::collections::BTreeMap;
use std::sync::Arc;

use touchline::coaching::deliveries::CHAT;
use touchline::coaching::portfolios::target_of;
use touchline::coaching::settings::policy;
use touchline::roles::Role;
use touchline::roles::attention::Attention;
use touchline::roles::backfill::Backfill;
use touchline::roles::baselines::BaselinesRole;
use touchline::roles::deliver::Deliver;
use touchline::roles::fetch::Fetch;
use touchline::roles::ingest::Ingest;
use touchline::roles::ingest::events::{Said, decode};
use touchline::roles::poll::Poll;
use touchline::roles::portfolio::Portfolio;
use touchline::roles::sweep::Sweep;
use touchline::roles::timers::Timers;
use touchline::service::Service;
use touchline::store::DeliveryState;
use touchline_kit::Inbound;
use touchline_rules::UnixMs;
use touchline_rules::backtest::{
    Crew, Fate, Fired, Member, Observer, Pace, Player, Report, Setup, Trust,
};
use touchline_rules::engine::Firing;
use touchline_rules::facts::{Change, Observation};
use touchline_rules::ruleset::RuleSet;

use crate::ends::{End, Ends};

/// Rows of one look at the store.
pub const PAGE: usize = 1_000;
const BYTES: usize = 64 << 20;
/// Rounds in which everything due at one instant has to come to rest.
const ROUNDS_MAX: usize = 1_000;

/// What happened, in order.
pub enum Told {
    /// A change was told, perhaps for the second time.
    Change(UnixMs, Change),
    /// What comes now was not told together with what came before.
    RequestEnds,
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
                self.told.extend(decode(&self.service, row).1.into_iter().filter_map(|event| {
                    match event.said {
                        Said::Well(Inbound::Change(change)) => Some(Told::Change(at, change)),
                        Said::Well(Inbound::Observation(read)) => Some(Told::Record(at, read)),
                        _ => None,
                    }
                }));
                self.told.push(Told::RequestEnds);
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
                Told::RequestEnds => player.end_save(),
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
