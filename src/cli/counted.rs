//! Numbers as people write them.

/// `1 rule`, `2 rules`.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
