//! Nudges: who a firing is for, what it says, and how it looks in chat.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use touchline_kit::{Card, CardLesson};
use touchline_rules::UnixMs;
use touchline_rules::engine::{
    Firing, Reading, person_context, person_reading, reading, template_context,
};
use touchline_rules::facts::{DealFacts, DealState, Fact, Field, Metadata, Value, civil_day};
use touchline_rules::lesson::Lessons;
use touchline_rules::portfolio::PersonFacts;
use touchline_rules::ruleset::{Audience, Rule};
use touchline_rules::template::{Template, TemplateError};

use super::looks::Look;
use super::people::People;

/// What a tip about silence listened to.
const LISTENED_TO: &str = "Touchline looked at the e-mails, calls, meetings, tasks and notes on the deal, without its own.";

/// Whom a nudge speaks to.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The name to use.
    pub name: String,
    /// The zone whose dates they read.
    pub zone: TimeZone,
}

/// What a nudge says, as stored with it. The texts are those of the instant it
/// fired, by the version of the rule that fired.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NudgeBody {
    /// The reason to speak.
    pub firing: Firing,
    /// The rule's title.
    pub rule_title: String,
    /// One line.
    pub headline: String,
    /// One action.
    pub body: String,
    /// Why it works, what was seen, and which rule speaks.
    pub why: Vec<String>,
    /// Slug of the lesson that goes with it, if the reader is who it is written for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lesson: Option<String>,
    /// Labelled deal facts.
    pub facts: Vec<(String, String)>,
    /// The deal's name; for what is about a person, the rule's title.
    pub deal_name: String,
    /// Where a person can open the deal.
    pub deal_url: Option<String>,
    /// The CRM's id of the owner: the task's owner.
    pub owner_id: Option<String>,
    /// Of a question to the owner's manager: when the owner heard of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_at: Option<UnixMs>,
}

/// The rule that speaks and the title of its pack.
#[derive(Copy, Clone, Debug)]
pub struct Speaking<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// The title of its pack.
    pub pack: &'a str,
}

impl NudgeBody {
    /// Writes what `firing` of a rule in the pack titled `pack` says to `reader`.
    ///
    /// # Errors
    /// When a template cannot be rendered with these facts.
    pub fn write(
        firing: &Firing,
        rule: &Rule,
        pack: &str,
        state: &DealState,
        metadata: &Metadata,
        reader: &Reader,
    ) -> Result<NudgeBody, TemplateError> {
        let context = template_context(firing, state, metadata, &reader.name, &reader.zone);
        let text = |template: &Template| template.render(&context);
        let facts = &state.facts;
        let shown =
            |path: &str| context.pointer(path).and_then(|value| value.as_str()).map(str::to_owned);
        let labelled = [
            ("Stage", shown("/deal/stage")),
            ("Amount", shown("/deal/amount_text")),
            ("Close date", close_date(state, metadata)),
        ];
        let why = rule.tip.why.as_ref().map(text).transpose()?;
        let read = reading(firing, facts, metadata, &reader.zone);
        Ok(NudgeBody {
            firing: firing.clone(),
            rule_title: rule.title.clone(),
            headline: text(&rule.tip.headline)?,
            body: text(&rule.tip.body)?,
            why: explained(why, read, rule, pack),
            lesson: rule.lesson.clone(),
            facts: labelled
                .into_iter()
                .filter_map(|(label, value)| Some((label.to_owned(), value?)))
                .collect(),
            deal_name: deal_name(facts),
            deal_url: facts.url.clone(),
            owner_id: facts.text(Field::Owner).map(str::to_owned),
            heard_at: None,
        })
    }

    /// Writes what `firing` of a rule about a person says to that person.
    ///
    /// # Errors
    /// When a template cannot be rendered with these facts.
    pub fn write_to_person(
        firing: &Firing,
        rule: &Rule,
        pack: &str,
        facts: &PersonFacts,
        metadata: &Metadata,
        reader: &Reader,
    ) -> Result<NudgeBody, TemplateError> {
        let currency = metadata.currency.as_deref();
        let context = person_context(firing, facts, currency, &reader.name, &reader.zone);
        let text = |template: &Template| template.render(&context);
        let why = rule.tip.why.as_ref().map(text).transpose()?;
        let read = person_reading(firing, metadata, &reader.zone);
        Ok(NudgeBody {
            firing: firing.clone(),
            rule_title: rule.title.clone(),
            headline: text(&rule.tip.headline)?,
            body: text(&rule.tip.body)?,
            why: explained(why, read, rule, pack),
            lesson: rule.lesson.clone(),
            facts: Vec::new(),
            deal_name: rule.title.clone(),
            deal_url: None,
            owner_id: None,
            heard_at: None,
        })
    }

    /// Writes the question that `firing` means for the owner's manager, `reader`,
    /// after the owner heard of it at `heard_at`. `None` for a rule that asks nothing.
    ///
    /// # Errors
    /// As [`NudgeBody::write`].
    pub fn ask(
        firing: &Firing,
        speaking: Speaking<'_>,
        heard_at: UnixMs,
        state: &DealState,
        metadata: &Metadata,
        reader: &Reader,
    ) -> Result<Option<NudgeBody>, TemplateError> {
        let Speaking { rule, pack } = speaking;
        let Some(escalate) = &rule.escalate else { return Ok(None) };
        let context = template_context(firing, state, metadata, &reader.name, &reader.zone);
        let said = NudgeBody::write(firing, rule, pack, state, metadata, reader)?;
        let day = heard_at.to_zoned(&reader.zone).strftime("%-d %B").to_string();
        let mut why = vec![format!("The deal’s owner heard of this on {day}, and it still holds.")];
        // Why it works is said to the seller; what was seen is the deal's.
        let own = usize::from(rule.tip.why.is_some());
        why.extend(said.why.into_iter().skip(own));
        let body = escalate.ask.render(&context)?;
        // So is the lesson.
        Ok(Some(NudgeBody { body, why, lesson: None, heard_at: Some(heard_at), ..said }))
    }

    /// This nudge as chat shows it.
    #[must_use]
    pub fn card(&self, nudge_id: &str, look: &Look) -> Card {
        Card {
            nudge_id: nudge_id.to_owned(),
            headline: self.headline.clone(),
            body: self.body.clone(),
            why: self.why.clone(),
            lesson: self.lesson.as_deref().and_then(lesson),
            facts: self.facts.clone(),
            deal_url: self.deal_url.clone(),
            rule_title: self.rule_title.clone(),
            view: look.view(self),
        }
    }

    /// Whether it is about something that has just happened.
    #[must_use]
    pub fn is_event(&self) -> bool {
        self.firing.change.is_some()
    }
}

/// The lesson of that name as chat shows it; one that no longer ships shows nothing.
fn lesson(slug: &str) -> Option<Box<CardLesson>> {
    let lesson = Lessons::builtin().get(slug)?;
    Some(Box::new(CardLesson {
        title: lesson.plain_title(),
        text: lesson.plain_text(),
        question: lesson.quiz.plain_question(),
        answers: lesson.quiz.plain_answers(),
    }))
}

fn deal_name(facts: &DealFacts) -> String {
    facts.text(Field::Name).map_or_else(|| format!("Deal {}", facts.key.id), str::to_owned)
}

fn close_date(state: &DealState, metadata: &Metadata) -> Option<String> {
    let Fact::Known(Value::Time(at)) = state.facts.value(Field::CloseDate) else { return None };
    civil_day(Field::CloseDate, *at, metadata).map(|day| day.strftime("%-d %B %Y").to_string())
}

/// The explanation for its reader: the tip's own reason, the facts that decided,
/// whose voices were listened for, and which rule speaks.
fn explained(why: Option<String>, read: Reading, rule: &Rule, pack: &str) -> Vec<String> {
    let mut lines: Vec<String> = why.into_iter().collect();
    if !read.saw.is_empty() {
        lines.push("What Touchline saw:".to_owned());
        lines.extend(read.saw.into_iter().map(|line| format!("• {line}")));
    }
    if read.listened {
        lines.push(LISTENED_TO.to_owned());
    }
    lines.push(format!("Rule: “{}”, from “{pack}”.", rule.title));
    lines
}

/// Why nobody can be told, as the ledger's word.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum NoRecipient {
    /// The deal has no owner, or one whose e-mail the account does not tell.
    NoOwner,
    /// The account as last read does not know the deal's owner: somebody new, and
    /// the account has to be read again before anybody can say.
    OwnerUnread,
    /// Nobody said who leads the owner.
    NoManager,
}

impl NoRecipient {
    /// The stable word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            NoRecipient::NoOwner | NoRecipient::OwnerUnread => "no_owner",
            NoRecipient::NoManager => "no_manager",
        }
    }
}

/// Who a firing is for, by e-mail.
///
/// # Errors
/// [`NoRecipient`], when nobody is known.
pub fn recipient(
    firing: &Firing,
    state: &DealState,
    metadata: &Metadata,
    people: &People,
) -> Result<String, NoRecipient> {
    if firing.audience == Audience::Person {
        return Ok(firing.deal.id.clone());
    }
    reader_of(firing.audience, state, metadata, people)
}

/// Who is meant by that audience of a deal, by e-mail.
///
/// # Errors
/// [`NoRecipient`], when nobody is known.
pub fn reader_of(
    audience: Audience,
    state: &DealState,
    metadata: &Metadata,
    people: &People,
) -> Result<String, NoRecipient> {
    let owner_id = state.facts.text(Field::Owner).ok_or(NoRecipient::NoOwner)?;
    if metadata.owner(owner_id).is_none() {
        return Err(NoRecipient::OwnerUnread);
    }
    let owner = People::owner_email(metadata, Some(owner_id)).ok_or(NoRecipient::NoOwner)?;
    match audience {
        Audience::Owner | Audience::Person => Ok(owner),
        Audience::Manager => people.manager_of(&owner).ok_or(NoRecipient::NoManager),
    }
}
