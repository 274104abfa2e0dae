//! Making plain text safe and short enough for Slack.
//!
//! Slack reads `&`, `<` and `>` as control characters in every text object,
//! `plain_text` included, and decodes exactly their three entities for display
//! (<https://docs.slack.dev/messaging/formatting-message-text>). So all text is
//! escaped, and nothing is ever put into an `mrkdwn` object: `*`, `_`, `~` and
//! backticks then mean themselves.

/// The mark of a text that was cut.
const ELLIPSIS: char = '…';

/// Escapes `text` for a text object of at most `limit` characters.
///
/// The limit holds for the escaped form counted in UTF-16 units, the strictest
/// way to read Slack's "characters". Control characters but the line feed
/// become spaces, and blank ends are dropped. A text that is too long is cut
/// between characters and ends in an ellipsis.
#[must_use]
pub fn escape(text: &str, limit: usize) -> String {
    let text = text.trim();
    if escaped_len(text) <= limit {
        return text.chars().map(Escaped::of).map(|piece| piece.to_string()).collect();
    }
    let mut out = String::new();
    let mut used = ELLIPSIS.len_utf16();
    for piece in text.chars().map(Escaped::of) {
        used += piece.units();
        if used > limit {
            break;
        }
        out.push_str(&piece.to_string());
    }
    out.truncate(out.trim_end().len());
    if limit > 0 {
        out.push(ELLIPSIS);
    }
    out
}

/// As [`escape`], on one line: line feeds become spaces too.
#[must_use]
pub fn escape_line(text: &str, limit: usize) -> String {
    let one_line: String = text.chars().map(|c| if c == '\n' { ' ' } else { c }).collect();
    escape(&one_line, limit)
}

/// What a reader sees of an escaped text.
#[must_use]
pub fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn escaped_len(text: &str) -> usize {
    text.chars().map(|c| Escaped::of(c).units()).sum()
}

/// One character in its escaped form.
enum Escaped {
    Entity(&'static str),
    Char(char),
}

impl Escaped {
    fn of(c: char) -> Self {
        match c {
            '&' => Escaped::Entity("&amp;"),
            '<' => Escaped::Entity("&lt;"),
            '>' => Escaped::Entity("&gt;"),
            '\n' => Escaped::Char('\n'),
            c if c.is_control() => Escaped::Char(' '),
            c => Escaped::Char(c),
        }
    }

    fn units(&self) -> usize {
        match self {
            Escaped::Entity(entity) => entity.len(),
            Escaped::Char(c) => c.len_utf16(),
        }
    }
}

impl std::fmt::Display for Escaped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Escaped::Entity(entity) => f.write_str(entity),
            Escaped::Char(c) => write!(f, "{c}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn control_characters_of_slack_become_entities() {
        assert_eq!(escape("<!channel> & <@U1>", 100), "&lt;!channel&gt; &amp; &lt;@U1&gt;");
        assert_eq!(escape("&amp;", 100), "&amp;amp;");
        assert_eq!(escape("a\u{0}b\tc\nd", 100), "a b c\nd");
        assert_eq!(escape_line(" a\nb ", 100), "a b");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(escape("abcdef", 6), "abcdef");
        assert_eq!(escape("abcdefg", 6), "abcde…");
        assert_eq!(escape("ab&cdefg", 6), "ab…", "an entity is never cut in two");
        assert_eq!(escape("🏁🏁🏁🏁", 6), "🏁🏁…");
        assert_eq!(escape("abc", 0), "");
    }

    proptest! {
        #[test]
        fn escaped_text_fits_and_cannot_speak_to_slack(text in any::<String>(), limit in 0usize..400) {
            let escaped = escape(&text, limit);
            prop_assert!(escaped.encode_utf16().count() <= limit);
            prop_assert!(!escaped.contains(['<', '>']));
            let bare = escaped.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
            prop_assert!(!bare.contains('&'));
        }

        #[test]
        fn text_that_fits_reads_as_it_was(text in "[ -~]{0,60}") {
            prop_assert_eq!(unescape(&escape(&text, 400)), text.trim());
        }
    }
}
