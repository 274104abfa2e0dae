//! What a text may be compared with, as a hint.

use std::fmt::Write as _;

use crate::nearest::nearest;

/// At most this many allowed values are listed in a hint.
const LISTED_MAX: usize = 8;

/// `Did you mean …?`, or the allowed values if they are few.
pub(super) fn value_hint(word: &str, allowed: &[String]) -> String {
    if let Some(near) = nearest(word, allowed.iter().map(String::as_str)) {
        return format!("did you mean \"{near}\"?");
    }
    let mut hint = "known values: ".to_owned();
    for (index, value) in allowed.iter().take(LISTED_MAX).enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(hint, "{comma}\"{value}\"");
    }
    if allowed.len() > LISTED_MAX {
        let _ = write!(hint, " and {} more", allowed.len() - LISTED_MAX);
    }
    hint
}
