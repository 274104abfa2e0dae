//! A made-up company: who sells, and what they do to their deals day by day.
//! Pure: everything follows from the seed.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use touchline_hubspot::fake::Direction;
use touchline_rules::time::{HOUR_MS, MINUTE_MS};
use touchline_rules::{Calendar, UnixMs};

/// Open stages of the made-up pipeline, in order; then won and lost.
pub const STAGES: [&str; 5] = [
    "appointmentscheduled",
    "qualifiedtobuy",
    "presentationscheduled",
    "decisionmakerboughtin",
    "contractsent",
];
const SELLERS: usize = 20;
const DEALS_AT_START: usize = 260;
const NEW_DEALS_A_DAY: usize = 5;
const GIVEN: [&str; SELLERS] = [
    "Ada", "Bo", "Cleo", "Dev", "Ece", "Finn", "Gia", "Hugo", "Ines", "Jon", "Kaya", "Leo", "Mila",
    "Noor", "Otto", "Pia", "Quin", "Rosa", "Sami", "Tess",
];
const CUSTOMERS: [&str; 16] = [
    "Alder Foods",
    "Birch Logistics",
    "Cedar Clinics",
    "Dune Energy",
    "Elm Textiles",
    "Fjord Rail",
    "Grove Media",
    "Harbor Tools",
    "Iris Labs",
    "Juniper Bikes",
    "Kelp Marine",
    "Larch Hotels",
    "Maple Press",
    "Nectar Bakeries",
    "Oak Insurance",
    "Pine Studios",
];
const THINGS: [&str; 6] =
    ["50 seats", "rollout", "renewal", "pilot", "second site", "support plan"];
const ZONES: [&str; 3] = ["Europe/London", "Europe/Berlin", "America/New_York"];
/// How soon a careful seller answers who wrote first.
const ANSWERED_IN_MS: i64 = 40 * MINUTE_MS;
const LOSS_REASONS: [&str; 3] = ["Price", "No decision", "Competitor"];

/// Somebody who sells or leads.
#[derive(Clone, Debug)]
pub struct Member {
    /// Given name and a made-up family name.
    pub name: String,
    /// At example.com.
    pub email: String,
    /// IANA zone.
    pub zone: &'static str,
    /// E-mail of the manager; `None` for a manager.
    pub manager: Option<String>,
    /// 0 to 1: how often they write down what a rule would ask for.
    diligence: f64,
}

/// One thing somebody does to one deal.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// When.
    pub at: UnixMs,
    /// Index of the deal.
    pub deal: usize,
    /// Index of the seller.
    pub seller: usize,
    /// What.
    pub what: What,
}

/// What can be done to a deal.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A new deal.
    Create {
        /// Its name.
        name: String,
        /// Its amount, if the seller wrote one down.
        amount: Option<u32>,
        /// Its close date, if the seller wrote one down.
        close: Option<UnixMs>,
    },
    /// To the stage of that index in [`STAGES`].
    Stage(usize),
    /// Closed, won.
    Win,
    /// Closed, lost, with a reason if the seller wrote one down.
    Lose(Option<&'static str>),
    /// A new close date.
    CloseDate(UnixMs),
    /// A next step.
    NextStep(&'static str),
    /// An e-mail.
    Email(Direction),
    /// A call.
    Call(Direction),
    /// A meeting that is booked for then.
    Meeting(UnixMs),
    /// Another amount.
    Amount(u32),
}

/// The company and everything that will happen in it.
#[derive(Clone, Debug)]
pub struct Company {
    /// Sellers first, then the managers.
    pub members: Vec<Member>,
    /// How many of [`Company::members`] sell.
    pub sellers: usize,
    /// All acts in order of time, those before [`Company::live_from`] being history.
    pub acts: Vec<Act>,
    /// When Touchline is switched on.
    pub live_from: UnixMs,
}

impl Company {
    /// A company that lives from `first` for `days` days after a history of ninety.
    #[must_use]
    pub fn new(seed: u64, first: Date, days: i32) -> Company {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let members = members(&mut rng);
        let mut company =
            Company { members, sellers: SELLERS, acts: Vec::new(), live_from: UnixMs(0) };
        let office = Calendar::weekdays(TimeZone::UTC);
        company.live_from = office.start_of(first).plus_ms(6 * HOUR_MS);
        let end = first.saturating_add(days.days());
        for deal in 0..DEALS_AT_START {
            let born = first.saturating_sub(rng.random_range(5..90).days());
            company.live_a_deal(&mut rng, deal, born, end);
        }
        let mut deal = DEALS_AT_START;
        for day in 0..days {
            for _ in 0..NEW_DEALS_A_DAY {
                company.live_a_deal(&mut rng, deal, first.saturating_add(day.days()), end);
                deal += 1;
            }
        }
        company.acts.sort_by_key(|act| (act.at, act.deal));
        company
    }

    fn live_a_deal(&mut self, rng: &mut ChaCha8Rng, deal: usize, born: Date, end: Date) {
        let seller = rng.random_range(0..SELLERS);
        let Member { diligence, zone, .. } = self.members[seller];
        let calendar = Calendar::weekdays(TimeZone::get(zone).unwrap_or(TimeZone::UTC));
        let mut day = calendar.add_working_days(born, 1);
        let mut life = Life::new(rng, diligence, calendar, day);
        // A third of all deals go quiet at some point, as deals do.
        let goes_quiet = life.rng.random_bool(0.33).then(|| life.rng.random_range(5..40));
        let mut age = 0;
        while day < end {
            let pause = life.rng.random_range(1..4);
            day = life.calendar.add_working_days(day, pause);
            age += pause;
            let is_quiet = goes_quiet.is_some_and(|quiet| age > quiet);
            let is_over = if is_quiet { life.ends_quietly(day) } else { life.live_a_day(day) };
            if is_over {
                break;
            }
        }
        let acts = life.acts;
        self.acts.extend(acts.into_iter().map(|(at, what)| Act { at, deal, seller, what }));
    }
}

/// One deal on its way.
struct Life<'a> {
    rng: &'a mut ChaCha8Rng,
    diligence: f64,
    calendar: Calendar,
    stage: usize,
    close: Date,
    amount: Option<u32>,
    has_step: bool,
    /// Whether anything went out to the buyer yet.
    has_written: bool,
    acts: Vec<(UnixMs, What)>,
}

impl Life<'_> {
    fn new(rng: &mut ChaCha8Rng, diligence: f64, calendar: Calendar, day: Date) -> Life<'_> {
        let close = day.saturating_add(rng.random_range(20..70).days());
        let (stage, has_step, has_written) = (0, false, false);
        let (amount, acts) = (None, Vec::new());
        let mut life =
            Life { rng, diligence, calendar, stage, close, amount, has_step, has_written, acts };
        let now = life.at(day);
        let birth = birth(life.rng, diligence, life.calendar.start_of(close));
        if let What::Create { amount, .. } = &birth {
            life.amount = *amount;
        }
        life.acts.push((now, birth));
        life
    }

    /// Whether the seller does what a rule would ask for.
    fn is_careful(&mut self) -> bool {
        self.rng.random_bool(self.diligence)
    }

    /// Some time in the office hours of a day.
    fn at(&mut self, day: Date) -> UnixMs {
        let minutes = self.rng.random_range(9 * 60..17 * 60);
        self.calendar.start_of(day).plus_ms(minutes * MINUTE_MS)
    }

    fn lose(&mut self, at: UnixMs) {
        let reason = self.is_careful().then(|| LOSS_REASONS[self.rng.random_range(0..3)]);
        self.acts.push((at, What::Lose(reason)));
    }

    /// Most quiet deals stay so for another day; some are given up.
    fn ends_quietly(&mut self, day: Date) -> bool {
        let is_over = !self.rng.random_bool(0.93);
        if is_over {
            let now = self.at(day);
            self.lose(now);
        }
        is_over
    }

    /// What a day brings, and whether the deal is over with it.
    fn live_a_day(&mut self, day: Date) -> bool {
        let now = self.at(day);
        match self.rng.random_range(0..100) {
            0..34 => self.talk(now, What::Email),
            34..48 => self.talk(now, What::Call),
            48..60 if self.is_careful() => self.agree_on_step(now),
            60..78 => return self.move_on(now),
            78..81 if self.stage > 0 => {
                self.stage -= 1;
                self.acts.push((now, What::Stage(self.stage)));
            }
            81..88 => {
                let later = self.rng.random_range(7..30);
                self.close = self.close.max(day).saturating_add(later.days());
                self.acts.push((now, What::CloseDate(self.calendar.start_of(self.close))));
            }
            88..91 => {
                self.lose(now);
                return true;
            }
            91..96 => {
                let ahead = self.rng.random_range(2..6);
                let starts = self.calendar.add_working_days(day, ahead);
                let starts = self.calendar.start_of(starts).plus_ms(14 * HOUR_MS);
                self.acts.push((now, What::Meeting(starts)));
            }
            96..98 => {
                let percent = if self.rng.random_bool(0.6) { 80 } else { 160 };
                self.amount = self.amount.map(|amount| amount * percent / 100);
                self.acts.extend(self.amount.map(|amount| (now, What::Amount(amount))));
            }
            _ => {}
        }
        false
    }

    /// Careful sellers answer a first word soon, and keep the next step up to date.
    fn talk(&mut self, now: UnixMs, how: fn(Direction) -> What) {
        let direction = direction(self.rng);
        self.acts.push((now, how(direction)));
        let is_first_word = direction == Direction::Inbound && !self.has_written;
        if is_first_word && self.is_careful() {
            self.acts.push((now.plus_ms(ANSWERED_IN_MS), What::Email(Direction::Outbound)));
            self.has_written = true;
        }
        self.has_written |= direction == Direction::Outbound;
        if self.has_step && self.is_careful() {
            self.agree_on_step(now.plus_ms(MINUTE_MS));
        }
    }

    fn agree_on_step(&mut self, at: UnixMs) {
        self.acts.push((at, What::NextStep("Send the agreed plan")));
        self.has_step = true;
    }

    fn move_on(&mut self, now: UnixMs) -> bool {
        self.stage += 1 + usize::from(self.rng.random_bool(0.15));
        if self.stage < STAGES.len() {
            self.acts.push((now, What::Stage(self.stage)));
            return false;
        }
        if self.rng.random_bool(0.4) {
            self.lose(now);
        } else {
            self.acts.push((now, What::Win));
        }
        true
    }
}

fn birth(rng: &mut ChaCha8Rng, diligence: f64, close: UnixMs) -> What {
    let customer = CUSTOMERS[rng.random_range(0..CUSTOMERS.len())];
    let thing = THINGS[rng.random_range(0..THINGS.len())];
    What::Create {
        name: format!("{customer} - {thing}"),
        amount: rng.random_bool(diligence).then(|| rng.random_range(2..90) * 500),
        close: rng.random_bool(diligence).then_some(close),
    }
}

fn direction(rng: &mut ChaCha8Rng) -> Direction {
    if rng.random_bool(0.45) { Direction::Inbound } else { Direction::Outbound }
}

fn members(rng: &mut ChaCha8Rng) -> Vec<Member> {
    let lead = |index: usize| format!("lead{index}@example.com");
    let sellers = GIVEN.iter().enumerate().map(|(index, given)| Member {
        name: format!("{given} Example"),
        email: format!("{}@example.com", given.to_lowercase()),
        zone: ZONES[index % ZONES.len()],
        manager: Some(lead(index % 2)),
        diligence: 0.0,
    });
    let leads = (0..2).map(|index| Member {
        name: format!("Lead {}", index + 1),
        email: lead(index),
        zone: ZONES[index],
        manager: None,
        diligence: 1.0,
    });
    let mut members: Vec<_> = sellers.collect();
    members.iter_mut().for_each(|member| member.diligence = rng.random_range(0.35..0.95));
    members.extend(leads);
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_same_seed_makes_the_same_season() {
        let season = |seed| Company::new(seed, date(2026, 3, 2), 21).acts;
        assert_eq!(season(7), season(7));
        assert_ne!(season(7), season(8));
    }

    #[test]
    fn everything_a_rule_could_speak_about_happens() {
        let company = Company::new(1, date(2026, 3, 2), 21);
        let happens = |wanted: fn(&What) -> bool| {
            company
                .acts
                .iter()
                .filter(|act| act.at >= company.live_from && wanted(&act.what))
                .count()
        };
        assert!(happens(|what| matches!(what, What::Create { .. })) > 50);
        assert!(happens(|what| matches!(what, What::Lose(None))) > 3);
        assert!(happens(|what| matches!(what, What::CloseDate(_))) > 20);
        assert!(happens(|what| matches!(what, What::Stage(_))) > 50);
        assert!(happens(|what| matches!(what, What::Meeting(_))) > 10);
        assert!(happens(|what| matches!(what, What::Amount(_))) > 5);
        assert!(happens(|what| matches!(what, What::Win)) > 3);
        let earlier = company.acts.iter().filter(|act| act.at < company.live_from).count();
        assert!(earlier > 1_000, "{earlier}");
    }

    #[test]
    fn nobody_works_at_night_or_on_a_sunday() {
        let company = Company::new(3, date(2026, 3, 2), 14);
        for act in &company.acts {
            let zone = TimeZone::get(company.members[act.seller].zone).unwrap();
            let local = act.at.to_zoned(&zone);
            assert!((9..18).contains(&local.hour()), "{local}");
            assert!(local.weekday() != jiff::civil::Weekday::Sunday, "{local}");
        }
    }
}
