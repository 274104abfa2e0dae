//! What people call what a condition reads.

use super::label;
use crate::condition::Type;
use crate::facts::{ChangeView, Field};

/// How a value is told.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Words of a person, in quotes.
    Text,
    /// A word of the schema, told in our own words.
    Word,
    /// Who made a change.
    Author,
    Stage,
    Pipeline,
    Owner,
    Money,
    /// A number as it is.
    Count,
    /// Whole days or hours gone by.
    Age,
    /// A place in an order, from 0; people count from 1.
    Place,
    YesNo,
    /// A day of the reader's.
    Date,
    /// A day and hour of the reader's.
    Moment,
    /// A day that is the same for every reader, as the close date: it begins with
    /// the owner's midnight.
    Day,
    DaysUntil,
    StagesMoved,
    DaysMoved,
}

/// A fact by the name people use.
pub(super) struct Named {
    pub label: String,
    pub kind: Kind,
    /// What is said where the CRM holds nothing.
    pub blank: &'static str,
    /// The time that an age or a distance is counted from.
    pub counted_from: Option<&'static str>,
}

/// What a condition reads under `name`, such as `deal.stage` or
/// `days_since(deal.created_at)`; `None` for what says nothing to a person, as
/// the rule's own threshold or an age of a time that is chosen.
pub(super) fn named(name: &str, change: Option<&ChangeView>) -> Option<Named> {
    if let Some((function, argument)) = name.strip_suffix(')').and_then(|it| it.split_once('(')) {
        return counted(function, argument);
    }
    if let Some(of_change) = name.strip_prefix("change.") {
        return changed(of_change, change);
    }
    let (label, kind) = super::person::fact(name).or_else(|| fact(name))?;
    let blank = match name {
        "deal.next_meeting_at" => "none booked",
        "deal.last_activity_at"
        | "deal.last_inbound_at"
        | "deal.last_outbound_at"
        | "deal.last_email_at"
        | "deal.last_call_at"
        | "deal.last_meeting_at" => "none yet",
        "deal.amount_changed_at" | "deal.close_date_changed_at" => "never changed",
        "deal.closed_at" => "still open",
        _ => "empty",
    };
    Some(Named { label: label.to_owned(), kind, blank, counted_from: None })
}

fn fact(name: &str) -> Option<(&'static str, Kind)> {
    Some(match name {
        "deal.id" => ("Number in the CRM", Kind::Text),
        "deal.name" => ("Name", Kind::Text),
        "deal.pipeline" => ("Pipeline", Kind::Pipeline),
        "deal.stage" => ("Stage", Kind::Stage),
        "deal.stage_kind" => ("The deal is", Kind::Word),
        "deal.stage_index" => ("Place of its stage in the pipeline", Kind::Place),
        "deal.owner" => ("Owner", Kind::Owner),
        "deal.amount" => ("Amount", Kind::Money),
        "deal.currency" => ("Currency", Kind::Text),
        "deal.close_date" => ("Close date", Kind::Day),
        "deal.created_at" => ("Created on", Kind::Date),
        "deal.closed_at" => ("Closed on", Kind::Date),
        "deal.stage_entered_at" => ("In this stage since", Kind::Date),
        "deal.next_step" => ("Next step", Kind::Text),
        "deal.loss_reason" => ("Reason for the loss", Kind::Text),
        "deal.last_activity_at" => ("Last activity", Kind::Moment),
        "deal.last_inbound_at" => ("Last word from the buyer", Kind::Moment),
        "deal.last_outbound_at" => ("Last word to the buyer", Kind::Moment),
        "deal.next_meeting_at" => ("Next meeting", Kind::Moment),
        "deal.push_count" => ("Times the close date moved later", Kind::Count),
        "deal.pushed_days" => ("Days the close date moved later, in all", Kind::Count),
        "deal.stage_moves" => ("Changes of stage so far", Kind::Count),
        "deal.is_closed" => ("Closed", Kind::YesNo),
        "deal.stage_phase" => ("Part of the sale", Kind::Word),
        "deal.owner_since" => ("With its owner since", Kind::Date),
        "deal.owner_changes" => ("Changes of owner so far", Kind::Count),
        "deal.amount_changes" => ("Changes of the amount so far", Kind::Count),
        "deal.amount_changed_at" => ("Amount last changed", Kind::Date),
        "deal.close_date_changed_at" => ("Close date last moved", Kind::Date),
        "deal.last_email_at" => ("Last e-mail", Kind::Moment),
        "deal.last_call_at" => ("Last call", Kind::Moment),
        "deal.last_meeting_at" => ("Last meeting", Kind::Moment),
        "deal.emails" => ("E-mails so far", Kind::Count),
        "deal.calls" => ("Calls so far", Kind::Count),
        "deal.meetings" => ("Meetings so far", Kind::Count),
        "deal.contacts_engaged" => ("People in touch so far", Kind::Count),
        _ => {
            let named = Field::named(name.strip_prefix("deal.")?);
            let field = named.filter(|field| field.is_named_fact())?;
            return Some((label(field), kind_of(field)));
        }
    })
}

fn changed(name: &str, change: Option<&ChangeView>) -> Option<Named> {
    let field = change.and_then(|change| change.field);
    let of = |what: &str| field.map(|field| format!("{} {what}", label(field)));
    let (label, kind) = match name {
        "occurred_at" => ("Happened on".to_owned(), Kind::Date),
        "source" => ("Changed through".to_owned(), Kind::Word),
        "by" => ("Changed by".to_owned(), Kind::Author),
        "kind" => ("Activity".to_owned(), Kind::Word),
        "direction" => ("Direction".to_owned(), Kind::Word),
        "field" => ("What changed".to_owned(), Kind::Word),
        "from" => (of("before")?, kind_of(field?)),
        "to" => (of("now")?, kind_of(field?)),
        "stages_moved" => ("Stage".to_owned(), Kind::StagesMoved),
        "days" => (field.map(super::label)?.to_owned(), Kind::DaysMoved),
        _ => return None,
    };
    Some(Named { label, kind, blank: "empty", counted_from: None })
}

fn kind_of(field: Field) -> Kind {
    match field {
        Field::Pipeline => Kind::Pipeline,
        Field::Stage => Kind::Stage,
        Field::Owner => Kind::Owner,
        Field::Amount => Kind::Money,
        Field::CloseDate => Kind::Day,
        Field::CreatedAt => Kind::Date,
        _ => match field.value_type() {
            Type::Number => Kind::Count,
            Type::Time => Kind::Day,
            Type::Text | Type::Bool => Kind::Text,
        },
    }
}

/// Ages, distances and lengths.
fn counted(function: &str, argument: &str) -> Option<Named> {
    // Each time with what follows "days".
    const TIMES: [(&str, &str); 22] = [
        ("person.last_new_deal_at", "since your newest deal was created"),
        ("person.manager_since", "since you began to lead"),
        ("deal.close_date", "since the close date"),
        ("deal.created_at", "since it was created"),
        ("deal.closed_at", "since it was closed"),
        ("deal.stage_entered_at", "in this stage"),
        ("deal.last_activity_at", "since the last activity"),
        ("deal.last_inbound_at", "since the last word from the buyer"),
        ("deal.last_outbound_at", "since the last word to the buyer"),
        ("deal.next_meeting_at", "since the meeting"),
        ("change.occurred_at", "since the change"),
        ("deal.owner_since", "with its owner"),
        ("deal.amount_changed_at", "since the amount changed"),
        ("deal.close_date_changed_at", "since the close date moved"),
        ("deal.last_email_at", "since the last e-mail"),
        ("deal.last_call_at", "since the last call"),
        ("deal.last_meeting_at", "since the last meeting"),
        ("deal.next_step_date", "since the date of the next step"),
        ("deal.proposal_sent_at", "since the proposal was sent"),
        ("deal.proposal_opened_at", "since the proposal was opened"),
        ("deal.renewal_date", "since the renewal date"),
        ("deal.value_review_date", "since results were reviewed"),
    ];
    let since = TIMES.iter().find(|(name, _)| *name == argument);
    let age = |unit: &str| since.map(|(_, since)| (format!("{unit} {since}"), Kind::Age));
    let (label, kind) = match function {
        "days_since" => age("Days")?,
        "hours_since" => age("Hours")?,
        "business_days_since" => age("Working days")?,
        "days_until" => (fact(argument)?.0.to_owned(), Kind::DaysUntil),
        "size" => {
            let (of, _) = fact(argument)?;
            (format!("Characters in “{of}”"), Kind::Count)
        }
        _ => return None,
    };
    let counted_from = since.map(|(name, _)| *name);
    Some(Named { label, kind, blank: "cannot be counted", counted_from })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::schema::{DEAL_FIELDS, Vocabulary, change_fields};
    use crate::facts::{Actor, ChangedBy, EventKind, Fact};
    use crate::time::UnixMs;

    #[test]
    fn every_fact_about_a_person_has_a_name() {
        for (name, ty, ..) in crate::portfolio::PERSON_FIELDS {
            assert!(named(name, None).is_some(), "{name}");
            let age = named(&format!("days_since({name})"), None);
            assert_eq!(age.is_some(), ty == Type::Time, "{name}");
        }
    }

    fn view(event: EventKind) -> ChangeView {
        let field = match event {
            EventKind::Created | EventKind::ActivityLogged => None,
            EventKind::FieldChanged(field) => Some(field),
            EventKind::StageChanged | EventKind::Closed | EventKind::Reopened => Some(Field::Stage),
        };
        ChangeView {
            event,
            field,
            from: Fact::Empty,
            to: Fact::Empty,
            activity: None,
            activity_id: None,
            occurred_at: UnixMs(0),
            vendor_seq: 0,
            vendor_id: None,
            actor: Actor::default(),
            by: ChangedBy::Unknown,
        }
    }

    /// Whatever a rule may read has a name for people, in every way it is read.
    #[test]
    fn everything_that_can_be_read_has_a_name() {
        let mut names: Vec<(String, Option<ChangeView>)> = Vec::new();
        for (name, ty, ..) in DEAL_FIELDS {
            names.push((name.to_owned(), None));
            match ty {
                Type::Time => names.extend(
                    ["days_since", "hours_since", "business_days_since", "days_until"]
                        .map(|count| (format!("{count}({name})"), None)),
                ),
                Type::Text => names.push((format!("size({name})"), None)),
                Type::Bool | Type::Number => {}
            }
        }
        for event in EventKind::all() {
            for field in change_fields(event, &Vocabulary::default()) {
                names.push((field.name, Some(view(event))));
            }
        }
        for (name, change) in names {
            let found = named(&name, change.as_ref());
            let Named { label, blank, .. } = found.unwrap_or_else(|| panic!("{name} has none"));
            for text in [label.as_str(), blank] {
                assert!(!text.contains(['_', '.', '(']) && !text.is_empty(), "{name}: {text}");
            }
        }
        assert!(named("threshold", None).is_none());
        assert!(named("days_since(has(deal.amount) ? now : deal.created_at)", None).is_none());
    }
}
