//! What every HubSpot account has: property definitions, the default pipeline
//! and the association types.

use super::model::{ObjectKind, Pipeline, Stage};

/// A property as `/crm/v3/properties` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyDefinition {
    /// Internal name.
    pub name: String,
    /// What people see.
    pub label: String,
    /// Type.
    pub data: DataType,
    /// Kept by HubSpot: cannot be written, never fires a webhook.
    pub calculated: bool,
    /// Made by HubSpot, not by the account.
    pub hubspot_defined: bool,
}

/// The value types in use here.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum DataType {
    /// Any text.
    Text,
    /// A decimal number.
    Number,
    /// An instant: milliseconds or ISO 8601 when written, ISO 8601 when read.
    DateTime,
    /// `true` or `false`.
    Bool,
    /// One of the account's own values, checked where the fake knows them.
    Choice,
}

impl DataType {
    /// HubSpot's `type` and `fieldType`.
    #[must_use]
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            DataType::Text => ("string", "text"),
            DataType::Number => ("number", "number"),
            DataType::DateTime => ("datetime", "date"),
            DataType::Bool => ("bool", "booleancheckbox"),
            DataType::Choice => ("enumeration", "select"),
        }
    }
}

use DataType::{Bool, Choice, DateTime, Number, Text};

/// Name, label, type, calculated.
type Row = (&'static str, &'static str, DataType, bool);

const EVERY: [Row; 7] = [
    ("hs_object_id", "Record ID", Number, true),
    ("hs_object_source", "Record source", Text, true),
    ("hs_object_source_id", "Record source ID", Text, true),
    ("hs_created_by_user_id", "Created by user ID", Number, true),
    ("hs_merged_object_ids", "Merged record IDs", Text, true),
    ("hubspot_owner_id", "Owner", Choice, false),
    ("hubspot_team_id", "Team", Choice, true),
];

const DEAL: [Row; 27] = [
    ("dealname", "Deal name", Text, false),
    ("dealstage", "Deal stage", Choice, false),
    ("pipeline", "Pipeline", Choice, false),
    ("amount", "Amount", Number, false),
    ("deal_currency_code", "Currency", Choice, false),
    ("closedate", "Close date", DateTime, false),
    ("createdate", "Create date", DateTime, false),
    ("dealtype", "Deal type", Choice, false),
    ("description", "Deal description", Text, false),
    ("closed_lost_reason", "Closed lost reason", Text, false),
    ("closed_won_reason", "Closed won reason", Text, false),
    ("hs_next_step", "Next step", Text, false),
    ("hs_priority", "Priority", Choice, false),
    ("hs_manual_forecast_category", "Forecast category", Choice, false),
    ("hs_forecast_probability", "Forecast probability", Number, false),
    ("hs_is_closed", "Is closed", Bool, true),
    ("hs_is_closed_won", "Is closed won", Bool, true),
    ("hs_is_closed_lost", "Is closed lost", Bool, true),
    ("hs_deal_stage_probability", "Deal probability", Number, true),
    ("hs_v2_date_entered_current_stage", "Date entered current stage", DateTime, true),
    ("hs_v2_time_in_current_stage", "Time in current stage", Number, true),
    ("notes_last_updated", "Last activity date", DateTime, true),
    ("notes_last_contacted", "Last contacted", DateTime, true),
    ("notes_next_activity_date", "Next activity date", DateTime, true),
    ("num_notes", "Number of sales activities", Number, true),
    ("num_contacted_notes", "Number of times contacted", Number, true),
    ("num_associated_contacts", "Number of associated contacts", Number, true),
];

const CONTACT: [Row; 8] = [
    ("email", "Email", Text, false),
    ("firstname", "First name", Text, false),
    ("lastname", "Last name", Text, false),
    ("phone", "Phone", Text, false),
    ("jobtitle", "Job title", Text, false),
    ("company", "Company name", Text, false),
    ("lifecyclestage", "Lifecycle stage", Choice, false),
    ("createdate", "Create date", DateTime, true),
];

const COMPANY: [Row; 6] = [
    ("name", "Company name", Text, false),
    ("domain", "Company domain name", Text, false),
    ("industry", "Industry", Choice, false),
    ("city", "City", Text, false),
    ("country", "Country", Text, false),
    ("createdate", "Create date", DateTime, true),
];

const ACTIVITY: [Row; 3] = [
    ("hs_timestamp", "Activity date", DateTime, false),
    ("hs_createdate", "Create date", DateTime, true),
    ("hs_unique_id", "Unique ID", Text, false),
];

const TASK: [Row; 7] = [
    ("hs_task_subject", "Task title", Text, false),
    ("hs_task_body", "Task notes", Text, false),
    ("hs_task_status", "Task status", Choice, false),
    ("hs_task_priority", "Priority", Choice, false),
    ("hs_task_type", "Task type", Choice, false),
    ("hs_task_reminders", "Reminders", Text, false),
    ("hs_task_completion_date", "Completed at", DateTime, true),
];

const NOTE: [Row; 2] =
    [("hs_note_body", "Note body", Text, false), ("hs_attachment_ids", "Attachments", Text, false)];

const EMAIL: [Row; 7] = [
    ("hs_email_direction", "Email direction", Choice, false),
    ("hs_email_subject", "Email subject", Text, false),
    ("hs_email_text", "Email body", Text, false),
    ("hs_email_html", "Email body (HTML)", Text, false),
    ("hs_email_status", "Email send status", Choice, false),
    ("hs_email_from_email", "From address", Text, false),
    ("hs_email_to_email", "To address", Text, false),
];

const CALL: [Row; 6] = [
    ("hs_call_title", "Call title", Text, false),
    ("hs_call_body", "Call notes", Text, false),
    ("hs_call_direction", "Call direction", Choice, false),
    ("hs_call_disposition", "Call outcome", Choice, false),
    ("hs_call_duration", "Call duration", Number, false),
    ("hs_call_status", "Call status", Choice, false),
];

const MEETING: [Row; 6] = [
    ("hs_meeting_title", "Meeting name", Text, false),
    ("hs_meeting_body", "Meeting description", Text, false),
    ("hs_meeting_start_time", "Start time", DateTime, false),
    ("hs_meeting_end_time", "End time", DateTime, false),
    ("hs_meeting_outcome", "Meeting outcome", Choice, false),
    ("hs_meeting_location", "Location", Text, false),
];

/// The definitions that a new account has for `kind`.
#[must_use]
pub fn standard_properties(kind: ObjectKind) -> Vec<PropertyDefinition> {
    let own: &[Row] = match kind {
        ObjectKind::Deal => &DEAL,
        ObjectKind::Contact => &CONTACT,
        ObjectKind::Company => &COMPANY,
        ObjectKind::Task => &TASK,
        ObjectKind::Note => &NOTE,
        ObjectKind::Email => &EMAIL,
        ObjectKind::Call => &CALL,
        ObjectKind::Meeting => &MEETING,
    };
    let shared: &[Row] = if kind.is_activity() { &ACTIVITY } else { &[] };
    let modified = [(kind.modified_property(), "Last modified", DateTime, true)];
    EVERY
        .iter()
        .chain(&modified)
        .chain(shared)
        .chain(own)
        .map(|(name, label, data, calculated)| PropertyDefinition {
            name: (*name).to_owned(),
            label: (*label).to_owned(),
            data: *data,
            calculated: *calculated,
            hubspot_defined: true,
        })
        .collect()
}

/// The families of per-stage properties, each followed by a stage id.
const STAGE_FAMILIES: [(&str, DataType); 4] = [
    ("hs_v2_date_entered_", DateTime),
    ("hs_v2_date_exited_", DateTime),
    ("hs_v2_latest_time_in_", Number),
    ("hs_v2_cumulative_time_in_", Number),
];

/// The calculated properties that HubSpot adds to deals for one stage.
pub fn stage_properties(stage: &Stage) -> impl Iterator<Item = PropertyDefinition> {
    STAGE_FAMILIES.into_iter().map(move |(family, data)| PropertyDefinition {
        name: format!("{family}{}", stage.id),
        label: format!("{family}{}", stage.label),
        data,
        calculated: true,
        hubspot_defined: true,
    })
}

/// The pipeline of a new account.
#[must_use]
pub fn default_pipeline() -> Pipeline {
    let stages = [
        ("appointmentscheduled", "Appointment Scheduled", 2, false),
        ("qualifiedtobuy", "Qualified To Buy", 4, false),
        ("presentationscheduled", "Presentation Scheduled", 6, false),
        ("decisionmakerboughtin", "Decision Maker Bought-In", 8, false),
        ("contractsent", "Contract Sent", 9, false),
        ("closedwon", "Closed Won", 10, true),
        ("closedlost", "Closed Lost", 0, true),
    ];
    Pipeline {
        id: "default".into(),
        label: "Sales Pipeline".into(),
        stages: stages
            .into_iter()
            .map(|(id, label, probability_tenths, closed)| Stage {
                id: id.into(),
                label: label.into(),
                probability_tenths,
                closed,
            })
            .collect(),
    }
}

use ObjectKind::{Call, Company, Contact, Deal, Email, Meeting, Note, Task};

/// The unlabelled association types that HubSpot defines: from, to, type id
/// from, type id back. Source: the enumeration in HubSpot's Node client.
const DEFAULT_TYPES: [(ObjectKind, ObjectKind, u32, u32); 22] = [
    (Deal, Contact, 3, 4),
    (Deal, Company, 341, 342),
    (Deal, Deal, 451, 451),
    (Contact, Company, 279, 280),
    (Contact, Contact, 449, 449),
    (Company, Company, 450, 450),
    (Task, Deal, 216, 215),
    (Task, Contact, 204, 203),
    (Task, Company, 192, 191),
    (Note, Deal, 214, 213),
    (Note, Contact, 202, 201),
    (Note, Company, 190, 189),
    (Email, Deal, 210, 209),
    (Email, Contact, 198, 197),
    (Email, Company, 186, 185),
    (Call, Deal, 206, 205),
    (Call, Contact, 194, 193),
    (Call, Company, 182, 181),
    (Call, Meeting, 399, 400),
    (Meeting, Deal, 212, 211),
    (Meeting, Contact, 200, 199),
    (Meeting, Company, 188, 187),
];

/// The primary types: making one makes the unlabelled one too.
const PRIMARY_TYPES: [(ObjectKind, ObjectKind, u32, u32); 2] =
    [(Deal, Company, 5, 6), (Contact, Company, 1, 2)];

fn look_up(
    table: &[(ObjectKind, ObjectKind, u32, u32)],
    from: ObjectKind,
    to: ObjectKind,
) -> Option<(u32, u32)> {
    table.iter().find_map(|&(a, b, there, back)| {
        if (a, b) == (from, to) {
            Some((there, back))
        } else {
            ((b, a) == (from, to)).then_some((back, there))
        }
    })
}

/// The unlabelled type from one kind to another, and its reverse.
#[must_use]
pub fn default_type(from: ObjectKind, to: ObjectKind) -> Option<(u32, u32)> {
    look_up(&DEFAULT_TYPES, from, to)
}

/// The primary type from one kind to another, and its reverse.
#[must_use]
pub fn primary_type(from: ObjectKind, to: ObjectKind) -> Option<(u32, u32)> {
    look_up(&PRIMARY_TYPES, from, to)
}

/// The reverse of a type id between two kinds; `None` when it does not fit them.
#[must_use]
pub fn reverse_type(from: ObjectKind, to: ObjectKind, type_id: u32) -> Option<u32> {
    [default_type(from, to), primary_type(from, to)]
        .into_iter()
        .flatten()
        .find_map(|(there, back)| (there == type_id).then_some(back))
}
