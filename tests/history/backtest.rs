//! `rules backtest` on a company's real past: its numbers are worked out once more,
//! from the rows of the CSV and a calendar alone.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{ToSpan, Unit};
use touchline::coaching::rulesets;
use touchline::history::History;
use touchline_rules::attention::{Policy, Sending};
use touchline_rules::backtest::{Crew, Pace, Player, Report, Setup, Share, Trust};
use touchline_rules::facts::{Change, ChangeKind, Fact, Field, Managers, Value};
use touchline_rules::time::DAY_MS;
use touchline_rules::{Calendar, UnixMs};

use crate::data::Opportunities;

/// How long after it was engaged a deal is planned to close.
const PLANNED_DAYS: i64 = 45;
/// `created.days_before_first_date` of the mapping.
const CREATED_BEFORE_DAYS: i64 = 14;
/// `created.otherwise` of the mapping.
const CREATED_OTHERWISE: Date = Date::constant(2017, 12, 1);
/// The rule's outcome: within so many days.
const WINDOW_DAYS: i64 = 5;

/// A row of the CSV.
pub struct Row {
    pub id: String,
    pub seller: String,
    pub stage: String,
    pub engaged: Option<Date>,
    pub closed: Option<Date>,
}

pub fn rows(opportunities: &Opportunities) -> Vec<Row> {
    let text = std::fs::read_to_string(opportunities.folder.join("sales_pipeline.csv")).unwrap();
    let date = |text: &str| (!text.is_empty()).then(|| Date::strptime("%m/%d/%Y", text).unwrap());
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        Row {
            id: cells[0].to_owned(),
            seller: cells[1].to_owned(),
            stage: cells[4].to_owned(),
            engaged: date(cells[5]),
            closed: date(cells[6]),
        }
    };
    text.lines().skip(1).map(row).collect()
}

fn new_york() -> Calendar {
    Calendar::weekdays(TimeZone::get("America/New_York").unwrap())
}

/// The file tells neither why a deal was lost nor when it was meant to close. For
/// the test every deal is made with a blank reason, and gets a plan when engaged.
fn enriched(mut history: History) -> History {
    let calendar = new_york();
    let mut all = Vec::new();
    for change in history.changes {
        let more = |kind| Change { kind, ..change.clone() };
        let set = |field, to| ChangeKind::FieldSet { field, to };
        let follows = match &change.kind {
            ChangeKind::Created => Some(more(set(Field::LossReason, Fact::Empty))),
            ChangeKind::FieldSet { field: Field::Stage, to: Fact::Known(Value::Text(stage)) }
                if stage == "engaging" =>
            {
                let plan = calendar.local_date(change.occurred_at) + PLANNED_DAYS.days();
                let plan = Fact::Known(Value::Time(calendar.start_of(plan)));
                Some(more(set(Field::CloseDate, plan)))
            }
            _ => None,
        };
        all.push(change);
        all.extend(follows);
    }
    history.changes = all;
    history
}

fn played(history: &History, until: UnixMs) -> Report {
    let (rules, _) = rulesets::load(&["builtin:core-pipeline".to_owned()], &[]).unwrap();
    let header = &history.header;
    let crew = Crew {
        managers: Managers::of(header.managers.iter().map(|(a, b)| (a.as_str(), b.as_str()))),
        calendar: new_york(),
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
        since: UnixMs::MIN,
        until,
        estimated: true,
    };
    let mut player = Player::new(setup, ());
    for change in &history.changes {
        player.change(change.occurred_at, change.clone());
    }
    player.finish(until, Vec::new()).0
}

fn median(mut values: Vec<i64>) -> Option<u32> {
    values.sort_unstable();
    let middle = values.len().div_ceil(2).checked_sub(1)?;
    values.get(middle).map(|value| u32::try_from(*value).unwrap())
}

fn days(from: Date, to: Date) -> i64 {
    i64::from(to.since((Unit::Day, from)).unwrap().get_days())
}

/// The fifth working day after `date`.
fn five_working_days_after(date: Date) -> Date {
    let works = |day: &Date| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    (1..30).map(|ahead| date + ahead.days()).filter(works).nth(4).unwrap()
}

/// What `close-date-past` should find, by its own words: it speaks when the day after
/// the planned one begins, and again after five and ten working days, while the deal
/// is open. Midnight belongs to the timer before it belongs to who closes the deal.
#[derive(Default)]
struct Expected {
    firings: u64,
    deals: u64,
    lead_days: Vec<i64>,
    fixed: u64,
    covered: u64,
    spoke_before_loss: u64,
}

fn expected(rows: &[Row], until: UnixMs) -> Expected {
    let calendar = new_york();
    let mut found = Expected::default();
    for row in rows {
        let Some(engaged) = row.engaged else { continue };
        let first = engaged + (PLANNED_DAYS + 1).days();
        let second = five_working_days_after(first);
        let third = five_working_days_after(second);
        let ended = row.closed.filter(|closed| calendar.start_of(*closed) < until);
        let mut spoke = false;
        for day in [first, second, third] {
            let at = calendar.start_of(day);
            if at >= until || row.closed.is_some_and(|closed| closed < day) {
                break;
            }
            spoke = true;
            found.firings += 1;
            found.lead_days.extend(ended.map(|closed| days(day, closed)));
            let window = at.plus_ms(WINDOW_DAYS * DAY_MS);
            let is_fixed = ended.is_some_and(|closed| calendar.start_of(closed) <= window);
            found.fixed += u64::from(is_fixed);
            found.covered += u64::from(is_fixed || window < until);
        }
        found.deals += u64::from(spoke);
        found.spoke_before_loss += u64::from(spoke && ended.is_some() && row.stage == "Lost");
    }
    found
}

#[test]
fn the_report_s_numbers_are_those_of_the_file() {
    let opportunities = Opportunities::find();
    let rows = rows(&opportunities);
    let history = enriched(opportunities.history());
    let until = history.header.as_of;
    let report = played(&history, until);
    let all = rows.len() as u64;
    let losses = rows.iter().filter(|row| row.stage == "Lost");
    let ended = |row: &&Row| row.closed.is_some_and(|day| new_york().start_of(day) < until);
    let lost = losses.filter(ended).count() as u64;
    assert_eq!((report.deals, report.lost_deals), (all, lost));

    let past = report.rule("close-date-past").unwrap();
    let expected = expected(&rows, until);
    assert!(expected.firings > 1_000, "{}", expected.firings);
    assert_eq!(past.firings, expected.firings);
    assert_eq!(past.deals, Share::new(expected.deals, all));
    let closed_in_time: Vec<i64> = expected.lead_days;
    assert_eq!(past.lead_time.firings, closed_in_time.len() as u64);
    assert_eq!(past.lead_time.median_days, median(closed_in_time));
    let own = past.self_corrected;
    assert_eq!(own.within_window, Share::new(expected.fixed, expected.covered));
    assert_eq!(own.within_window.of + own.unknown, expected.firings);
    let of_lost = past.lost;
    assert_eq!((of_lost.before, of_lost.after), (expected.spoke_before_loss, 0));
    assert_eq!(of_lost.never, lost - expected.spoke_before_loss);

    let noted = report.rule("lost-without-reason").unwrap();
    assert_eq!((noted.firings, noted.deals), (lost, Share::new(lost, all)));
    assert_eq!((noted.lost.before, noted.lost.after, noted.lost.never), (0, lost, 0));
    assert_eq!(noted.attention.sum(), lost);
}

/// Who leads whom, by the names of the CSV.
pub fn leads(history: &History) -> BTreeMap<String, String> {
    let managers: BTreeMap<_, _> = history.header.managers.iter().cloned().collect();
    let owners = history.header.metadata.owners.iter();
    let led = owners.filter_map(|owner| {
        Some((owner.name.clone(), managers.get(owner.email.as_ref()?)?.clone()))
    });
    led.collect()
}

#[test]
fn a_seller_s_weeks_are_those_of_the_file() {
    let opportunities = Opportunities::find();
    let rows = rows(&opportunities);
    let history = enriched(opportunities.history());
    let until = history.header.as_of;
    let report = played(&history, until);
    let week = |day: Date| days(Date::constant(1970, 1, 5), day).div_euclid(7);
    let last = week(new_york().local_date(until.plus_ms(-1)));
    let mut first: BTreeMap<&str, i64> = BTreeMap::new();
    let mut first_day: BTreeMap<String, Date> = BTreeMap::new();
    let leads = leads(&history);
    let mut busy: BTreeMap<(&str, i64), u32> = BTreeMap::new();
    let mut of_seller: BTreeMap<&str, u64> = BTreeMap::new();
    for row in &rows {
        let dated = row.engaged.or(row.closed);
        let made = dated.map_or(CREATED_OTHERWISE, |day| day - CREATED_BEFORE_DAYS.days());
        let from = first.entry(&row.seller).or_insert(i64::MAX);
        *from = week(made).min(*from);
        for reader in [&row.seller, &leads[&row.seller]] {
            let day = first_day.entry(reader.clone()).or_insert(made);
            *day = made.min(*day);
        }
        let lost =
            row.closed.filter(|day| row.stage == "Lost" && new_york().start_of(*day) < until);
        if let Some(day) = lost {
            *busy.entry((&row.seller, week(day))).or_default() += 1;
            *of_seller.entry(&row.seller).or_default() += 1;
        }
    }
    let weeks: i64 = first.values().map(|from| last - from + 1).sum();
    assert_eq!(report.seller_weeks, weeks.unsigned_abs());
    let end = new_york().local_date(until.plus_ms(-1));
    let works = |day: &Date| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let days = |from: &Date| from.series(1.day()).take_while(|day| *day <= end).filter(works);
    let days: usize = first_day.values().map(|from| days(from).count()).sum();
    assert_eq!(report.total.attention.budget_used.of, 2 * days as u64);
    assert!(report.total.attention.budget_used.count > 100);
    let mut counts: Vec<u32> = busy.into_values().collect();
    counts.resize(usize::try_from(weeks).unwrap(), 0);
    counts.sort_unstable();
    let rank = |percent: usize| counts[(counts.len() * percent).div_ceil(100) - 1];
    let noted = report.rule("lost-without-reason").unwrap();
    let told = noted.per_seller_week;
    assert_eq!((told.median, told.p90), (rank(50), rank(90)));
    assert_eq!(told.highest, *counts.last().unwrap());
    let mut totals: Vec<u64> = of_seller.into_values().collect();
    totals.sort_unstable_by(|a, b| b.cmp(a));
    let busiest: u64 = totals.iter().take(totals.len().div_ceil(10)).sum();
    let share = noted.concentration.busiest_tenth_of_sellers;
    assert_eq!(share, Share::new(busiest, totals.iter().sum()));
}
