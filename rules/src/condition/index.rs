//! What a condition demands of one text field: the keys of the rule index.

use super::{
    Condition,
    program::{BoolId, BoolNode, Program, TextId, TextNode},
    value::Truth,
};

impl Condition {
    /// The texts among which `slot` must be for the condition to be true, or
    /// `None` if it may be anything. An Empty field is the text `""`.
    ///
    /// Read from equalities and `in` that must hold, through `&&`, `||` and
    /// parentheses. An empty list means that the condition is never true.
    #[must_use]
    pub fn required_values(&self, slot: u16) -> Option<Vec<&str>> {
        let program = &self.compiled.program;
        required(program, program.root, slot)
    }
}

fn required(program: &Program, id: BoolId, slot: u16) -> Option<Vec<&str>> {
    match program.bool_node(id) {
        BoolNode::Constant(Truth::False) => Some(Vec::new()),
        BoolNode::SameText { a, b, same: true } => {
            let text = if reads(program, a, slot) {
                constant(program, b)
            } else if reads(program, b, slot) {
                constant(program, a)
            } else {
                None
            };
            text.map(|text| vec![text])
        }
        BoolNode::TextIn(text, run) if reads(program, text, slot) => {
            let mut values = Vec::new();
            for value in program.texts(run) {
                if !values.contains(&value.as_ref()) {
                    values.push(value.as_ref());
                }
            }
            Some(values)
        }
        BoolNode::All(run) => {
            let parts = program.parts(run).iter();
            parts.filter_map(|part| required(program, *part, slot)).reduce(|mut all, part| {
                all.retain(|value| part.contains(value));
                all
            })
        }
        BoolNode::Any(run) => {
            let mut union = Vec::new();
            for part in program.parts(run) {
                for value in required(program, *part, slot)? {
                    if !union.contains(&value) {
                        union.push(value);
                    }
                }
            }
            Some(union)
        }
        _ => None,
    }
}

fn reads(program: &Program, id: TextId, slot: u16) -> bool {
    program.text_node(id) == TextNode::Field(slot)
}

fn constant(program: &Program, id: TextId) -> Option<&str> {
    match program.text_node(id) {
        TextNode::Constant(index) => Some(program.text(index)),
        TextNode::Field(_) | TextNode::Choice(..) => None,
    }
}
