//! What the fake keeps of a record: its kind, its values and their history.

use std::collections::{BTreeMap, BTreeSet};

use touchline_rules::UnixMs;

/// The record kinds that the fake knows.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A deal, type id `0-3`.
    Deal,
    /// A person outside the company, type id `0-1`.
    Contact,
    /// A company, type id `0-2`.
    Company,
    /// A task, type id `0-27`.
    Task,
    /// A note, type id `0-46`.
    Note,
    /// A logged e-mail, type id `0-49`.
    Email,
    /// A logged call, type id `0-48`.
    Call,
    /// A meeting, type id `0-47`; webhook files call it `meeting_event`.
    Meeting,
}

impl ObjectKind {
    /// Every kind.
    pub const ALL: [ObjectKind; 8] = [
        ObjectKind::Deal,
        ObjectKind::Contact,
        ObjectKind::Company,
        ObjectKind::Task,
        ObjectKind::Note,
        ObjectKind::Email,
        ObjectKind::Call,
        ObjectKind::Meeting,
    ];

    /// The kind behind a path part or a webhook file's `objectType`: plural,
    /// singular or type id.
    #[must_use]
    pub fn parse(text: &str) -> Option<ObjectKind> {
        let text = text.to_ascii_lowercase();
        ObjectKind::ALL.into_iter().find(|kind| {
            text == kind.plural()
                || text == kind.singular()
                || text == kind.type_id()
                || (*kind == ObjectKind::Meeting && text == "meeting_event")
        })
    }

    /// As in paths: `deals`.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            ObjectKind::Deal => "deals",
            ObjectKind::Contact => "contacts",
            ObjectKind::Company => "companies",
            ObjectKind::Task => "tasks",
            ObjectKind::Note => "notes",
            ObjectKind::Email => "emails",
            ObjectKind::Call => "calls",
            ObjectKind::Meeting => "meetings",
        }
    }

    /// As in association names and classic webhooks: `deal`.
    #[must_use]
    pub fn singular(self) -> &'static str {
        match self {
            ObjectKind::Deal => "deal",
            ObjectKind::Contact => "contact",
            ObjectKind::Company => "company",
            ObjectKind::Task => "task",
            ObjectKind::Note => "note",
            ObjectKind::Email => "email",
            ObjectKind::Call => "call",
            ObjectKind::Meeting => "meeting",
        }
    }

    /// HubSpot's object type id. Deal, contact and company are documented; the
    /// activities' ids are from memory.
    #[must_use]
    pub fn type_id(self) -> &'static str {
        match self {
            ObjectKind::Deal => "0-3",
            ObjectKind::Contact => "0-1",
            ObjectKind::Company => "0-2",
            ObjectKind::Task => "0-27",
            ObjectKind::Note => "0-46",
            ObjectKind::Email => "0-49",
            ObjectKind::Call => "0-48",
            ObjectKind::Meeting => "0-47",
        }
    }

    /// Tasks, notes, e-mails, calls and meetings.
    #[must_use]
    pub fn is_activity(self) -> bool {
        !matches!(self, ObjectKind::Deal | ObjectKind::Contact | ObjectKind::Company)
    }

    /// What the date of creation is called.
    #[must_use]
    pub fn created_property(self) -> &'static str {
        match self {
            ObjectKind::Deal | ObjectKind::Contact | ObjectKind::Company => "createdate",
            _ => "hs_createdate",
        }
    }

    /// What the date of the last change is called: contacts have their own word
    /// (from memory).
    #[must_use]
    pub fn modified_property(self) -> &'static str {
        if self == ObjectKind::Contact { "lastmodifieddate" } else { "hs_lastmodifieddate" }
    }

    /// The properties that every answer shows: id, last change, creation.
    #[must_use]
    pub fn kept_properties(self) -> [&'static str; 3] {
        ["hs_object_id", self.modified_property(), self.created_property()]
    }

    /// The scope an app needs to read or write this kind. Activities hang on the
    /// contacts' scopes: HubSpot has none for tasks and notes.
    #[must_use]
    pub fn scope(self, write: bool) -> &'static str {
        match (self, write) {
            (ObjectKind::Deal, false) => "crm.objects.deals.read",
            (ObjectKind::Deal, true) => "crm.objects.deals.write",
            (ObjectKind::Company, false) => "crm.objects.companies.read",
            (ObjectKind::Company, true) => "crm.objects.companies.write",
            (_, false) => "crm.objects.contacts.read",
            (_, true) => "crm.objects.contacts.write",
        }
    }
}

/// Who makes a movement, by which means, and when it counts as made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// `changeSource` of webhooks and `sourceType` of the history: an open set.
    pub change_source: String,
    /// `sourceId`, for example `userId:7`.
    pub source_id: Option<String>,
    /// `updatedByUserId` of the history.
    pub user_id: Option<i64>,
    /// When it happened, if not now. Signatures always use the present.
    pub occurred_at: Option<UnixMs>,
}

impl Actor {
    /// A person working in HubSpot, by *user* id (not owner id).
    #[must_use]
    pub fn user(user_id: i64) -> Actor {
        Actor::by_user("CRM_UI", user_id)
    }

    /// A person changing many records at once.
    #[must_use]
    pub fn bulk(user_id: i64) -> Actor {
        Actor::by_user("CRM_UI_BULK_ACTION", user_id)
    }

    /// A file import that this person started.
    #[must_use]
    pub fn import(user_id: i64) -> Actor {
        Actor::by_user("IMPORT", user_id)
    }

    /// An app through the API. That apps show as `INTEGRATION` is documented;
    /// that `sourceId` is the app id is not verified.
    #[must_use]
    pub fn integration(app_id: i64) -> Actor {
        Actor {
            change_source: "INTEGRATION".into(),
            source_id: Some(app_id.to_string()),
            user_id: None,
            occurred_at: None,
        }
    }

    /// The same actor at another time than now.
    #[must_use]
    pub fn at(mut self, occurred_at: UnixMs) -> Actor {
        self.occurred_at = Some(occurred_at);
        self
    }

    fn by_user(change_source: &str, user_id: i64) -> Actor {
        Actor {
            change_source: change_source.into(),
            source_id: Some(format!("userId:{user_id}")),
            user_id: Some(user_id),
            occurred_at: None,
        }
    }
}

/// Who spoke to whom.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the buyer.
    Inbound,
    /// From the seller.
    Outbound,
}

/// One value that a property had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The value; empty text when it was cleared.
    pub value: String,
    /// Since when.
    pub timestamp: UnixMs,
    /// For example `CRM_UI`.
    pub source_type: String,
    /// For example `userId:7`.
    pub source_id: Option<String>,
    /// Who, where a person did it.
    pub updated_by_user_id: Option<i64>,
}

/// What a write did to a property.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// It had that value already.
    Unchanged,
    /// It is the present value now.
    Present,
    /// It went into the history before a newer value.
    Past,
}

/// One record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its id, above 2^32.
    pub id: u64,
    /// Its kind.
    pub kind: ObjectKind,
    /// Property values with history, oldest first.
    pub values: BTreeMap<String, Vec<HistoryEntry>>,
    /// When it was made.
    pub created_at: UnixMs,
    /// `hs_lastmodifieddate`.
    pub updated_at: UnixMs,
    /// When it was archived, if it is.
    pub archived_at: Option<UnixMs>,
    /// The record that took it over.
    pub merged_into: Option<u64>,
    /// Associated records with the type ids seen from here.
    pub links: BTreeMap<u64, BTreeSet<u32>>,
    /// What search still shows, and until when.
    pub search_shadow: Option<SearchShadow>,
}

/// The state of a record before it reached the search index again.
#[derive(Clone, Debug)]
pub struct SearchShadow {
    /// When the index catches up.
    pub until: UnixMs,
    /// The values that the index holds; `None` while it does not know the record.
    pub values: Option<BTreeMap<String, String>>,
}

impl Record {
    /// A record without values.
    #[must_use]
    pub fn new(id: u64, kind: ObjectKind, created_at: UnixMs) -> Record {
        Record {
            id,
            kind,
            values: BTreeMap::new(),
            created_at,
            updated_at: created_at,
            archived_at: None,
            merged_into: None,
            links: BTreeMap::new(),
            search_shadow: None,
        }
    }

    /// The stored value of a property; `None` when never set or cleared.
    #[must_use]
    pub fn stored(&self, property: &str) -> Option<&str> {
        let value = self.values.get(property)?.last()?.value.as_str();
        (!value.is_empty()).then_some(value)
    }

    /// Writes a value into the history at `at`.
    pub fn put(&mut self, property: &str, value: &str, at: UnixMs, actor: &Actor) -> Put {
        let history = self.values.entry(property.to_owned()).or_default();
        let place = history.partition_point(|known| known.timestamp <= at);
        let before = place.checked_sub(1).map_or("", |last| history[last].value.as_str());
        if before == value {
            return Put::Unchanged;
        }
        let entry = HistoryEntry {
            value: value.to_owned(),
            timestamp: at,
            source_type: actor.change_source.clone(),
            source_id: actor.source_id.clone(),
            updated_by_user_id: actor.user_id,
        };
        history.insert(place, entry);
        if place + 1 == history.len() { Put::Present } else { Put::Past }
    }

    /// Is it live?
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.archived_at.is_none()
    }
}

/// A person or queue that records can belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Owner id: what `hubspot_owner_id` holds.
    pub id: u64,
    /// User id: what webhooks' `sourceId` and cards' `userId` hold.
    pub user_id: i64,
    /// E-mail.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Team name, if in one.
    pub team: Option<String>,
    /// Deactivated.
    pub archived: bool,
}

/// A pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// Id: `default` for HubSpot's own.
    pub id: String,
    /// What people see.
    pub label: String,
    /// Its stages in order.
    pub stages: Vec<Stage>,
}

/// A stage of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Id.
    pub id: String,
    /// What people see.
    pub label: String,
    /// Tenths of probability: 0 lost, 10 won when closed.
    pub probability_tenths: u8,
    /// Ends the deal.
    pub closed: bool,
}

impl Stage {
    /// As HubSpot writes it: `0.2`, `1.0`.
    #[must_use]
    pub fn probability(&self) -> String {
        format!("{}.{}", self.probability_tenths / 10, self.probability_tenths % 10)
    }

    /// Closed with success.
    #[must_use]
    pub fn is_won(&self) -> bool {
        self.closed && self.probability_tenths >= 10
    }

    /// Closed without.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.closed && self.probability_tenths == 0
    }
}
