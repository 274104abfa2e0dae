//! "Did you mean": the known name nearest to a mistyped one.

/// Characters of a name that are compared.
const COMPARED_CHARS_MAX: usize = 64;

/// The known name nearest to `wrong`, if one is near: a typo in every three
/// characters, and three at most. Two swapped neighbours count as one.
pub(crate) fn nearest<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wrong: Vec<char> = wrong.chars().take(COMPARED_CHARS_MAX).collect();
    let typos_max = (wrong.len() / 3).clamp(1, 3);
    let counted = known.into_iter().map(|name| (typos(&wrong, name), name));
    counted.filter(|(count, _)| *count <= typos_max).min().map(|(_, name)| name)
}

/// A hint that names the nearest, or lists what there is.
pub(crate) fn did_you_mean(wrong: &str, known: &[&str]) -> String {
    match nearest(wrong, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known here: {}", known.join(", ")),
    }
}

fn typos(wrong: &[char], right: &str) -> usize {
    let right: Vec<char> = right.chars().take(COMPARED_CHARS_MAX).collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, given) in wrong.iter().enumerate() {
        let mut current = vec![row + 1; right.len() + 1];
        for (column, wanted) in right.iter().enumerate() {
            let swap = last[column] + usize::from(given != wanted);
            current[column + 1] = swap.min(last[column + 1] + 1).min(current[column] + 1);
            let crossed =
                row > 0 && column > 0 && *given == right[column - 1] && wrong[row - 1] == *wanted;
            if crossed {
                current[column + 1] = current[column + 1].min(before_last[column - 1] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_word_and_nonsense_finds_none() {
        let known = ["threshold", "title", "tip"];
        assert_eq!(nearest("treshold", known), Some("threshold"));
        assert_eq!(nearest("tilte", known), Some("title"));
        assert_eq!(nearest("zzzzzz", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(did_you_mean("xyzzy", &known), "known here: threshold, title, tip");
    }
}
