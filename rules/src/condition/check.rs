//! Type check, and compilation to a [`Program`] in the same walk.
//!
//! An expression with an error compiles to nothing; its neighbours are still
//! checked, so that one pass reports every error once.

use std::ops::Range;

use super::{
    ast::{ArithmeticOp, CompareOp, Expr, ExprKind},
    diagnostic::{DIAGNOSTICS_MAX, Diagnostic, quoted},
    eval::arithmetic,
    program::{
        BoolId, BoolNode, Builder, NumberId, NumberNode, Program, TextId, TextNode, TimeId,
        TimeNode,
    },
    schema::{FieldDef, Schema, Type},
    suggest,
    value::{Truth, Val},
};
use crate::nearest::nearest;

/// A compiled expression of one type.
#[derive(Copy, Clone, Debug)]
pub(super) enum Typed {
    Bool(BoolId),
    Number(NumberId),
    Text(TextId),
    Time(TimeId),
}

impl Typed {
    pub fn ty(self) -> Type {
        match self {
            Typed::Bool(_) => Type::Bool,
            Typed::Number(_) => Type::Number,
            Typed::Text(_) => Type::Text,
            Typed::Time(_) => Type::Time,
        }
    }
}

/// Checks `expr` against `schema`: the program and its warnings, or all errors.
pub(super) fn check(
    source: &str,
    expr: &Expr,
    schema: &Schema,
) -> Result<(Program, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut checker =
        Checker { source, schema, build: Builder::default(), errors: vec![], warnings: vec![] };
    match checker.condition(expr) {
        Some(root) if checker.errors.is_empty() => {
            Ok((checker.build.finish(root), checker.warnings))
        }
        _ => {
            checker.errors.sort_by_key(|error| error.span.start);
            Err(checker.errors)
        }
    }
}

pub(super) struct Checker<'s> {
    pub source: &'s str,
    pub schema: &'s Schema,
    pub build: Builder,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Checker<'_> {
    /// Notes an error. Beyond the limit the hint is not worked out either.
    pub fn wrong(
        &mut self,
        span: &Range<usize>,
        code: &'static str,
        message: String,
        hint: impl FnOnce(&Self) -> Option<String>,
    ) {
        if self.errors.len() < DIAGNOSTICS_MAX {
            let hint = hint(self);
            let error = Diagnostic::error(self.source, span.clone(), code, message);
            self.errors.push(error.maybe_hint(hint));
        }
    }

    /// An expression that must be true or false.
    pub fn condition(&mut self, expr: &Expr) -> Option<BoolId> {
        let typed = self.expression(expr)?;
        let Typed::Bool(id) = typed else {
            let (shown, ty) = (quoted(self.source, &expr.span), typed.ty());
            let message = format!("{shown} is {}, not a condition", ty.described());
            let example = match (ty, &expr.kind) {
                (Type::Number, _) => format!("compare it: {} > 0", shown.trim_matches('`')),
                (Type::Text, ExprKind::Name(name)) => format!("compare it: {name} != \"\""),
                (Type::Time, ExprKind::Name(name)) if name != "now" => {
                    format!("ask has({name}), or compare it with `now`")
                }
                _ => "compare it with something".to_owned(),
            };
            self.wrong(&expr.span, "not_a_condition", message, |_| Some(example));
            return None;
        };
        Some(id)
    }

    pub fn expression(&mut self, expr: &Expr) -> Option<Typed> {
        let span = &expr.span;
        match &expr.kind {
            ExprKind::Number(value) => Some(self.constant(*value, span)),
            ExprKind::Text(value) => {
                let run = self.build.texts([value.clone()]);
                Some(Typed::Text(self.build.text(TextNode::Constant(run.first))))
            }
            ExprKind::Bool(value) => Some(self.bool(BoolNode::Constant(Truth::from(*value)), span)),
            ExprKind::Name(name) => self.name(name, span),
            ExprKind::Not(inner) => {
                let inner = self.condition(inner)?;
                Some(self.bool(BoolNode::Not(inner), span))
            }
            ExprKind::Negate(inner) => {
                let inner = self.number(inner, "-")?;
                if let Some(value) = self.build.number_constant(inner) {
                    let node = NumberNode::Constant(value.map(|number| -number));
                    return Some(Typed::Number(self.build.number(node, span)));
                }
                Some(Typed::Number(self.build.number(NumberNode::Negate(inner), span)))
            }
            ExprKind::All(items) => {
                let parts = self.conditions(items)?;
                let run = self.build.parts(&parts);
                Some(self.bool(BoolNode::All(run), span))
            }
            ExprKind::Any(items) => {
                let parts = self.conditions(items)?;
                let run = self.build.parts(&parts);
                Some(self.bool(BoolNode::Any(run), span))
            }
            ExprKind::Compare(op, a, b) => self.compare(*op, a, b, span),
            ExprKind::Arithmetic(op, a, b) => self.arithmetic(*op, a, b, span),
            ExprKind::In(item, list) => self.among(item, list, span),
            ExprKind::Choice(parts) => self.choice(parts, span),
            ExprKind::Call(call) => self.call(call, span),
        }
    }

    pub fn bool(&mut self, node: BoolNode, span: &Range<usize>) -> Typed {
        Typed::Bool(self.build.bool(node, span))
    }

    fn constant(&mut self, value: f64, span: &Range<usize>) -> Typed {
        Typed::Number(self.build.number(NumberNode::Constant(Val::Known(value)), span))
    }

    fn conditions(&mut self, items: &[Expr]) -> Option<Vec<BoolId>> {
        let parts: Vec<_> = items.iter().map(|item| self.condition(item)).collect();
        parts.into_iter().collect()
    }

    fn name(&mut self, name: &str, span: &Range<usize>) -> Option<Typed> {
        if name == "now" {
            return Some(Typed::Time(self.build.time(TimeNode::Now)));
        }
        let field = self.field(name, span)?;
        let slot = self.build.field(field.slot, &field.name, field.ty);
        Some(match field.ty {
            Type::Bool => self.bool(BoolNode::Field(slot), span),
            Type::Number => Typed::Number(self.build.number(NumberNode::Field(slot), span)),
            Type::Text => Typed::Text(self.build.text(TextNode::Field(slot))),
            Type::Time => Typed::Time(self.build.time(TimeNode::Field(slot))),
        })
    }

    pub fn field(&mut self, name: &str, span: &Range<usize>) -> Option<FieldDef> {
        if let Some(field) = self.schema.field(name) {
            return Some(field.clone());
        }
        let message = format!("there is no field `{name}`");
        self.wrong(span, "unknown_field", message, |checker| match name {
            "null" | "None" | "nil" => {
                Some("ask whether a field is filled: has(deal.next_step)".into())
            }
            _ if super::calls::is_function(name) => {
                Some(format!("`{name}` is a function: {name}(…)"))
            }
            _ => {
                let names = checker.schema.fields().iter().map(|field| field.name.as_str());
                let near = nearest(name, names.chain(["now"]))?;
                Some(format!("did you mean `{near}`?"))
            }
        });
        None
    }

    /// An operand that must be a number.
    pub fn number(&mut self, expr: &Expr, symbol: &str) -> Option<NumberId> {
        let typed = self.expression(expr)?;
        let Typed::Number(id) = typed else {
            let shown = quoted(self.source, &expr.span);
            let message =
                format!("`{symbol}` works on numbers, {shown} is {}", typed.ty().described());
            self.wrong(&expr.span, "type_mismatch", message, |_| {
                let hint = match typed.ty() {
                    Type::Time => {
                        "turn a time into a number: days_since(…), hours_since(…) or days_until(…)"
                    }
                    Type::Text if symbol == "+" => {
                        "texts cannot be joined here; do that in the template"
                    }
                    _ => return None,
                };
                Some(hint.to_owned())
            });
            return None;
        };
        Some(id)
    }

    fn arithmetic(
        &mut self,
        op: ArithmeticOp,
        a: &Expr,
        b: &Expr,
        span: &Range<usize>,
    ) -> Option<Typed> {
        let left = self.number(a, op.symbol());
        let right = self.number(b, op.symbol());
        let (left, right) = (left?, right?);
        let constants = (self.build.number_constant(left), self.build.number_constant(right));
        if op == ArithmeticOp::Divide && constants.1 == Some(Val::Known(0.0)) {
            let message = "dividing by zero gives an unknown result";
            let warning =
                Diagnostic::warning(self.source, span.clone(), "division_by_zero", message);
            self.warnings.push(warning.hint("divide by another number"));
        }
        let node = match constants {
            (Some(a), Some(b)) => NumberNode::Constant(arithmetic(op, a, b)),
            _ => NumberNode::Arithmetic(op, left, right),
        };
        Some(Typed::Number(self.build.number(node, span)))
    }

    fn compare(&mut self, op: CompareOp, a: &Expr, b: &Expr, span: &Range<usize>) -> Option<Typed> {
        let (left, right) = (self.expression(a), self.expression(b));
        let (left, right) = (left?, right?);
        let same = op == CompareOp::Equal;
        let node = match (left, right) {
            (Typed::Number(a), Typed::Number(b)) => BoolNode::Numbers { op, a, b },
            (Typed::Time(a), Typed::Time(b)) => BoolNode::Times { op, a, b },
            (Typed::Text(left), Typed::Text(right)) if op.is_equality() => {
                self.known_values(a, b);
                self.known_values(b, a);
                BoolNode::SameText { a: left, b: right, same }
            }
            (Typed::Bool(a), Typed::Bool(b)) if op.is_equality() => {
                BoolNode::SameTruth { a, b, same }
            }
            (Typed::Text(_), Typed::Text(_)) | (Typed::Bool(_), Typed::Bool(_)) => {
                let (symbol, ty) = (op.symbol(), left.ty().described());
                let message = format!("`{symbol}` orders numbers and times, not {ty}");
                self.wrong(span, "no_order", message, |_| {
                    Some("use == or !=, or compare numbers".to_owned())
                });
                return None;
            }
            _ => {
                self.mismatch((a, left.ty()), (b, right.ty()), span);
                return None;
            }
        };
        Some(self.bool(node, span))
    }

    /// Two sides that should have had one type.
    pub fn mismatch(&mut self, a: (&Expr, Type), b: (&Expr, Type), span: &Range<usize>) {
        let shown = |(expr, ty): (&Expr, Type)| {
            format!("{} is {}", quoted(self.source, &expr.span), ty.described())
        };
        let message = format!("{}, but {}", shown(a), shown(b));
        self.wrong(span, "type_mismatch", message, |checker| {
            mismatch_hint(checker.source, a, b).or_else(|| mismatch_hint(checker.source, b, a))
        });
    }

    /// Refuses literals in `other` that a field `expr` can never equal.
    pub fn known_values(&mut self, expr: &Expr, other: &Expr) {
        let ExprKind::Name(name) = &expr.kind else { return };
        let Some(FieldDef { values: Some(allowed), .. }) = self.schema.field(name) else { return };
        match &other.kind {
            ExprKind::Text(value) if !value.is_empty() && !allowed.contains(value) => {
                let message = format!("`{name}` is never {}", quoted(self.source, &other.span));
                self.wrong(&other.span, "unknown_value", message, |_| {
                    Some(suggest::value_hint(value, allowed))
                });
            }
            ExprKind::Choice(parts) => {
                self.known_values(expr, &parts[1]);
                self.known_values(expr, &parts[2]);
            }
            _ => {}
        }
    }

    fn among(&mut self, item: &Expr, list: &[Expr], span: &Range<usize>) -> Option<Typed> {
        let typed = self.expression(item)?;
        if matches!(typed, Typed::Bool(_) | Typed::Time(_)) {
            let (shown, ty) = (quoted(self.source, &item.span), typed.ty().described());
            let message = format!("`in` looks up numbers and texts, {shown} is {ty}");
            self.wrong(&item.span, "type_mismatch", message, |_| None);
            return None;
        }
        let errors_before = self.errors.len();
        let mut texts = Vec::new();
        let mut numbers = Vec::new();
        for entry in list {
            match (typed, &entry.kind) {
                (Typed::Text(_), ExprKind::Text(text)) => {
                    self.known_values(item, entry);
                    texts.push(text.clone());
                }
                (Typed::Number(_), ExprKind::Number(number)) => numbers.push(*number),
                (_, kind) => {
                    let ty = literal_type(kind);
                    self.mismatch((item, typed.ty()), (entry, ty), &entry.span);
                }
            }
        }
        let node = match typed {
            _ if self.errors.len() > errors_before => return None,
            Typed::Text(text) => BoolNode::TextIn(text, self.build.texts(texts)),
            Typed::Number(number) => BoolNode::NumberIn(number, self.build.numbers_listed(numbers)),
            Typed::Bool(_) | Typed::Time(_) => return None,
        };
        Some(self.bool(node, span))
    }

    fn choice(&mut self, parts: &[Expr; 3], span: &Range<usize>) -> Option<Typed> {
        let [condition, yes, no] = parts;
        let asked = self.condition(condition);
        let (left, right) = (self.expression(yes), self.expression(no));
        let (asked, left, right) = (asked?, left?, right?);
        Some(match (left, right) {
            (Typed::Bool(yes), Typed::Bool(no)) => {
                self.bool(BoolNode::Choice(asked, yes, no), span)
            }
            (Typed::Number(yes), Typed::Number(no)) => {
                Typed::Number(self.build.number(NumberNode::Choice(asked, yes, no), span))
            }
            (Typed::Text(yes), Typed::Text(no)) => {
                Typed::Text(self.build.text(TextNode::Choice(asked, yes, no)))
            }
            (Typed::Time(yes), Typed::Time(no)) => {
                Typed::Time(self.build.time(TimeNode::Choice(asked, yes, no)))
            }
            _ => {
                self.mismatch((yes, left.ty()), (no, right.ty()), span);
                return None;
            }
        })
    }
}

fn literal_type(kind: &ExprKind) -> Type {
    match kind {
        ExprKind::Number(_) => Type::Number,
        ExprKind::Text(_) => Type::Text,
        _ => Type::Bool,
    }
}

fn mismatch_hint(source: &str, a: (&Expr, Type), b: (&Expr, Type)) -> Option<String> {
    let other = source.get(b.0.span.clone()).unwrap_or_default();
    match (a.1, b.1, &b.0.kind) {
        (Type::Number, Type::Text, ExprKind::Text(text)) if text.parse::<f64>().is_ok() => {
            Some(format!("write the number without quotes: {}", text.trim()))
        }
        (Type::Text, Type::Number, ExprKind::Number(_)) => {
            Some(format!("put the text in quotes: \"{other}\""))
        }
        (Type::Time, Type::Number, _) => {
            Some("count days or hours: days_since(…), hours_since(…) or days_until(…)".to_owned())
        }
        (Type::Time, Type::Text, _) => {
            Some("compare a time with `now`, with another time, or count days_since(…)".to_owned())
        }
        _ => None,
    }
}
