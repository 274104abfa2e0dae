//! The tree that the parser builds: syntax only, no types yet.

use std::ops::Range;

/// One expression and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub kind: ExprKind,
    /// Bytes of the source, outer parentheses excluded.
    pub span: Range<usize>,
    /// Levels of tree below and including this one.
    pub depth: usize,
}

#[derive(Clone, Debug)]
pub(super) enum ExprKind {
    Number(f64),
    Text(String),
    Bool(bool),
    /// A field, or a bare name such as `threshold`.
    Name(String),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    /// `a && b && …`, two or more.
    All(Vec<Expr>),
    /// `a || b || …`, two or more.
    Any(Vec<Expr>),
    Compare(CompareOp, Box<Expr>, Box<Expr>),
    Arithmetic(ArithmeticOp, Box<Expr>, Box<Expr>),
    /// The items are literals of any type.
    In(Box<Expr>, Vec<Expr>),
    Choice(Box<[Expr; 3]>),
    Call(Call),
}

/// `function(arguments)`, or `receiver.function(arguments)`.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub function: String,
    pub function_span: Range<usize>,
    pub receiver: Option<Box<Expr>>,
    pub arguments: Vec<Expr>,
}

/// Each operator is the set of orders for which it holds: bit 0 for less, bit 1
/// for equal, bit 2 for greater.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum CompareOp {
    Less = 0b001,
    Equal = 0b010,
    LessOrEqual = 0b011,
    Greater = 0b100,
    NotEqual = 0b101,
    GreaterOrEqual = 0b110,
}

impl CompareOp {
    pub fn is_equality(self) -> bool {
        matches!(self, CompareOp::Equal | CompareOp::NotEqual)
    }

    pub fn symbol(self) -> &'static str {
        match self {
            CompareOp::Equal => "==",
            CompareOp::NotEqual => "!=",
            CompareOp::Less => "<",
            CompareOp::LessOrEqual => "<=",
            CompareOp::Greater => ">",
            CompareOp::GreaterOrEqual => ">=",
        }
    }
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum ArithmeticOp {
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl ArithmeticOp {
    pub fn symbol(self) -> &'static str {
        match self {
            ArithmeticOp::Add => "+",
            ArithmeticOp::Subtract => "-",
            ArithmeticOp::Multiply => "*",
            ArithmeticOp::Divide => "/",
        }
    }
}

impl Expr {
    /// Depth of the deepest direct child.
    pub fn depth_below(kind: &ExprKind) -> usize {
        let deepest = |items: &[Expr]| items.iter().map(|item| item.depth).max().unwrap_or(0);
        match kind {
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::Name(_) => 0,
            ExprKind::Not(inner) | ExprKind::Negate(inner) => inner.depth,
            ExprKind::All(items) | ExprKind::Any(items) => deepest(items),
            ExprKind::Compare(_, a, b) | ExprKind::Arithmetic(_, a, b) => a.depth.max(b.depth),
            ExprKind::In(item, list) => item.depth.max(deepest(list)),
            ExprKind::Choice(parts) => deepest(parts.as_slice()),
            ExprKind::Call(call) => {
                let receiver = call.receiver.as_ref().map_or(0, |receiver| receiver.depth);
                receiver.max(deepest(&call.arguments))
            }
        }
    }
}
