//! Source text to tokens.

use std::ops::Range;

use super::{
    NAME_BYTES_MAX,
    diagnostic::{DIAGNOSTICS_MAX, Diagnostic},
};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    /// A word; its letters are the span.
    Word,
    /// An operator or bracket.
    Mark(&'static str),
    /// After the last token.
    End,
}

#[derive(Clone, Debug)]
pub(super) struct Spanned {
    pub token: Token,
    pub span: Range<usize>,
}

/// Longest first, so that `<=` is not read as `<`.
const MARKS: [&str; 21] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "?", ":", "(", ")", "[",
    "]", ",", ".",
];

/// The tokens of `source`, ending with [`Token::End`], or everything that is
/// not a token.
pub(super) fn lex(source: &str) -> Result<Vec<Spanned>, Vec<Diagnostic>> {
    let mut tokens = Vec::new();
    let mut wrong = Vec::new();
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        match token_at(source, at, first) {
            Ok(found) => {
                at = found.span.end;
                tokens.push(found);
            }
            Err(diagnostic) => {
                at = diagnostic.span.end.max(at + first.len_utf8());
                wrong.push(diagnostic);
                if wrong.len() == DIAGNOSTICS_MAX {
                    break;
                }
            }
        }
    }
    tokens.push(Spanned { token: Token::End, span: source.len()..source.len() });
    if wrong.is_empty() { Ok(tokens) } else { Err(wrong) }
}

fn token_at(source: &str, at: usize, first: char) -> Result<Spanned, Diagnostic> {
    if first.is_ascii_digit() {
        return number(source, at);
    }
    if first == '"' || first == '\'' {
        return text(source, at, first);
    }
    if is_word(first) {
        return word(source, at);
    }
    let rest = &source[at..];
    if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
        return Ok(Spanned { token: Token::Mark(mark), span: at..at + mark.len() });
    }
    let span = at..at + first.len_utf8();
    let message = format!("`{}` means nothing here", first.escape_debug());
    let hint = match first {
        '=' => Some("compare with `==`"),
        '&' => Some("write `&&` for \"and\""),
        '|' => Some("write `||` for \"or\""),
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{2018}' | '\u{2019}' | '`' => {
            Some("put text in straight quotes: \"…\" or '…'")
        }
        '%' => Some("there is no remainder; numbers have `+ - * /`"),
        _ => None,
    };
    let wrong = Diagnostic::error(source, span, "unexpected_character", message);
    Err(wrong.maybe_hint(hint.map(str::to_owned)))
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn run_length(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|character| !belongs(character)).unwrap_or(text.len())
}

fn word(source: &str, at: usize) -> Result<Spanned, Diagnostic> {
    let span = at..at + run_length(&source[at..], is_word);
    if span.len() > NAME_BYTES_MAX {
        let message = format!("a name has at most {NAME_BYTES_MAX} characters");
        return Err(Diagnostic::error(source, span, "name_too_long", message));
    }
    Ok(Spanned { token: Token::Word, span })
}

fn number(source: &str, at: usize) -> Result<Spanned, Diagnostic> {
    let digits = |from: usize| from + run_length(&source[from..], |c| c.is_ascii_digit());
    let mut end = digits(at);
    let tail = &source.as_bytes()[end..];
    if tail.first() == Some(&b'.') && tail.get(1).is_some_and(u8::is_ascii_digit) {
        end = digits(end + 1);
    }
    let tail = &source.as_bytes()[end..];
    if matches!(tail.first(), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(tail.get(1), Some(b'+' | b'-')));
        if tail.get(1 + sign).is_some_and(u8::is_ascii_digit) {
            end = digits(end + 1 + sign);
        }
    }
    let tail = &source[end..];
    let glued = run_length(tail, |c| is_word(c) || c == '.');
    if glued > 0 {
        let span = at..end + glued;
        let wrong = Diagnostic::error(source, span, "bad_number", "this is not a number");
        let hint = "write plain digits, such as 50000 or 0.25, without unit or separator";
        return Err(wrong.hint(hint));
    }
    match source[at..end].parse::<f64>() {
        Ok(value) if value.is_finite() => {
            Ok(Spanned { token: Token::Number(value), span: at..end })
        }
        _ => Err(Diagnostic::error(source, at..end, "bad_number", "this number is too large")),
    }
}

fn text(source: &str, at: usize, quote: char) -> Result<Spanned, Diagnostic> {
    let mut value = String::new();
    let mut characters = source[at + 1..].char_indices().map(|(i, c)| (at + 1 + i, c));
    while let Some((here, character)) = characters.next() {
        match character {
            '\n' => break,
            '\\' => {
                let Some((escaped_at, escaped)) = characters.next() else { break };
                let Some(meant) = unescaped(escaped) else {
                    let span = here..escaped_at + escaped.len_utf8();
                    // The rest of this text is skipped, or its closing quote
                    // would open another one and raise a false error.
                    let end =
                        characters.find(|(_, c)| *c == quote).map_or(source.len(), |f| f.0 + 1);
                    return Err(bad_escape(source, span, end));
                };
                value.push(meant);
            }
            _ if character == quote => {
                return Ok(Spanned { token: Token::Text(value), span: at..here + 1 });
            }
            _ => value.push(character),
        }
    }
    let end = at + source[at..].find('\n').unwrap_or(source.len() - at);
    let message = "this text is not closed on its line";
    let wrong = Diagnostic::error(source, at..end, "unclosed_text", message);
    Err(wrong.hint(format!("end it with {quote}")))
}

fn unescaped(escaped: char) -> Option<char> {
    match escaped {
        '\\' | '"' | '\'' => Some(escaped),
        'n' => Some('\n'),
        't' => Some('\t'),
        _ => None,
    }
}

fn bad_escape(source: &str, span: Range<usize>, text_end: usize) -> Diagnostic {
    let message = format!("`{}` is no escape", &source[span.clone()]);
    let wrong = Diagnostic::error(source, span.start..text_end, "bad_escape", message);
    wrong.hint(r#"use \\ \" \' \n or \t"#)
}
