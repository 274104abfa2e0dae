//! Several things in one sentence: `a, b and c`.

/// The parts as one reads them aloud; nothing for none.
#[must_use]
pub fn and(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::and;

    #[test]
    fn only_the_last_two_are_joined_by_a_word() {
        let parts = ["00:20", "00:40", "09:00"].map(str::to_owned);
        let told: Vec<_> = (0..=3).map(|many| and(&parts[..many])).collect();
        assert_eq!(told, ["", "00:20", "00:20 and 00:40", "00:20, 00:40 and 09:00"]);
    }
}
