//! Tokens to a tree, by precedence climbing.
//!
//! From loosest to tightest: `? :`, `||`, `&&`, comparisons and `in` (which do
//! not chain), `+ -`, `* /`, `! -`, calls.

use std::ops::Range;

use super::{
    DEPTH_MAX, NAME_BYTES_MAX, PARTS_MAX,
    ast::{ArithmeticOp, Call, CompareOp, Expr, ExprKind},
    diagnostic::{Diagnostic, quoted},
    lex::{Spanned, Token},
};

/// Parses `tokens`, which must end with [`Token::End`]. The first error stops it.
pub(super) fn parse(source: &str, tokens: &[Spanned]) -> Result<Expr, Diagnostic> {
    let mut parser = Parser { source, tokens, next: 0, level: 0, parts: 0 };
    if parser.peek() == &Token::End {
        let wrong =
            Diagnostic::error(source, parser.here(), "empty_condition", "nothing is written here");
        return Err(wrong.hint("write `true` for a condition that always holds"));
    }
    let expr = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser<'s> {
    source: &'s str,
    tokens: &'s [Spanned],
    next: usize,
    level: usize,
    parts: usize,
}

enum Infix {
    All,
    Any,
    Compare(CompareOp),
    In,
    Arithmetic(ArithmeticOp),
}

const COMPARISON_STRENGTH: u8 = 3;

impl Infix {
    fn of(mark: &str) -> Option<(u8, Infix)> {
        Some(match mark {
            "||" => (1, Infix::Any),
            "&&" => (2, Infix::All),
            "==" => (COMPARISON_STRENGTH, Infix::Compare(CompareOp::Equal)),
            "!=" => (COMPARISON_STRENGTH, Infix::Compare(CompareOp::NotEqual)),
            "<" => (COMPARISON_STRENGTH, Infix::Compare(CompareOp::Less)),
            "<=" => (COMPARISON_STRENGTH, Infix::Compare(CompareOp::LessOrEqual)),
            ">" => (COMPARISON_STRENGTH, Infix::Compare(CompareOp::Greater)),
            ">=" => (COMPARISON_STRENGTH, Infix::Compare(CompareOp::GreaterOrEqual)),
            "in" => (COMPARISON_STRENGTH, Infix::In),
            "+" => (4, Infix::Arithmetic(ArithmeticOp::Add)),
            "-" => (4, Infix::Arithmetic(ArithmeticOp::Subtract)),
            "*" => (5, Infix::Arithmetic(ArithmeticOp::Multiply)),
            "/" => (5, Infix::Arithmetic(ArithmeticOp::Divide)),
            _ => return None,
        })
    }
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |spanned| &spanned.token)
    }

    fn here(&self) -> Range<usize> {
        let end = self.source.len();
        self.tokens.get(self.next).map_or(end..end, |spanned| spanned.span.clone())
    }

    /// Where the token before this one ended.
    fn behind(&self) -> usize {
        let last = self.next.checked_sub(1).and_then(|last| self.tokens.get(last));
        last.map_or(0, |spanned| spanned.span.end)
    }

    /// The word or mark at hand, or nothing for literals and the end.
    fn symbol(&self) -> &str {
        match self.peek() {
            Token::Mark(mark) => mark,
            Token::Word => &self.source[self.here()],
            _ => "",
        }
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let found = self.symbol() == symbol;
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, mark: &str) -> Result<(), Diagnostic> {
        if self.eat(mark) { Ok(()) } else { Err(self.unexpected(&format!("`{mark}`"))) }
    }

    fn unexpected(&self, wanted: &str) -> Diagnostic {
        let span = self.here();
        if self.peek() == &Token::End {
            let message = format!("the condition ends where {wanted} is needed");
            return Diagnostic::error(self.source, span, "unexpected_end", message);
        }
        let message = format!("found {} where {wanted} is needed", quoted(self.source, &span));
        let hint = match self.symbol() {
            "and" | "AND" => Some("write `&&` for \"and\""),
            "or" | "OR" => Some("write `||` for \"or\""),
            "not" | "NOT" => Some("write `!` for \"not\""),
            "in" => Some("`in` stands between a value and a list: deal.stage in [\"a\", \"b\"]"),
            "[" => {
                Some("a list stands only to the right of `in`, and nothing is picked out of one")
            }
            ")" => Some("there is no `(` for it"),
            "," => {
                Some("values are listed only in calls and in `in [..]`; numbers have no separators")
            }
            "." => Some("a number needs a digit before its point: 0.5"),
            ":" => Some("a choice is written `condition ? value : other value`"),
            _ if matches!(self.before(), "not" | "NOT") => Some("write `!` for \"not\""),
            _ => None,
        };
        let wrong = Diagnostic::error(self.source, span, "unexpected_token", message);
        wrong.maybe_hint(hint.map(str::to_owned))
    }

    fn before(&self) -> &str {
        let last = self.next.checked_sub(1).and_then(|last| self.tokens.get(last));
        last.map_or("", |spanned| &self.source[spanned.span.clone()])
    }

    fn deeper(&mut self) -> Result<(), Diagnostic> {
        self.level += 1;
        if self.level > DEPTH_MAX { Err(self.too_deep(self.here())) } else { Ok(()) }
    }

    fn too_deep(&self, span: Range<usize>) -> Diagnostic {
        let message = format!("this is nested more than {DEPTH_MAX} levels deep");
        let wrong = Diagnostic::error(self.source, span, "too_deep", message);
        wrong.hint("split it into several rules, or remove parentheses")
    }

    fn make(&mut self, start: usize, kind: ExprKind) -> Result<Expr, Diagnostic> {
        self.make_at(start..self.behind(), kind)
    }

    fn make_at(&mut self, span: Range<usize>, kind: ExprKind) -> Result<Expr, Diagnostic> {
        let depth = 1 + Expr::depth_below(&kind);
        if depth > DEPTH_MAX {
            return Err(self.too_deep(span));
        }
        self.parts += 1;
        if self.parts > PARTS_MAX {
            let message = format!("a condition has at most {PARTS_MAX} parts");
            let wrong = Diagnostic::error(self.source, span, "too_many_parts", message);
            return Err(wrong.hint("split it into several rules"));
        }
        Ok(Expr { kind, span, depth })
    }

    fn expression(&mut self) -> Result<Expr, Diagnostic> {
        self.deeper()?;
        let start = self.here().start;
        let mut expr = self.infix(1)?;
        if self.eat("?") {
            let yes = self.expression()?;
            self.expect(":")?;
            let no = self.expression()?;
            expr = self.make(start, ExprKind::Choice(Box::new([expr, yes, no])))?;
        }
        self.level -= 1;
        Ok(expr)
    }

    /// Operators of at least this strength, left to right.
    fn infix(&mut self, strength_min: u8) -> Result<Expr, Diagnostic> {
        let start = self.here().start;
        let mut left = self.prefix()?;
        let mut compared = false;
        while let Some((strength, infix)) = Infix::of(self.symbol()) {
            if strength < strength_min {
                break;
            }
            if compared && strength == COMPARISON_STRENGTH {
                return Err(self.chained());
            }
            compared = strength == COMPARISON_STRENGTH;
            self.next += 1;
            let kind = match infix {
                Infix::All => ExprKind::All(self.chain(left, "&&", strength)?),
                Infix::Any => ExprKind::Any(self.chain(left, "||", strength)?),
                Infix::In => ExprKind::In(Box::new(left), self.list()?),
                Infix::Compare(op) => {
                    let right = self.infix(strength + 1)?;
                    ExprKind::Compare(op, Box::new(left), Box::new(right))
                }
                Infix::Arithmetic(op) => {
                    let right = self.infix(strength + 1)?;
                    ExprKind::Arithmetic(op, Box::new(left), Box::new(right))
                }
            };
            left = self.make(start, kind)?;
        }
        Ok(left)
    }

    fn chain(&mut self, first: Expr, symbol: &str, strength: u8) -> Result<Vec<Expr>, Diagnostic> {
        let mut items = vec![first, self.infix(strength + 1)?];
        while self.eat(symbol) {
            items.push(self.infix(strength + 1)?);
        }
        Ok(items)
    }

    fn chained(&self) -> Diagnostic {
        let message = "comparisons do not chain";
        let wrong = Diagnostic::error(self.source, self.here(), "chained_comparison", message);
        wrong.hint("join two with `&&`: 1 < x && x < 5")
    }

    fn prefix(&mut self) -> Result<Expr, Diagnostic> {
        let start = self.here().start;
        let negates = self.symbol() == "-";
        if !negates && self.symbol() != "!" {
            return self.postfix();
        }
        self.next += 1;
        self.deeper()?;
        let inner = Box::new(self.prefix()?);
        self.level -= 1;
        self.make(start, if negates { ExprKind::Negate(inner) } else { ExprKind::Not(inner) })
    }

    /// A primary, and method calls on it.
    fn postfix(&mut self) -> Result<Expr, Diagnostic> {
        let start = self.here().start;
        let mut expr = self.primary()?;
        while self.eat(".") {
            let function_span = self.here();
            let function = self.word("a function such as `contains`")?;
            if self.symbol() != "(" {
                return Err(self.unexpected("`(`"));
            }
            expr = self.call(start, function, function_span, Some(Box::new(expr)))?;
        }
        Ok(expr)
    }

    fn primary(&mut self) -> Result<Expr, Diagnostic> {
        let span = self.here();
        let token = self.peek().clone();
        match token {
            Token::Number(value) => {
                self.next += 1;
                self.make_at(span, ExprKind::Number(value))
            }
            Token::Text(value) => {
                self.next += 1;
                self.make_at(span, ExprKind::Text(value))
            }
            Token::Word => self.name_or_call(),
            Token::Mark("(") => {
                self.next += 1;
                let inner = self.expression()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Mark(_) | Token::End => Err(self.unexpected("a value")),
        }
    }

    fn word(&mut self, wanted: &str) -> Result<String, Diagnostic> {
        if self.peek() != &Token::Word {
            return Err(self.unexpected(wanted));
        }
        let word = self.source[self.here()].to_owned();
        self.next += 1;
        Ok(word)
    }

    fn name_or_call(&mut self) -> Result<Expr, Diagnostic> {
        let start = self.here().start;
        if self.symbol() == "in" {
            return Err(self.unexpected("a value"));
        }
        let mut last_span = self.here();
        let mut words = vec![self.word("a name")?];
        if matches!(words[0].as_str(), "true" | "false") {
            return self.make_at(last_span, ExprKind::Bool(words[0] == "true"));
        }
        let mut receiver_end = start;
        while self.symbol() == "." && self.behind() == self.here().start {
            receiver_end = self.behind();
            self.next += 1;
            last_span = self.here();
            words.push(self.word("a name")?);
        }
        let span = start..self.behind();
        if span.len() > NAME_BYTES_MAX {
            let message = format!("a name has at most {NAME_BYTES_MAX} characters");
            return Err(Diagnostic::error(self.source, span, "name_too_long", message));
        }
        if self.symbol() != "(" {
            return self.make_at(span, ExprKind::Name(words.join(".")));
        }
        let function = words.pop().unwrap_or_default();
        let receiver = if words.is_empty() {
            None
        } else {
            Some(Box::new(self.make_at(start..receiver_end, ExprKind::Name(words.join(".")))?))
        };
        self.call(start, function, last_span, receiver)
    }

    fn call(
        &mut self,
        start: usize,
        function: String,
        function_span: Range<usize>,
        receiver: Option<Box<Expr>>,
    ) -> Result<Expr, Diagnostic> {
        self.expect("(")?;
        let mut arguments = Vec::new();
        while self.symbol() != ")" {
            arguments.push(self.expression()?);
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")")?;
        let call = Call { function, function_span, receiver, arguments };
        self.make(start, ExprKind::Call(call))
    }

    fn list(&mut self) -> Result<Vec<Expr>, Diagnostic> {
        if !self.eat("[") {
            let wrong = self.unexpected("a list");
            return Err(wrong.hint("write the values in brackets: [\"proposal\", \"negotiation\"]"));
        }
        let mut items = Vec::new();
        while self.symbol() != "]" {
            items.push(self.list_item()?);
            if !self.eat(",") {
                break;
            }
        }
        self.expect("]")?;
        Ok(items)
    }

    /// A literal, or a number with a minus sign.
    fn list_item(&mut self) -> Result<Expr, Diagnostic> {
        let start = self.here().start;
        let item = self.infix(COMPARISON_STRENGTH + 1)?;
        match &item.kind {
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Bool(_) => Ok(item),
            ExprKind::Negate(inner) if let ExprKind::Number(value) = inner.kind => {
                self.make(start, ExprKind::Number(-value))
            }
            _ => {
                let message = format!("{} is not a plain value", quoted(self.source, &item.span));
                let wrong = Diagnostic::error(self.source, item.span, "list_item", message);
                Err(wrong.hint("a list holds numbers or texts only"))
            }
        }
    }
}
