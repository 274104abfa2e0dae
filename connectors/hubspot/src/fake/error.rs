//! Why the account refuses a movement.

use super::model::ObjectKind;

/// Why a movement cannot be made. The REST side turns it into HubSpot's errors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FakeError {
    /// No such record, or archived.
    #[error("no {kind} with id {id} in the fake account", kind = kind.singular())]
    NotFound {
        /// What was looked for.
        kind: ObjectKind,
        /// Its id.
        id: String,
    },
    /// No such record of any kind, or archived.
    #[error("no record with id {id} in the fake account")]
    NoRecord {
        /// Its id.
        id: u64,
    },
    /// A record was to be made under an id that another one has.
    #[error("the fake account has a record with id {id} already")]
    IdTaken {
        /// The id.
        id: u64,
    },
    /// The account has no such property; define it first.
    #[error("property {name:?} does not exist on {kind}", kind = kind.plural())]
    UnknownProperty {
        /// On which kind.
        kind: ObjectKind,
        /// Its name.
        name: String,
    },
    /// The property does not take this value.
    #[error("{value:?} is not valid for {name}: {why}")]
    InvalidValue {
        /// Property.
        name: String,
        /// What was given.
        value: String,
        /// HubSpot's error word, for example `INVALID_OPTION`.
        code: &'static str,
        /// In words.
        why: String,
    },
    /// A property that this kind cannot be made without.
    #[error("{kind} cannot be made without {name}", kind = kind.singular())]
    Required {
        /// On which kind.
        kind: ObjectKind,
        /// Its name.
        name: &'static str,
    },
    /// These kinds, or this type id between them, cannot be associated.
    #[error("no association type {type_id} from {from} to {to}", from = from.singular(), to = to.singular())]
    NoAssociation {
        /// From.
        from: ObjectKind,
        /// To.
        to: ObjectKind,
        /// Type id; 0 for the unlabelled one.
        type_id: u32,
    },
}
