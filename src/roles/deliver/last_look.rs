//! The last look before sending, on local state alone: whether it may still be
//! sent, to whom, whether each reason still holds, and whether what is known of
//! the deals is fresh enough to say so.

use std::collections::BTreeMap;

use touchline_kit::{ChatPerson, CrmWrite, Message};
use touchline_rules::UnixMs;
use touchline_rules::attention::{
    AttentionClass, PendingNudge, Policy, Reason, Recipient, first_permitted,
};
use touchline_rules::engine::{
    Firing, Holds, PersonState, as_of, person_reason_holds, reason_holds,
};
use touchline_rules::facts::{DealKey, DealState, Origin};
use touchline_rules::ruleset::Scope;
use touchline_rules::time::{MINUTE_MS, SECOND_MS};

use crate::coaching::deliveries::{CHAT, DeliveryBody, HELLO, Item, LETTERS, Letter, REPLY};
use crate::coaching::messages::{self, Shown};
use crate::coaching::nudges::NudgeBody;
use crate::coaching::readers::{Reach, reach, reader, unsent};
use crate::coaching::settings::SendingTo;
use crate::roles::attention::look_up;
use crate::roles::batching::{FETCH, asked, understand, written};
use crate::service::{Ground, Service};
use crate::store::{DeliveryRow, Looked, NewWork, NudgeRow, NudgeState, PreferenceRow, WorkKey};

/// The first and the longest wait for a deal to be read again or a reader to be
/// looked up; in between it grows with the time already waited.
const WAIT_MS: (i64, i64) = (SECOND_MS, MINUTE_MS);

const REASON_GONE: &str = "reason_gone";
const NO_CHANNEL: &str = "no_channel";
const UNREADABLE: &str = "unreadable";

/// What to do with one delivery.
pub(super) enum Verdict {
    /// Claim it and do this.
    Send {
        /// What.
        job: Box<Job>,
        /// Nudges left out, each with the ledger's word.
        without: Vec<(String, String)>,
        /// What the nudges say by now, to be kept with the claim.
        said: Vec<(String, Vec<u8>)>,
    },
    /// Look again then.
    Wait {
        /// When.
        until: UnixMs,
        /// What it waits for.
        why: &'static str,
        /// Work that has to be done for it.
        ask: Vec<NewWork>,
    },
    /// It is not sent; the ledger's word, and those of single nudges.
    Drop(&'static str, Vec<(String, String)>),
    /// It came too late for its digest: its nudges are decided anew.
    TakeBack,
}

/// What is sent.
pub(super) enum Job {
    /// A message to a person in chat.
    Chat(ChatPerson, Message),
    /// The introduction, composed when it is sent.
    Hello(ChatPerson),
    /// A task or note.
    Crm(CrmWrite),
}

/// Whether this delivery says anything of a deal.
pub(super) fn carries_nudges(row: &DeliveryRow) -> bool {
    row.channel != HELLO && !is_letter(row)
}

/// Whether it is a message to a person.
pub(super) fn is_in_chat(row: &DeliveryRow) -> bool {
    row.channel == CHAT || row.channel == HELLO || is_letter(row)
}

/// Whether it is a message without nudges.
fn is_letter(row: &DeliveryRow) -> bool {
    LETTERS.contains(&row.channel.as_str())
}

/// All deliveries that are looked at together.
pub(super) struct Looking<'a> {
    service: &'a Service,
    ground: Ground<'a>,
    to: &'a SendingTo,
    policy: &'a Policy,
    deals: BTreeMap<DealKey, DealState>,
    people: BTreeMap<&'a str, PersonState>,
    preferences: &'a [PreferenceRow],
    readers: BTreeMap<String, Recipient>,
    now: UnixMs,
}

impl<'a> Looking<'a> {
    pub(super) fn new(
        service: &'a Service,
        to: &'a SendingTo,
        policy: &'a Policy,
        looked: &'a Looked,
        now: UnixMs,
    ) -> Self {
        let deals = looked.deals.iter().map(|row| {
            let key = DealKey { connection: row.connection.clone(), id: row.id.clone() };
            // Of one that cannot be read nothing was heard: it is read again.
            let state = understand(row).unwrap_or_else(|| DealState::new(key.clone()));
            (key, state)
        });
        let people = looked.people.iter().map(|row| {
            let state = serde_json::from_slice(&row.body);
            (row.person.as_str(), state.unwrap_or_else(|_| PersonState::new(&row.person)))
        });
        Looking {
            service,
            ground: service.ground(),
            to,
            policy,
            deals: deals.collect(),
            people: people.collect(),
            preferences: &looked.preferences,
            readers: BTreeMap::new(),
            now,
        }
    }

    /// Judges one delivery with its nudges.
    pub(super) fn look(&mut self, row: &DeliveryRow, nudges: &[NudgeRow]) -> Verdict {
        let reader = self.reader(&row.person);
        if let Some(reason) = unsent(self.policy, &reader) {
            return Verdict::Drop(reason, Vec::new());
        }
        let body = DeliveryBody::read(row);
        let (keep, without) = self.sort_out(&body, nudges, &reader);
        if carries_nudges(row) && keep.is_empty() {
            return Verdict::Drop(REASON_GONE, without);
        }
        if let Some(until) = self.asleep(&keep, &reader) {
            return Verdict::Wait { until, why: "snoozed", ask: Vec::new() };
        }
        // Who asks at night is answered at night.
        let in_hours = || self.out_of_hours(row, &body, &reader);
        if let Some(verdict) = Some(row).filter(|row| row.channel != REPLY).and_then(|_| in_hours())
        {
            return verdict;
        }
        let stale = self.stale(&keep);
        if !stale.is_empty() {
            let until = self.wait_more(row);
            return Verdict::Wait { until, why: "refreshing", ask: self.refresh(stale) };
        }
        let keep = keep.into_iter().map(|shown| self.as_of_now(shown, &row.person)).collect();
        self.compose(row, keep, &reader, without)
    }

    /// What a nudge says by now: it may have waited for days, and nobody is told
    /// of a stage that was left or a number of days that has grown. Where it
    /// cannot be written anew it says what it said.
    fn as_of_now(&mut self, shown: Shown, reader: &str) -> Shown {
        let Looking { service, ground, deals, now, .. } = self;
        let firing = &shown.body.firing;
        let (rules, metadata) = (ground.rules(), ground.metadata(&firing.deal.connection));
        let (Some(state), Some(rule)) = (deals.get_mut(&firing.deal), rules.rule(&firing.rule_id))
        else {
            return shown;
        };
        let fresh = ground.in_world(state, |state, world| as_of(firing, state, *now, world));
        let said = fresh.and_then(|fresh| match shown.body.heard_at {
            None => written(service, rules, rule, &fresh, state, &metadata, reader).ok(),
            Some(heard_at) => {
                let of = (&fresh, heard_at);
                asked(service, (rules, rule), of, state, &metadata, reader).ok().flatten()
            }
        });
        match said {
            Some(said) => {
                // The reason stays the one that is stored.
                let body = NudgeBody { firing: firing.clone(), ..said };
                Shown { body, ..shown }
            }
            None => shown,
        }
    }

    /// What was written into a CRM for this delivery, whether or not it would be
    /// written now; `None` for one in chat.
    pub(super) fn written(&mut self, row: &DeliveryRow, nudges: &[NudgeRow]) -> Option<CrmWrite> {
        if is_in_chat(row) {
            return None;
        }
        let reader = self.reader(&row.person);
        let shown = nudges.iter().find_map(|nudge| Shown::fresh(nudge.clone()))?;
        Some(messages::crm_write(row, &shown, &reader, self.now))
    }

    fn reader(&mut self, email: &str) -> Recipient {
        if let Some(known) = self.readers.get(email) {
            return known.clone();
        }
        let found = reader(self.service, self.to, email, self.preferences, Vec::new());
        self.readers.insert(email.to_owned(), found.clone());
        found
    }

    /// The nudges that may still be said, and the others with the ledger's word.
    fn sort_out(
        &mut self,
        body: &DeliveryBody,
        nudges: &[NudgeRow],
        reader: &Recipient,
    ) -> (Vec<Shown>, Vec<(String, String)>) {
        let (mut keep, mut without) = (Vec::new(), Vec::new());
        for nudge in nudges {
            let item = body.items.iter().find(|item| item.nudge_id == nudge.id);
            let shown = Shown::fresh(nudge.clone());
            match (self.objection(nudge, item, shown.as_ref(), reader), shown) {
                (None, Some(shown)) => keep.push(shown),
                (word, _) => without.push((nudge.id.clone(), word.unwrap_or(UNREADABLE).into())),
            }
        }
        (keep, without)
    }

    /// Why this nudge is not said any more.
    fn objection(
        &mut self,
        nudge: &NudgeRow,
        item: Option<&Item>,
        shown: Option<&Shown>,
        reader: &Recipient,
    ) -> Option<&'static str> {
        match nudge.state {
            NudgeState::Decided | NudgeState::Pending => {}
            NudgeState::Answered => return Some("answered"),
            NudgeState::Ended | NudgeState::Suppressed | NudgeState::Held => {
                return Some(REASON_GONE);
            }
        }
        if reader.muted_rules.contains(&nudge.rule_id) {
            return Some(Reason::Muted.name());
        }
        if item.is_some_and(|item| item.expires_at <= self.now) {
            return Some(Reason::Expired.name());
        }
        let Some(shown) = shown else { return Some(UNREADABLE) };
        let firing = &shown.body.firing;
        if firing.scope == Scope::Person {
            return self.of_person(firing);
        }
        let now = self.now;
        let state = self.deals.get_mut(&firing.deal);
        let holds = state.map_or(Holds::No, |state| {
            self.ground.in_world(state, |state, world| reason_holds(firing, state, now, world))
        });
        (holds == Holds::No).then_some(REASON_GONE)
    }

    /// The same for what is about a person.
    fn of_person(&self, firing: &Firing) -> Option<&'static str> {
        let state = self.people.get(firing.deal.id.as_str());
        let rules = self.ground.rules();
        let holds =
            state.is_some_and(|state| person_reason_holds(firing, state, rules) == Holds::Yes);
        (!holds).then_some(REASON_GONE)
    }

    /// A nudge that its reader snoozed while another place was still to hear of
    /// it sleeps there too.
    fn asleep(&self, keep: &[Shown], reader: &Recipient) -> Option<UnixMs> {
        let asleep = keep.iter().filter(|shown| shown.nudge.state == NudgeState::Pending);
        let until = asleep.map(|shown| {
            let snoozed = reader.snoozed.get(&shown.nudge.id).copied();
            snoozed.unwrap_or(shown.nudge.due_at).max(self.now.plus_ms(WAIT_MS.0))
        });
        until.max()
    }

    /// Nothing is sent in quiet hours, on a day off or into a pause, however
    /// late it is by a vendor's fault. A digest is made up on its own day only.
    fn out_of_hours(
        &self,
        row: &DeliveryRow,
        body: &DeliveryBody,
        reader: &Recipient,
    ) -> Option<Verdict> {
        let calendar = &reader.calendar;
        let on_its_day = |slot: UnixMs| calendar.local_date(slot) == calendar.local_date(self.now);
        if body.slot.is_some_and(|slot| !on_its_day(slot)) {
            return Some(Verdict::TakeBack);
        }
        let message = PendingNudge {
            id: String::new(),
            rule: String::new(),
            deal: None,
            class: AttentionClass::Interrupt,
            is_event: false,
            priority: 1,
            due_at: row.created_at,
            occurred_at: row.created_at,
            expires_at: None,
        };
        let until = first_permitted(self.policy, reader, &message, self.now);
        (until > self.now).then(|| {
            let why = if reader.paused_until.is_some_and(|end| end > self.now) {
                "paused"
            } else {
                "quiet_hours"
            };
            Verdict::Wait { until, why, ask: Vec::new() }
        })
    }

    /// Deals of which nothing was heard for too long.
    fn stale(&self, keep: &[Shown]) -> Vec<DealKey> {
        let age_max_ms = self.service.config.delivery.fresh_max_age_minutes * MINUTE_MS;
        let is_stale = |key: &&DealKey| {
            let told_at = self.deals.get(*key).and_then(|state| state.told_at);
            told_at.is_none_or(|at| self.now.since_ms(at) > age_max_ms)
        };
        let about_deals = keep.iter().map(|shown| &shown.body.firing);
        let about_deals = about_deals.filter(|firing| firing.scope.is_deal());
        let mut stale: Vec<DealKey> =
            about_deals.map(|firing| &firing.deal).filter(is_stale).cloned().collect();
        stale.sort();
        stale.dedup();
        stale
    }

    fn refresh(&self, deals: Vec<DealKey>) -> Vec<NewWork> {
        let body = serde_json::to_vec(&Origin::Refresh).unwrap_or_default();
        let ask = deals.into_iter().map(|deal| NewWork {
            key: WorkKey { kind: FETCH.to_owned(), connection: deal.connection, key: deal.id },
            next_at: self.now,
            body: body.clone(),
        });
        ask.collect()
    }

    fn wait_more(&self, row: &DeliveryRow) -> UnixMs {
        const SHARE: i64 = 8;
        let waited_ms = self.now.since_ms(row.created_at);
        self.now.plus_ms((waited_ms / SHARE).clamp(WAIT_MS.0, WAIT_MS.1))
    }

    fn compose(
        &self,
        row: &DeliveryRow,
        keep: Vec<Shown>,
        reader: &Recipient,
        without: Vec<(String, String)>,
    ) -> Verdict {
        if !is_in_chat(row) {
            return match keep.first() {
                Some(shown) => {
                    let write = messages::crm_write(row, shown, reader, self.now);
                    let job = Box::new(Job::Crm(write));
                    Verdict::Send { job, without, said: Vec::new() }
                }
                None => Verdict::Drop(REASON_GONE, without),
            };
        }
        let person = self.service.people.get(&row.person);
        let to = match reach(person.as_deref(), &row.connection) {
            Reach::Found(to) => to,
            Reach::Missing(_) => return Verdict::Drop(NO_CHANNEL, without),
            Reach::Unlooked => {
                let ask = vec![look_up(&row.connection, &row.person, self.now)];
                return Verdict::Wait { until: self.wait_more(row), why: "looking_up", ask };
            }
        };
        if row.channel == HELLO {
            return Verdict::Send { job: Box::new(Job::Hello(to)), without, said: Vec::new() };
        }
        let letter = DeliveryBody::read(row).letter;
        let letter = letter.map(|Letter { title, lines }| Message::Letter { title, lines });
        match letter.or_else(|| messages::message(row, &keep)) {
            Some(message) => {
                let job = Box::new(Job::Chat(to, message));
                Verdict::Send { job, without, said: keep.into_iter().filter_map(kept).collect() }
            }
            None => Verdict::Drop(REASON_GONE, without),
        }
    }
}

/// What a nudge says, as it is stored.
fn kept(shown: Shown) -> Option<(String, Vec<u8>)> {
    Some((shown.nudge.id, serde_json::to_vec(&shown.body).ok()?))
}
