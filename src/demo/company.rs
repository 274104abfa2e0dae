//! A made-up company: who sells, and what they do to their deals day by day.
//! Pure: everything follows from the seed.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use touchline_hubspot::fake::Direction;
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
        company.live_from = office.start_of(first).plus_ms(6 * touchline_rules::time::HOUR_MS);
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
        let careful = |rng: &mut ChaCha8Rng| rng.random_bool(diligence);
        let at = |rng: &mut ChaCha8Rng, day: Date| {
            let minutes = rng.random_range(9 * 60..17 * 60);
            calendar.start_of(day).plus_ms(minutes * touchline_rules::time::MINUTE_MS)
        };
        let mut day = calendar.add_working_days(born, 1);
        let mut close = day.saturating_add(rng.random_range(20..70).days());
        let mut acts = vec![(at(rng, day), birth(rng, diligence, calendar.start_of(close)))];
        let mut stage = 0;
        // A third of all deals go quiet at some point, as deals do.
        let goes_quiet = rng.random_bool(0.33).then(|| rng.random_range(5..40));
        let mut age = 0;
        while day < end {
            let pause = rng.random_range(1..4);
            day = calendar.add_working_days(day, pause);
            age += pause;
            if goes_quiet.is_some_and(|quiet| age > quiet) {
                if rng.random_bool(0.93) {
                    continue;
                }
                acts.push((
                    at(rng, day),
                    What::Lose(careful(rng).then(|| LOSS_REASONS[rng.random_range(0..3)])),
                ));
                break;
            }
            let now = at(rng, day);
            match rng.random_range(0..100) {
                0..34 => acts.push((now, What::Email(direction(rng)))),
                34..48 => acts.push((now, What::Call(direction(rng)))),
                48..60 if careful(rng) => acts.push((now, What::NextStep("Send the agreed plan"))),
                60..78 => {
                    let skip = usize::from(rng.random_bool(0.15));
                    stage += 1 + skip;
                    if stage >= STAGES.len() {
                        let lost = rng.random_bool(0.4);
                        let reason = careful(rng).then(|| LOSS_REASONS[rng.random_range(0..3)]);
                        acts.push((now, if lost { What::Lose(reason) } else { What::Win }));
                        break;
                    }
                    acts.push((now, What::Stage(stage)));
                }
                78..81 if stage > 0 => {
                    stage -= 1;
                    acts.push((now, What::Stage(stage)));
                }
                81..88 => {
                    close = close.max(day).saturating_add(rng.random_range(7..30).days());
                    acts.push((now, What::CloseDate(calendar.start_of(close))));
                }
                88..91 => {
                    let reason = careful(rng).then(|| LOSS_REASONS[rng.random_range(0..3)]);
                    acts.push((now, What::Lose(reason)));
                    break;
                }
                _ => {}
            }
        }
        self.acts.extend(acts.into_iter().map(|(at, what)| Act { at, deal, seller, what }));
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
        let earlier = company.acts.iter().filter(|act| act.at < company.live_from).count();
        assert!(earlier > 1_000, "{earlier}");
    }

    #[test]
    fn nobody_works_at_night_or_on_a_sunday() {
        let company = Company::new(3, date(2026, 3, 2), 14);
        for act in &company.acts {
            let zone = TimeZone::get(company.members[act.seller].zone).unwrap();
            let local = act.at.to_zoned(&zone);
            assert!((9..17).contains(&local.hour()), "{local}");
            assert!(local.weekday() != jiff::civil::Weekday::Sunday, "{local}");
        }
    }
}
