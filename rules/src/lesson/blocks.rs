//! Paragraphs and lists.

use super::prose::{PLAIN_HINT, Piece, Prose, prose};
use crate::ruleset::diagnostic::Findings;
use crate::ruleset::yaml::Position;

/// A part of a lesson's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A paragraph.
    Paragraph(Prose),
    /// Items with a dot each.
    Bullets(Vec<Prose>),
    /// Items counted from 1.
    Numbers(Vec<Prose>),
}

impl Block {
    /// How many words it has.
    #[must_use]
    pub fn words(&self) -> usize {
        match self {
            Block::Paragraph(prose) => prose.words(),
            Block::Bullets(items) | Block::Numbers(items) => items.iter().map(Prose::words).sum(),
        }
    }

    /// As plain text, one line for each item.
    #[must_use]
    pub fn plain(&self) -> String {
        let lines: Vec<String> = match self {
            Block::Paragraph(prose) => return prose.plain(),
            Block::Bullets(items) => items.iter().map(|it| format!("- {}", it.plain())).collect(),
            Block::Numbers(items) => {
                let numbered = items.iter().enumerate();
                numbered.map(|(at, item)| format!("{}. {}", at + 1, item.plain())).collect()
            }
        };
        lines.join("\n")
    }
}

/// A line of the file.
#[derive(Copy, Clone, Debug)]
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: usize,
    pub(super) text: &'a str,
}

impl<'a> Line<'a> {
    /// The line without its first `letters`, which are ASCII, and spaces after.
    pub(super) fn piece(&self, letters: usize) -> Piece<'a> {
        let rest = self.text.get(letters..).unwrap_or_default();
        let text = rest.trim_start_matches(' ');
        let column = letters + (rest.len() - text.len()) + 1;
        Piece { text, at: Position { line: self.number, column } }
    }

    pub(super) fn indent(&self) -> usize {
        self.text.len() - self.text.trim_start_matches(' ').len()
    }

    pub(super) fn report(&self, what: &str, findings: &mut Findings) {
        let at = Position { line: self.number, column: self.indent() + 1 };
        let message = format!("{what} has no place in a lesson");
        findings.error(at, "unsupported_markdown", message, PLAIN_HINT);
    }
}

/// What a line begins.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Blank,
    Text,
    /// An item: whether it is numbered, and how long its mark is, indent included.
    Item(bool, usize),
    /// Something lessons do not have.
    Foreign(&'static str),
}

pub(super) fn is_heading(text: &str) -> bool {
    let text = text.trim_start_matches(' ');
    let rest = text.trim_start_matches('#');
    (1..=6).contains(&(text.len() - rest.len())) && (rest.is_empty() || rest.starts_with(' '))
}

pub(super) fn kind(line: &Line<'_>) -> Kind {
    let text = line.text.trim_start_matches(' ').trim_end();
    if text.is_empty() {
        return Kind::Blank;
    }
    let only = |letters: &[char]| text.chars().all(|it| it == ' ' || letters.contains(&it));
    let long = text.chars().filter(|it| *it != ' ').count() >= 3;
    if long && (only(&['-']) || only(&['*']) || only(&['_']) || only(&['='])) {
        return Kind::Foreign("a line across");
    }
    if is_heading(text) {
        return Kind::Foreign("another heading");
    }
    if text.starts_with("```") || text.starts_with("~~~") {
        return Kind::Foreign("code");
    }
    if text.starts_with('>') {
        return Kind::Foreign("a quotation block");
    }
    if text.starts_with('|') {
        return Kind::Foreign("a table");
    }
    let indent = line.indent();
    let item = |mark: usize| {
        let rest = text.get(mark..).unwrap_or_default();
        rest.is_empty() || rest.starts_with(' ')
    };
    if text.starts_with(['-', '*', '+']) && item(1) {
        return Kind::Item(false, indent + 1);
    }
    let digits = text.len() - text.trim_start_matches(|it: char| it.is_ascii_digit()).len();
    let point = text.get(digits..).is_some_and(|rest| rest.starts_with(['.', ')']));
    if (1..=9).contains(&digits) && point && item(digits + 1) {
        return Kind::Item(true, indent + digits + 1);
    }
    Kind::Text
}

/// Indented as far as this, a line belongs to the item above it.
pub(super) const ITEM_INDENT: usize = 2;
/// Indented as far as this, Markdown takes a line for code.
const CODE_INDENT: usize = 4;

/// The paragraphs and lists of `lines`.
pub(super) fn blocks(lines: &[Line<'_>], findings: &mut Findings) -> Vec<Block> {
    let mut reader = Reader { done: Vec::new(), open: Open::Nothing };
    let mut fenced = false;
    for line in lines {
        let kind = kind(line);
        // What stands inside a code block is part of one mistake.
        let fence = kind == Kind::Foreign("code");
        if !fenced || fence {
            if !(fenced && fence) {
                reader.line(line, kind, findings);
            }
            fenced ^= fence;
        }
    }
    reader.close(findings);
    reader.done
}

enum Open<'a> {
    Nothing,
    Paragraph(Vec<Piece<'a>>),
    /// Numbered or not, its items, and whether an empty line came after the last.
    List(bool, Vec<Vec<Piece<'a>>>, bool),
}

struct Reader<'a> {
    done: Vec<Block>,
    open: Open<'a>,
}

impl<'a> Reader<'a> {
    fn close(&mut self, findings: &mut Findings) {
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing => {}
            Open::Paragraph(pieces) => self.done.push(Block::Paragraph(prose(&pieces, findings))),
            Open::List(numbered, items, _) => {
                let items = items.iter().map(|pieces| prose(pieces, findings)).collect();
                let list = if numbered { Block::Numbers(items) } else { Block::Bullets(items) };
                self.done.push(list);
            }
        }
    }

    fn line(&mut self, line: &Line<'a>, kind: Kind, findings: &mut Findings) {
        match kind {
            Kind::Blank => match &mut self.open {
                Open::List(_, _, blank) => *blank = true,
                _ => self.close(findings),
            },
            Kind::Foreign(what) => {
                self.close(findings);
                line.report(what, findings);
            }
            Kind::Item(numbered, mark) => self.item(line, numbered, mark, findings),
            Kind::Text => self.text(line, findings),
        }
    }

    fn item(&mut self, line: &Line<'a>, numbered: bool, mark: usize, findings: &mut Findings) {
        let piece = line.piece(mark);
        if piece.text.trim().is_empty() {
            line.report("an empty item", findings);
            return;
        }
        match &mut self.open {
            Open::List(..) if line.indent() >= ITEM_INDENT => {
                line.report("a list inside a list", findings);
            }
            Open::List(same, items, blank) if *same == numbered => {
                items.push(vec![piece]);
                *blank = false;
            }
            _ => {
                self.close(findings);
                self.open = Open::List(numbered, vec![vec![piece]], false);
            }
        }
    }

    fn text(&mut self, line: &Line<'a>, findings: &mut Findings) {
        let inside = line.indent() >= ITEM_INDENT;
        match &mut self.open {
            Open::Paragraph(pieces) => pieces.push(line.piece(0)),
            Open::List(_, items, false) if inside => {
                items.iter_mut().last().into_iter().for_each(|item| item.push(line.piece(0)));
            }
            Open::List(_, _, true) if inside => {
                line.report("a second paragraph in an item", findings);
            }
            Open::Nothing if line.indent() >= CODE_INDENT => line.report("code", findings),
            open => {
                if let Open::List(_, _, false) = open {
                    let at = Position { line: line.number, column: 1 };
                    let message = "it is not clear whether this belongs to the item above";
                    let hint = "leave an empty line after the list, or indent this by two spaces";
                    findings.error(at, "unclear_item", message, hint);
                }
                self.close(findings);
                self.open = Open::Paragraph(vec![line.piece(0)]);
            }
        }
    }
}
