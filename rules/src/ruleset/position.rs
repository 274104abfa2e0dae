//! Places inside a text of a rule file: conditions and templates say where in
//! their own source something is wrong, and people look for it in the file.

use std::ops::Range;

use super::keys::Located;
use super::yaml::Position;

/// The place in the file of the character at `line` and `column` of a scalar's
/// value, both from 1.
///
/// YAML folds, indents and quotes, but keeps every character that is no space in
/// its order: we walk along them. Where an escape breaks that, it is the scalar's
/// own place.
pub(super) fn place_in(
    text: &str,
    scalar: &Located<String>,
    line: usize,
    column: usize,
) -> Position {
    let before = letters_before(&scalar.value, line, column);
    let wanted = scalar.value.chars().filter(|letter| !letter.is_whitespace());
    walk(text, scalar.at, wanted, before).unwrap_or(scalar.at)
}

/// The place after the character before `line` and `column` of a scalar's value.
fn end_in(text: &str, scalar: &Located<String>, line: usize, column: usize) -> Position {
    let Some(last) = letters_before(&scalar.value, line, column).checked_sub(1) else {
        return scalar.at;
    };
    let wanted = scalar.value.chars().filter(|letter| !letter.is_whitespace());
    let found = walk(text, scalar.at, wanted, last);
    found.map_or(scalar.at, |at| Position { column: at.column + 1, ..at })
}

/// Where some bytes of a scalar's value begin and end in the file.
pub(super) fn span_in(
    text: &str,
    scalar: &Located<String>,
    span: &Range<usize>,
) -> (Position, Position) {
    let (line, column) = line_and_column(&scalar.value, span.start);
    let at = place_in(text, scalar, line, column);
    let (line, column) = line_and_column(&scalar.value, span.end);
    (at, end_in(text, scalar, line, column))
}

fn line_and_column(value: &str, byte: usize) -> (usize, usize) {
    let before = value.get(..byte).unwrap_or(value);
    let begin = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[begin..].chars().count() + 1)
}

/// Characters that are no space before a place of `value`.
fn letters_before(value: &str, line: usize, column: usize) -> usize {
    let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).count();
    let lines = value.split('\n').take(line.saturating_sub(1));
    let whole: usize = lines.map(letters).sum();
    let rest = value.split('\n').nth(line.saturating_sub(1)).unwrap_or_default();
    let part: String = rest.chars().take(column.saturating_sub(1)).collect();
    whole + letters(&part)
}

/// The place of the character of `wanted` with this number, from 0; past the
/// last one if there are fewer.
fn walk(
    text: &str,
    from: Position,
    wanted: impl Iterator<Item = char>,
    number: usize,
) -> Option<Position> {
    let mut found = places(text, from)?;
    let mut last = None;
    for (index, letter) in wanted.enumerate() {
        let (at, read) = found.next()?;
        if read != letter {
            return None;
        }
        if index == number {
            return Some(at);
        }
        last = Some(at);
    }
    last.map(|at| Position { column: at.column + 1, ..at })
}

/// The characters of the file that are no space, from where a scalar's value
/// begins: after its quote, or below its `|` or `>`.
fn places(text: &str, from: Position) -> Option<impl Iterator<Item = (Position, char)>> {
    let first = text.lines().nth(from.line.checked_sub(1)?)?;
    let begin = first.chars().nth(from.column.checked_sub(1)?);
    let (line, column) = match begin? {
        '"' | '\'' => (from.line, from.column + 1),
        '|' | '>' => (from.line + 1, 1),
        _ => (from.line, from.column),
    };
    let rows = text.lines().enumerate().skip(line - 1);
    Some(rows.flat_map(move |(row, text)| {
        let skipped = if row + 1 == line { column - 1 } else { 0 };
        let letters = text.chars().enumerate().skip(skipped);
        letters
            .filter(|(_, letter)| !letter.is_whitespace())
            .map(move |(at, letter)| (Position { line: row + 1, column: at + 1 }, letter))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::yaml::{NodeKind, read};

    /// The line and the text from the place of `needle` in the value of `when`.
    fn found(yaml: &str, needle: &str) -> (usize, String) {
        let NodeKind::Map(entries) = read(yaml).unwrap().kind else { panic!("{yaml}") };
        let (_, _, node) = entries.into_iter().find(|(key, ..)| key == "when").unwrap();
        let NodeKind::Text(value) = node.kind else { panic!("{yaml}") };
        let value = Located { value, at: node.at };
        let byte = value.value.find(needle).unwrap();
        let (at, end) = span_in(yaml, &value, &(byte..byte + needle.len()));
        let row = yaml.lines().nth(at.line - 1).unwrap();
        assert_eq!((end.line, end.column), (at.line, at.column + needle.chars().count()), "{yaml}");
        (at.line, row.chars().skip(at.column - 1).collect())
    }

    #[test]
    fn a_place_is_found_in_every_style_of_scalar() {
        for (yaml, line, rest) in [
            ("when: aé && bad", 1, "bad"),
            ("when: \"aé && bad\"", 1, "bad\""),
            ("when: 'aé && bad' # bad", 1, "bad' # bad"),
            ("when: |\n  aé\n    && bad\n", 3, "bad"),
            ("when: >-\n  aé &&\n\n  bad && c\n", 4, "bad && c"),
            ("when: aé &&\n  bad\ntitle: bad", 2, "bad"),
            ("when:\n  aé && bad", 2, "bad"),
            ("{ a: b, when: aé && bad }", 1, "bad }"),
        ] {
            assert_eq!(found(yaml, "bad"), (line, rest.to_owned()), "{yaml}");
        }
    }

    #[test]
    fn behind_an_escape_it_is_the_place_of_the_whole() {
        let value = Located { value: "a\n b".to_owned(), at: Position { line: 1, column: 7 } };
        assert_eq!(place_in(r#"when: "a\n b""#, &value, 2, 2), value.at);
    }
}
