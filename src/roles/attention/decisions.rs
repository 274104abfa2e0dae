//! What the pure decisions mean for the store: deliveries with their ids, a
//! hello before the first of them, and a second delivery on the deal.

use std::collections::BTreeMap;

use touchline_rules::UnixMs;
use touchline_rules::attention::{
    AttentionClass, Decision as Decided, PendingNudge, Policy, Reason, Recipient, SendAs, decide,
    expires_at,
};
use touchline_rules::engine::delivery_id;
use touchline_rules::ruleset::{Audience, CrmDelivery};
use touchline_rules::time::DAY_MS;

use crate::coaching::deliveries::{
    CHAT, DIGEST, DeliveryBody, HELLO, INTERRUPT, Item, NOTE, TASK, chat_id, digest_id, hello_id,
};
use crate::coaching::nudges::NudgeBody;
use crate::roles::ingest::{COMPLETE, EDIT};
use crate::service::Service;
use crate::store::{Decision, DeliveryRow, DeliveryState, NewDelivery, NudgeRow};

/// A hello that nobody could be told within that is told with a later nudge.
const HELLO_LIFE_MS: i64 = 3 * DAY_MS;
/// Before everything else.
const HELLO_PRIORITY: i64 = 0;
/// The ledger's word where no chat knows the reader.
const NO_CHANNEL: &str = "no_channel";
/// The ledger's word for a nudge that cannot be read.
pub(super) const UNREADABLE: &str = "unreadable";

/// Where a reader's messages go.
pub(super) enum Place {
    /// To that chat connection.
    Chat(String),
    /// To that chat connection, but nobody has looked the reader up there yet:
    /// nudges made after `since_max` wait until `until`.
    Unlooked { chat: String, until: UnixMs, since_max: UnixMs },
    /// Nowhere: there is no chat, or it does not know the reader.
    None,
}

/// One reader at one instant.
pub(super) struct Deciding<'a> {
    pub service: &'a Service,
    pub policy: &'a Policy,
    pub reader: &'a Recipient,
    pub place: Place,
    pub now: UnixMs,
}

/// What was to be put into words, or why it could not be.
type Written<T> = Result<T, serde_json::Error>;

struct Pending {
    row: NudgeRow,
    body: NudgeBody,
    nudge: PendingNudge,
}

impl Deciding<'_> {
    /// Decides on every pending nudge. `hello` is the newest introduction to
    /// this reader.
    ///
    /// # Errors
    /// When a delivery cannot be put into words to be stored.
    pub(super) fn decide(
        &self,
        pending: Vec<NudgeRow>,
        hello: Option<&DeliveryRow>,
    ) -> Written<Vec<Decision>> {
        let mut decisions = Vec::new();
        let mut readable = BTreeMap::new();
        for row in pending {
            if let Place::Unlooked { until, since_max, .. } = &self.place
                && row.created_at > *since_max
            {
                let attention = row.attention.clone();
                decisions.push(Decision::Defer { nudge_id: row.id, until: *until, attention });
                continue;
            }
            match serde_json::from_slice::<NudgeBody>(&row.body) {
                Ok(body) => {
                    let nudge = pending_nudge(&row, &body);
                    readable.insert(row.id.clone(), Pending { row, body, nudge });
                }
                Err(_) => decisions.push(self.suppress(row.id, UNREADABLE)),
            }
        }
        let nudges: Vec<PendingNudge> = readable.values().map(|one| one.nudge.clone()).collect();
        let mut digests = BTreeMap::<UnixMs, Vec<&Pending>>::new();
        for (id, decided) in decide(self.policy, self.reader, &nudges, self.now) {
            let Some(one) = readable.get(&id) else { continue };
            match decided {
                Decided::Send(SendAs::Interrupt) => decisions.extend(self.interrupt(one)?),
                Decided::Send(SendAs::Digest { slot }) => {
                    digests.entry(slot).or_default().push(one);
                }
                Decided::Card => {
                    let reason = Reason::CardOnly.name().to_owned();
                    decisions.push(Decision::Keep { nudge_id: id, reason, at: self.now });
                }
                Decided::Defer { until, class, .. } => {
                    let attention = class.name().to_owned();
                    decisions.push(Decision::Defer { nudge_id: id, until, attention });
                }
                Decided::Suppress(reason) => decisions.push(self.suppress(id, reason.name())),
            }
        }
        for (slot, items) in digests {
            decisions.extend(self.digest(slot, &items)?);
        }
        decisions.extend(self.hello_before(&decisions, hello)?);
        Ok(decisions)
    }

    fn suppress(&self, nudge_id: String, reason: &str) -> Decision {
        Decision::Suppress { nudge_id, reason: reason.to_owned(), at: self.now }
    }

    fn chat(&self) -> Option<&str> {
        match &self.place {
            Place::Chat(chat) | Place::Unlooked { chat, .. } => Some(chat),
            Place::None => None,
        }
    }

    /// A message of its own, and where the rule asks for it the same on the deal.
    fn interrupt(&self, one: &Pending) -> Written<Vec<Decision>> {
        let mut sent = Vec::new();
        let snoozed = self.reader.snoozed.get(&one.row.id).copied();
        if let Some(chat) = self.chat() {
            let id = chat_id(&one.row.id, chat, snoozed);
            sent.push(self.of_one(one, id, chat, CHAT, EDIT)?);
        }
        let deal = &one.body.firing.deal;
        let crm = self.service.connections.get(&deal.connection);
        // Said again after a snooze, it has its task or note already.
        let is_wanted = snoozed.is_none() && crm.is_some_and(|c| c.crm().is_some());
        if let Some(channel) = crm_channel(&one.body).filter(|_| is_wanted) {
            let id = delivery_id(&one.row.id, &deal.connection, channel);
            sent.push(self.of_one(one, id, &deal.connection, channel, COMPLETE)?);
        }
        if sent.is_empty() {
            return Ok(vec![self.suppress(one.row.id.clone(), NO_CHANNEL)]);
        }
        Ok(sent.into_iter().map(Decision::Send).collect())
    }

    fn of_one(
        &self,
        one: &Pending,
        id: String,
        connection: &str,
        channel: &str,
        on_end: &str,
    ) -> Written<NewDelivery> {
        let item = self.item(one);
        Ok(NewDelivery {
            id,
            connection: connection.to_owned(),
            channel: channel.to_owned(),
            person: self.reader.person.clone(),
            attention: INTERRUPT.to_owned(),
            subject: one.row.subject.id.clone(),
            on_end: on_end.to_owned(),
            priority: one.row.priority,
            created_at: self.now,
            expires_at: item.expires_at,
            until: self.now,
            nudges: vec![one.row.id.clone()],
            body: DeliveryBody { items: vec![item], ..DeliveryBody::default() }.bytes()?,
        })
    }

    /// All items of one digest time are one message.
    fn digest(&self, slot: UnixMs, of: &[&Pending]) -> Written<Vec<Decision>> {
        let Some(chat) = self.chat() else {
            let gone = of.iter().map(|one| self.suppress(one.row.id.clone(), NO_CHANNEL));
            return Ok(gone.collect());
        };
        let nudges: Vec<String> = of.iter().map(|one| one.row.id.clone()).collect();
        let items: Vec<Item> = of.iter().map(|one| self.item(one)).collect();
        Ok(vec![Decision::Send(NewDelivery {
            id: digest_id(&self.reader.person, slot, chat, &nudges),
            connection: chat.to_owned(),
            channel: CHAT.to_owned(),
            person: self.reader.person.clone(),
            attention: DIGEST.to_owned(),
            subject: String::new(),
            on_end: EDIT.to_owned(),
            priority: of.iter().map(|one| one.row.priority).min().unwrap_or_default(),
            created_at: self.now,
            expires_at: items.iter().map(|item| item.expires_at).max().unwrap_or(self.now),
            until: self.now,
            nudges,
            body: DeliveryBody { slot: Some(slot), items, letter: None }.bytes()?,
        })])
    }

    fn item(&self, one: &Pending) -> Item {
        Item {
            nudge_id: one.row.id.clone(),
            rule: one.row.rule_id.clone(),
            deal: one.nudge.deal.clone(),
            is_event: one.nudge.is_event,
            expires_at: expires_at(self.policy, self.reader, &one.nudge),
        }
    }

    /// Nobody hears anything in a chat before a hello. One that came to nothing
    /// is said again.
    fn hello_before(
        &self,
        decided: &[Decision],
        last: Option<&DeliveryRow>,
    ) -> Written<Option<Decision>> {
        let in_chat = |one: &Decision| matches!(one, Decision::Send(row) if row.channel == CHAT);
        let chat = self.chat().filter(|_| self.policy.hello && decided.iter().any(in_chat));
        let Some(chat) = chat else { return Ok(None) };
        let came_to_nothing =
            |row: &DeliveryRow| matches!(row.state, DeliveryState::Dropped | DeliveryState::Failed);
        if last.is_some_and(|row| !came_to_nothing(row)) {
            return Ok(None);
        }
        let person = &self.reader.person;
        Ok(Some(Decision::Send(NewDelivery {
            id: hello_id(person, chat, last.map(|row| row.id.as_str())),
            connection: chat.to_owned(),
            channel: HELLO.to_owned(),
            person: person.clone(),
            attention: HELLO.to_owned(),
            subject: String::new(),
            on_end: EDIT.to_owned(),
            priority: HELLO_PRIORITY,
            created_at: self.now,
            expires_at: self.now.plus_ms(HELLO_LIFE_MS),
            until: self.now,
            nudges: Vec::new(),
            body: DeliveryBody::default().bytes()?,
        })))
    }
}

fn pending_nudge(row: &NudgeRow, body: &NudgeBody) -> PendingNudge {
    PendingNudge {
        id: row.id.clone(),
        rule: row.rule_id.clone(),
        deal: body.firing.scope.is_deal().then(|| body.firing.deal.clone()),
        class: AttentionClass::named(&row.attention),
        is_event: body.is_event() && body.heard_at.is_none(),
        priority: u8::try_from(row.priority).unwrap_or(u8::MAX),
        due_at: row.created_at,
        occurred_at: body.firing.occurred_at,
        expires_at: Some(row.expires_at),
    }
}

/// Where on the deal the rule wants its nudge as well. What only its reader may
/// see, and what was meant for a digest, never goes into a record that others read.
fn crm_channel(body: &NudgeBody) -> Option<&'static str> {
    let firing = &body.firing;
    let is_open =
        firing.audience == Audience::Owner && firing.attention == AttentionClass::Interrupt;
    match firing.crm.filter(|_| is_open)? {
        CrmDelivery::Task => Some(TASK),
        CrmDelivery::Note => Some(NOTE),
    }
}
