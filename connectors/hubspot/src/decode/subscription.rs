//! What an event's subscription type means.

use super::{Reason, event::Event, quoted};
use crate::objects::{DEAL_TYPE_ID, Subject, subject_of_type_id};

/// What happened.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Creation,
    Deletion,
    Restore,
    Merge,
    PropertyChange,
    AssociationChange,
    PrivacyDeletion,
    /// A message or other event of an object that no rule reads.
    Conversation,
}

/// A subscription type taken apart.
#[derive(Debug)]
pub(super) struct Subscription<'a> {
    pub subject: Subject,
    pub verb: Verb,
    /// The type id of a generic event, else the classic name.
    pub object: &'a str,
}

/// Classic names besides `deal` that HubSpot documents.
const OTHER_OBJECTS: [&str; 7] =
    ["contact", "company", "ticket", "product", "line_item", "conversation", "event"];

impl<'a> Subscription<'a> {
    /// # Errors
    /// When the type is missing or not one that HubSpot documents.
    pub fn of(event: &Event<'a>) -> Result<Subscription<'a>, Reason> {
        let told = event.told_type().ok_or("the event has no subscriptionType")?;
        let unknown = || {
            format!(
                "the subscription type {:?} is not known here: switch it off in the app's \
                 webhooks, or report it",
                quoted(told)
            )
        };
        let (object, verb) = told.split_once('.').ok_or_else(unknown)?;
        let verb = verb_of(verb).ok_or_else(unknown)?;
        let (subject, object) = match object {
            "deal" => (Subject::Deal, DEAL_TYPE_ID),
            "object" => {
                let id = generic_type(event).ok_or("the generic event has no objectTypeId")?;
                (subject_of_type_id(id), id)
            }
            other if OTHER_OBJECTS.contains(&other) => (Subject::Other, other),
            _ => return Err(unknown()),
        };
        if verb == Verb::Conversation && !matches!(object, "conversation" | "event") {
            return Err(unknown());
        }
        Ok(Subscription { subject, verb, object })
    }

    /// For an admin who wants to know what traffic could be switched off.
    pub fn name(&self, event: &Event<'_>) -> String {
        let told = quoted(event.told_type().unwrap_or_default());
        if told.starts_with("object.") {
            format!("{told} of {}", quoted(self.object))
        } else {
            told
        }
    }
}

fn verb_of(name: &str) -> Option<Verb> {
    Some(match name {
        "creation" => Verb::Creation,
        "deletion" => Verb::Deletion,
        "restore" => Verb::Restore,
        "merge" => Verb::Merge,
        "propertyChange" => Verb::PropertyChange,
        "associationChange" => Verb::AssociationChange,
        "privacyDeletion" => Verb::PrivacyDeletion,
        "newMessage" | "completed" => Verb::Conversation,
        _ => return None,
    })
}

/// The type of a generic event. Association changes may name only their ends.
fn generic_type<'a>(event: &Event<'a>) -> Option<&'a str> {
    event.type_id().or_else(|| event.association_ends().0)
}
