//! Random conditions that type-check, and random facts for them.
//!
//! Everything is drawn from a list of numbers that proptest makes and shrinks:
//! small numbers take the first, simplest alternative.

use super::*;
use crate::time::{DAY_MS, HOUR_MS, MINUTE_MS};

/// A supply of choices; 0 once it is used up.
pub(super) struct Picks<'p> {
    left: std::slice::Iter<'p, u16>,
}

impl<'p> Picks<'p> {
    pub fn new(picks: &'p [u16]) -> Picks<'p> {
        Picks { left: picks.iter() }
    }

    pub fn below(&mut self, bound: u16) -> u16 {
        self.left.next().map_or(0, |pick| pick % bound)
    }

    pub fn of<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[usize::from(self.below(items.len() as u16))]
    }
}

/// What random conditions may use.
#[derive(Copy, Clone, PartialEq)]
pub(super) enum Language {
    /// All of it.
    Whole,
    /// What a CEL implementation understands with the same meaning: no time
    /// functions, no `has`.
    SharedWithCel,
    /// Only numbers whose movement in time can be proved.
    Provable,
}

pub(super) struct Generator<'p> {
    pub picks: Picks<'p>,
    pub language: Language,
}

impl Generator<'_> {
    pub fn condition(&mut self, depth: u32) -> String {
        if depth == 0 {
            return self.test(1);
        }
        match self.picks.below(8) {
            0 => self.test(depth),
            1 | 2 => format!("{} && {}", self.grouped(depth), self.grouped(depth)),
            3 | 4 => format!("{} || {}", self.grouped(depth), self.grouped(depth)),
            5 => format!("!{}", self.grouped(depth)),
            6 => {
                let (a, b, c) = (self.grouped(depth), self.grouped(depth), self.grouped(depth));
                format!("{a} ? {b} : {c}")
            }
            _ => format!("{} {} {}", self.grouped(depth), self.equality(), self.grouped(depth)),
        }
    }

    fn grouped(&mut self, depth: u32) -> String {
        format!("({})", self.condition(depth - 1))
    }

    fn equality(&mut self) -> &'static str {
        self.picks.of(&["==", "!="])
    }

    fn order(&mut self) -> &'static str {
        self.picks.of(&[">=", "<", ">", "<=", "==", "!="])
    }

    fn test(&mut self, depth: u32) -> String {
        let timeless = self.language == Language::SharedWithCel;
        // Number tests come most often: they are where the difficulties are.
        match self.picks.below(if timeless { 8 } else { 14 }).saturating_sub(if timeless {
            1
        } else {
            4
        }) {
            0 => format!(
                "{} {} {}",
                self.number(depth),
                self.order(),
                self.number(depth.saturating_sub(1))
            ),
            1 => format!("{} in [{}, 2.0, 7.5]", self.number(depth), self.literal()),
            2 => self.picks.of(&["deal.has_champion", "deal.is_committed", "true", "false"]).into(),
            3 => {
                let stages = ["\"proposal\"", "\"won\"", "\"\""];
                format!("deal.stage {} {}", self.equality(), self.picks.of(&stages))
            }
            4 => {
                format!("deal.stage in [\"discovery\", {}]", self.picks.of(&["\"won\"", "'lost'"]))
            }
            5 => {
                let test = self.picks.of(&["startsWith", "endsWith", "contains"]);
                format!("{}.{test}({})", self.text(depth), self.text(0))
            }
            6 => format!("{} {} {}", self.text(depth), self.equality(), self.text(depth)),
            7 => {
                let field = ["deal.amount", "deal.next_step", "deal.close_date"];
                format!("has({})", self.picks.of(&field))
            }
            _ => format!("{} {} {}", self.time(depth), self.order(), self.time(0)),
        }
    }

    fn literal(&mut self) -> String {
        self.picks.of(&["1.0", "0.0", "5.0", "3.25", "20.0", "-2.0"]).into()
    }

    pub fn number(&mut self, depth: u32) -> String {
        let fixed = ["deal.amount", "threshold", "deal.push_count"];
        let age = match self.language {
            Language::SharedWithCel => self.picks.of(&fixed).into(),
            Language::Whole | Language::Provable => {
                let function = ["business_days_since", "days_since", "days_until", "hours_since"];
                format!("{}({})", self.picks.of(&function), self.time(depth.min(1)))
            }
        };
        if depth == 0 {
            return if self.picks.below(2) == 0 {
                self.literal()
            } else {
                self.picks.of(&fixed).into()
            };
        }
        match self.picks.below(9) {
            0 | 1 => age,
            2 => self.literal(),
            3 | 4 => format!("{age} {} {}", self.picks.of(&["+", "-"]), self.number(0)),
            5 => format!("{age} {} {}", self.picks.of(&["*", "/"]), self.number(0)),
            6 if self.language == Language::Provable => format!("-{age}"),
            6 | 7 => {
                let op = self.picks.of(&["-", "+", "*", "/"]);
                format!(
                    "({}) {op} ({})",
                    self.number(depth.saturating_sub(1)),
                    self.number(depth.saturating_sub(1))
                )
            }
            _ => {
                let (yes, no) =
                    (self.number(depth.saturating_sub(1)), self.number(depth.saturating_sub(1)));
                format!("({} ? {yes} : {no})", self.test(depth))
            }
        }
    }

    fn text(&mut self, depth: u32) -> String {
        match self.picks.below(if depth == 0 { 3 } else { 4 }) {
            0 => "deal.next_step".into(),
            1 => self.picks.of(&["\"call\"", "\"\"", "'l Ann'", "\"é\\\"\""]).into(),
            2 => "\"call Ann\"".into(),
            _ => {
                let (yes, no) = (self.text(0), self.text(0));
                format!("({} ? {yes} : {no})", self.test(depth.saturating_sub(1)))
            }
        }
    }

    fn time(&mut self, depth: u32) -> String {
        let fields = ["deal.created_at", "deal.last_inbound_at", "deal.close_date", "now"];
        if depth > 0 && self.picks.below(6) == 5 {
            let (yes, no) = (self.time(0), self.time(0));
            return format!(
                "({} ? {yes} : {no})",
                self.picks.of(&["deal.has_champion", "deal.close_date > now"])
            );
        }
        self.picks.of(&fields).into()
    }
}

/// Facts around `now`; `known` leaves out Empty and Unknown ones.
pub(super) fn facts(picks: &mut Picks<'_>, now: UnixMs, known: bool) -> Vec<Slot<'static>> {
    let mut slots = vec![Slot::Unknown; SLOTS];
    for (slot, value) in slots.iter_mut().enumerate() {
        let kind = if known { 0 } else { picks.below(16) };
        *value = match (kind, slot as u16) {
            (9, _) => Slot::Unknown,
            (8, _) => Slot::Empty,
            (_, STAGE) => Slot::Text(picks.of(&["proposal", "won", "discovery", "lost"])),
            (_, NEXT_STEP) => Slot::Text(picks.of(&["call", "call Ann", "", "é\"", "cold"])),
            (_, CHAMPION | COMMITTED) => Slot::Bool(picks.below(2) == 1),
            (_, AMOUNT | THRESHOLD | PUSH_COUNT) => {
                Slot::Number(f64::from(picks.below(48)) / 4.0 - 2.0)
            }
            _ => Slot::Time(near(picks, now)),
        };
    }
    slots
}

/// An instant up to twenty days from `now`, often on a round minute or day.
fn near(picks: &mut Picks<'_>, now: UnixMs) -> UnixMs {
    let days = i64::from(picks.below(41)) - 20;
    let moved = now.plus_ms(days * DAY_MS);
    match picks.below(4) {
        0 => moved,
        1 => moved.plus_ms(i64::from(picks.below(1_440)) * MINUTE_MS),
        2 => moved.plus_ms(i64::from(picks.below(48)) * HOUR_MS + 1),
        _ => UnixMs(moved.0 / DAY_MS * DAY_MS),
    }
}
