//! Rule sets of any size, the same in every run: two to seven tests a rule, 85 %
//! of the rules for one stage, about 2 % true of a deal.

use std::fmt::Write as _;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use touchline_rules::ruleset::{RuleSet, SourceFile};

use crate::company::{AMOUNT_MAX, CURRENCIES, OWNERS, STAGES, metadata};

const SEED: u64 = 42;
/// Of a hundred rules, those that name a stage, and those whose trigger is their state.
const WITH_STAGE_PERCENT: u32 = 85;
const STATE_PERCENT: u32 = 25;
/// As many as a file may hold.
const RULES_PER_FILE: usize = 500;
const EVENTS: [&str; 5] = [
    "deal.stage_changed",
    "deal.field_changed(amount)",
    "deal.field_changed(close_date)",
    "deal.field_changed(next_step)",
    "deal.activity_logged",
];

/// One rule.
pub struct Written {
    /// What it waits for.
    pub on: &'static str,
    /// Its condition.
    pub when: String,
}

/// `count` rules; a larger set begins with the smaller one.
pub fn rules(count: usize) -> Vec<Written> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut rule = |_| {
        let is_state = rng.random_range(0..100) < STATE_PERCENT;
        let on = if is_state { "state" } else { EVENTS[rng.random_range(0..EVENTS.len())] };
        Written { on, when: condition(&mut rng) }
    };
    (0..count).map(&mut rule).collect()
}

/// The same as rule files.
pub fn files(count: usize) -> Vec<SourceFile> {
    let rules = rules(count);
    let file = |(number, rules): (usize, &[Written])| {
        let mut text = format!("pack: synthetic-{number}\ntitle: Synthetic {number}\nrules:\n");
        for (index, Written { on, when }) in rules.iter().enumerate() {
            // Writing into a `String` cannot fail.
            let _ = write!(
                text,
                "  - id: synthetic-{number}-{index}\n    title: Rule {index}\n    on: {on}\n    \
                 when: '{when}'\n    cooldown: 7d\n    tip:\n      headline: '{{{{ deal.name }}}} asks for something'\n      \
                 body: Do one thing about it today.\n"
            );
        }
        SourceFile { path: format!("synthetic-{number}.yaml"), text }
    };
    rules.chunks(RULES_PER_FILE).enumerate().map(file).collect()
}

/// `files` as a set, checked against the made-up account.
pub fn load(files: &[SourceFile]) -> anyhow::Result<RuleSet> {
    let loaded = RuleSet::load(files, &[(crate::company::CONNECTION, &metadata())]);
    let problems = || loaded.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>();
    loaded.set.clone().ok_or_else(|| anyhow::anyhow!(problems().join("\n")))
}

fn condition(rng: &mut ChaCha8Rng) -> String {
    let mut tests = Vec::new();
    let count = rng.random_range(2..=7);
    if rng.random_range(0..100) < WITH_STAGE_PERCENT {
        let (_, stage) = STAGES[rng.random_range(0..STAGES.len())];
        tests.push(format!("deal.stage == \"{stage}\""));
    }
    let mut kinds: Vec<usize> = (0..KINDS).collect();
    while tests.len() < count && !kinds.is_empty() {
        let kind = kinds.swap_remove(rng.random_range(0..kinds.len()));
        tests.push(test(kind, rng));
    }
    tests.join(" && ")
}

const KINDS: usize = 12;

fn test(kind: usize, rng: &mut ChaCha8Rng) -> String {
    let days = rng.random_range(1..40);
    match kind {
        0 => format!("deal.amount >= {}", rng.random_range(0..AMOUNT_MAX)),
        1 => format!("deal.push_count >= {}", rng.random_range(0..3)),
        2 => format!("days_since(deal.stage_entered_at) > {days}"),
        3 => format!("days_since(deal.last_activity_at) >= {days}"),
        4 => format!("deal.currency == \"{}\"", CURRENCIES[rng.random_range(0..CURRENCIES.len())]),
        5 => "deal.next_step == \"\"".to_owned(),
        6 => format!("hours_since(deal.last_inbound_at) > {}", days * 24),
        7 => "deal.close_date < now".to_owned(),
        8 => format!("deal.stage_moves < {}", rng.random_range(2..5)),
        9 => format!("business_days_since(deal.last_activity_at) >= {days}"),
        10 => format!("deal.owner in [\"o{}\", \"o{}\"]", days % 10, 10 + days % (OWNERS - 10)),
        _ => "has(deal.next_meeting_at)".to_owned(),
    }
}
