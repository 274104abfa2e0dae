//! "Did you mean …?"

use std::fmt::Write as _;

use super::NAME_BYTES_MAX;

/// At most this many candidates are compared with a misspelt word.
const CANDIDATES_MAX: usize = 1_000;
/// At most this many allowed values are listed in a hint.
const LISTED_MAX: usize = 8;

/// The candidate nearest to `word`, if one is near enough to be meant.
///
/// A candidate whose last part is `word` (`stage` for `deal.stage`) is taken
/// first. Words longer than a name may be are not looked at, since the work
/// grows with the product of the lengths.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.is_empty() || word.len() > NAME_BYTES_MAX {
        return None;
    }
    let wanted = word.to_lowercase();
    let allowed = (wanted.chars().count() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates.take(CANDIDATES_MAX) {
        if candidate.len() > NAME_BYTES_MAX {
            continue;
        }
        let lower = candidate.to_lowercase();
        let same_tail = lower.rsplit('.').next() == wanted.rsplit('.').next();
        let distance = if same_tail { 0 } else { edits(&wanted, &lower, allowed) };
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

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

/// Edits (insert, delete, replace, swap of neighbours) from `a` to `b`; some
/// number above `limit` as soon as that is certain.
fn edits(a: &str, b: &str, limit: usize) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before_last[j - 2] + 1);
            }
            row[j] = least;
        }
        if row.iter().min().is_some_and(|least| *least > limit) {
            return limit + 1;
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        assert_eq!(edits("stage", "stage", 9), 0);
        assert_eq!(edits("stgae", "stage", 9), 1);
        assert_eq!(edits("negotation", "negotiation", 9), 1);
        assert_eq!(edits("kitten", "sitting", 9), 3);
        assert_eq!(edits("abc", "", 9), 3);
        assert!(edits("aaaaaaaa", "bbbbbbbb", 2) > 2);
    }

    #[test]
    fn takes_the_nearest_or_the_same_tail() {
        let names = ["deal.amount", "deal.stage", "threshold"];
        assert_eq!(nearest("deal.stgae", names.into_iter()), Some("deal.stage"));
        assert_eq!(nearest("stage", names.into_iter()), Some("deal.stage"));
        assert_eq!(nearest("opportunity.amount", names.into_iter()), Some("deal.amount"));
        assert_eq!(nearest("Threshold", names.into_iter()), Some("threshold"));
        assert_eq!(nearest("unrelated", names.into_iter()), None);
        assert_eq!(nearest(&"x".repeat(9_000), names.into_iter()), None);
    }
}
