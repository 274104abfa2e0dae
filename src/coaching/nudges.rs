//! Nudges: who a firing is for, what it says, and how it looks in chat.

use serde::{Deserialize, Serialize};
use touchline_kit::{Card, CardView};
use touchline_rules::attention::AttentionClass;
use touchline_rules::engine::{Firing, template_context};
use touchline_rules::facts::{DealState, Fact, Field, Metadata, Value};
use touchline_rules::ruleset::{Attention, Audience, Rule};
use touchline_rules::template::{Template, TemplateError};

use super::people::People;

/// Lines of an explanation that are kept with a nudge.
const WHY_LINES_MAX: usize = 24;

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
    /// Why it works, and what was seen.
    pub why: Vec<String>,
    /// Labelled deal facts.
    pub facts: Vec<(String, String)>,
    /// The deal's name.
    pub deal_name: String,
    /// Where a person can open the deal.
    pub deal_url: Option<String>,
    /// The CRM's id of the owner: the task's owner.
    pub owner_id: Option<String>,
}

impl NudgeBody {
    /// Writes what `firing` says to somebody of that name.
    ///
    /// # Errors
    /// When a template cannot be rendered with these facts.
    pub fn write(
        firing: &Firing,
        rule: &Rule,
        state: &DealState,
        metadata: &Metadata,
        reader: &str,
    ) -> Result<NudgeBody, TemplateError> {
        let context = template_context(firing, state, metadata, reader);
        let text = |template: &Template| template.render(&context);
        let facts = &state.facts;
        let shown =
            |path: &str| context.pointer(path).and_then(|value| value.as_str()).map(str::to_owned);
        let labelled = [
            ("Stage", shown("/deal/stage")),
            ("Amount", shown("/deal/amount_text")),
            ("Close date", close_date(state, metadata)),
        ];
        let mut why: Vec<String> = rule.tip.why.iter().map(text).collect::<Result<_, _>>()?;
        why.push(looked_at(firing));
        why.extend(firing.explanation.to_string().lines().take(WHY_LINES_MAX).map(str::to_owned));
        Ok(NudgeBody {
            firing: firing.clone(),
            rule_title: rule.title.clone(),
            headline: text(&rule.tip.headline)?,
            body: text(&rule.tip.body)?,
            why,
            facts: labelled
                .into_iter()
                .filter_map(|(label, value)| Some((label.to_owned(), value?)))
                .collect(),
            deal_name: facts.text(Field::Name).unwrap_or(&facts.key.id).to_owned(),
            deal_url: facts.url.clone(),
            owner_id: facts.text(Field::Owner).map(str::to_owned),
        })
    }

    /// This nudge as chat shows it.
    #[must_use]
    pub fn card(&self, nudge_id: &str, view: CardView) -> Card {
        Card {
            nudge_id: nudge_id.to_owned(),
            headline: self.headline.clone(),
            body: self.body.clone(),
            why: self.why.clone(),
            facts: self.facts.clone(),
            deal_url: self.deal_url.clone(),
            rule_title: self.rule_title.clone(),
            view,
        }
    }

    /// Whether it is about something that has just happened.
    #[must_use]
    pub fn is_event(&self) -> bool {
        self.firing.change.is_some()
    }
}

fn close_date(state: &DealState, metadata: &Metadata) -> Option<String> {
    let Fact::Known(Value::Time(at)) = state.facts.value(Field::CloseDate) else { return None };
    let zone = metadata.time_zone.as_deref().and_then(|name| jiff::tz::TimeZone::get(name).ok());
    Some(at.to_zoned(&zone.unwrap_or(jiff::tz::TimeZone::UTC)).date().to_string())
}

/// A tip about silence says whose voices were listened for.
fn looked_at(firing: &Firing) -> String {
    let about_activity = firing.seen.iter().any(|(name, _)| {
        ["activity", "inbound", "outbound", "meeting"].iter().any(|word| name.contains(word))
    });
    let pack = &firing.pack;
    if about_activity {
        format!(
            "Pack {pack}. Looked at: e-mails, calls, meetings, tasks and notes on the deal, without Touchline's own. What it saw:"
        )
    } else {
        format!("Pack {pack}. What it saw:")
    }
}

/// Who a firing is for, by e-mail.
#[must_use]
pub fn recipient(
    firing: &Firing,
    state: &DealState,
    metadata: &Metadata,
    people: &People,
) -> Option<String> {
    let owner = People::owner_email(metadata, state.facts.text(Field::Owner))?;
    match firing.audience {
        Audience::Owner => Some(owner),
        Audience::Manager => people.manager_of(&owner),
    }
}

/// A rule's class as attention knows it.
#[must_use]
pub fn class_of(attention: Attention) -> AttentionClass {
    match attention {
        Attention::Interrupt => AttentionClass::Interrupt,
        Attention::Digest => AttentionClass::Digest,
        Attention::Card => AttentionClass::Card,
        Attention::Private => AttentionClass::Private,
    }
}

/// The word under which a class is stored.
#[must_use]
pub fn class_name(class: AttentionClass) -> &'static str {
    match class {
        AttentionClass::Interrupt => "interrupt",
        AttentionClass::Digest => "digest",
        AttentionClass::Card => "card",
        AttentionClass::Private => "private",
    }
}

/// The class of that name; a word nobody wrote is the quietest push.
#[must_use]
pub fn class_named(name: &str) -> AttentionClass {
    match name {
        "interrupt" => AttentionClass::Interrupt,
        "card" => AttentionClass::Card,
        "private" => AttentionClass::Private,
        _ => AttentionClass::Digest,
    }
}
