//! "Did you mean": the known name nearest to a mistyped one.

/// Characters of a name that are compared.
const COMPARED_CHARS_MAX: usize = 64;

/// The known name nearest to `wrong`, if one is near: a typo in every three
/// characters, and three at most.
pub(crate) fn nearest<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let typos_max = (wrong.chars().count() / 3).clamp(1, 3);
    let counted = known.into_iter().map(|name| (typos(wrong, name), name));
    counted.filter(|(count, _)| *count <= typos_max).min().map(|(_, name)| name)
}

/// A hint that names the nearest, or lists what there is.
pub(crate) fn did_you_mean(wrong: &str, known: &[&str]) -> String {
    match nearest(wrong, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "there is none".to_owned(),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// Levenshtein distance.
fn typos(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(COMPARED_CHARS_MAX).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(COMPARED_CHARS_MAX).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_word_and_nonsense_finds_none() {
        let known = ["quiet_hours", "pilot", "sending"];
        assert_eq!(nearest("quiet_ours", known), Some("quiet_hours"));
        assert_eq!(nearest("zzzzzz", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(did_you_mean("xyzzy", &known), "known here: quiet_hours, pilot, sending");
        assert_eq!(did_you_mean("xyzzy", &[]), "there is none");
    }
}
