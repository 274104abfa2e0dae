//! How far something long has come: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

/// Plain lines until the end, so that a log stays short.
const PLAIN_LINES: u64 = 10;

/// How far it has come, told on standard error.
pub struct Course {
    bar: ProgressBar,
    is_terminal: bool,
    noun: &'static str,
    length: u64,
    tenths: Tenths,
}

/// Each tenth of the way, once.
pub struct Tenths {
    length: u64,
    told: u64,
}

impl Tenths {
    /// Of that many steps.
    #[must_use]
    pub fn new(length: u64) -> Tenths {
        Tenths { length, told: 0 }
    }

    /// Whether a further tenth has been reached.
    pub fn reached(&mut self, position: u64) -> bool {
        let tenth = position.saturating_mul(PLAIN_LINES) / self.length.max(1);
        let is_further = tenth > self.told;
        self.told = self.told.max(tenth);
        is_further
    }
}

impl Course {
    /// One of that many steps, which are called so: `movements`.
    #[must_use]
    pub fn new(length: usize, noun: &'static str) -> Course {
        let is_terminal = std::io::stderr().is_terminal();
        let length = length as u64;
        let bar = if is_terminal { ProgressBar::new(length) } else { ProgressBar::hidden() };
        let style =
            ProgressStyle::with_template(&format!("{{bar:30}} {{pos}}/{{len}} {noun}  {{msg}}"));
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Course { bar, is_terminal, noun, length, tenths: Tenths::new(length) }
    }

    /// It has come to `position`; `note` says where that is.
    pub fn at(&mut self, position: usize, note: &str) {
        let position = position as u64;
        self.bar.set_position(position);
        self.bar.set_message(note.to_owned());
        if self.tenths.reached(position) && !self.is_terminal {
            eprintln!("{position}/{} {}  {note}", self.length, self.noun);
        }
    }

    /// Writes something else without tearing the bar.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// It has ended.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
