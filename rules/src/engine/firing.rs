//! A firing: a rule's reason to speak, with all that later steps need.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::attention::AttentionClass;
use crate::baseline::Quoted;
use crate::condition::{Explanation, Seen};
use crate::facts::{ChangeView, DealKey};
use crate::ruleset::{Audience, CrmDelivery, Rule, Scope, hash};
use crate::time::UnixMs;

use super::explain::explanation;
use super::rule_truth::Look;
use super::thresholds::Against;

/// Hexadecimal digits of an id: 128 bits.
const ID_DIGITS: usize = 32;

/// A rule's reason to speak about a deal or a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Firing {
    /// The same for the same reason, however often it is worked out.
    pub id: String,
    /// The rule.
    pub rule_id: String,
    /// Its pack.
    pub pack: String,
    /// The version of the rule that decided.
    pub rule_version: String,
    /// The trigger hash it decided by.
    pub trigger: String,
    /// What it is about: a deal, or a person.
    #[serde(default, skip_serializing_if = "Scope::is_deal")]
    pub scope: Scope,
    /// The deal; of a person no connection, and the e-mail.
    pub deal: DealKey,
    /// The engine time of the decision.
    pub at: UnixMs,
    /// IANA name of the zone the deal's owner worked in then: ages in days are
    /// counted on that wall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// When the change behind it happened, or the state became true.
    pub occurred_at: UnixMs,
    /// When the episode began; `None` for an event rule.
    pub episode_start: Option<UnixMs>,
    /// 0 for the first firing of an episode, then the number of the reminder.
    pub repeat: u32,
    /// Who is spoken to.
    pub audience: Audience,
    /// How loudly.
    pub attention: AttentionClass,
    /// Also as an object on the deal.
    pub crm: Option<CrmDelivery>,
    /// 1 to 9; 1 comes first.
    pub priority: u8,
    /// The change behind it; `None` for a state rule.
    pub change: Option<ChangeView>,
    /// What the conditions saw, by the names that texts use.
    pub seen: Vec<(String, Seen)>,
    /// Why, part by part.
    pub explanation: Explanation,
    /// The number that the rule was held against.
    pub threshold: Option<f64>,
    /// What that number rests on, if it is one of won deals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quoted: Option<Quoted>,
}

/// What a firing comes from.
pub(super) enum Cause<'a> {
    /// A change.
    Change(&'a ChangeView),
    /// An episode, and how often it spoke before.
    Episode { start: UnixMs, repeat: u32 },
}

impl Firing {
    /// What it was held against.
    pub(super) fn against(&self) -> Against {
        Against { number: self.threshold, quoted: self.quoted }
    }

    /// The zone the deal's owner worked in when it fired.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        let named = self.zone.as_deref().and_then(|name| TimeZone::get(name).ok());
        named.unwrap_or(TimeZone::UTC)
    }

    pub(super) fn new(
        rule: &Rule,
        subject: &DealKey,
        cause: Cause<'_>,
        held: Against,
        look: &mut Look<'_>,
    ) -> Self {
        let explanation = explanation(rule, held, look);
        let seen = seen_by(rule, held, look);
        let terms = look.terms(rule);
        let (change, episode_start, repeat) = match cause {
            Cause::Change(view) => (Some(view.clone()), None, 0),
            Cause::Episode { start, repeat } => (None, Some(start), repeat),
        };
        let occurred_at = change.as_ref().map(|change| change.occurred_at);
        Firing {
            id: firing_id(rule, terms.trigger, subject, change.as_ref(), episode_start, repeat),
            rule_id: rule.id.clone(),
            pack: rule.pack.clone(),
            rule_version: rule.version_hash.clone(),
            trigger: terms.trigger.to_owned(),
            scope: rule.scope,
            deal: subject.clone(),
            at: look.now,
            zone: look.zone().iana_name().map(str::to_owned),
            occurred_at: occurred_at.or(episode_start).unwrap_or(look.now),
            episode_start,
            repeat,
            audience: rule.audience,
            attention: terms.attention,
            crm: rule.crm,
            priority: rule.priority,
            change,
            seen,
            explanation,
            threshold: held.number,
            quoted: held.quoted,
        }
    }
}

/// What a rule's conditions see, each fact once.
pub(super) fn seen_by(rule: &Rule, held: Against, look: &mut Look<'_>) -> Vec<(String, Seen)> {
    let context = look.context(held);
    let mut seen = rule.when.seen(&context);
    for (name, value) in rule.unless.iter().flat_map(|unless| unless.seen(&context)) {
        if seen.iter().all(|(known, _)| *known != name) {
            seen.push((name, value));
        }
    }
    seen
}

/// Made of what the reason *is*, never of when it was worked out: a doubled,
/// replayed or recovered step makes the same id.
fn firing_id(
    rule: &Rule,
    trigger: &str,
    deal: &DealKey,
    change: Option<&ChangeView>,
    episode_start: Option<UnixMs>,
    repeat: u32,
) -> String {
    let cause = match change {
        None => format!("episode {}", episode_start.map_or(0, |start| start.0)),
        Some(change) => format!(
            "{} {:?} {} {} {:?} {:?}",
            change.event,
            change.field,
            change.occurred_at.0,
            change.vendor_seq,
            change.to,
            change.activity_id
        ),
    };
    id(&[
        &deal.connection,
        rule.scope.name(),
        &deal.id,
        &rule.id,
        trigger,
        &cause,
        &repeat.to_string(),
    ])
}

/// The id of the nudge that a firing means for one recipient.
#[must_use]
pub fn nudge_id(firing_id: &str, recipient: &str) -> String {
    id(&["nudge", firing_id, recipient])
}

/// The id of a nudge's delivery by one channel of one connection.
#[must_use]
pub fn delivery_id(nudge_id: &str, connection: &str, channel: &str) -> String {
    id(&["delivery", nudge_id, connection, channel])
}

fn id(parts: &[&str]) -> String {
    let mut id = hash(parts);
    id.truncate(ID_DIGITS);
    id
}
