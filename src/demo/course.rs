//! How far a history has been played: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

/// Plain lines until the end, so that a log stays short.
const PLAIN_LINES: u64 = 10;

/// How far a history has been played, told on standard error.
pub struct Course {
    bar: ProgressBar,
    is_terminal: bool,
    length: u64,
    of: &'static str,
    told: u64,
}

impl Course {
    /// One of that many movements.
    #[must_use]
    pub fn new(length: usize) -> Course {
        Course::of(length, "movements")
    }

    /// One of that many of something else.
    #[must_use]
    pub fn of(length: usize, of: &'static str) -> Course {
        let is_terminal = std::io::stderr().is_terminal();
        let length = length as u64;
        let bar = if is_terminal { ProgressBar::new(length) } else { ProgressBar::hidden() };
        let style =
            ProgressStyle::with_template(&format!("{{bar:30}} {{pos}}/{{len}} {of}  {{msg}}"));
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Course { bar, is_terminal, length, of, told: 0 }
    }

    /// It has come to `position`; `note` says where that is.
    pub fn at(&mut self, position: usize, note: &str) {
        let position = position as u64;
        self.bar.set_position(position);
        self.bar.set_message(note.to_owned());
        let tenth = position * PLAIN_LINES / self.length.max(1);
        if !self.is_terminal && tenth > self.told {
            self.told = tenth;
            eprintln!("{position}/{} {}  {note}", self.length, self.of);
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
