//! A firing becomes rows: itself, its one nudge, and the ledger's word if nobody
//! is told.

use touchline_rules::UnixMs;
use touchline_rules::engine::{Firing, nudge_id};
use touchline_rules::facts::{DealState, Metadata};
use touchline_rules::portfolio::PersonFacts;
use touchline_rules::ruleset::{Rule, RuleSet};
use touchline_rules::template::TemplateError;
use touchline_rules::time::DAY_MS;

use super::subject_key;
use crate::coaching::nudges::{NoRecipient, NudgeBody, Reader, Speaking, recipient};
use crate::service::{Ground, Service};
use crate::store::{FiringRow, NudgeRow, NudgeState, SubjectKey, SuppressedRow};

/// The reader of a nudge of which nobody knows yet whom it is for.
pub(in crate::roles) const NOBODY: &str = "";
/// How long an undecided nudge lives at most; attention's own expiry is shorter.
const NUDGE_LIFE_MS: i64 = 90 * DAY_MS;
/// The ledger's word for what a rule finds that is only being watched.
const WATCHING: &str = "watching";
/// The subject kind of a person.
const PERSON_KIND: &str = "person";
/// The ledger's word for a nudge whose text could not be written.
const TEXT_FAILED: &str = "text_failed";

/// What is stored of a firing.
pub(in crate::roles) struct Fired {
    pub firing: FiringRow,
    pub nudge: NudgeRow,
    pub suppressed: Option<SuppressedRow>,
}

/// A firing with its one nudge for one reader: pending, or suppressed at once.
/// Where the account has to be read again to know the reader, it is pending for
/// nobody until attention finds them. `None` for a rule that is not of this
/// ground, which made no firing.
pub(super) fn fire(
    service: &Service,
    ground: &Ground<'_>,
    firing: &Firing,
    state: &DealState,
    suppressed: Option<&str>,
) -> Result<Option<Fired>, serde_json::Error> {
    let Some(rule) = ground.rules().rule(&firing.rule_id) else { return Ok(None) };
    let metadata = ground.metadata(&firing.deal.connection);
    let (person, nobody) = match recipient(firing, state, &metadata, &service.people) {
        Ok(person) => (person, None),
        Err(NoRecipient::OwnerUnread) => (NOBODY.to_owned(), None),
        Err(why) => (NOBODY.to_owned(), Some(why.name())),
    };
    let mut reason = suppressed.or(watching(rule)).or(nobody);
    let body = match written(service, ground.rules(), rule, firing, state, &metadata, &person) {
        Ok(body) => serde_json::to_vec(&body)?,
        Err(error) => {
            let (rule, deal) = (&firing.rule_id, &firing.deal.id);
            tracing::warn!(rule.id = rule, deal.id = deal, %error, "a rule's text could not be written");
            reason = reason.or(Some(TEXT_FAILED));
            Vec::new()
        }
    };
    rows(firing, subject_key(&firing.deal), person, body, reason).map(Some)
}

/// A rule that is only being watched tells nobody.
fn watching(rule: &Rule) -> Option<&'static str> {
    (!rule.standing.state.speaks()).then_some(WATCHING)
}

/// The rows of a firing with its one nudge.
fn rows(
    firing: &Firing,
    subject: SubjectKey,
    person: String,
    body: Vec<u8>,
    reason: Option<&str>,
) -> Result<Fired, serde_json::Error> {
    let nudge = NudgeRow {
        id: nudge_id(&firing.id, &person),
        firing_id: firing.id.clone(),
        person,
        subject: subject.clone(),
        rule_id: firing.rule_id.clone(),
        rule_hash: firing.rule_version.clone(),
        attention: firing.attention.name().to_owned(),
        priority: i64::from(firing.priority),
        created_at: firing.at,
        due_at: firing.at,
        expires_at: firing.at.plus_ms(NUDGE_LIFE_MS),
        state: if reason.is_some() { NudgeState::Suppressed } else { NudgeState::Pending },
        body,
    };
    let firing = FiringRow {
        id: firing.id.clone(),
        subject,
        rule_id: firing.rule_id.clone(),
        rule_hash: firing.rule_version.clone(),
        fired_at: firing.at,
        ended_at: None,
        body: serde_json::to_vec(firing)?,
    };
    let suppressed = reason.map(|reason| nudge.suppressed(reason, nudge.created_at));
    Ok(Fired { firing, nudge, suppressed })
}

/// A firing about a person with its one nudge, to that person.
pub(in crate::roles) fn fire_person(
    service: &Service,
    ground: &Ground<'_>,
    firing: &Firing,
    facts: &PersonFacts,
    metadata: &Metadata,
) -> Result<Option<Fired>, serde_json::Error> {
    let Some(rule) = ground.rules().rule(&firing.rule_id) else { return Ok(None) };
    let person = firing.deal.id.clone();
    let reader = reader(service, metadata, &person);
    let pack = pack_title(ground.rules(), rule);
    let said = NudgeBody::write_to_person(firing, rule, pack, facts, metadata, &reader);
    let (body, reason) = match said {
        Ok(body) => (serde_json::to_vec(&body)?, watching(rule)),
        Err(error) => {
            tracing::warn!(rule.id = firing.rule_id, %error, "a rule's text could not be written");
            (Vec::new(), Some(TEXT_FAILED))
        }
    };
    let subject =
        SubjectKey { kind: PERSON_KIND.to_owned(), connection: String::new(), id: person };
    let person = subject.id.clone();
    rows(firing, subject, person, body, reason).map(Some)
}

/// What a firing of `rule`, one of `rules`, says to `person`.
pub(in crate::roles) fn written(
    service: &Service,
    rules: &RuleSet,
    rule: &Rule,
    firing: &Firing,
    state: &DealState,
    metadata: &Metadata,
    person: &str,
) -> Result<NudgeBody, TemplateError> {
    let reader = reader(service, metadata, person);
    NudgeBody::write(firing, rule, pack_title(rules, rule), state, metadata, &reader)
}

/// What the manager `person` is asked because of a firing of `rule`, one of `rules`,
/// that the owner heard of at `heard_at`. `None` where the rule asks nothing.
pub(in crate::roles) fn asked(
    service: &Service,
    (rules, rule): (&RuleSet, &Rule),
    (firing, heard_at): (&Firing, UnixMs),
    state: &DealState,
    metadata: &Metadata,
    person: &str,
) -> Result<Option<NudgeBody>, TemplateError> {
    let speaking = Speaking { rule, pack: pack_title(rules, rule) };
    let reader = reader(service, metadata, person);
    NudgeBody::ask(firing, speaking, heard_at, state, metadata, &reader)
}

fn pack_title<'a>(rules: &'a RuleSet, rule: &'a Rule) -> &'a str {
    let pack = rules.packs().iter().find(|pack| pack.id == rule.pack);
    pack.map_or(rule.pack.as_str(), |pack| pack.title.as_str())
}

fn reader(service: &Service, metadata: &Metadata, person: &str) -> Reader {
    Reader {
        name: service.people.name_of(person),
        zone: service.people.calendar_of(Some(person), metadata).zone,
    }
}
