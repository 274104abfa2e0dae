//! Twenty rules, each twice: as a condition, and as a person would write it in Rust.

use touchline_rules::facts::{DealFacts, Direction, Fact, Field, Metadata, Value};
use touchline_rules::time::DAY_MS;
use touchline_rules::{Calendar, UnixMs};

/// What the functions read: owned text, compared as text.
pub struct Deal {
    pipeline: String,
    stage: String,
    owner: String,
    currency: String,
    next_step: String,
    amount: Option<f64>,
    close_date: Option<UnixMs>,
    created_at: UnixMs,
    stage_entered_at: UnixMs,
    last_activity_at: Option<UnixMs>,
    last_inbound_at: Option<UnixMs>,
    last_outbound_at: Option<UnixMs>,
    next_meeting_at: Option<UnixMs>,
    push_count: f64,
    stage_moves: f64,
}

impl Deal {
    /// The facts as they stand at `now`.
    pub fn of(facts: &DealFacts, metadata: &Metadata, now: UnixMs) -> Deal {
        use rust_decimal::prelude::ToPrimitive as _;
        let text = |field| facts.text(field).unwrap_or_default().to_owned();
        Deal {
            pipeline: text(Field::Pipeline),
            stage: text(Field::Stage),
            owner: text(Field::Owner),
            currency: text(Field::Currency),
            next_step: text(Field::NextStep),
            amount: match facts.value(Field::Amount) {
                Fact::Known(Value::Number(amount)) => amount.to_f64(),
                _ => None,
            },
            close_date: match facts.value(Field::CloseDate) {
                Fact::Known(Value::Time(at)) => Some(*at),
                _ => None,
            },
            created_at: facts.created_at().unwrap_or(now),
            stage_entered_at: facts.stage_entered_at().unwrap_or(now),
            last_activity_at: facts.activities.last(None, now),
            last_inbound_at: facts.activities.last(Some(Direction::Inbound), now),
            last_outbound_at: facts.activities.last(Some(Direction::Outbound), now),
            next_meeting_at: facts.activities.recency(now).next_meeting,
            push_count: facts.pushes(metadata).map_or(0.0, |(count, _)| f64::from(count)),
            stage_moves: facts.stage_moves().map_or(0.0, f64::from),
        }
    }

    fn is_over(&self, amount: f64) -> bool {
        self.amount.is_some_and(|ours| ours > amount)
    }
}

/// When, and by which calendar.
pub struct On<'a> {
    /// The instant that `now` means.
    pub now: UnixMs,
    /// Working days.
    pub calendar: &'a Calendar,
}

impl On<'_> {
    fn days(&self, since: UnixMs) -> f64 {
        self.now.since_ms(since).max(0) as f64 / DAY_MS as f64
    }

    fn is_longer(&self, since: Option<UnixMs>, days: f64) -> bool {
        since.is_some_and(|since| self.days(since) > days)
    }

    fn is_past(&self, at: Option<UnixMs>) -> bool {
        at.is_some_and(|at| at < self.now)
    }

    fn has_idled(&self, since: Option<UnixMs>, working_days: i64) -> bool {
        since.is_some_and(|at| self.calendar.business_days_since(at, self.now) >= working_days)
    }
}

/// A condition and its function.
pub type Pair = (&'static str, fn(&Deal, &On<'_>) -> bool);

/// The rules: two to five tests each, 17 of 20 begin with a stage.
pub const RULES: [Pair; 20] = [
    (r#"deal.stage == "negotiation" && deal.amount > 80000 && !has(deal.next_step)"#, |d, _| {
        d.stage == "negotiation" && d.is_over(80_000.0) && d.next_step.is_empty()
    }),
    (
        r#"deal.stage == "proposal" && days_since(deal.last_inbound_at) > 14 && deal.amount > 60000"#,
        |d, on| {
            d.stage == "proposal" && on.is_longer(d.last_inbound_at, 14.0) && d.is_over(60_000.0)
        },
    ),
    (
        r#"deal.stage == "discovery" && days_since(deal.stage_entered_at) >= 30 && deal.stage_moves < 2 && deal.push_count >= 1"#,
        |d, on| {
            d.stage == "discovery"
                && on.days(d.stage_entered_at) >= 30.0
                && d.stage_moves < 2.0
                && d.push_count >= 1.0
        },
    ),
    (r#"deal.stage == "contract" && deal.close_date < now && deal.push_count >= 2"#, |d, on| {
        d.stage == "contract" && on.is_past(d.close_date) && d.push_count >= 2.0
    }),
    (
        r#"deal.stage == "demo" && deal.next_step == "" && days_since(deal.last_activity_at) > 7"#,
        |d, on| {
            d.stage == "demo" && d.next_step.is_empty() && on.is_longer(d.last_activity_at, 7.0)
        },
    ),
    (r#"deal.stage == "qualification" && deal.owner == "o7" && deal.amount > 10000"#, |d, _| {
        d.stage == "qualification" && d.owner == "o7" && d.is_over(10_000.0)
    }),
    (
        r#"deal.stage == "proposal" && deal.pipeline == "sales" && deal.currency == "USD" && deal.amount > 40000 && days_since(deal.created_at) > 60"#,
        |d, on| {
            d.stage == "proposal"
                && d.pipeline == "sales"
                && d.currency == "USD"
                && d.is_over(40_000.0)
                && on.days(d.created_at) > 60.0
        },
    ),
    (
        r#"deal.stage == "negotiation" && deal.push_count >= 2 && days_since(deal.last_outbound_at) > 3"#,
        |d, on| {
            d.stage == "negotiation" && d.push_count >= 2.0 && on.is_longer(d.last_outbound_at, 3.0)
        },
    ),
    (r#"deal.stage == "contract" && has(deal.next_meeting_at) && deal.amount > 5000"#, |d, _| {
        d.stage == "contract" && d.next_meeting_at.is_some() && d.is_over(5_000.0)
    }),
    (
        r#"deal.stage == "renewal-due" && days_since(deal.last_activity_at) > 30 && deal.amount > 15000"#,
        |d, on| {
            d.stage == "renewal-due"
                && on.is_longer(d.last_activity_at, 30.0)
                && d.is_over(15_000.0)
        },
    ),
    (
        r#"deal.stage == "renewal-offer" && deal.close_date < now && deal.next_step == """#,
        |d, on| d.stage == "renewal-offer" && on.is_past(d.close_date) && d.next_step.is_empty(),
    ),
    (
        r#"deal.stage == "renewal-signing" && business_days_since(deal.last_activity_at) >= 10 && deal.amount > 30000"#,
        |d, on| {
            d.stage == "renewal-signing"
                && on.has_idled(d.last_activity_at, 10)
                && d.is_over(30_000.0)
        },
    ),
    (r#"deal.stage == "demo" && deal.stage_moves >= 2 && deal.owner == "o3""#, |d, _| {
        d.stage == "demo" && d.stage_moves >= 2.0 && d.owner == "o3"
    }),
    (r#"deal.stage == "discovery" && deal.amount > 90000 && has(deal.close_date)"#, |d, _| {
        d.stage == "discovery" && d.is_over(90_000.0) && d.close_date.is_some()
    }),
    (
        r#"deal.stage == "negotiation" && business_days_since(deal.last_inbound_at) >= 8 && deal.last_outbound_at > deal.last_inbound_at"#,
        |d, on| {
            d.stage == "negotiation"
                && on.has_idled(d.last_inbound_at, 8)
                && d.last_outbound_at.zip(d.last_inbound_at).is_some_and(|(out, in_)| out > in_)
        },
    ),
    (
        r#"deal.stage == "proposal" && deal.push_count * 10 > days_since(deal.stage_entered_at) && deal.amount > 60000"#,
        |d, on| {
            d.stage == "proposal"
                && d.push_count * 10.0 > on.days(d.stage_entered_at)
                && d.is_over(60_000.0)
        },
    ),
    (
        r#"deal.stage == "qualification" && deal.currency == "EUR" && days_since(deal.stage_entered_at) > 20 && days_since(deal.last_activity_at) > 20"#,
        |d, on| {
            d.stage == "qualification"
                && d.currency == "EUR"
                && on.days(d.stage_entered_at) > 20.0
                && on.is_longer(d.last_activity_at, 20.0)
        },
    ),
    (r#"deal.amount > 95000 && days_since(deal.last_activity_at) > 25"#, |d, on| {
        d.is_over(95_000.0) && on.is_longer(d.last_activity_at, 25.0)
    }),
    (r#"deal.owner == "o11" && deal.push_count >= 2 && deal.close_date < now"#, |d, on| {
        d.owner == "o11" && d.push_count >= 2.0 && on.is_past(d.close_date)
    }),
    (
        r#"deal.pipeline == "renewal" && deal.next_step == "" && days_since(deal.created_at) > 150 && deal.amount > 70000"#,
        |d, on| {
            d.pipeline == "renewal"
                && d.next_step.is_empty()
                && on.days(d.created_at) > 150.0
                && d.is_over(70_000.0)
        },
    ),
];
