//! What holds for every stream of changes.

use proptest::prelude::*;

use super::fixtures::*;
use crate::engine::{Firing, Stimulus, step};
use crate::facts::{
    Activity, ActivityKind, Actor, ActorKind, Change, ChangeKind, DealState, Direction, Fact,
    Field, Observation, Origin, PersonMark, Value,
};
use crate::time::{HOUR_MS, UnixMs};

fn stage() -> impl Strategy<Value = Fact<Value>> {
    prop_oneof![
        6 => prop::sample::select(vec!["a", "b", "c", "d"]).prop_map(text),
        1 => Just(text("won")),
        1 => Just(text("lost")),
    ]
}

fn kind() -> impl Strategy<Value = ChangeKind> {
    let set = |field, to| ChangeKind::FieldSet { field, to };
    let close = prop_oneof![(0..60i64).prop_map(|day| time(days(day))), Just(Fact::Empty)];
    let amount = prop_oneof![(0..5i64).prop_map(number), Just(Fact::Empty)];
    let owner = prop::sample::select(vec!["7", "8", "9"]).prop_map(text);
    let rival = prop_oneof![Just(text("Acme")), Just(text("Nobody")), Just(Fact::Empty)];
    let discount = prop_oneof![(0..30i64).prop_map(number), Just(Fact::Empty)];
    let step_date = prop_oneof![(0..60i64).prop_map(|day| time(days(day))), Just(Fact::Empty)];
    let note = prop_oneof![Just(text("call")), Just(Fact::Empty)];
    prop_oneof![
        4 => stage().prop_map(move |to| set(Field::Stage, to)),
        3 => close.prop_map(move |to| set(Field::CloseDate, to)),
        2 => amount.prop_map(move |to| set(Field::Amount, to)),
        1 => note.prop_map(move |to| set(Field::NextStep, to)),
        1 => owner.prop_map(move |to| set(Field::Owner, to)),
        1 => rival.prop_map(move |to| set(Field::Competitor, to)),
        1 => discount.prop_map(move |to| set(Field::Discount, to)),
        1 => step_date.prop_map(move |to| set(Field::NextStepDate, to)),
        1 => Just(ChangeKind::Created),
        1 => prop_oneof![Just(ChangeKind::Deleted), Just(ChangeKind::Restored)],
    ]
}

/// Changes within three weeks; several may fall on one instant.
fn changes(max: usize) -> impl Strategy<Value = Vec<Change>> {
    let activity = (0..3u8, any::<bool>(), -24..24i64);
    let one =
        (0..500i64, 0..3i64, prop_oneof![8 => kind().prop_map(Ok), 3 => activity.prop_map(Err)]);
    prop::collection::vec(one, 0..max).prop_map(|list| {
        let made = list.into_iter().enumerate().map(|(number, (hour, seq, kind))| {
            let at = hours(hour + 1);
            let kind = kind.unwrap_or_else(|(sort, inbound, ahead)| {
                let kind = [ActivityKind::Email, ActivityKind::Call, ActivityKind::Meeting];
                let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
                ChangeKind::Activity(Activity {
                    id: number.to_string(),
                    kind: kind[usize::from(sort)],
                    direction,
                    at: at.plus_ms(ahead * HOUR_MS),
                    by_touchline: number % 7 == 0,
                    people: Some((0..number % 4).map(|n| PersonMark(n as u32)).collect()),
                })
            });
            let user_id = Some(format!("user {}", 7 + number % 4));
            let actor = Actor { kind: ActorKind::Person, user_id };
            Change { vendor_seq: seq, actor, ..change(kind, at) }
        });
        made.collect()
    })
}

/// The same changes in another order, some of them twice.
fn shuffled() -> impl Strategy<Value = (Vec<Change>, Vec<Change>)> {
    changes(60).prop_flat_map(|list| {
        let mut doubled = list.clone();
        doubled.extend(list.iter().step_by(3).cloned());
        (Just(list), Just(doubled).prop_shuffle())
    })
}

fn in_order(mut list: Vec<Change>) -> Vec<Change> {
    list.sort_by_key(|change| change.occurred_at);
    list
}

fn run(list: &[Change]) -> (DealState, Vec<Firing>) {
    let (rules, account, calendar) = (many_rules(), metadata(), london());
    let world = world(&rules, &account, &calendar);
    let mut state = known_deal(&world);
    let mut firings = Vec::new();
    for change in list {
        firings.extend(live(&mut state, change, &world).firings);
    }
    firings.extend(tick(&mut state, days(60), &world).firings);
    (state, firings)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn any_order_of_arrival_ends_in_the_same_facts((list, other) in shuffled()) {
        let (rules, account, calendar) = (many_rules(), metadata(), london());
        let world = world(&rules, &account, &calendar);
        let facts = |list: &[Change]| {
            let mut state = known_deal(&world);
            for change in list {
                step(&mut state, Stimulus::Change(change), days(30), &world);
            }
            let slots = crate::facts::schema::deal_slots(&state.facts, &account, true, days(31));
            (format!("{slots:?}"), state.facts)
        };
        let (ours, theirs) = (facts(&in_order(list)), facts(&other));
        prop_assert_eq!(ours.0, theirs.0);
        prop_assert_eq!(ours.1, theirs.1);
    }

    #[test]
    fn a_record_read_at_any_moment_ends_in_the_same_facts((list, other) in shuffled(), at in any::<prop::sample::Index>()) {
        let (rules, account, calendar) = (many_rules(), metadata(), london());
        let world = world(&rules, &account, &calendar);
        let mut history = vec![
            (Field::CreatedAt, time(days(-30)), days(-30)),
            (Field::Pipeline, text("p"), days(-30)),
            (Field::Stage, text("a"), days(-30)),
        ];
        for change in list.iter().filter(|change| change.vendor_seq == 0) {
            if let ChangeKind::FieldSet { field, to } = &change.kind {
                history.push((*field, to.clone(), change.occurred_at));
            }
        }
        // Fields without a past are left out: only a date can be put in order.
        let mut read = record(Origin::Hydrate, days(29), &history);
        read.fields.retain(|(field, _)| *field == Field::CreatedAt);
        read.activities = None;
        let facts = |list: &[Change], at: usize| {
            let mut state = DealState::new(key());
            let now = days(30);
            for change in &list[..at] {
                step(&mut state, Stimulus::Change(change), now, &world);
            }
            step(&mut state, Stimulus::Observation(&read), now, &world);
            for change in &list[at..] {
                step(&mut state, Stimulus::Change(change), now, &world);
            }
            state.facts
        };
        prop_assert_eq!(facts(&in_order(list), 0), facts(&other, at.index(other.len() + 1)));
    }

    #[test]
    fn doubled_deliveries_fire_nothing_more(list in changes(40), gap in 0..6usize) {
        let list = in_order(list);
        let mut doubled = Vec::new();
        for (at, change) in list.iter().enumerate() {
            doubled.push(change.clone());
            if let Some(again) = at.checked_sub(gap).and_then(|at| list.get(at)) {
                doubled.push(again.clone());
            }
        }
        let ids = |firings: &[Firing]| firings.iter().map(|one| one.id.clone()).collect::<Vec<_>>();
        let (once, twice) = (run(&list), run(&doubled));
        prop_assert_eq!(ids(&once.1), ids(&twice.1));
        let mut unique = ids(&once.1);
        unique.sort();
        unique.dedup();
        prop_assert_eq!(unique.len(), once.1.len());
    }

    #[test]
    fn timers_fire_at_their_own_instant_however_often_one_looks(list in changes(30), ticks in prop::collection::vec(0..1_500i64, 0..80)) {
        let (rules, account, calendar) = (many_rules(), metadata(), london());
        let world = world(&rules, &account, &calendar);
        let mut jittered = known_deal(&world);
        let mut firings = Vec::new();
        let mut ticks: Vec<UnixMs> = ticks.into_iter().map(hours).collect();
        ticks.sort();
        let mut ticks = ticks.into_iter().peekable();
        for change in in_order(list.clone()) {
            while let Some(at) = ticks.next_if(|at| *at <= change.occurred_at) {
                firings.extend(tick(&mut jittered, at, &world).firings);
            }
            firings.extend(live(&mut jittered, &change, &world).firings);
        }
        for at in ticks.filter(|at| *at < days(60)) {
            firings.extend(tick(&mut jittered, at, &world).firings);
        }
        firings.extend(tick(&mut jittered, days(60), &world).firings);
        let (one_pass, expected) = run(&in_order(list));
        prop_assert_eq!(firings, expected);
        prop_assert_eq!(jittered, one_pass);
    }

    #[test]
    fn what_is_read_on_connect_fires_nothing(list in changes(40), import in any::<bool>()) {
        let (rules, account, calendar) = (many_rules(), metadata(), london());
        let world = world(&rules, &account, &calendar);
        let mut history = vec![(Field::CreatedAt, time(days(-30)), days(-30)), (Field::Stage, text("a"), days(-30))];
        for change in &list {
            if let ChangeKind::FieldSet { field, to } = &change.kind {
                history.push((*field, to.clone(), change.occurred_at));
            }
        }
        let origin = if import { Origin::Import } else { Origin::Backfill };
        let mut state = DealState::new(key());
        for stimulus in [Stimulus::Observation(&record(origin, days(30), &history)), Stimulus::Reseed, Stimulus::Reseed] {
            let outcome = step(&mut state, stimulus, days(30), &world);
            prop_assert!(outcome.firings.is_empty() && outcome.late.is_empty());
            prop_assert!(outcome.applied.iter().all(|applied| applied.history));
        }
    }

    #[test]
    fn storms_end_and_states_survive_storage(storm in prop::collection::vec(storm(), 0..25), trusted in any::<bool>()) {
        let (rules, account, calendar) = (many_rules(), metadata(), london());
        let mut world = world(&rules, &account, &calendar);
        world.activity_trusted = trusted;
        let mut state = DealState::new(key());
        for (gust, at) in storm {
            let stimulus = match &gust {
                Gust::Change(change) => Stimulus::Change(change),
                Gust::Record(read) => Stimulus::Observation(read),
                Gust::Timer => Stimulus::Timer,
                Gust::Reseed => Stimulus::Reseed,
            };
            let outcome = step(&mut state, stimulus, at, &world);
            let stored = serde_json::to_string(&state).unwrap();
            prop_assert_eq!(&serde_json::from_str::<DealState>(&stored).unwrap(), &state);
            for firing in outcome.firings {
                // Numbers may lose their last bit in JSON: names and times do not.
                let stored = serde_json::to_string(&firing).unwrap();
                let read: Firing = serde_json::from_str(&stored).unwrap();
                prop_assert_eq!((&read.id, &read.change), (&firing.id, &firing.change));
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Gust {
    Change(Change),
    Record(Observation),
    Timer,
    Reseed,
}

fn any_time() -> impl Strategy<Value = UnixMs> {
    prop_oneof![
        4 => (-1_000..1_000i64).prop_map(hours),
        1 => any::<i64>().prop_map(UnixMs),
        1 => Just(UnixMs(i64::MIN)),
        1 => Just(UnixMs(i64::MAX)),
    ]
}

fn any_value() -> impl Strategy<Value = Fact<Value>> {
    prop_oneof![
        stage(),
        any_time().prop_map(time),
        any::<i64>().prop_map(number),
        Just(Fact::Empty),
        Just(Fact::Unknown),
        Just(text("")),
    ]
}

fn storm() -> impl Strategy<Value = (Gust, UnixMs)> {
    let field = prop::sample::select(Field::ALL.to_vec());
    let wild = (field, any_value(), any_time(), any::<i64>())
        .prop_map(|(field, to, at, seq)| Change { vendor_seq: seq, ..set(field, to, at) });
    let origin = prop::sample::select(vec![
        Origin::Hydrate,
        Origin::Poll,
        Origin::Backfill,
        Origin::Import,
        Origin::Refresh,
    ]);
    let items = prop::collection::vec(
        (prop::sample::select(Field::ALL.to_vec()), any_value(), any_time()),
        0..12,
    );
    let read = (origin, any_time(), items, any::<bool>())
        .prop_map(|(origin, at, items, gone)| Observation { gone, ..record(origin, at, &items) });
    let gust = prop_oneof![
        5 => wild.prop_map(Gust::Change),
        2 => (kind(), any_time()).prop_map(|(kind, at)| Gust::Change(change(kind, at))),
        2 => read.prop_map(Gust::Record),
        2 => Just(Gust::Timer),
        1 => Just(Gust::Reseed),
    ];
    (gust, any_time())
}
