//! The closed list of functions and how each is checked.

use std::ops::Range;

use super::{
    ast::{Call, Expr, ExprKind},
    check::{Checker, Typed},
    diagnostic::quoted,
    program::{BoolNode, DayCount, NumberNode, TextId, TextTest, TimeId},
    schema::Type,
};
use crate::nearest::nearest;

#[derive(Copy, Clone)]
enum Function {
    Has,
    Size,
    Text(TextTest),
    Days(DayCount),
}

/// Every function: its name, how it is written, and what it is.
const FUNCTIONS: [(&str, &str, Function); 9] = [
    ("has", "has(deal.next_step)", Function::Has),
    ("size", "size(deal.name)", Function::Size),
    ("startsWith", "deal.name.startsWith(\"…\")", Function::Text(TextTest::StartsWith)),
    ("endsWith", "deal.name.endsWith(\"…\")", Function::Text(TextTest::EndsWith)),
    ("contains", "deal.name.contains(\"…\")", Function::Text(TextTest::Contains)),
    ("days_since", "days_since(deal.created_at)", Function::Days(DayCount::DaysSince)),
    ("hours_since", "hours_since(deal.created_at)", Function::Days(DayCount::HoursSince)),
    (
        "business_days_since",
        "business_days_since(deal.created_at)",
        Function::Days(DayCount::BusinessDaysSince),
    ),
    ("days_until", "days_until(deal.close_date)", Function::Days(DayCount::DaysUntil)),
];

pub(super) fn is_function(name: &str) -> bool {
    FUNCTIONS.iter().any(|(known, _, _)| *known == name)
}

impl DayCount {
    /// As written in conditions.
    pub fn name(self) -> &'static str {
        match self {
            DayCount::DaysSince => "days_since",
            DayCount::HoursSince => "hours_since",
            DayCount::BusinessDaysSince => "business_days_since",
            DayCount::DaysUntil => "days_until",
        }
    }
}

impl Checker<'_> {
    pub(super) fn call(&mut self, call: &Call, span: &Range<usize>) -> Option<Typed> {
        let found = FUNCTIONS.iter().find(|(name, _, _)| *name == call.function);
        let Some((name, usage, function)) = found else {
            return self.unknown_function(call);
        };
        let wants_receiver = matches!(function, Function::Text(_));
        if wants_receiver != call.receiver.is_some() || call.arguments.len() != 1 {
            let message = format!("`{name}` is not used like this");
            self.wrong(span, "wrong_call", message, |_| Some(format!("write {usage}")));
            return None;
        }
        let argument = call.arguments.first()?;
        match *function {
            Function::Has => self.has(argument, span),
            Function::Size => {
                let text = self.text_argument(argument, name)?;
                Some(Typed::Number(self.build.number(NumberNode::Size(text), span)))
            }
            Function::Text(test) => {
                let text = call.receiver.as_ref().and_then(|text| self.text_argument(text, name));
                let part = self.text_argument(argument, name);
                let node = BoolNode::TextTest { test, text: text?, part: part? };
                Some(self.bool(node, span))
            }
            Function::Days(count) => {
                let time = self.time_argument(argument, name)?;
                Some(Typed::Number(self.build.number(NumberNode::Days(count, time), span)))
            }
        }
    }

    fn unknown_function(&mut self, call: &Call) -> Option<Typed> {
        let message = format!("there is no function `{}`", call.function);
        self.wrong(&call.function_span, "unknown_function", message, |_| {
            let near = nearest(&call.function, FUNCTIONS.iter().map(|known| known.0));
            let usage = FUNCTIONS.iter().find(|known| Some(known.0) == near);
            Some(match usage {
                Some((_, usage, _)) => format!("did you mean {usage}?"),
                None => {
                    let names: Vec<_> = FUNCTIONS.iter().map(|known| known.0).collect();
                    format!("there are: {}", names.join(", "))
                }
            })
        });
        // Errors inside the arguments are worth reporting in the same pass.
        for part in call.receiver.iter().map(AsRef::as_ref).chain(&call.arguments) {
            self.expression(part);
        }
        None
    }

    fn has(&mut self, argument: &Expr, span: &Range<usize>) -> Option<Typed> {
        let ExprKind::Name(name) = &argument.kind else {
            let message =
                format!("`has` asks about a field, not {}", quoted(self.source, &argument.span));
            self.wrong(&argument.span, "has_needs_field", message, |_| {
                Some("name one field: has(deal.next_step)".to_owned())
            });
            return None;
        };
        if name == "now" {
            let message = "`now` is always known".to_owned();
            self.wrong(&argument.span, "has_needs_field", message, |_| {
                Some("name one field: has(deal.next_step)".to_owned())
            });
            return None;
        }
        let field = self.field(name, &argument.span)?;
        let slot = self.build.field(field.slot, &field.name, field.ty);
        Some(self.bool(BoolNode::Has(slot, field.ty), span))
    }

    fn text_argument(&mut self, expr: &Expr, function: &str) -> Option<TextId> {
        match self.expression(expr)? {
            Typed::Text(id) => Some(id),
            other => {
                self.wrong_argument(expr, function, "text", other.ty());
                None
            }
        }
    }

    fn time_argument(&mut self, expr: &Expr, function: &str) -> Option<TimeId> {
        match self.expression(expr)? {
            Typed::Time(id) => Some(id),
            other => {
                self.wrong_argument(expr, function, "a time", other.ty());
                None
            }
        }
    }

    fn wrong_argument(&mut self, expr: &Expr, function: &str, wanted: &str, found: Type) {
        let shown = quoted(self.source, &expr.span);
        let message = format!("`{function}` needs {wanted}, {shown} is {}", found.described());
        self.wrong(&expr.span, "type_mismatch", message, |_| None);
    }
}
