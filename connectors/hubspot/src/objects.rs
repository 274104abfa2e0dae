//! HubSpot's object types, as far as they matter here.

use touchline_rules::facts::ActivityKind;

/// Type id of deals in every account.
pub(crate) const DEAL_TYPE_ID: &str = "0-3";

/// An activity type of HubSpot.
#[derive(Debug)]
pub(crate) struct ActivityType {
    pub kind: ActivityKind,
    /// Type id in every account.
    pub type_id: &'static str,
    /// Name in paths.
    pub path: &'static str,
    /// Name in classic association types, as in `DEAL_TO_TASK`.
    pub classic: &'static str,
    /// The property that tells which way it went.
    pub direction: Option<&'static str>,
    /// The property in which our marker stands, for types that we write.
    pub body: Option<&'static str>,
}

impl ActivityType {
    /// Whether people of the buyer's take part in it.
    pub fn meets_people(&self) -> bool {
        matches!(self.kind, ActivityKind::Email | ActivityKind::Call | ActivityKind::Meeting)
    }
}

/// Every activity type that counts as contact with, or work on, a deal.
pub(crate) static ACTIVITIES: [ActivityType; 5] = [
    ActivityType {
        kind: ActivityKind::Task,
        type_id: "0-27",
        path: "tasks",
        classic: "TASK",
        direction: None,
        body: Some("hs_task_body"),
    },
    ActivityType {
        kind: ActivityKind::Note,
        type_id: "0-46",
        path: "notes",
        classic: "NOTE",
        direction: None,
        body: Some("hs_note_body"),
    },
    ActivityType {
        kind: ActivityKind::Meeting,
        type_id: "0-47",
        path: "meetings",
        classic: "MEETING",
        direction: None,
        body: None,
    },
    ActivityType {
        kind: ActivityKind::Call,
        type_id: "0-48",
        path: "calls",
        classic: "CALL",
        direction: Some("hs_call_direction"),
        body: None,
    },
    ActivityType {
        kind: ActivityKind::Email,
        type_id: "0-49",
        path: "emails",
        classic: "EMAIL",
        direction: Some("hs_email_direction"),
        body: None,
    },
];

/// The activity type of this kind.
pub(crate) fn activity_type(kind: ActivityKind) -> &'static ActivityType {
    let [task, note, meeting, call, email] = &ACTIVITIES;
    match kind {
        ActivityKind::Task => task,
        ActivityKind::Note => note,
        ActivityKind::Meeting => meeting,
        ActivityKind::Call => call,
        ActivityKind::Email => email,
    }
}

/// What an event is about.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Deal,
    Activity(ActivityKind),
    /// A known or custom type that no rule reads.
    Other,
}

/// The subject behind a generic event's `objectTypeId`. Ids are `0-n` for
/// HubSpot's own types and `2-n` for custom ones.
pub(crate) fn subject_of_type_id(type_id: &str) -> Subject {
    if type_id == DEAL_TYPE_ID {
        return Subject::Deal;
    }
    let activity = ACTIVITIES.iter().find(|one| one.type_id == type_id);
    activity.map_or(Subject::Other, |one| Subject::Activity(one.kind))
}

/// The type that a privacy deletion names, as people know it.
pub(crate) fn type_name(type_id: &str) -> &str {
    match type_id {
        "0-1" => "contact",
        "0-2" => "company",
        DEAL_TYPE_ID => "deal",
        "0-5" => "ticket",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_every_kind_in_its_place() {
        for one in &ACTIVITIES {
            assert_eq!(activity_type(one.kind).type_id, one.type_id);
            assert_eq!(subject_of_type_id(one.type_id), Subject::Activity(one.kind));
        }
    }

    #[test]
    fn other_types_are_of_no_interest() {
        assert_eq!(subject_of_type_id("0-3"), Subject::Deal);
        assert_eq!(subject_of_type_id("0-1"), Subject::Other);
        assert_eq!(subject_of_type_id("2-4711"), Subject::Other);
    }
}
