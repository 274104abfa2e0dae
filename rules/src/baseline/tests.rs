use proptest::prelude::*;

use super::*;
use crate::calendar::Calendar;
use crate::engine::tests::fixtures::{change, days, key, metadata, number, set, text, time};
use crate::facts::fold::fold;
use crate::facts::{
    Activity, ActivityKind, Change, ChangeKind, DealFacts, DealState, Direction, Field, Metadata,
};
use crate::time::DAY_MS;

/// A deal that was so many days in stage `a`, then in `b`, and then won.
fn won(in_a: i64, in_b: i64, amount: i64) -> DealFacts {
    let mut facts = DealState::new(key()).facts;
    let mut tell = |change: Change| drop(fold(&mut facts, &change, false));
    tell(Change { kind: ChangeKind::Created, ..set(Field::Name, text(""), days(0)) });
    tell(set(Field::Pipeline, text("p"), days(0)));
    tell(set(Field::Stage, text("a"), days(0)));
    tell(set(Field::Amount, number(amount), days(0)));
    tell(set(Field::CloseDate, time(days(30)), days(0)));
    tell(set(Field::CloseDate, time(days(40)), days(1)));
    tell(set(Field::Stage, text("b"), days(in_a)));
    tell(set(Field::Stage, text("won"), days(in_a + in_b)));
    facts
}

fn weekdays() -> Calendar {
    Calendar::weekdays(jiff::tz::TimeZone::UTC)
}

fn of(facts: &DealFacts) -> Samples {
    samples(facts, &metadata(), true, &weekdays(), days(1_000)).unwrap()
}

fn threshold(of: Measure, min_n: u32, fallback: Option<f64>) -> WonThreshold {
    WonThreshold { percentile: 75, of, min_n, fallback }
}

/// Stays of 1 to 40 days in `a`.
fn forty() -> Builder {
    let mut builder = Builder::default();
    (1..=40).for_each(|days| builder.add(&of(&won(days, 2, 1_000 * days))));
    builder
}

#[test]
fn a_deal_says_each_thing_once() {
    let samples = of(&won(18, 3, 12_000));
    assert_eq!(samples.pipeline, "p");
    let stays = [(Measure::DwellDays, "a".into(), 18), (Measure::DwellDays, "b".into(), 3)];
    assert_eq!(samples.of_stages, stays);
    assert_eq!(
        samples.of_deal,
        [
            (Measure::DwellDays, 18),
            (Measure::CycleDays, 21),
            (Measure::PushCount, 1),
            (Measure::PushedDays, 10),
            (Measure::Amount, 12_000),
        ]
    );
}

/// From Tuesday the third of March on, in `a` until the twelfth and then in `b`, won on
/// Monday the 23rd.
#[test]
fn gaps_are_told_in_days_and_in_working_days_by_the_stage_in_which_they_began() {
    let mut facts = won(10, 11, 1);
    facts.activities.read = true;
    let mut happen = |kind, direction, day: i64| {
        let id = format!("{kind:?} {day}");
        let activity =
            Activity { id, kind, direction, at: days(day), by_touchline: false, people: None };
        fold(&mut facts, &change(ChangeKind::Activity(activity), days(day)), false);
    };
    [1, 4, 9].iter().for_each(|day| happen(ActivityKind::Email, Direction::Inbound, *day));
    [2, 11].iter().for_each(|day| happen(ActivityKind::Meeting, Direction::Unknown, *day));
    let told = of(&facts);
    let gaps = |of: Measure| {
        let in_stages = told.of_stages.iter().filter(|(measure, ..)| *measure == of);
        let by_stage: Vec<_> = in_stages.map(|(_, stage, n)| (stage.as_str(), *n)).collect();
        let longest = told.of_deal.iter().find(|(measure, _)| *measure == of).map(|(_, n)| *n);
        (by_stage, longest)
    };
    assert_eq!(gaps(Measure::InboundGapDays), (vec![("a", 12)], Some(12)));
    assert_eq!(gaps(Measure::InboundGapBusinessDays), (vec![("a", 8)], Some(8)));
    assert_eq!(gaps(Measure::ActivityGapDays), (vec![("a", 5), ("b", 10)], Some(10)));
    assert_eq!(gaps(Measure::ActivityGapBusinessDays), (vec![("a", 3), ("b", 6)], Some(6)));
    assert_eq!(gaps(Measure::MeetingGapBusinessDays), (vec![("a", 7), ("b", 6)], Some(7)));
    let untrusted = samples(&facts, &metadata(), false, &weekdays(), days(1_000)).unwrap();
    assert!(untrusted.of_deal.iter().all(|(measure, _)| !measure.rests_on_activities()));
}

#[test]
fn what_happens_later_is_not_known_yet() {
    let facts = won(5, 5, 1);
    let before = |day: i64| samples(&facts, &metadata(), true, &weekdays(), days(day));
    assert_eq!(before(9), None, "not won yet");
    let mut reopened = facts.clone();
    fold(&mut reopened, &set(Field::Stage, text("a"), days(20)), false);
    assert_eq!(samples(&reopened, &metadata(), true, &weekdays(), days(30)), None);
    assert_eq!(samples(&reopened, &metadata(), true, &weekdays(), days(15)), before(15));
    let mut told_late = facts.clone();
    fold(&mut told_late, &set(Field::Amount, number(9), days(3)), false);
    told_late.untell(Field::Amount, days(3), 0);
    assert_eq!(samples(&told_late, &metadata(), true, &weekdays(), days(15)), before(15));
}

#[test]
fn lost_deals_and_foreign_money_say_nothing() {
    let mut lost = won(5, 5, 1);
    fold(&mut lost, &set(Field::Stage, text("lost"), days(11)), false);
    assert_eq!(samples(&lost, &metadata(), true, &weekdays(), days(99)), None);
    let mut foreign = won(5, 5, 1);
    fold(&mut foreign, &set(Field::Currency, text("SEK"), days(0)), false);
    assert!(of(&foreign).of_deal.iter().all(|(measure, _)| *measure != Measure::Amount));
}

#[test]
fn a_threshold_is_found_in_the_narrowest_place_with_enough_deals() {
    let baseline = forty().at(days(100));
    let dwell = threshold(Measure::DwellDays, 30, Some(14.0));
    let here = |threshold: &WonThreshold, pipeline, stage| {
        baseline.resolve(threshold, pipeline, stage).unwrap()
    };
    let found = here(&dwell, Some("p"), Some("a"));
    assert_eq!((found.value, found.n, found.rung), (30.0, 40, Rung::Stage));
    assert_eq!(here(&dwell, Some("p"), Some("c")).rung, Rung::Pipeline);
    assert_eq!(here(&dwell, Some("q"), Some("a")).rung, Rung::All);
    assert_eq!(here(&dwell, None, None).rung, Rung::All);
    let more = threshold(Measure::DwellDays, 41, Some(14.0));
    let own = here(&more, Some("p"), Some("a"));
    assert_eq!((own.value, own.n, own.rung), (14.0, 40, Rung::Own));
    assert_eq!(baseline.resolve(&WonThreshold { fallback: None, ..more }, None, None), None);
    let amount = threshold(Measure::Amount, 30, None);
    assert_eq!(here(&amount, Some("p"), Some("a")).rung, Rung::Pipeline);
}

#[test]
fn every_threshold_can_be_said_in_words() {
    let baseline = forty().at(days(100));
    let mut lines = Vec::new();
    for of in Measure::ALL {
        let wanted = threshold(of, 30, Some(14.0));
        let found = baseline.resolve(&wanted, Some("p"), Some("a"));
        // Those forty say nothing of some things.
        let said = |found: &Quoted| found.rung != Rung::Own;
        let stage = if of.is_by_stage() { "a" } else { "" };
        let others = Baseline::blank(days(100), 212).with(of, "p", stage, 12);
        let found = found.filter(said).or(others.resolve(&wanted, Some("p"), Some("a")));
        lines.extend(found.map(|found| format!("{}: {}", of.name(), found.source())));
    }
    let few = threshold(Measure::DwellDays, 100, Some(14.0));
    lines.push(baseline.resolve(&few, Some("p"), Some("a")).unwrap().source());
    insta::assert_snapshot!(lines.join("\n"), @"
    dwell_days: your won deals leave this stage within 30 days in 3 of 4 cases; n = 40
    cycle_days: your won deals of this pipeline are won within 32 days in 3 of 4 cases; n = 40
    inbound_gap_days: your won deals never wait more than 12 days for the buyer in this stage in 3 of 4 cases; n = 212
    activity_gap_days: your won deals never rest for more than 12 days in this stage in 3 of 4 cases; n = 212
    inbound_gap_business_days: your won deals never wait more than 12 working days for the buyer in this stage in 3 of 4 cases; n = 212
    activity_gap_business_days: your won deals never rest for more than 12 working days in this stage in 3 of 4 cases; n = 212
    meeting_gap_business_days: your won deals never go more than 12 working days without a meeting in this stage in 3 of 4 cases; n = 212
    push_count: the close date of your won deals of this pipeline moves later at most 1 time in 3 of 4 cases; n = 40
    pushed_days: the close date of your won deals of this pipeline moves later by at most 10 days in 3 of 4 cases; n = 40
    amount: your won deals of this pipeline amount to at most 30,000 in 3 of 4 cases; n = 40
    discount_percent: your won deals of this pipeline have a discount of at most 12 percent in 3 of 4 cases; n = 212
    contacts_engaged: your won deals of this pipeline have at most 12 people in touch in 3 of 4 cases; n = 212
    the rule's own number, as only 40 won deals could tell
    ");
}

#[test]
fn a_baseline_counts_only_after_it_could_be_worked_out() {
    let mut all = Baselines::default();
    for day in [3, 1, 2] {
        all.push(forty().at(days(day)), 2);
    }
    assert_eq!(all.newest().map(|one| one.at), Some(days(3)));
    let at = |at: UnixMs| all.in_force(at).map(|one| one.at);
    assert_eq!(at(days(2)), None, "only two are kept");
    assert_eq!(at(days(3)), Some(days(2)));
    assert_eq!(at(days(3).plus_ms(IN_FORCE_AFTER_MS)), Some(days(3)));
    let stored = serde_json::to_string(all.newest().unwrap()).unwrap();
    assert_eq!(serde_json::from_str::<Baseline>(&stored).unwrap(), *all.newest().unwrap());
}

proptest! {
    /// Any order of coming and going ends in the same snapshot, and each
    /// percentile is what sorting says.
    #[test]
    fn counts_are_as_good_as_sorting(
        stays in prop::collection::vec(1_i64..60, 1..80),
        gone in prop::collection::vec(1_i64..60, 0..20),
        percentile in 1_u8..=99,
    ) {
        let sample = |days: &i64| of(&won(*days, 1, *days));
        let (mut builder, mut straight) = (Builder::default(), Builder::default());
        gone.iter().for_each(|days| builder.add(&sample(days)));
        stays.iter().rev().for_each(|days| builder.add(&sample(days)));
        gone.iter().for_each(|days| builder.remove(&sample(days)));
        stays.iter().for_each(|days| straight.add(&sample(days)));
        prop_assert_eq!(&builder, &straight);
        let won = WonThreshold { percentile, of: Measure::DwellDays, min_n: 1, fallback: None };
        let found = builder.at(days(99)).resolve(&won, Some("p"), Some("a")).unwrap();
        let mut sorted = stays.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * usize::from(percentile)).div_ceil(100).max(1);
        prop_assert_eq!(found.value as i64, sorted[rank - 1]);
        prop_assert_eq!(found.n as usize, sorted.len());
    }
}

#[test]
fn lengths_are_rounded_up_to_whole_days() {
    let mut facts = won(5, 5, 1);
    fold(&mut facts, &set(Field::Stage, text("c"), days(10).plus_ms(-1)), false);
    let (account, at) = (Metadata::default(), days(99));
    assert_eq!(
        samples(&facts, &account, true, &weekdays(), at),
        None,
        "no stage is known to be won"
    );
    let stays = of(&facts).of_stages;
    assert!(stays.contains(&(Measure::DwellDays, "c".into(), 1)), "{stays:?} {DAY_MS}");
}
