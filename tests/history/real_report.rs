//! `rules backtest` with the pack that ships, on a company's past as its file tells
//! it: every number of the rules that speak there is held against the rows.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use jiff::civil::Date;
use touchline::coaching::rulesets;
use touchline::history::History;
use touchline_rules::attention::{Policy, SendAs, Sending};
use touchline_rules::backtest::{
    Crew, Fate, Fired, Observer, Pace, Player, Report, RuleReport, Setup, Share, Trust,
};
use touchline_rules::engine::Firing;
use touchline_rules::facts::Managers;
use touchline_rules::{Calendar, UnixMs};

use crate::backtest::{leads, rows};
use crate::data::Opportunities;
use crate::from_rows::{
    AS_OF, Became, LONG_IN_STAGE, OPEN_LONG, Past, Spoken, ZONE, day_of, days,
    held_by_busiest_tenth, long_in_stage, midnight, open_long, past, rank, thresholds_by_day, week,
    working_days_after, works,
};

type Reason = (String, String, i64);

fn reason_of(firing: &Firing) -> Reason {
    (firing.rule_id.clone(), firing.deal.id.clone(), firing.at.0)
}

fn reason(one: &Spoken) -> Reason {
    (one.rule.to_owned(), one.row.id.clone(), one.at)
}

/// What the player told.
#[derive(Default)]
struct Heard {
    fired: Vec<Reason>,
    /// The last word on each, and when it was said.
    fates: BTreeMap<Reason, (i64, Fate)>,
    deferred: BTreeSet<Reason>,
}

impl Observer for Heard {
    fn fired(&mut self, fired: Fired<'_>) {
        assert!(fired.counted && fired.reader.is_some());
        self.fired.push(reason_of(fired.firing));
    }

    fn decided(&mut self, firing: &Firing, at: UnixMs, fate: Fate) {
        if matches!(fate, Fate::Deferred { .. }) {
            self.deferred.insert(reason_of(firing));
        } else {
            let before = self.fates.insert(reason_of(firing), (at.0, fate));
            assert_eq!(before, None, "{firing:?}");
        }
    }
}

/// As `touchline rules backtest --history` plays it.
fn played(history: &History, end: i64) -> (Report, Heard) {
    let (rules, _) = rulesets::load(&["builtin:core-pipeline".to_owned()], &[]).unwrap();
    let header = &history.header;
    let crew = Crew {
        managers: Managers::of(header.managers.iter().map(|(a, b)| (a.as_str(), b.as_str()))),
        calendar: Calendar::weekdays(ZONE.clone()),
        calendars: BTreeMap::new(),
        members: BTreeMap::new(),
    };
    let setup = Setup {
        rules: &rules,
        metadata: &header.metadata,
        crew: &crew,
        policy: &Policy { sending: Sending::Everyone, ..Policy::default() },
        trust: Trust::Nowhere,
        pace: Pace::AtOnce,
        since: history.changes[0].occurred_at,
        until: UnixMs::MAX,
        estimated: true,
    };
    let mut player = Player::new(setup, Heard::default());
    for change in &history.changes {
        player.change(change.occurred_at, change.clone());
    }
    player.finish(UnixMs(end), Vec::new())
}

/// What the command prints of the same past.
fn told_by_the_command(history: &History) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    history.write(std::fs::File::create(folder.path().join("past.jsonl")).unwrap()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_touchline"));
    command.args(["rules", "backtest", "--history", "past.jsonl", "--json"]);
    let ran = command.current_dir(folder.path()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

fn assert_share(told: Share, count: u64, of: u64, what: &str) {
    assert_eq!((told.count, told.of), (count, of), "{what}");
    let share = told.share.unwrap_or(0.0);
    let expected = if of == 0 { 0.0 } else { count as f64 / of as f64 };
    assert!((share - expected).abs() < 0.000_051, "{what}: {share} for {expected}");
}

/// Firings, deals, weeks, lead time and evenness.
fn check_volume(told: &RuleReport, spoken: &[&Spoken], past: &Past, last: Date) {
    let rule = told.rule.as_str();
    let (mut of_deal, mut of_seller, mut of_week) =
        (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut leads = Vec::new();
    for one in spoken {
        let seller = one.row.seller.as_str();
        let day = day_of(one.at);
        assert!(day <= last);
        *of_deal.entry(one.row.id.as_str()).or_insert(0_u64) += 1;
        *of_seller.entry(seller).or_insert(0_u64) += 1;
        *of_week.entry((seller, week(day))).or_insert(0_i64) += 1;
        leads.extend(one.row.closed.map(|closed| days(day, closed)));
    }
    let firings = spoken.len() as u64;
    assert_eq!(told.firings, firings, "{rule}");
    assert_share(told.deals, of_deal.len() as u64, past.rows.len() as u64, rule);
    let mut weeks: Vec<i64> = of_week.into_values().collect();
    weeks.resize(usize::try_from(past.seller_weeks).unwrap(), 0);
    weeks.sort_unstable();
    let per_week = told.per_seller_week;
    let per_week = [per_week.median, per_week.p90, per_week.highest].map(i64::from);
    assert_eq!(per_week, [rank(&weeks, 50), rank(&weeks, 90), rank(&weeks, 100)], "{rule}");
    leads.sort_unstable();
    let lead = told.lead_time;
    let told_days =
        [lead.p10_days, lead.median_days, lead.p90_days].map(|days| days.map(i64::from));
    assert_eq!(lead.firings, leads.len() as u64, "{rule}");
    assert_eq!(told_days, [10, 50, 90].map(|percent| Some(rank(&leads, percent))), "{rule}");
    let even = told.concentration;
    let busiest = held_by_busiest_tenth(of_seller.into_values());
    assert_share(even.busiest_tenth_of_sellers, busiest, firings, rule);
    let busiest = held_by_busiest_tenth(of_deal.into_values());
    assert_share(even.busiest_tenth_of_deals, busiest, firings, rule);
}

/// What was settled by itself, and what was said of lost deals.
fn check_ends(told: &RuleReport, spoken: &[&Spoken], past: &Past, heard: &Heard) {
    let rule = told.rule.as_str();
    let count =
        |which: &dyn Fn(&Spoken) -> bool| spoken.iter().filter(|one| which(one)).count() as u64;
    let settled = count(&|one| matches!(one.became, Became::Settled { .. }));
    let ended = count(&|one| one.became == Became::Ended);
    let stayed = count(&|one| one.became == Became::Stayed);
    let waiting = count(&|one| match one.became {
        Became::Settled { at } => heard.fates[&reason(one)].0 >= at,
        _ => false,
    });
    let own = told.self_corrected;
    assert_share(own.within_window, settled, settled + ended + stayed, rule);
    assert_eq!((own.deal_ended, own.stayed), (ended, stayed), "{rule}");
    assert_eq!(own.unknown, count(&|one| one.became == Became::Unknown), "{rule}");
    assert_eq!(own.before_message, waiting, "{rule}");

    let mut first: BTreeMap<&str, (Date, Date)> = BTreeMap::new();
    for one in spoken.iter().filter(|one| one.row.stage == "Lost") {
        let day = day_of(one.at);
        let known = first.entry(&one.row.id).or_insert((day, one.row.closed.unwrap()));
        known.0 = day.min(known.0);
    }
    let before = first.len() as u64;
    let late = first.values().filter(|(day, lost)| days(*day, *lost) <= 7).count() as u64;
    let lost = told.lost;
    assert_eq!((lost.before, lost.late), (before, late), "{rule}");
    assert_eq!((lost.after, lost.never), (0, past.lost - before), "{rule}");
}

/// What attention made of them: each firing has one fate, and none that the rows belie.
fn check_attention(told: &RuleReport, spoken: &[&Spoken], past: &Past, heard: &Heard) {
    let rule = told.rule.as_str();
    let (mut digest, mut waited, mut open) = (0, 0, 0);
    let mut not_sent: BTreeMap<&str, u64> = BTreeMap::new();
    for one in spoken {
        let reason = reason(one);
        let Some((at, fate)) = heard.fates.get(&reason) else {
            assert_eq!(one.gone, None, "{reason:?}");
            open += 1;
            continue;
        };
        assert!(*at >= one.at, "{reason:?}");
        match fate {
            Fate::Sent(SendAs::Digest { .. }) => {
                assert!(one.gone.is_none_or(|gone| *at < gone), "{reason:?} at {at}");
                digest += 1;
                waited += u64::from(heard.deferred.contains(&reason));
            }
            Fate::NotSent(word) => {
                let has_ended = one.gone.is_some() && one.gone == one.row.end();
                match *word {
                    "no_longer_true" => assert!(one.gone == Some(*at) && !has_ended, "{reason:?}"),
                    "stage_kind" => assert!(one.gone == Some(*at) && has_ended, "{reason:?}"),
                    _ => assert!(one.gone.is_none_or(|gone| *at < gone), "{reason:?}"),
                }
                *not_sent.entry(word).or_default() += 1;
            }
            _ => panic!("{reason:?}: {fate:?}"),
        }
    }
    let attention = &told.attention;
    assert_eq!((attention.interruptions, attention.card), (0, 0), "{rule}");
    assert_eq!((attention.digest_items, attention.sent_later), (digest, waited), "{rule}");
    assert_eq!((&attention.not_sent, attention.open), (&not_sent, open), "{rule}");
    let all = digest + not_sent.values().sum::<u64>() + open;
    assert_eq!((attention.sum(), all), (told.firings, told.firings), "{rule}");
    assert_share(attention.budget_used, 0, past.budget, rule);
}

/// Nobody gets more than three items on one day, nor two of a deal within three
/// working days, whichever rule speaks.
fn check_limits(spoken: &[Spoken], heard: &Heard) {
    let mut of_day: BTreeMap<(&str, Date), u32> = BTreeMap::new();
    let mut of_deal: BTreeMap<&str, BTreeSet<Date>> = BTreeMap::new();
    for one in spoken {
        let Some((at, Fate::Sent(_))) = heard.fates.get(&reason(one)) else { continue };
        let day = day_of(*at);
        assert!(works(day));
        *of_day.entry((&one.row.seller, day)).or_default() += 1;
        assert!(of_deal.entry(&one.row.id).or_default().insert(day), "twice on {day}");
    }
    assert_eq!(of_day.values().max(), Some(&3));
    for (deal, sent) in of_deal {
        for (day, next) in sent.iter().zip(sent.iter().skip(1)) {
            let earliest = day_of(working_days_after(midnight(*day), 3));
            assert!(*next >= earliest, "{deal}: {day} and {next}");
        }
    }
}

#[test]
fn each_number_of_the_shipped_pack_is_that_of_the_file() {
    let opportunities = Opportunities::find();
    let rows = rows(&opportunities);
    let history = opportunities.history();
    let dates = rows.iter().flat_map(|row| [Some(row.made()), row.engaged, row.closed]).flatten();
    let end = midnight(AS_OF).max(midnight(dates.max().unwrap()) + 1);
    let (report, heard) = played(&history, end);

    let by_day = thresholds_by_day(&rows);
    let long = rows.iter().flat_map(|row| long_in_stage(row, &by_day, end));
    let open = rows.iter().flat_map(|row| open_long(row, &by_day, end));
    let spoken: Vec<Spoken> = long.chain(open).collect();
    let expected: BTreeSet<Reason> = spoken.iter().map(reason).collect();
    let fired: BTreeSet<Reason> = heard.fired.iter().cloned().collect();
    let untold: Vec<_> = expected.difference(&fired).take(5).collect();
    let unfounded: Vec<_> = fired.difference(&expected).take(5).collect();
    assert!(untold.is_empty() && unfounded.is_empty(), "{untold:?}\n{unfounded:?}");

    let past = past(&rows, &leads(&history), end);
    assert_eq!((report.deals, report.lost_deals), (rows.len() as u64, past.lost));
    assert_eq!((report.seller_weeks, report.until), (past.seller_weeks, UnixMs(end)));
    let last = day_of(end - 1);
    for told in report.rules.iter().chain([&report.total]) {
        let of_rule = |one: &&Spoken| told.rule == "total" || told.rule == one.rule;
        let spoken: Vec<&Spoken> = spoken.iter().filter(of_rule).collect();
        let speaks = ["total", LONG_IN_STAGE, OPEN_LONG].contains(&told.rule.as_str());
        assert_eq!((told.firings > 100, spoken.len() > 100), (speaks, speaks), "{}", told.rule);
        if speaks {
            check_volume(told, &spoken, &past, last);
            check_ends(told, &spoken, &past, &heard);
            check_attention(told, &spoken, &past, &heard);
        } else {
            assert_eq!((told.firings, told.deals.count), (0, 0), "{}", told.rule);
        }
    }
    check_limits(&spoken, &heard);

    let command = told_by_the_command(&history);
    for (name, told) in [
        ("rules", serde_json::to_value(&report.rules).unwrap()),
        ("total", serde_json::to_value(&report.total).unwrap()),
        ("deals", report.deals.into()),
        ("lost_deals", report.lost_deals.into()),
        ("seller_weeks", report.seller_weeks.into()),
    ] {
        assert!(command[name] == told, "{name}: {:#}\n{told:#}", command[name]);
    }
}
