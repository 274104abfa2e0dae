//! The decision. The rules are told in the [module above](super).

use jiff::ToSpan;
use jiff::civil::Date;

use super::hours::Hours;
use super::{
    AttentionClass, DEAL_SPACING_WORKING_DAYS_MAX, Decision, NUDGE_LIFE_DAYS_MAX, PendingNudge,
    Policy, Reason, Recipient, SendAs, Sending, Why,
};
use crate::facts::DealKey;
use crate::time::UnixMs;

/// Decides on every pending nudge of one recipient at `now`, one decision for
/// each, in the order in which they were taken. What is sent by this call
/// counts against the rest of it.
#[must_use]
pub fn decide(
    policy: &Policy,
    recipient: &Recipient,
    pending: &[PendingNudge],
    now: UnixMs,
) -> Vec<(String, Decision)> {
    let mut in_order: Vec<&PendingNudge> = pending.iter().collect();
    in_order.sort_by_key(|nudge| (nudge.priority, nudge.due_at, &nudge.id));
    let mut deciding = Deciding::new(policy, recipient, now);
    in_order.into_iter().map(|nudge| (nudge.id.clone(), deciding.decide(nudge))).collect()
}

/// The first instant from `now` on at which the person could be sent this
/// nudge as far as due time, snooze, pause, working days, quiet hours and, for
/// digest classes, digest times go. Budget, spacing and places in a digest are
/// not looked at: they depend on what is sent until then.
///
/// [`UnixMs::MAX`] when there is no such instant.
#[must_use]
pub fn first_permitted(
    policy: &Policy,
    recipient: &Recipient,
    nudge: &PendingNudge,
    now: UnixMs,
) -> UnixMs {
    Deciding::new(policy, recipient, now).first_permitted(nudge)
}

/// The first digest time of this person from `from` on, whatever waits for it;
/// [`UnixMs::MAX`] when there is none.
#[must_use]
pub fn next_digest(policy: &Policy, recipient: &Recipient, from: UnixMs) -> UnixMs {
    let pause = recipient.paused_until.filter(|end| *end > from);
    Hours::new(policy, recipient).slot_from(pause.unwrap_or(from))
}

/// The instant from which on this nudge is not sent any more: the end of the
/// policy's last working day, counted from when it was due or its snooze ended,
/// or the nudge's own earlier end.
#[must_use]
pub fn expires_at(policy: &Policy, recipient: &Recipient, nudge: &PendingNudge) -> UnixMs {
    let calendar = &recipient.calendar;
    let first = calendar.local_date(ready_at(recipient, nudge));
    let working_days = policy.nudge_expiry_working_days.min(NUDGE_LIFE_DAYS_MAX);
    let life_max = i64::from(NUDGE_LIFE_DAYS_MAX).days();
    let last = calendar
        .add_working_days(first, working_days)
        .min(first.checked_add(life_max).unwrap_or(Date::MAX));
    let end = last.tomorrow().map_or(UnixMs::MAX, |after| calendar.start_of(after));
    nudge.expires_at.map_or(end, |own| own.min(end))
}

/// The earliest instant of which [`Recipient::log`] has to know: the beginning
/// of today or of the longest spacing that reaches into it.
#[must_use]
pub fn log_reaches_back_to(policy: &Policy, recipient: &Recipient, now: UnixMs) -> UnixMs {
    const DAYS_BACK_MAX: u32 = 2 * 365;
    let calendar = &recipient.calendar;
    let today = calendar.local_date(now);
    let spacing = spacing_of(policy);
    let mut first = today;
    for _ in 0..DAYS_BACK_MAX {
        let Ok(before) = first.yesterday() else { break };
        if calendar.working_days_between(before, today) >= i64::from(spacing) {
            break;
        }
        first = before;
    }
    calendar.start_of(first)
}

fn spacing_of(policy: &Policy) -> u32 {
    policy.deal_spacing_working_days.unwrap_or(0).min(DEAL_SPACING_WORKING_DAYS_MAX)
}

/// When the nudge itself is ready: due, and not asleep.
fn ready_at(recipient: &Recipient, nudge: &PendingNudge) -> UnixMs {
    let snoozed_until = recipient.snoozed.get(&nudge.id).copied();
    snoozed_until.map_or(nudge.due_at, |until| until.max(nudge.due_at))
}

/// Waits until `until` if the nudge lives that long. `reason` says why it would
/// otherwise never be sent.
fn wait(
    until: UnixMs,
    class: AttentionClass,
    why: Why,
    expires: UnixMs,
    reason: Reason,
) -> Decision {
    if until < expires { Decision::Defer { until, class, why } } else { Decision::Suppress(reason) }
}

/// Something that was sent, as the limits see it.
struct Claim<'a> {
    nudge_id: &'a str,
    deal: Option<&'a DealKey>,
    date: Date,
    is_event: bool,
    sent_as: SendAs,
}

struct Deciding<'a> {
    policy: &'a Policy,
    recipient: &'a Recipient,
    hours: Hours<'a>,
    now: UnixMs,
    today: Date,
    /// The log first, then what this call sends.
    claims: Vec<Claim<'a>>,
    logged: usize,
}

impl<'a> Deciding<'a> {
    fn new(policy: &'a Policy, recipient: &'a Recipient, now: UnixMs) -> Self {
        let claims: Vec<Claim> = recipient
            .log
            .iter()
            .map(|sent| Claim {
                nudge_id: &sent.nudge_id,
                deal: sent.deal.as_ref(),
                date: recipient.calendar.local_date(sent.at),
                is_event: sent.is_event,
                sent_as: sent.sent_as,
            })
            .collect();
        Deciding {
            policy,
            recipient,
            hours: Hours::new(policy, recipient),
            now,
            today: recipient.calendar.local_date(now),
            logged: claims.len(),
            claims,
        }
    }

    fn decide(&mut self, nudge: &'a PendingNudge) -> Decision {
        if let Some(reason) = self.unwanted(nudge) {
            return Decision::Suppress(reason);
        }
        let expires = expires_at(self.policy, self.recipient, nudge);
        if self.now >= expires {
            return Decision::Suppress(Reason::Expired);
        }
        match nudge.class {
            AttentionClass::Card => self.keep_for_card(nudge, expires),
            _ if self.is_stale(nudge) => Decision::Suppress(Reason::Stale),
            AttentionClass::Interrupt if self.recipient.choice.digest_only => {
                self.put_in_digest(nudge, expires, Why::DigestOnly, self.outlived_in_digest())
            }
            AttentionClass::Interrupt => self.interrupt(nudge, expires),
            AttentionClass::Digest | AttentionClass::Private => {
                self.put_in_digest(nudge, expires, Why::DigestTime, self.outlived_in_digest())
            }
        }
    }

    fn unwanted(&self, nudge: &PendingNudge) -> Option<Reason> {
        match self.policy.sending {
            Sending::Off => return Some(Reason::SendingOff),
            Sending::Pilot if !self.recipient.in_pilot => return Some(Reason::NotInPilot),
            Sending::Pilot | Sending::Everyone => {}
        }
        self.recipient.muted_rules.contains(&nudge.rule).then_some(Reason::Muted)
    }

    /// An event is stale when it is too old at the first instant at which the
    /// person can be reached. For a digest that is not the digest's own time:
    /// a digest tells of yesterday, and is allowed to.
    fn is_stale(&self, nudge: &PendingNudge) -> bool {
        if !nudge.is_event || self.recipient.snoozed.contains_key(&nudge.id) {
            return false;
        }
        let from = match nudge.class {
            AttentionClass::Interrupt => self.free_at(nudge).max(self.now),
            _ => self.free_at(nudge),
        };
        let reached = self.hours.open_from(from);
        reached != UnixMs::MAX && reached.since_ms(nudge.occurred_at) > self.policy.event_max_age_ms
    }

    fn keep_for_card(&self, nudge: &PendingNudge, expires: UnixMs) -> Decision {
        let ready = ready_at(self.recipient, nudge);
        if ready <= self.now {
            return Decision::Card;
        }
        let why = if nudge.due_at > self.now { Why::NotDue } else { Why::Snoozed };
        wait(ready, AttentionClass::Card, why, expires, Reason::Expired)
    }

    fn interrupt(&mut self, nudge: &'a PendingNudge, expires: UnixMs) -> Decision {
        let at = self.first_permitted(nudge);
        if at > self.now {
            let why = self.held_by(nudge);
            return wait(at, AttentionClass::Interrupt, why, expires, self.outlived());
        }
        if self.spaced_from(nudge) > self.now {
            return self.put_in_digest(nudge, expires, Why::Spacing, Reason::Spacing);
        }
        if !self.has_budget(nudge) {
            return self.put_in_digest(nudge, expires, Why::Budget, Reason::Budget);
        }
        self.send(nudge, SendAs::Interrupt)
    }

    /// Sends with the digest of this instant or waits for a later one. `why`
    /// and `reason` say what brought the nudge here.
    fn put_in_digest(
        &mut self,
        nudge: &'a PendingNudge,
        expires: UnixMs,
        mut why: Why,
        mut reason: Reason,
    ) -> Decision {
        let spaced_from = self.spaced_from(nudge);
        let free = self.free_at(nudge);
        let ready = free.max(spaced_from);
        let slot = self.open_slot().filter(|slot| ready <= *slot);
        if let Some(slot) = slot.filter(|slot| self.has_place(*slot)) {
            return self.send(nudge, SendAs::Digest { slot });
        }
        if slot.is_some() {
            (why, reason) = (Why::DigestFull, Reason::DigestFull);
        } else if spaced_from > self.now {
            (why, reason) = (Why::Spacing, Reason::Spacing);
        } else if free > self.now {
            why = self.held_by(nudge);
        }
        let class = match nudge.class {
            AttentionClass::Interrupt => AttentionClass::Digest,
            other => other,
        };
        let until = self.hours.slot_from(ready.max(self.now.plus_ms(1)));
        wait(until, class, why, expires, reason)
    }

    /// Why a nudge that only waits for its hour is never sent.
    fn outlived(&self) -> Reason {
        match self.recipient.paused_until {
            Some(end) if end > self.now => Reason::Paused,
            _ => Reason::Expired,
        }
    }

    /// The same for one that waits for a digest.
    fn outlived_in_digest(&self) -> Reason {
        if self.hours.has_digests() { self.outlived() } else { Reason::NoDigest }
    }

    fn send(&mut self, nudge: &'a PendingNudge, sent_as: SendAs) -> Decision {
        self.claims.push(Claim {
            nudge_id: &nudge.id,
            deal: nudge.deal.as_ref(),
            date: self.today,
            is_event: nudge.is_event,
            sent_as,
        });
        Decision::Send(sent_as)
    }

    fn first_permitted(&self, nudge: &PendingNudge) -> UnixMs {
        let free = self.free_at(nudge);
        match nudge.class {
            AttentionClass::Card => ready_at(self.recipient, nudge).max(self.now),
            AttentionClass::Interrupt => self.hours.open_from(free.max(self.now)),
            AttentionClass::Digest | AttentionClass::Private => {
                match self.open_slot().filter(|slot| free <= *slot) {
                    Some(_) => self.now,
                    None => self.hours.slot_from(free.max(self.now)),
                }
            }
        }
    }

    /// When the nudge is ready and the person's pause is over.
    fn free_at(&self, nudge: &PendingNudge) -> UnixMs {
        let ready = ready_at(self.recipient, nudge);
        let pause = self.recipient.paused_until.filter(|end| *end > self.now);
        pause.map_or(ready, |end| end.max(ready))
    }

    /// What keeps the nudge from being sent now.
    fn held_by(&self, nudge: &PendingNudge) -> Why {
        let is_ahead = |at: Option<UnixMs>| at.is_some_and(|at| at > self.now);
        if is_ahead(self.recipient.snoozed.get(&nudge.id).copied()) {
            Why::Snoozed
        } else if is_ahead(self.recipient.paused_until) {
            Why::Paused
        } else if nudge.due_at > self.now {
            Why::NotDue
        } else if self.hours.is_day_off(self.now) {
            Why::DayOff
        } else {
            Why::QuietHours
        }
    }

    /// The first instant of the first day on which the nudge's deal may be
    /// spoken of again. A nudge is not kept away from its own snoozed self.
    fn spaced_from(&self, nudge: &PendingNudge) -> UnixMs {
        let spacing = spacing_of(self.policy);
        let calendar = &self.recipient.calendar;
        let Some(deal) = nudge.deal.as_ref().filter(|_| spacing > 0) else { return UnixMs::MIN };
        self.claims
            .iter()
            .filter(|claim| claim.deal == Some(deal) && claim.nudge_id != nudge.id)
            .map(|claim| calendar.start_of(calendar.add_working_days(claim.date, spacing)))
            .max()
            .unwrap_or(UnixMs::MIN)
    }

    fn has_budget(&self, nudge: &PendingNudge) -> bool {
        let Some(limit) = self.interruptions_today_max() else { return true };
        let today = self
            .claims
            .iter()
            .filter(|claim| claim.date == self.today && claim.sent_as == SendAs::Interrupt);
        let (mut all, mut without_event) = (0, 0);
        for claim in today {
            all += 1;
            without_event += u32::from(!claim.is_event);
        }
        let kept_for_events = u32::from(self.policy.reserve_for_events && limit > 1);
        all < limit && (nudge.is_event || without_event < limit - kept_for_events)
    }

    fn interruptions_today_max(&self) -> Option<u32> {
        let for_new = self.policy.interruptions_per_day_new.filter(|_| self.is_new());
        [self.policy.interruptions_per_day, for_new, self.recipient.choice.interruptions_per_day]
            .into_iter()
            .flatten()
            .min()
    }

    fn is_new(&self) -> bool {
        let Some(first) = self.recipient.first_nudge_at else { return true };
        let days = self.recipient.calendar.business_days_since(first, self.now);
        days < i64::from(self.policy.new_person_working_days)
    }

    /// The digest that can be sent at this instant: today's latest, if it has
    /// not been sent already. A digest that is late by an outage is made up on
    /// its own day only.
    fn open_slot(&self) -> Option<UnixMs> {
        let slot = self.hours.slot_today(self.now).filter(|_| self.hours.is_open(self.now))?;
        let sent_before =
            self.claims[..self.logged].iter().any(|claim| claim.sent_as == SendAs::Digest { slot });
        (!sent_before).then_some(slot)
    }

    fn has_place(&self, slot: UnixMs) -> bool {
        let Some(limit) = self.policy.digest_items_max else { return true };
        let taken = self.claims.iter().filter(|claim| claim.sent_as == SendAs::Digest { slot });
        taken.count() < limit as usize
    }
}
