//! "Did you mean": the known name nearest to a mistyped one.

/// Characters of a name that are compared; the work grows with the product of
/// the lengths.
const COMPARED_CHARS_MAX: usize = 64;
/// Known names that a word is compared with.
const KNOWN_MAX: usize = 1_000;
/// The most known names that a hint lists.
const LISTED_MAX: usize = 64;

/// The known name nearest to `word`, if one is near enough to be meant: one typo
/// in every three characters, and three at most. Two swapped neighbours count as
/// one; capitals do not count. A name whose last part is the word's (`stage` for
/// `deal.stage`) is nearest of all.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = comparable(word);
    let typos_max = (wanted.chars().count() / 3).clamp(1, 3);
    let mut best: Option<(usize, &str)> = None;
    for name in known.into_iter().take(KNOWN_MAX).filter(|_| !wanted.is_empty()) {
        let candidate = comparable(name);
        let typos = match last_part(&candidate) == last_part(&wanted) {
            true => 0,
            false => strsim::osa_distance(&wanted, &candidate),
        };
        if typos <= typos_max && best.is_none_or(|(fewest, _)| typos < fewest) {
            best = Some((typos, name));
        }
    }
    best.map(|(_, name)| name)
}

/// A hint that names the nearest, or lists what there is.
#[must_use]
pub fn did_you_mean(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "there is none".to_owned(),
        None => {
            let listed = known.iter().take(LISTED_MAX).copied().collect::<Vec<_>>().join(", ");
            let more = known.len().saturating_sub(LISTED_MAX);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("known here: {listed}{more}")
        }
    }
}

fn comparable(name: &str) -> String {
    name.chars().take(COMPARED_CHARS_MAX).flat_map(char::to_lowercase).collect()
}

fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_word_and_nonsense_finds_none() {
        let known = ["threshold", "title", "tip"];
        assert_eq!(nearest("treshold", known), Some("threshold"));
        assert_eq!(nearest("tilte", known), Some("title"));
        assert_eq!(nearest("Threshold", known), Some("threshold"));
        assert_eq!(nearest("zzzzzz", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"x".repeat(9_000), known), None);
        assert_eq!(did_you_mean("xyzzy", &known), "known here: threshold, title, tip");
    }

    #[test]
    fn the_same_last_part_is_nearest_of_all() {
        let names = ["deal.amount", "deal.stage", "threshold"];
        assert_eq!(nearest("deal.stgae", names), Some("deal.stage"));
        assert_eq!(nearest("stage", names), Some("deal.stage"));
        assert_eq!(nearest("opportunity.amount", names), Some("deal.amount"));
        assert_eq!(nearest("unrelated", names), None);
    }

    #[test]
    fn a_long_list_is_cut() {
        let names: Vec<String> = (0..80).map(|n| format!("name-of-number-{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(did_you_mean("zzzzzz", &names).ends_with("name-of-number-63 and 16 more"));
    }
}
