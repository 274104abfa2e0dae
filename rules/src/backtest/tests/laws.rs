//! What holds for any past: it is played just as a plain loop over the engine
//! plays it, however few deals are held ready, and everything adds up.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::fixtures::*;
use crate::attention::SendAs;
use crate::backtest::{Fate, Player, Trust};
use crate::engine::{Stimulus, World, step};
use crate::facts::{Change, ChangeKind, DealKey, DealState, Field, Observation, Origin, Value};
use crate::time::{HOUR_MS, UnixMs};

const DEALS: usize = 5;
const HOURS: i64 = 24 * 60;

/// One thing that happens to one deal at one hour.
#[derive(Clone, Debug)]
struct Act(usize, i64, u8);

fn act() -> impl Strategy<Value = Act> {
    (0..DEALS, 0..HOURS, 0u8..12).prop_map(|(deal, hour, what)| Act(deal, hour, what))
}

fn past(acts: &[Act]) -> Vec<Change> {
    let id = |deal: usize| format!("d{deal}");
    let mut changes: Vec<Change> = (0..DEALS)
        .flat_map(|deal| created(&id(deal), at(deal as i64, 9), ["1", "2", "3"][deal % 3]))
        .collect();
    for Act(deal, hour, what) in acts {
        let (deal, at) = (id(*deal), MONDAY.plus_ms((*hour + 24 * 6) * HOUR_MS));
        changes.push(match what {
            0 => stage(&deal, at, "talk"),
            1 | 2 => stage(&deal, at, "offer"),
            3 => stage(&deal, at, "won"),
            4 => stage(&deal, at, "lost"),
            5 => set(&deal, at, Field::NextStep, text("call")),
            6 => set(&deal, at, Field::NextStep, None),
            7 => set(&deal, at, Field::Owner, text("2")),
            8 => set(&deal, at, Field::Amount, Some(Value::Number((*hour).into()))),
            9 => change(&deal, at, ChangeKind::Deleted),
            10 => change(&deal, at, ChangeKind::Restored),
            _ => email(&deal, at),
        });
    }
    changes.sort_by_key(|change| change.occurred_at);
    changes
}

/// As plain as can be: every deal looked through for what is due.
fn plainly(changes: &[(UnixMs, Change)], as_of: UnixMs) -> Vec<(UnixMs, String, String)> {
    let (rules, metadata, crew, policy) = (rules(RULES), metadata(), crew(), policy());
    let world = World {
        rules: &rules,
        metadata: &metadata,
        calendar: &crew.calendar,
        activity_trusted: false,
        managers: &crew.managers,
        hydrate_deadline_ms: HOUR_MS,
        live_max_age_ms: policy.event_max_age_ms,
        baselines: crate::baseline::Baselines::none(),
    };
    let mut deals: BTreeMap<DealKey, DealState> = BTreeMap::new();
    let mut fired = Vec::new();
    let mut note = |outcome: crate::engine::Outcome| {
        for firing in outcome.firings.into_iter().chain(outcome.late) {
            fired.push((firing.at, firing.rule_id, firing.deal.id));
        }
    };
    let run = |deals: &mut BTreeMap<DealKey, DealState>,
               until: UnixMs,
               note: &mut dyn FnMut(crate::engine::Outcome)| {
        while let Some((due, state)) = deals
            .values_mut()
            .filter_map(|state| Some((state.next_due.filter(|due| *due <= until)?, state)))
            .min_by_key(|(due, _)| *due)
        {
            note(step(state, Stimulus::Timer, due, &world));
        }
    };
    let mut rest = changes;
    while let Some(first) = rest.first() {
        let now = first.0;
        run(&mut deals, now, &mut note);
        let (instant, later) = rest.split_at(rest.iter().take_while(|(at, _)| *at == now).count());
        rest = later;
        let mut new: Vec<DealKey> = Vec::new();
        let is_one_save = |(_, a): &(UnixMs, Change), (_, b): &(UnixMs, Change)| {
            a.deal == b.deal && a.occurred_at == b.occurred_at
        };
        for save in instant.chunk_by(is_one_save) {
            let save: Vec<Change> = save.iter().map(|(_, change)| change.clone()).collect();
            let change = &save[0];
            if !deals.contains_key(&change.deal) {
                deals.insert(change.deal.clone(), DealState::new(change.deal.clone()));
                new.push(change.deal.clone());
            }
            let state = deals.get_mut(&change.deal).unwrap();
            note(step(state, Stimulus::Save(&save), now, &world));
        }
        for deal in new {
            let read = Observation {
                deal: deal.clone(),
                origin: Origin::Hydrate,
                observed_at: now,
                fields: Vec::new(),
                history: Vec::new(),
                activities: None,
                gone: false,
                url: None,
            };
            note(step(deals.get_mut(&deal).unwrap(), Stimulus::Observation(&read), now, &world));
        }
    }
    run(&mut deals, as_of.plus_ms(-1), &mut note);
    fired.sort();
    fired
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Changes may arrive late, twice and in another order than they happened.
    #[test]
    fn a_past_fires_what_a_plain_loop_over_the_engine_fires(
        acts in proptest::collection::vec(act(), 0..60),
        delays in proptest::collection::vec(prop_oneof![3 => Just(0), 1 => 0i64..72], 1..20),
        doubled: bool,
    ) {
        let as_of = at(100, 0);
        let mut told: Vec<(UnixMs, Change)> = Vec::new();
        for (change, delay) in past(&acts).into_iter().zip(delays.iter().cycle()) {
            let is_made = change.occurred_at < MONDAY.plus_ms(24 * 6 * HOUR_MS);
            let delay = if is_made { 0 } else { *delay };
            let known = change.occurred_at.plus_ms(delay * HOUR_MS);
            told.extend(doubled.then(|| (known.plus_ms(HOUR_MS), change.clone())));
            told.push((known, change));
        }
        told.sort_by_key(|(at, _)| *at);
        let expected = plainly(&told, as_of);
        let (rules, metadata, crew, policy) = (rules(RULES), metadata(), crew(), policy());
        let mut setup = setup(&rules, &metadata, &crew, &policy);
        setup.trust = Trust::Nowhere;
        let mut player = Player::new(setup, Heard::default());
        for (at, change) in told {
            player.change(at, change);
        }
        let (report, heard) = player.finish(as_of, Vec::new());
        let mut fired = heard.fired;
        fired.sort();
        prop_assert_eq!(fired, expected);
        prop_assert_eq!(report.total.attention.sum(), report.total.firings);
    }

    #[test]
    fn deals_that_sleep_decide_what_deals_that_wake_decide(acts in proptest::collection::vec(act(), 0..60), awake_max in 1usize..4) {
        let (changes, as_of) = (past(&acts), at(90, 0));
        let awake = play(changes.clone(), as_of);
        let (rules, metadata, crew, policy) = (rules(RULES), metadata(), crew(), policy());
        let mut player =
            Player::new(setup(&rules, &metadata, &crew, &policy), Heard::default());
        player.deals.hold_at_most(awake_max);
        for change in changes {
            player.change(change.occurred_at, change);
        }
        let asleep = player.finish(as_of, Vec::new());
        prop_assert!(awake == asleep);
    }

    #[test]
    fn everything_adds_up_and_nobody_is_flooded(acts in proptest::collection::vec(act(), 0..80)) {
        let (report, heard) = play(past(&acts), at(90, 0));
        let mut firings = 0;
        for rule in &report.rules {
            prop_assert_eq!(rule.attention.sum(), rule.firings, "{}", &rule.rule);
            let own = rule.self_corrected;
            let late = rule.attention.not_sent.get("late").copied().unwrap_or(0);
            prop_assert_eq!(own.within_window.of + own.unknown + late, rule.firings);
            prop_assert_eq!(own.within_window.of, own.within_window.count + own.deal_ended + own.stayed);
            prop_assert_eq!(rule.lost.before + rule.lost.after + rule.lost.never, report.lost_deals);
            prop_assert!(rule.lost.late <= rule.lost.before);
            prop_assert!(rule.examples.len() as u64 == rule.firings.min(3));
            firings += rule.firings;
        }
        prop_assert_eq!(report.total.firings, firings);
        prop_assert_eq!(report.total.attention.sum(), firings);
        prop_assert_eq!(heard.fired.len() as u64, firings);
        let mut items: BTreeMap<UnixMs, usize> = BTreeMap::new();
        for (decided_at, _, fate) in &heard.decided {
            if let Fate::Sent(SendAs::Digest { slot }) = fate {
                prop_assert_eq!(slot, decided_at);
                *items.entry(*slot).or_default() += 1;
            }
        }
        // Four readers, three items each.
        prop_assert!(items.values().all(|count| *count <= 4 * 3));
    }
}
