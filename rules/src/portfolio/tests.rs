use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::condition::Slot;
use crate::engine::tests::fixtures::{
    days, key, known_deal, live, london, metadata, number, rules, set, text, time, world,
};
use crate::engine::{PersonState, person_reason_holds, step_person};
use crate::facts::{Actor, ActorKind, Change, DealKey, Field, StageKind};
use crate::time::{DAY_MS, HOUR_MS};

/// Monday 2 March 2026, 09:00.
const NOW: UnixMs = crate::engine::tests::fixtures::T0;

fn utc() -> Calendar {
    Calendar::weekdays(TimeZone::UTC)
}

fn open(amount: f64, close_on: Date) -> Standing {
    Standing {
        owner: "sam@example.com".into(),
        kind: StageKind::Open,
        created_at: Some(days(-60)),
        closed_at: None,
        amount: Some(amount),
        foreign: false,
        close_on: Some(close_on),
        next_steps: Some(Vec::new()),
    }
}

fn closed(kind: StageKind, day: i64, amount: f64) -> Standing {
    Standing { kind, closed_at: Some(days(day)), ..open(amount, date(2026, 2, 1)) }
}

fn fact(portfolio: &Portfolio, name: &str) -> Slot<'static> {
    PersonFacts::of(portfolio, NOW, &utc()).named(name).unwrap()
}

fn own(deals: Vec<Standing>) -> Portfolio {
    Portfolio { deals, target: None, led: None }
}

#[test]
fn open_deals_are_counted_summed_and_compared() {
    let mut deals: Vec<Standing> =
        [(10.0, 5), (20.0, 27), (70.0, 31)].map(|(n, day)| open(n, date(2026, 3, day))).into();
    deals[0].created_at = Some(days(-3));
    let portfolio = own(deals.clone());
    for (name, expected) in [
        ("person.open_deals", Slot::Number(3.0)),
        ("person.open_amount", Slot::Number(100.0)),
        ("person.largest_share_percent", Slot::Number(70.0)),
        ("person.closing_this_month", Slot::Number(3.0)),
        ("person.closing_last_days_percent", Slot::Number(67.0)),
        ("person.new_deals_14d", Slot::Number(1.0)),
        ("person.last_new_deal_at", Slot::Time(days(-3))),
        ("person.overdue_deals", Slot::Number(0.0)),
        ("person.usual_open_deals", Slot::Number(2.0)),
        ("person.leads", Slot::Number(0.0)),
        ("person.target", Slot::Unknown),
        ("person.edits_14d", Slot::Unknown),
    ] {
        assert_eq!(fact(&portfolio, name), expected, "{name}");
    }
    deals[1].foreign = true;
    let mixed = own(deals);
    assert_eq!(fact(&mixed, "person.open_amount"), Slot::Unknown, "two currencies make no sum");
    assert_eq!(fact(&mixed, "person.largest_share_percent"), Slot::Unknown);
    assert_eq!(fact(&own(Vec::new()), "person.largest_share_percent"), Slot::Empty);
    assert_eq!(fact(&own(Vec::new()), "person.usual_open_deals"), Slot::Unknown);
}

#[test]
fn a_streak_ends_with_a_loss_and_a_target_counts_its_stretch() {
    let deals = vec![
        closed(StageKind::Won, -70, 1_000.0),
        closed(StageKind::Lost, -40, 1.0),
        closed(StageKind::Won, -35, 200.0),
        closed(StageKind::Won, -2, 300.0),
        open(400.0, date(2026, 3, 20)),
        open(900.0, date(2026, 4, 1)),
    ];
    let target = Some(Target { amount: 900.0, quarterly: true });
    let portfolio = Portfolio { target, ..own(deals) };
    for (name, expected) in [
        ("person.wins_in_a_row", 2.0),
        ("person.wins_30d", 1.0),
        ("person.won_amount", 500.0),
        ("person.coverage", 1.0),
    ] {
        assert_eq!(fact(&portfolio, name), Slot::Number(expected), "{name}");
    }
    let monthly = Some(Target { amount: 300.0, quarterly: false });
    let portfolio = Portfolio { target: monthly, ..portfolio };
    assert_eq!(fact(&portfolio, "person.won_amount"), Slot::Number(0.0), "it was in February");
    let reached = Some(Target { amount: 500.0, quarterly: true });
    assert_eq!(fact(&Portfolio { target: reached, ..portfolio }, "person.coverage"), Slot::Empty);
}

#[test]
fn a_habit_is_compared_with_four_weeks_ago() {
    let dated = |since: i64, day: Date| Standing {
        next_steps: Some(vec![(days(since), Some(day))]),
        ..open(1.0, date(2026, 5, 1))
    };
    let mut deals = vec![dated(-40, date(2026, 2, 10)), dated(-40, date(2026, 3, 10))];
    deals.extend([-5, -4, -3].map(|since| dated(since, date(2026, 3, 9))));
    let portfolio = own(deals.clone());
    assert_eq!(fact(&portfolio, "person.next_steps_percent"), Slot::Number(80.0));
    assert_eq!(fact(&portfolio, "person.next_steps_percent_before"), Slot::Number(40.0));
    deals.pop();
    assert_eq!(fact(&own(deals.clone()), "person.next_steps_percent"), Slot::Unknown, "too few");
    deals.extend([open(1.0, date(2026, 5, 1)), Standing { next_steps: None, ..deals[0].clone() }]);
    assert_eq!(fact(&own(deals), "person.next_steps_percent"), Slot::Unknown, "nobody tells");
}

fn by(person: &str, deal: u32, day: i64, amount: f64, close_on: Date) -> Edit {
    let deal = DealKey { connection: "crm".into(), id: deal.to_string() };
    let id = format!("{person} {} {day}", deal.id);
    let owner = "sam@example.com".into();
    Edit {
        id,
        by: person.into(),
        owner,
        deal,
        at: days(day),
        amount: Some(amount),
        close_on: Some(close_on),
    }
}

#[test]
fn who_leads_others_reads_what_they_did_themselves() {
    const LEE: &str = "lee@example.com";
    let (march, may) = (date(2026, 3, 20), date(2026, 5, 20));
    let mut edits: Vec<Edit> = (0..6_i64).map(|n| by(LEE, 1, -n, 90.0, march)).collect();
    edits[0].owner = "kim@example.com".into();
    edits[1].owner = "kim@example.com".into();
    edits.extend([by(LEE, 2, -1, 10.0, may), by(LEE, 3, -20, 10.0, may)]);
    edits.extend([by(LEE, 3, -29, 10.0, may), by("sam@example.com", 3, -20, 10.0, may)]);
    edits.extend((0..7_i64).map(|n| by("sam@example.com", 4, -n, 10.0, may)));
    let team: Vec<Standing> = (1..=10).map(|n| open(f64::from(n) * 10.0, may)).collect();
    let push = |to: &str, day| Push { to: to.into(), at: days(day) };
    let led = Led {
        by: LEE.into(),
        people: 3,
        since: Some(date(2026, 2, 1)),
        deals: team,
        edits,
        pushes: vec![push("a", -1), push("a", -2), push("b", -3), push("a", -30)],
        answers: vec![
            RuleAnswers { answers: 9, not_true: 9, people: 9 },
            RuleAnswers { answers: 40, not_true: 40, people: 4 },
            RuleAnswers { answers: 10, not_true: 3, people: 5 },
        ],
    };
    let portfolio = Portfolio { led: Some(led), ..own(vec![open(5.0, may)]) };
    for (name, expected) in [
        ("person.leads", Slot::Number(3.0)),
        ("person.open_deals", Slot::Number(1.0)),
        ("person.manager_since", Slot::Time(days(-29).plus_ms(-9 * HOUR_MS))),
        ("person.edits_14d", Slot::Number(7.0)),
        ("person.edits_before_14d", Slot::Number(1.0)),
        ("person.edits_share_percent", Slot::Number(50.0)),
        ("person.edited_deals_14d", Slot::Number(2.0)),
        ("person.edits_on_one_deal_14d", Slot::Number(6.0)),
        ("person.edits_on_one_seller_14d", Slot::Number(5.0)),
        ("person.edits_large_percent", Slot::Number(86.0)),
        ("person.edits_this_month_percent", Slot::Number(86.0)),
        ("person.pushes_same_seller_7d", Slot::Number(2.0)),
        ("person.rule_not_true_percent", Slot::Number(30.0)),
        ("person.team_next_steps_14d", Slot::Empty),
    ] {
        assert_eq!(fact(&portfolio, name), expected, "{name}");
    }
}

#[test]
fn an_improvement_is_told_of_only_if_several_share_it() {
    let deal = |owner: &str, day: i64| Standing {
        owner: owner.into(),
        next_steps: Some(vec![(days(day), Some(date(2026, 4, 1)))]),
        ..open(1.0, date(2026, 5, 1))
    };
    let told = |deals: Vec<Standing>| {
        let led = Some(Led { deals, ..Led::default() });
        let portfolio = Portfolio { led, ..Portfolio::default() };
        ["person.team_next_steps_14d", "person.team_next_steps_before_14d"]
            .map(|name| fact(&portfolio, name))
    };
    let shared = vec![deal("a", -1), deal("a", -2), deal("b", -3), deal("b", -20)];
    assert_eq!(told(shared), [Slot::Number(3.0), Slot::Number(1.0)]);
    let of_one = vec![deal("a", -1), deal("a", -2), deal("b", -20)];
    assert_eq!(told(of_one), [Slot::Empty, Slot::Empty], "one person can be made out");
}

#[test]
fn a_deal_tells_where_it_stands_and_who_edited_it() {
    let (set_of, account, calendar) = (rules(&[]), metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    let by = |user: &str, change: Change| {
        let actor = Actor { kind: ActorKind::Person, user_id: Some(format!("user {user}")) };
        Change { actor, ..change }
    };
    let mut told = Vec::new();
    for change in [
        by("8", set(Field::Amount, number(900), days(1))),
        by("8", set(Field::Owner, text("9"), days(2))),
        by("77", set(Field::Amount, number(950), days(3))),
        Change { actor: Actor::default(), ..set(Field::Amount, number(960), days(4)) },
        by("9", set(Field::Stage, text("won"), days(5))),
    ] {
        let outcome = live(&mut state, &change, &world);
        let now = standing(&state, &account).unwrap();
        told.extend(outcome.applied.iter().filter_map(|one| edit(one, &key(), &now, &account)));
    }
    let told: Vec<_> =
        told.iter().map(|one| (one.by.as_str(), one.owner.as_str(), one.at)).collect();
    assert_eq!(
        told,
        [
            ("lee@example.com", "sam@example.com", days(1)),
            ("cy@example.com", "cy@example.com", days(5))
        ]
    );
    let now = standing(&state, &account).unwrap();
    assert_eq!((now.kind, now.closed_at, now.amount), (StageKind::Won, Some(days(5)), Some(960.0)));
    live(&mut state, &set(Field::CloseDate, time(days(9)), days(6)), &world);
    assert_eq!(standing(&state, &account).unwrap().close_on, Some(date(2026, 3, 11)));
    live(&mut state, &set(Field::Owner, text("nobody"), days(7)), &world);
    assert_eq!(standing(&state, &account), None);
}

/// The same episodes, ids and silence at first sight as for deals; looked at again
/// at each midnight of the person's.
#[test]
fn rules_about_people_speak_as_rules_about_deals_do() {
    let body = "scope: person\non: state\nwhen: person.open_deals >= 2\nrepeat: { every: 1d, max: 1 }\ntip: { headline: h, body: b }";
    let (many, account, calendar) = (rules(&[("many", body)]), metadata(), london());
    let world = world(&many, &account, &calendar);
    let with = |n: usize| {
        let portfolio = own(vec![open(1.0, date(2026, 5, 1)); n]);
        move |at: UnixMs| PersonFacts::of(&portfolio, at, &utc())
    };
    let mut state = PersonState::new("sam@example.com");
    let told = |outcome: &crate::engine::Outcome| {
        outcome
            .firings
            .iter()
            .map(|one| (one.at, one.repeat, one.deal.id.clone()))
            .collect::<Vec<_>>()
    };
    let seeded = step_person(&mut state, with(2), NOW, &world);
    assert!(seeded.firings.is_empty(), "true before anybody looked");
    assert_eq!(state.next_due, Some(NOW.plus_ms(15 * HOUR_MS)));
    step_person(&mut state, with(1), NOW.plus_ms(1), &world);
    let fired = step_person(&mut state, with(2), NOW.plus_ms(2), &world);
    let sam = "sam@example.com".to_owned();
    assert_eq!(told(&fired), [(NOW.plus_ms(2), 0, sam.clone())]);
    let same = step_person(&mut state, with(2), NOW.plus_ms(2), &world);
    assert!(same.firings.is_empty(), "the same look again says nothing");
    // After days without a look each thing happens at its own instant.
    let late = step_person(&mut state, with(2), NOW.plus_ms(3 * DAY_MS), &world);
    assert_eq!(told(&late), [(NOW.plus_ms(2 + DAY_MS), 1, sam)]);
    assert_ne!(late.firings[0].id, fired.firings[0].id);
    let holds = |state: &PersonState| person_reason_holds(&fired.firings[0], state, &many);
    assert_eq!(holds(&state), crate::engine::Holds::Yes);
    let ended = step_person(&mut state, with(0), NOW.plus_ms(4 * DAY_MS), &world);
    assert_eq!(ended.ended[0].firing_ids.len(), 2);
    assert_eq!(holds(&state), crate::engine::Holds::No);
    let none = rules(&[]);
    let without = crate::engine::World { rules: &none, ..world };
    step_person(&mut state, with(5), NOW.plus_ms(5 * DAY_MS), &without);
    assert!(state.rules.is_empty() && state.next_due.is_none());
}

fn a_standing() -> impl Strategy<Value = Standing> {
    let kind = prop_oneof![Just(StageKind::Open), Just(StageKind::Won), Just(StageKind::Lost)];
    let steps = proptest::option::of(proptest::collection::vec(
        (-40i64..5, proptest::option::of(1i8..28)),
        0..3,
    ));
    let amount = proptest::option::of(-5.0..500.0f64);
    (kind, -120i64..5, -50i64..3, amount, any::<bool>(), 1i8..28, steps, 0..3usize).prop_map(
        |(kind, created, closed, amount, foreign, day, steps, owner)| Standing {
            owner: format!("seller{owner}@example.com"),
            kind,
            created_at: Some(days(created)),
            closed_at: (kind != StageKind::Open).then(|| days(closed)),
            amount,
            foreign,
            close_on: Some(date(2026, 3, day)),
            next_steps: steps.map(|steps| {
                let dated = |day: i8| date(2026, 3, day);
                steps.into_iter().map(|(at, day)| (days(at), day.map(dated))).collect()
            }),
        },
    )
}

fn an_edit() -> impl Strategy<Value = Edit> {
    (0..3usize, 0..6usize, -20i64..2, proptest::option::of(0.0..500.0f64)).prop_map(
        |(by, deal, at, amount)| Edit {
            id: format!("{by}-{deal}-{at}"),
            by: format!("lead{by}@example.com"),
            owner: "seller0@example.com".into(),
            deal: DealKey { connection: "crm".into(), id: deal.to_string() },
            at: days(at),
            amount,
            close_on: Some(date(2026, 3, 30)),
        },
    )
}

proptest! {
    /// What is claimed of the facts, for proofs about conditions, is so of everybody.
    #[test]
    fn facts_are_what_is_claimed_of_them(
        deals in proptest::collection::vec(a_standing(), 0..14),
        led_deals in proptest::collection::vec(a_standing(), 0..14),
        edits in proptest::collection::vec(an_edit(), 0..12),
        target in proptest::option::of(1.0..900.0f64),
        answers in (0u32..20, 0u32..20, 0u32..7),
        leads in any::<bool>(),
    ) {
        let led = Led {
            by: "lead0@example.com".into(),
            people: 3,
            since: None,
            deals: led_deals,
            edits,
            pushes: vec![Push { to: "seller0@example.com".into(), at: days(-1) }],
            answers: vec![RuleAnswers {
                answers: answers.0,
                not_true: answers.1.min(answers.0),
                people: answers.2,
            }],
        };
        let target = target.map(|amount| Target { amount, quarterly: true });
        let portfolio = Portfolio { deals, target, led: leads.then_some(led) };
        let facts = PersonFacts::of(&portfolio, NOW, &utc());
        for (name, _, slot, _) in PERSON_FIELDS {
            let value = facts.named(name).unwrap();
            if person_domains::NEVER_BLANK.contains(&slot) {
                prop_assert_ne!(value, Slot::Empty, "{}", name);
            }
            let Slot::Number(number) = value else { continue };
            if person_domains::COUNTS.contains(&slot) {
                prop_assert!(number >= 0.0 && number.fract() == 0.0, "{} is {}", name, number);
            }
            if person_domains::AT_LEAST_0.contains(&slot) {
                prop_assert!(number >= 0.0, "{} is {}", name, number);
            }
        }
    }
}
