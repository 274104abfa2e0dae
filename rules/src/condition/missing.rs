//! Which unknown facts keep a condition from being decided.

use super::{
    Condition,
    eval::Evaluation,
    program::{BoolId, BoolNode, NumberId, NumberNode, TextId, TextNode, TimeId, TimeNode},
    value::{Context, Truth, Val},
};

impl Condition {
    /// The slots whose being Unknown keeps the condition Unknown, in source
    /// order; none if it is decided. Also none if it is Unknown by reckoning
    /// alone, as after a division by zero.
    #[must_use]
    pub fn unknown_because(&self, on: &Context<'_>) -> Vec<u16> {
        let program = &self.compiled.program;
        let mut search = Search { run: Evaluation { program, on }, slots: Vec::new() };
        search.truth(program.root);
        let source_order = &program.slots_read;
        search.slots.sort_by_key(|slot| source_order.iter().position(|read| read == slot));
        search.slots
    }
}

struct Search<'r> {
    run: Evaluation<'r>,
    slots: Vec<u16>,
}

impl Search<'_> {
    fn add(&mut self, slot: u16) {
        if !self.slots.contains(&slot) {
            self.slots.push(slot);
        }
    }

    /// Collects from `id` if it is Unknown. An Unknown `&&` has no false part,
    /// and an Unknown `||` no true one: every Unknown part matters.
    fn truth(&mut self, id: BoolId) {
        if self.run.truth(id) != Truth::Unknown {
            return;
        }
        let program = self.run.program;
        match program.bool_node(id) {
            BoolNode::Constant(_) => {}
            BoolNode::Field(slot) | BoolNode::Has(slot, _) => self.add(slot),
            BoolNode::Not(inner) => self.truth(inner),
            BoolNode::All(run) | BoolNode::Any(run) => {
                for part in program.parts(run) {
                    self.truth(*part);
                }
            }
            BoolNode::Choice(condition, yes, no) => match self.run.truth(condition) {
                Truth::True => self.truth(yes),
                Truth::False => self.truth(no),
                Truth::Unknown => self.truth(condition),
            },
            BoolNode::SameTruth { a, b, .. } => {
                self.truth(a);
                self.truth(b);
            }
            BoolNode::Numbers { a, b, .. } => {
                self.number(a);
                self.number(b);
            }
            BoolNode::Times { a, b, .. } => {
                self.time(a);
                self.time(b);
            }
            BoolNode::SameText { a, b, .. } => {
                self.text(a);
                self.text(b);
            }
            BoolNode::TextTest { text, part, .. } => {
                self.text(text);
                self.text(part);
            }
            BoolNode::TextIn(text, _) => self.text(text),
            BoolNode::NumberIn(number, _) => self.number(number),
        }
    }

    fn number(&mut self, id: NumberId) {
        if self.run.number(id) != Val::Unknown {
            return;
        }
        match self.run.program.number_node(id) {
            NumberNode::Constant(_) => {}
            NumberNode::Field(slot) => self.add(slot),
            NumberNode::Negate(inner) => self.number(inner),
            NumberNode::Arithmetic(_, a, b) => {
                self.number(a);
                self.number(b);
            }
            NumberNode::Choice(condition, yes, no) => match self.run.truth(condition) {
                Truth::True => self.number(yes),
                Truth::False => self.number(no),
                Truth::Unknown => self.truth(condition),
            },
            NumberNode::Size(text) => self.text(text),
            NumberNode::Days(_, time) => self.time(time),
        }
    }

    fn text(&mut self, id: TextId) {
        if self.run.text(id).is_some() {
            return;
        }
        match self.run.program.text_node(id) {
            TextNode::Constant(_) => {}
            TextNode::Field(slot) => self.add(slot),
            TextNode::Choice(condition, yes, no) => match self.run.truth(condition) {
                Truth::True => self.text(yes),
                Truth::False => self.text(no),
                Truth::Unknown => self.truth(condition),
            },
        }
    }

    fn time(&mut self, id: TimeId) {
        if self.run.time(id) != Val::Unknown {
            return;
        }
        match self.run.program.time_node(id) {
            TimeNode::Now => {}
            TimeNode::Field(slot) => self.add(slot),
            TimeNode::Choice(condition, yes, no) => match self.run.truth(condition) {
                Truth::True => self.time(yes),
                Truth::False => self.time(no),
                Truth::Unknown => self.truth(condition),
            },
        }
    }
}
