//! A person whose days can be lived through in tests: what the attention role
//! does around [`decide()`], without store and clock.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::*;

/// The shipped ceilings, but for events that are news for one day only: their
/// stories then last from one day to the next.
pub(super) fn policy() -> Policy {
    let event_max_age_ms = 24 * HOUR_MS;
    Policy { sending: Sending::Everyone, event_max_age_ms, ..Policy::default() }
}

/// Somebody in `zone` who is no longer new.
pub(super) fn recipient(zone: &str) -> Recipient {
    Recipient {
        person: "seller0@example.com".to_owned(),
        calendar: Calendar::weekdays(TimeZone::get(zone).unwrap()),
        in_pilot: false,
        first_nudge_at: Some(UnixMs(0)),
        muted_rules: BTreeSet::new(),
        paused_until: None,
        snoozed: BTreeMap::new(),
        choice: PersonalChoice::default(),
        log: Vec::new(),
    }
}

/// An instant, written as the person's wall shows it: `2026-10-06 10:00`.
pub(super) fn at(recipient: &Recipient, local: &str) -> UnixMs {
    let local: jiff::civil::DateTime = local.parse().unwrap();
    recipient.calendar.zone.to_timestamp(local).unwrap().into()
}

/// A state nudge about a deal of its own, priority 5, due since `due_at`.
pub(super) fn nudge(id: &str, class: AttentionClass, due_at: UnixMs) -> PendingNudge {
    PendingNudge {
        id: id.to_owned(),
        rule: "buyer-silent".to_owned(),
        deal: Some(deal(id)),
        class,
        is_event: false,
        priority: 5,
        due_at,
        occurred_at: due_at,
        expires_at: None,
    }
}

pub(super) fn deal(id: &str) -> DealKey {
    DealKey { connection: "hubspot".to_owned(), id: id.to_owned() }
}

/// How a nudge ended, and when.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct End {
    pub(super) at: UnixMs,
    pub(super) decision: Decision,
}

/// One call of [`decide`] and what it was told.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) now: UnixMs,
    pub(super) asked: Vec<PendingNudge>,
    pub(super) decisions: Vec<(String, Decision)>,
    pub(super) recipient: Recipient,
}

/// One recipient's life from the first pending nudge to the last decision.
pub(super) struct Life {
    pub(super) policy: Policy,
    pub(super) recipient: Recipient,
    /// What waits, and when it is looked at again.
    pub(super) waiting: Vec<(UnixMs, PendingNudge)>,
    pub(super) ends: BTreeMap<String, End>,
    pub(super) steps: Vec<Step>,
    /// Whether every call is given all that waits instead of what is due.
    pub(super) asks_about_all: bool,
}

impl Life {
    pub(super) fn new(policy: Policy, recipient: Recipient, pending: Vec<PendingNudge>) -> Self {
        let waiting = pending.into_iter().map(|nudge| (nudge.due_at, nudge)).collect();
        Life {
            policy,
            recipient,
            waiting,
            ends: BTreeMap::new(),
            steps: Vec::new(),
            asks_about_all: false,
        }
    }

    /// Decides at `now` on what is due, and does what was decided.
    pub(super) fn step(&mut self, now: UnixMs) {
        let asked: Vec<PendingNudge> = self
            .waiting
            .iter()
            .filter(|(wake, _)| self.asks_about_all || *wake <= now)
            .map(|(_, nudge)| nudge.clone())
            .collect();
        let decisions = decide(&self.policy, &self.recipient, &asked, now);
        self.steps.push(Step {
            now,
            asked: asked.clone(),
            decisions: decisions.clone(),
            recipient: self.recipient.clone(),
        });
        for (id, decision) in decisions {
            let place = self.waiting.iter().position(|(_, nudge)| nudge.id == id).unwrap();
            if let Decision::Defer { until, class, .. } = decision {
                self.waiting[place].0 = until;
                self.waiting[place].1.class = class;
                continue;
            }
            let (_, nudge) = self.waiting.swap_remove(place);
            if let Decision::Send(sent_as) = decision {
                self.recipient.first_nudge_at.get_or_insert(now);
                self.recipient.log.push(Sent {
                    at: now,
                    nudge_id: nudge.id,
                    deal: nudge.deal,
                    is_event: nudge.is_event,
                    sent_as,
                });
            }
            self.ends.insert(id, End { at: now, decision });
        }
    }

    /// Lives until nothing waits. Each step comes as late as `lateness_ms`
    /// says.
    pub(super) fn run(&mut self, mut lateness_ms: impl FnMut() -> i64) {
        const STEPS_MAX: usize = 2_000;
        let mut now = UnixMs::MIN;
        for _ in 0..STEPS_MAX {
            let Some(next) = self.waiting.iter().map(|(wake, _)| *wake).min() else { return };
            now = next.plus_ms(lateness_ms()).max(now.plus_ms(1));
            self.step(now);
        }
        panic!("it does not end: {:?}", self.waiting);
    }

    /// How many nudges ended in each way.
    pub(super) fn tally(&self) -> BTreeMap<&'static str, usize> {
        let mut tally = BTreeMap::new();
        for end in self.ends.values() {
            let name = match end.decision {
                Decision::Send(SendAs::Interrupt) => "interrupt",
                Decision::Send(SendAs::Digest { .. }) => "digest",
                Decision::Card => "card",
                Decision::Suppress(reason) => reason.name(),
                Decision::Defer { .. } => unreachable!("a deferred nudge has not ended"),
            };
            *tally.entry(name).or_insert(0) += 1;
        }
        tally
    }
}

/// Decides on `pending` at `now` and tells it, one line a nudge.
pub(super) fn told(
    policy: &Policy,
    recipient: &Recipient,
    pending: &[PendingNudge],
    now: &str,
) -> String {
    let lines =
        decide(policy, recipient, pending, at(recipient, now)).into_iter().map(|(id, it)| {
            let wall =
                |at: UnixMs| at.to_zoned(&recipient.calendar.zone).strftime("%a %d %H:%M %:z");
            match it {
                Decision::Send(SendAs::Interrupt) => format!("{id}: now"),
                Decision::Send(SendAs::Digest { slot }) => {
                    format!("{id}: digest of {}", wall(slot))
                }
                Decision::Card => format!("{id}: card"),
                Decision::Defer { until, class, why } => {
                    format!("{id}: {class:?} on {} ({})", wall(until), why.name())
                }
                Decision::Suppress(reason) => format!("{id}: never ({})", reason.name()),
            }
        });
    lines.collect::<Vec<_>>().join("\n")
}

pub(super) fn london() -> Recipient {
    recipient("Europe/London")
}

/// The nudge as an event that has just happened.
pub(super) fn event(mut nudge: PendingNudge) -> PendingNudge {
    nudge.is_event = true;
    nudge
}

pub(super) fn sent(recipient: &Recipient, local: &str, id: &str, sent_as: SendAs) -> Sent {
    Sent {
        at: at(recipient, local),
        nudge_id: id.to_owned(),
        deal: Some(deal(id)),
        is_event: false,
        sent_as,
    }
}
