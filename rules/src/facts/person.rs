//! People at the buyer's, as far as they are told apart.

use serde::{Deserialize, Serialize};

use crate::ruleset::hash;

/// Somebody at the buyer's: a short mark made of the CRM's id. It is enough to
/// tell people apart and to count them, and nothing can be looked up by it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonMark(pub u32);

impl PersonMark {
    /// The mark of the person with this id.
    #[must_use]
    pub fn of(vendor_id: &str) -> PersonMark {
        const DIGITS: usize = 8;
        let digest = hash(&["person", vendor_id]);
        let head = digest.get(..DIGITS).unwrap_or_default();
        PersonMark(u32::from_str_radix(head, 16).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn neighbours_are_told_apart() {
        let marks: BTreeSet<_> = (0..2_000).map(|n| PersonMark::of(&n.to_string())).collect();
        assert_eq!(marks.len(), 2_000);
        assert_eq!(PersonMark::of("7"), PersonMark::of("7"));
    }
}
