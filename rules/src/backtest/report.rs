//! What a back-test found: numbers about rules and groups, none about a person.
//! This is also the shape of `--json`; [`VERSION`] rises when it changes.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ruleset::Scope;
use crate::time::UnixMs;

use super::examples::{Example, Examples};
use super::spread::Spread;
use super::tally::{RuleTally, Tally};
use super::{Comparison, Setup};

/// The version of the report's shape.
pub const VERSION: u32 = 1;

/// What a rule set would have done over a past.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Version of this shape.
    pub touchline_backtest: u32,
    /// Times were derived, not recorded: every number is an estimate.
    pub estimated: bool,
    /// The period reported on: from this instant …
    pub since: UnixMs,
    /// … until just before this one.
    pub until: UnixMs,
    /// Zone in which days and weeks are counted.
    pub time_zone: Option<String>,
    /// Changes that were played, those before the period included.
    pub changes: u64,
    /// Deals that moved in the period, or stood open when it ended.
    pub deals: u64,
    /// Deals lost in the period.
    pub lost_deals: u64,
    /// Weeks of all sellers together, each from the first with a deal of their own.
    pub seller_weeks: u64,
    /// Content hash of the rule set.
    pub rule_set: String,
    /// All rules together.
    pub total: RuleReport,
    /// Each rule, in the order of the files.
    pub rules: Vec<RuleReport>,
    /// Rules that cannot fire on what the past tells.
    pub inactive: Vec<Lacking>,
    /// Rules of which the past tells only a part.
    pub partly: Vec<Partly>,
    /// How it differs from another rule set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Comparison>,
}

/// A rule that cannot fire for lack of facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lacking {
    /// The rule.
    pub rule: String,
    /// The facts that the past never tells.
    pub missing: Vec<String>,
}

/// A rule about people that reads something which no past tells, or this one does
/// not: it is played as if that had never happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Partly {
    /// The rule.
    pub rule: String,
    /// The facts.
    pub facts: Vec<&'static str>,
    /// What is not told.
    pub why: &'static str,
}

/// One rule. Of one about people there are no deals, no lead time, no lost deals and
/// no examples: what it says is for that person alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleReport {
    /// Its id; `total` for all together.
    pub rule: String,
    /// One line for people.
    pub title: String,
    /// Its pack.
    pub pack: String,
    /// What it is about.
    pub scope: Scope,
    /// How often it would have spoken.
    pub firings: u64,
    /// Firings of one seller in one week.
    pub per_seller_week: PerWeek,
    /// Deals it would have spoken of, among all.
    pub deals: Share,
    /// Days from a firing to the end of its deal.
    pub lead_time: LeadTime,
    /// What settled itself.
    pub self_corrected: SelfCorrected,
    /// When it would have spoken of deals that were lost.
    pub lost: LostDeals,
    /// How unevenly it would have spoken.
    pub concentration: Concentration,
    /// What attention would have done with it.
    pub attention: Attention,
    /// A few firings in full.
    pub examples: Vec<Example>,
}

/// A part of a whole.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize)]
pub struct Share {
    /// The part.
    pub count: u64,
    /// The whole.
    pub of: u64,
    /// The part as a fraction of the whole, to four places; `None` of nothing.
    pub share: Option<f64>,
}

impl Share {
    /// `count` among `of`.
    #[must_use]
    pub fn new(count: u64, of: u64) -> Share {
        const PLACES: f64 = 10_000.0;
        let share = (of > 0).then(|| (count as f64 / of as f64 * PLACES).round() / PLACES);
        Share { count, of, share }
    }
}

/// Firings of one seller in one week: a distribution over all weeks of all
/// sellers, those without any included.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PerWeek {
    /// As many or fewer in half of the weeks.
    pub median: u32,
    /// As many or fewer in nine of ten weeks.
    pub p90: u32,
    /// In the busiest week of anybody.
    pub highest: u32,
}

/// Days from a firing to the end of its deal, won or lost.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeadTime {
    /// Firings whose deal was closed afterwards.
    pub firings: u64,
    /// One in ten came this close to the end, or closer.
    pub p10_days: Option<u32>,
    /// Half came this close, or closer.
    pub median_days: Option<u32>,
    /// Nine in ten came this close, or closer.
    pub p90_days: Option<u32>,
}

/// What became of firings by themselves: nobody was told anything in this past.
/// A firing's window is the time in which its rule looks for its outcome, or
/// [`super::WINDOW_DAYS`] for a rule that looks for none. Firings for which a change
/// came too late are not watched.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize)]
pub struct SelfCorrected {
    /// Firings whose reason went within the window while the deal went on, or
    /// whose outcome came true; among those whose window the past covers.
    pub within_window: Share,
    /// Of these, settled while the message would still have waited.
    pub before_message: u64,
    /// Firings whose deal was closed, reopened or deleted within the window,
    /// without what the rule hopes for.
    pub deal_ended: u64,
    /// Firings whose reason stayed to the end of the window.
    pub stayed: u64,
    /// Firings whose window the past does not cover.
    pub unknown: u64,
}

/// When a rule would have spoken of deals that were lost.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LostDeals {
    /// Before the loss.
    pub before: u64,
    /// Of these, for the first time in the last [`super::LATE_DAYS`] days.
    pub late: u64,
    /// Only when it was already lost.
    pub after: u64,
    /// Never.
    pub never: u64,
}

/// How much of the firings the busiest hold.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize)]
pub struct Concentration {
    /// Firings about deals of the busiest tenth of the sellers it concerned.
    pub busiest_tenth_of_sellers: Share,
    /// Firings about the busiest tenth of the deals it spoke of.
    pub busiest_tenth_of_deals: Share,
}

/// What attention would have done: `interruptions`, `digest_items`, `card`,
/// `not_sent` and `open` add up to the firings.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Attention {
    /// Sent as a message of its own.
    pub interruptions: u64,
    /// The same, among as many as all readers together may be sent in the period:
    /// on each working day from the one on which they or those they lead first owned
    /// a deal. Of nothing where there is no limit.
    pub budget_used: Share,
    /// Sent as an item of a digest.
    pub digest_items: u64,
    /// Of those sent, deferred first.
    pub sent_later: u64,
    /// Kept for the deal's card.
    pub card: u64,
    /// Never sent, by the ledger's word.
    pub not_sent: BTreeMap<&'static str, u64>,
    /// Not decided when the past ended.
    pub open: u64,
}

impl Report {
    pub(super) fn of(
        setup: &Setup<'_>,
        tally: &Tally,
        examples: Examples,
        changes: u64,
        (since, until): (UnixMs, UnixMs),
        inactive: Vec<Lacking>,
        partly: Vec<Partly>,
    ) -> Report {
        let places = u64::from(setup.policy.interruptions_per_day.unwrap_or(0)) * tally.reader_days;
        let rules = setup.rules.rules().iter().enumerate().zip(&tally.rules);
        let rules: Vec<RuleReport> = rules
            .map(|((at, rule), numbers)| RuleReport {
                rule: rule.id.clone(),
                title: rule.title.clone(),
                pack: rule.pack.clone(),
                scope: rule.scope,
                examples: examples.of(at),
                ..RuleReport::of(numbers, tally, places)
            })
            .collect();
        let total = tally.rules.last().map(|numbers| RuleReport::of(numbers, tally, places));
        // What fired was not inactive, whatever was thought beforehand.
        let fired = |lacking: &Lacking| {
            rules.iter().any(|rule| rule.rule == lacking.rule && rule.firings > 0)
        };
        let inactive = inactive.into_iter().filter(|lacking| !fired(lacking)).collect();
        Report {
            touchline_backtest: VERSION,
            estimated: setup.estimated,
            since,
            until,
            time_zone: setup.metadata.time_zone.clone(),
            changes,
            deals: tally.deals,
            lost_deals: tally.lost,
            seller_weeks: tally.seller_weeks,
            rule_set: setup.rules.hash().to_owned(),
            total: total.unwrap_or_else(|| RuleReport::of(&RuleTally::default(), tally, places)),
            rules,
            inactive,
            partly,
            against: None,
        }
    }

    /// The report of one rule.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&RuleReport> {
        self.rules.iter().find(|rule| rule.rule == id)
    }
}

impl RuleReport {
    fn of(numbers: &RuleTally, tally: &Tally, places: u64) -> RuleReport {
        let covered = numbers.fixed + numbers.closed + numbers.stayed;
        let spoke = numbers.spoke_before_loss + numbers.spoke_after_loss;
        RuleReport {
            rule: "total".to_owned(),
            title: "All rules together".to_owned(),
            pack: String::new(),
            scope: Scope::Deal,
            firings: numbers.firings,
            per_seller_week: per_week(&numbers.per_week),
            deals: Share::new(numbers.deals, tally.deals),
            lead_time: LeadTime {
                firings: numbers.lead_days.total(),
                p10_days: numbers.lead_days.quantile(10),
                median_days: numbers.lead_days.quantile(50),
                p90_days: numbers.lead_days.quantile(90),
            },
            self_corrected: SelfCorrected {
                within_window: Share::new(numbers.fixed, covered),
                before_message: numbers.fixed_while_waiting,
                deal_ended: numbers.closed,
                stayed: numbers.stayed,
                unknown: numbers.unknown,
            },
            lost: LostDeals {
                before: numbers.spoke_before_loss,
                late: numbers.spoke_late,
                after: numbers.spoke_after_loss,
                never: tally.lost.saturating_sub(spoke),
            },
            concentration: Concentration {
                busiest_tenth_of_sellers: busiest(&per_seller(&numbers.per_seller)),
                busiest_tenth_of_deals: busiest(&numbers.per_deal),
            },
            attention: Attention {
                interruptions: numbers.interruptions,
                budget_used: Share::new(numbers.interruptions, places),
                digest_items: numbers.digest_items,
                sent_later: numbers.waited,
                card: numbers.kept,
                not_sent: numbers.not_sent.clone(),
                open: numbers.open,
            },
            examples: Vec::new(),
        }
    }

    /// Messages and digest items that would have reached somebody.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.attention.interruptions + self.attention.digest_items
    }
}

impl Attention {
    /// All parts together; always the firings.
    #[must_use]
    pub fn sum(&self) -> u64 {
        let not_sent: u64 = self.not_sent.values().sum();
        self.interruptions + self.digest_items + self.card + not_sent + self.open
    }
}

fn per_week(spread: &Spread) -> PerWeek {
    PerWeek {
        median: spread.quantile(50).unwrap_or(0),
        p90: spread.quantile(90).unwrap_or(0),
        highest: spread.highest().unwrap_or(0),
    }
}

fn busiest(counts: &Spread) -> Share {
    let (held, of) = counts.held_by_busiest_tenth().unwrap_or_default();
    Share::new(held, of)
}

fn per_seller(firings: &[u64]) -> Spread {
    let mut spread = Spread::default();
    for count in firings.iter().filter(|count| **count > 0) {
        spread.add(u32::try_from(*count).unwrap_or(u32::MAX), 1);
    }
    spread
}
