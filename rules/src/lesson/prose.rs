//! Running text with emphasis and links, and nothing else.

use crate::ruleset::diagnostic::Findings;
use crate::ruleset::keys::shown;
use crate::ruleset::yaml::Position;

/// The longest address of a link, in characters.
pub const LINK_CHARS_MAX: usize = 300;

/// The furthest an end of emphasis or of a link is looked for, in characters.
const MARKED_CHARS_MAX: usize = 400;

/// What to do about Markdown that lessons do not have.
pub(super) const PLAIN_HINT: &str =
    "a lesson has paragraphs, *emphasis*, **strong words**, lists and [links](https://example.com)";

/// Text of one paragraph, as pieces of one style each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prose {
    /// The pieces, none of them empty.
    pub spans: Vec<Span>,
}

/// A piece of text of one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it says, without marks.
    pub text: String,
    /// How it looks.
    pub style: Style,
}

/// How a piece of text looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Style {
    /// As the rest.
    Plain,
    /// Stressed: `*so*`.
    Emphasis,
    /// Stressed more: `**so**`.
    Strong,
    /// It leads to this https address.
    Link(String),
}

impl Prose {
    /// The text without marks; a link is followed by its address.
    #[must_use]
    pub fn plain(&self) -> String {
        self.spans.iter().fold(String::new(), |text, span| match &span.style {
            Style::Link(address) => text + &span.text + " (" + address + ")",
            _ => text + &span.text,
        })
    }

    /// How many words it has. Addresses are not read.
    #[must_use]
    pub fn words(&self) -> usize {
        let text: String = self.spans.iter().map(|span| span.text.as_str()).collect();
        text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count()
    }

    /// How many characters it has, without marks and addresses.
    #[must_use]
    pub fn chars(&self) -> usize {
        self.spans.iter().map(|span| span.text.chars().count()).sum()
    }
}

/// A part of a line and where it begins.
#[derive(Copy, Clone, Debug)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) at: Position,
}

/// The text of `pieces`, which are the lines of one paragraph.
pub(super) fn prose(pieces: &[Piece<'_>], findings: &mut Findings) -> Prose {
    let mut letters: Vec<(char, Position)> = Vec::new();
    for piece in pieces {
        let Position { line, column } = piece.at;
        if !letters.is_empty() {
            letters.push((' ', piece.at));
        }
        let numbered = piece.text.trim_end().chars().enumerate();
        letters.extend(numbered.map(|(i, c)| (c, Position { line, column: column + i })));
    }
    let mut reader = Reader {
        letters: &letters,
        next: 0,
        plain: String::new(),
        spans: Vec::new(),
        told: Vec::new(),
    };
    while reader.next < letters.len() {
        reader.step(findings);
    }
    reader.flush();
    Prose { spans: reader.spans }
}

struct Reader<'l> {
    letters: &'l [(char, Position)],
    next: usize,
    plain: String,
    spans: Vec<Span>,
    /// What was already reported of this paragraph.
    told: Vec<&'static str>,
}

impl Reader<'_> {
    fn at(&self, index: usize) -> Option<char> {
        self.letters.get(index).map(|(letter, _)| *letter)
    }

    fn find(&self, wanted: char, from: usize) -> Option<usize> {
        let end = self.letters.len().min(from + MARKED_CHARS_MAX);
        (from..end).find(|at| self.at(*at) == Some(wanted))
    }

    fn text(&self, from: usize, to: usize) -> String {
        self.letters.iter().take(to).skip(from).map(|(letter, _)| *letter).collect()
    }

    fn flush(&mut self) {
        let text = std::mem::take(&mut self.plain);
        self.push(text, Style::Plain);
    }

    fn push(&mut self, text: String, style: Style) {
        if !text.is_empty() {
            self.spans.push(Span { text, style });
        }
    }

    /// Takes the next letter, or what it begins.
    fn step(&mut self, findings: &mut Findings) {
        let Some(&(letter, at)) = self.letters.get(self.next) else { return };
        match letter {
            '\\' if self.at(self.next + 1).is_some_and(|it| it.is_ascii_punctuation()) => {
                self.next += 1;
                self.plain.extend(self.at(self.next));
            }
            '*' => return self.emphasis(at, findings),
            '[' => return self.link(at, findings),
            _ => {
                if let Some(what) = self.foreign(letter).filter(|what| !self.told.contains(what)) {
                    self.told.push(what);
                    let message = format!("{what} has no place in a lesson");
                    findings.error(at, "unsupported_markdown", message, PLAIN_HINT);
                }
                self.plain.push(letter);
            }
        }
        self.next += 1;
    }

    /// What Markdown would make of this letter that lessons do not have.
    fn foreign(&self, letter: char) -> Option<&'static str> {
        let after = self.at(self.next + 1);
        let before = self.next.checked_sub(1).and_then(|at| self.at(at));
        let word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        match letter {
            '`' => Some("code"),
            '!' if after == Some('[') => Some("a picture"),
            '~' if after == Some('~') => Some("crossed-out text"),
            '_' if !word(before) && word(after) => Some("emphasis with `_`"),
            '<' if word(after) || after.is_some_and(|it| "/!?".contains(it)) => Some("HTML"),
            '&' => {
                let end = (self.next + 1..self.letters.len().min(self.next + 32))
                    .find(|at| !word(self.at(*at)) && self.at(*at) != Some('#'))?;
                let entity = end > self.next + 1 && self.at(end) == Some(';');
                entity.then_some("an HTML character code")
            }
            _ => None,
        }
    }

    fn emphasis(&mut self, at: Position, findings: &mut Findings) {
        let run = |from: usize| (from..).take_while(|at| self.at(*at) == Some('*')).count();
        let stars = run(self.next);
        let inside = self.next + stars;
        let spaced = |at: Option<char>| at.is_none_or(char::is_whitespace);
        let closing = self.find('*', inside).filter(|end| {
            run(*end) == stars && !spaced(self.at(*end - 1)) && !spaced(self.at(inside))
        });
        let text = closing.map(|end| self.text(inside, end));
        match (stars, closing, text) {
            (1 | 2, Some(end), Some(text)) if !text.contains(['[', '`', '<', '_', '\\', '&']) => {
                self.flush();
                let style = if stars == 1 { Style::Emphasis } else { Style::Strong };
                self.push(text, style);
                self.next = end + stars;
            }
            _ => {
                let alone = stars == 1 && spaced(self.at(inside));
                if !alone {
                    let message = "these stars do not hold plain words between them";
                    let hint = "write *so* or **so**, nothing inside; a star itself is \\*";
                    findings.error(at, "unfinished_emphasis", message, hint);
                }
                self.plain.push_str(&"*".repeat(stars));
                self.next = inside;
            }
        }
    }

    fn link(&mut self, at: Position, findings: &mut Findings) {
        let inside = self.next + 1;
        let words = self.find(']', inside).filter(|end| self.at(*end + 1) == Some('('));
        let target = words.and_then(|end| Some((end, self.find(')', end)?)));
        let Some((words, end)) = target else {
            let message = "this bracket begins no link";
            let hint = "write [words](https://example.com); a bracket itself is \\[";
            findings.error(at, "bad_link", message, hint);
            self.plain.push('[');
            self.next = inside;
            return;
        };
        let text = self.text(inside, words);
        let address = self.text(words + 2, end);
        let host = address.strip_prefix("https://").unwrap_or_default();
        let odd = |letter: char| letter.is_whitespace() || "<>\"'`\\".contains(letter);
        let short = address.chars().count() <= LINK_CHARS_MAX;
        if !short || address.chars().any(odd) || !host.starts_with(char::is_alphanumeric) {
            let message = format!("`{}` is no address to link to", shown(&address));
            let hint = format!("use a whole https address of at most {LINK_CHARS_MAX} characters");
            findings.error(at, "bad_link", message, hint);
        } else if text.trim().is_empty() || text.contains(['[', '*', '`', '<', '_', '\\', '&']) {
            let message = "a link needs plain words between its brackets";
            findings.error(at, "bad_link", message, "write [words](https://example.com)");
        }
        self.flush();
        self.push(text, Style::Link(address));
        self.next = end + 1;
    }
}
