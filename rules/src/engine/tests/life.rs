//! Rules that come, rest, go and belong to teams: what was already true stays
//! unsaid.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::fixtures::*;
use crate::attention::AttentionClass;
use crate::baseline::{Baselines, Rung};
use crate::condition::{Slot, Truth};
use crate::engine::{
    Holds, PersonState, Stimulus, World, person_reason_holds, present, step, step_person,
};
use crate::facts::{Direction, Field};
use crate::life::{Reach, RuleState, Standing, Tightened, Tightening};
use crate::portfolio::{PERSON_FIELDS, PersonFacts};
use crate::ruleset::{Period, RuleSet};
use crate::time::UnixMs;

const SAM: &str = "sam@example.com";

fn people(emails: &[&str]) -> BTreeSet<String> {
    emails.iter().map(|email| (*email).to_owned()).collect()
}

fn standing(set: &RuleSet, of: &[(&str, Standing)]) -> RuleSet {
    let standings = of.iter().map(|(id, standing)| ((*id).to_owned(), standing.clone()));
    set.standing(&standings.collect::<BTreeMap<_, _>>())
}

fn state(state: RuleState, epoch: i64) -> Standing {
    Standing { state, epoch, ..Standing::default() }
}

fn reach(reach: Reach) -> Standing {
    Standing { reach, ..Standing::default() }
}

/// Two rules of time at once, on a deal nobody looked at for a week: each of
/// their instants has passed.
#[test]
fn rules_that_come_together_say_nothing_of_the_days_before() {
    let (none, account, calendar) = (RuleSet::default(), metadata(), london());
    let mut deal = known_deal(&world(&none, &account, &calendar));
    let both = rules(&[
        ("three", "on: state\nwhen: days_since(deal.stage_entered_at) >= 33"),
        ("five", "on: state\nwhen: days_since(deal.stage_entered_at) >= 35"),
        ("nine", "on: state\nwhen: days_since(deal.stage_entered_at) >= 39"),
    ]);
    let world = world(&both, &account, &calendar);
    assert_eq!(told(&tick(&mut deal, days(7), &world)), Vec::<String>::new());
    assert_eq!(told(&tick(&mut deal, days(10), &world)), [format!("nine@{}", days(9))]);
}

#[test]
fn a_paused_rule_rests_and_begins_anew_in_silence() {
    let (account, calendar) = (metadata(), london());
    let set = rules(&[(
        "slow",
        "on: state\nwhen: days_since(deal.stage_entered_at) >= 33\nrepeat: { every: 1d, max: 9 }",
    )]);
    let mut deal = known_deal(&world(&set, &account, &calendar));
    let paused = standing(&set, &[("slow", state(RuleState::Paused, 0))]);
    assert_eq!(
        told(&tick(&mut deal, days(5), &world(&paused, &account, &calendar))),
        Vec::<String>::new()
    );
    let again = standing(&set, &[("slow", state(RuleState::On, 1))]);
    let resumed = world(&again, &account, &calendar);
    assert_eq!(told(&tick(&mut deal, days(20), &resumed)), Vec::<String>::new());
    live(&mut deal, &set_stage("b", days(21)), &resumed);
    assert_eq!(told(&tick(&mut deal, days(55), &resumed))[..1], [format!("slow@{}", days(54))]);
}

fn set_stage(id: &str, at: UnixMs) -> crate::facts::Change {
    set(Field::Stage, text(id), at)
}

/// Nobody looked at the deal while its rule was paused: the sets before and after
/// are not taken for one.
#[test]
fn a_pause_that_no_deal_noticed_is_a_pause() {
    let (account, calendar) = (metadata(), london());
    let set = rules(&[("slow", "on: state\nwhen: days_since(deal.stage_entered_at) >= 33")]);
    let mut deal = known_deal(&world(&set, &account, &calendar));
    let again = standing(&set, &[("slow", state(RuleState::On, 1))]);
    assert_ne!(again.hash(), set.hash());
    assert_eq!(
        told(&tick(&mut deal, days(5), &world(&again, &account, &calendar))),
        Vec::<String>::new()
    );
}

#[test]
fn a_teams_rule_looks_at_its_peoples_deals_and_begins_in_silence() {
    let (account, calendar) = (metadata(), london());
    let all = rules(&[
        ("in-c", "on: state\nwhen: deal.stage == \"c\""),
        ("moved", "on: deal.stage_changed\nwhen: 'true'"),
    ]);
    let only = |emails| reach(Reach { only: Some(people(emails)), ..Reach::default() });
    let others = standing(
        &all,
        &[("in-c", only(&["ann@example.com"])), ("moved", only(&["ann@example.com"]))],
    );
    let mut deal = known_deal(&world(&all, &account, &calendar));
    let theirs = world(&others, &account, &calendar);
    assert_eq!(told(&live(&mut deal, &set_stage("c", days(1)), &theirs)), Vec::<String>::new());
    assert!(present(&deal, days(1), &theirs).iter().all(|(_, truth)| *truth == Truth::False));
    // Sam joins the team: what is true of his deals was true before.
    let ours = standing(&all, &[("in-c", only(&[SAM])), ("moved", only(&[SAM]))]);
    let ours = world(&ours, &account, &calendar);
    assert_eq!(told(&tick(&mut deal, days(2), &ours)), Vec::<String>::new());
    let back = live(&mut deal, &set_stage("b", days(3)), &ours);
    assert_eq!(told(&back), [format!("moved@{}", days(3))]);
    let again = live(&mut deal, &set_stage("c", days(4)), &ours);
    assert_eq!(told(&again).len(), 2, "{:?}", told(&again));
}

#[test]
fn a_muted_rule_is_silent_for_that_team_only() {
    let (account, calendar) = (metadata(), london());
    let set = rules(&[("in-c", "on: state\nwhen: deal.stage == \"c\"")]);
    let except = |emails| reach(Reach { except: people(emails), ..Reach::default() });
    let muted = standing(&set, &[("in-c", except(&[SAM]))]);
    let mut deal = known_deal(&world(&set, &account, &calendar));
    let mut other = deal.clone();
    assert!(
        told(&live(&mut deal, &set_stage("c", days(1)), &world(&muted, &account, &calendar)))
            .is_empty()
    );
    // No longer muted: it is in c already.
    assert!(told(&tick(&mut deal, days(2), &world(&set, &account, &calendar))).is_empty());
    let elsewhere = standing(&set, &[("in-c", except(&["ann@example.com"]))]);
    let elsewhere = world(&elsewhere, &account, &calendar);
    assert_eq!(told(&live(&mut other, &set_stage("c", days(1)), &elsewhere)).len(), 1);
}

#[test]
fn a_team_hears_less_by_its_own_numbers() {
    let (account, calendar) = (metadata(), london());
    let set = rules(&[(
        "slow",
        "on: state\nwhen: days_since(deal.stage_entered_at) >= threshold\nthreshold: 33\nattention: interrupt",
    )]);
    let to = Tightening {
        threshold: Some(40.0),
        attention: Some(AttentionClass::Digest),
        cooldown: Period::parse("30d"),
    };
    let tightened = Tightened::new(people(&[SAM]), to);
    let set_of = standing(
        &set,
        &[("slow", reach(Reach { tightened: vec![tightened], ..Reach::default() }))],
    );
    let tighter = world(&set_of, &account, &calendar);
    let mut deal = known_deal(&tighter);
    let outcome = tick(&mut deal, days(12), &tighter);
    assert_eq!(told(&outcome), [format!("slow@{}", days(10))]);
    let firing = &outcome.firings[0];
    assert_eq!((firing.threshold, firing.attention), (Some(40.0), AttentionClass::Digest));
    assert_ne!(firing.trigger, set.rules()[0].trigger_hash);
    // Loosened again at 35 days: what is true by the rule's own number was so before.
    let mut loosened = known_deal(&tighter);
    assert!(told(&tick(&mut loosened, days(5), &tighter)).is_empty());
    assert!(told(&tick(&mut loosened, days(6), &world(&set, &account, &calendar))).is_empty());
}

#[test]
fn what_follows_won_deals_is_held_to_a_teams_number_where_that_is_stricter() {
    let (account, calendar) = (metadata(), london());
    let set = rules(&[(
        "slow",
        "on: state\nwhen: days_since(deal.stage_entered_at) >= threshold\nthreshold: { won_percentile: 75, of: dwell_days, fallback: 33 }",
    )]);
    let fires_at = |number: f64| {
        let to = Tightening { threshold: Some(number), ..Tightening::default() };
        assert!(to.check(&set.rules()[0]).is_ok(), "nobody knows yet what won deals will say");
        let tightened = vec![Tightened::new(people(&[SAM]), to)];
        let of_team = reach(Reach { tightened, ..Reach::default() });
        let set = standing(&set, &[("slow", of_team)]);
        let baselines = Baselines::none();
        let world = World { baselines, ..world(&set, &account, &calendar) };
        let mut deal = known_deal(&world);
        let firing = tick(&mut deal, days(12), &world).firings.remove(0);
        (firing.threshold, firing.quoted.map(|it| it.rung), firing.at)
    };
    assert_eq!(
        fires_at(40.0),
        (Some(40.0), Some(Rung::Team), days(10)),
        "stricter than the fallback"
    );
    assert_eq!(
        fires_at(20.0),
        (Some(33.0), Some(Rung::Own), days(3)),
        "laxer: the rule's own stays"
    );
}

#[test]
fn a_teams_rule_about_people_speaks_to_its_people_and_a_watched_one_is_worked_out() {
    let (account, calendar) = (metadata(), london());
    let body =
        "scope: person\non: state\nwhen: person.open_deals >= 2\ntip: { headline: h, body: b }";
    let set = rules(&[("many", body)]);
    let only = reach(Reach { only: Some(people(&[SAM])), ..Reach::default() });
    let of_team = standing(&set, &[("many", only)]);
    let slot = PERSON_FIELDS.iter().find(|(name, ..)| *name == "person.open_deals").unwrap().2;
    let with = |deals: f64| {
        move |_: UnixMs| {
            let mut facts = PersonFacts::default();
            facts.set(slot, Slot::Number(deals));
            facts
        }
    };
    let fires = |person: &str, set: &RuleSet| {
        let world = world(set, &account, &calendar);
        let mut state = PersonState::new(person);
        step_person(&mut state, with(1.0), days(0), &world);
        let fired = step_person(&mut state, with(2.0), days(1), &world).firings;
        let holds = |one| person_reason_holds(one, &state, set) == Holds::Yes;
        assert!(fired.iter().all(holds));
        fired.len()
    };
    assert_eq!((fires(SAM, &of_team), fires("ann@example.com", &of_team)), (1, 0));
    let watched = standing(&set, &[("many", state(RuleState::Shadow, 1))]);
    assert_eq!(fires(SAM, &watched), 1, "whoever sends it sees that it tells nobody");
    let paused = standing(&set, &[("many", state(RuleState::Paused, 2))]);
    assert_eq!(fires(SAM, &paused), 0);
    // What is true as a rule comes back is no news.
    let world_of = |set| world(set, &account, &calendar);
    let mut sam = PersonState::new(SAM);
    step_person(&mut sam, with(1.0), days(0), &world_of(&paused));
    let back = standing(&set, &[("many", state(RuleState::On, 3))]);
    assert!(step_person(&mut sam, with(2.0), days(2), &world_of(&back)).firings.is_empty());
}

/// What people do with rules, and what happens to the deal.
#[derive(Clone, Debug)]
enum Act {
    Step(usize, RuleState),
    Version(usize, usize),
    Change(crate::facts::Change),
    Timer,
    Sweep,
}

const IDS: [&str; 3] = ["slow", "silent", "in-c"];

/// Each rule in three versions; once true they stay true while nothing changes.
fn versions() -> Vec<RuleSet> {
    (0..3).map(|v| {
        rules(&[
            ("slow", &format!("on: state\nwhen: days_since(deal.stage_entered_at) >= {}\nrepeat: {{ every: 1d, max: 3 }}", 31 + 2 * v)),
            ("silent", &format!("on: state\nwhen: business_days_since(deal.last_inbound_at) >= {}\nunless: has(deal.next_step)", 1 + v)),
            ("in-c", &format!("on: state\nwhen: deal.stage in [\"c\", \"{}\"]", ["c", "b", "d"][v])),
        ])
    }).collect()
}

fn act() -> impl Strategy<Value = (i64, Act)> {
    let stage = prop::sample::select(vec!["a", "b", "c", "d"]);
    let next = prop_oneof![Just(text("call")), Just(crate::facts::Fact::Empty)];
    let states = prop::sample::select(vec![
        RuleState::On,
        RuleState::Shadow,
        RuleState::Paused,
        RuleState::Retired,
    ]);
    let kind = prop_oneof![
        4 => (0..3usize, states).prop_map(|(rule, state)| Act::Step(rule, state)),
        5 => (0..3usize, 0..3usize).prop_map(|(rule, version)| Act::Version(rule, version)),
        1 => stage.prop_map(|stage| Act::Change(set_stage(stage, T0))),
        1 => next.prop_map(|next| Act::Change(set(Field::NextStep, next, T0))),
        1 => Just(Act::Change(mail("m", Direction::Inbound, T0))),
        1 => Just(Act::Timer),
        1 => Just(Act::Sweep),
    ];
    (1..100i64, kind)
}

/// Everybody's standing as the service would keep it: what begins anew has
/// another epoch.
struct Office {
    versions: Vec<RuleSet>,
    of: [(usize, Standing); 3],
    /// Since when each rule looks as it does now.
    since: [UnixMs; 3],
}

impl Office {
    fn set(&self) -> RuleSet {
        let mut all = RuleSet::default();
        for (id, (version, _)) in IDS.iter().zip(&self.of) {
            all = all.with(self.versions[*version].only(|rule| rule.id == *id));
        }
        let standings =
            IDS.iter().zip(&self.of).map(|(id, (_, it))| ((*id).to_owned(), it.clone()));
        all.standing(&standings.collect())
    }

    fn act(&mut self, act: &Act, now: UnixMs) {
        match act {
            Act::Step(rule, to) => {
                let (_, standing) = &mut self.of[*rule];
                if standing.state != *to {
                    standing.state = *to;
                    standing.epoch += i64::from(to.looks());
                    self.since[*rule] = now;
                }
            }
            Act::Version(rule, to) if self.of[*rule].0 != *to => {
                self.of[*rule].0 = *to;
                self.of[*rule].1.epoch += 1;
                self.since[*rule] = now;
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is done to rules, in any order, and however seldom anybody looks:
    /// what a deal met as its rule began is not told, until it was otherwise.
    #[test]
    fn nothing_that_was_already_true_fires(acts in prop::collection::vec(act(), 0..40)) {
        let (account, calendar) = (metadata(), london());
        let mut office = Office {
            versions: versions(),
            of: Default::default(),
            since: [T0; 3],
        };
        let first = office.set();
        let mut deal = known_deal(&world(&first, &account, &calendar));
        // Of each rule, whether the deal met it as it began, and nothing changed since.
        let mut met = [false; 3];
        let (mut now, mut number) = (T0, 0);
        for (hours, act) in &acts {
            now = now.plus_ms(hours * crate::time::HOUR_MS);
            office.act(act, now);
            let set = office.set();
            let world = world(&set, &account, &calendar);
            if matches!(act, Act::Step(..) | Act::Version(..)) {
                let truths = present(&deal, now, &world);
                for (at, id) in IDS.iter().enumerate().filter(|(at, _)| office.since[*at] == now) {
                    met[at] = truths.iter().any(|(rule, truth)| rule.id == *id && *truth == Truth::True);
                }
            }
            let outcome = match act {
                Act::Change(change) => {
                    number += 1;
                    let change = crate::facts::Change { occurred_at: now, vendor_seq: number, ..change.clone() };
                    let outcome = live(&mut deal, &change, &world);
                    check(&outcome, &met, &office, now)?;
                    if !outcome.applied.is_empty() {
                        met = [false; 3];
                    }
                    continue;
                }
                Act::Timer => tick(&mut deal, now, &world),
                Act::Sweep => {
                    let first = tick(&mut deal, now, &world);
                    check(&first, &met, &office, now)?;
                    step(&mut deal, Stimulus::Reseed, now, &world)
                }
                Act::Step(..) | Act::Version(..) => continue,
            };
            check(&outcome, &met, &office, now)?;
        }
    }
}

fn check(
    outcome: &crate::engine::Outcome,
    met: &[bool; 3],
    office: &Office,
    now: UnixMs,
) -> Result<(), TestCaseError> {
    for firing in &outcome.firings {
        let at = IDS.iter().position(|id| *id == firing.rule_id).expect("one of them");
        prop_assert!(
            firing.at >= office.since[at],
            "{} fired of a time before it began",
            firing.rule_id
        );
        prop_assert!(office.of[at].1.state.looks(), "{} rests", firing.rule_id);
        // A change at this very instant may have made it true anew.
        prop_assert!(
            !met[at] || (firing.at == now && !outcome.applied.is_empty()),
            "{} at {} was true already",
            firing.rule_id,
            firing.at
        );
    }
    Ok(())
}
