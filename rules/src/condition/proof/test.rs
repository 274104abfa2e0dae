//! The tests that conditions are made of, as a proof sees them: what is looked
//! at, and what of it is asked.

use std::fmt::Write as _;

use super::super::{
    Truth,
    ast::CompareOp,
    domain::Domains,
    eval::{arithmetic, compare},
    program::{
        BoolId, BoolNode, DayCount, NumberId, NumberNode, Program, TextId, TextNode, TextTest,
        TimeId, TimeNode,
    },
    schema::Type,
    value::Val,
};

/// One test.
#[derive(Clone, Debug)]
pub(super) enum Test<'p> {
    /// It has this truth whatever the facts are.
    Always(Truth),
    /// One field is asked something.
    Field { slot: u16, ty: Type, asks: Asks<'p> },
    /// A number that is reckoned from fields is compared with a constant.
    Reckoned { key: String, asks: NumberTest<'p> },
    /// Two values are compared.
    Order { a: Side, b: Side, op: CompareOp },
    /// Anything else: it has one truth wherever it stands.
    Other { key: String },
}

/// What a field is asked.
#[derive(Clone, Debug)]
pub(super) enum Asks<'p> {
    IsTrue,
    Has,
    Number(NumberTest<'p>),
    /// How many characters it has.
    Size(NumberTest<'p>),
    /// How many days or hours lie between it and now.
    Days(DayCount, NumberTest<'p>),
    /// Whether it is this text, or whether it is another.
    Is(&'p str, bool),
    AmongTexts(&'p [Box<str>]),
    Search(TextTest, &'p str),
    /// How it stands to `now`.
    ToNow(CompareOp),
}

/// A number against constants.
#[derive(Copy, Clone, Debug)]
pub(super) enum NumberTest<'p> {
    Compare(CompareOp, f64),
    Among(&'p [f64]),
}

impl NumberTest<'_> {
    pub fn truth(self, number: Val<f64>) -> Truth {
        match (self, number) {
            (NumberTest::Compare(op, with), number) => compare(op, number, Val::Known(with)),
            (NumberTest::Among(list), Val::Known(number)) => list.contains(&number).into(),
            (NumberTest::Among(_), Val::Empty) => Truth::False,
            (NumberTest::Among(_), Val::Unknown) => Truth::Unknown,
        }
    }

    pub fn constants(&self) -> &[f64] {
        match self {
            NumberTest::Compare(_, with) => std::slice::from_ref(with),
            NumberTest::Among(list) => list,
        }
    }
}

/// A side of a comparison of two values that move.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Field(u16, Type),
    Reckoned(String),
}

impl<'p> Test<'p> {
    pub fn of(program: &'p Program, id: BoolId, domains: &Domains) -> Test<'p> {
        let reader = Reader { program, domains };
        let other = || Test::Other { key: reader.condition_key(id) };
        match program.bool_node(id) {
            BoolNode::Constant(truth) => Test::Always(truth),
            BoolNode::Field(slot) => Test::Field { slot, ty: Type::Bool, asks: Asks::IsTrue },
            BoolNode::Has(slot, ty) => Test::Field { slot, ty, asks: Asks::Has },
            BoolNode::Numbers { op, a, b } => reader.numbers(op, a, b),
            BoolNode::NumberIn(number, run) => {
                reader.number(number, NumberTest::Among(program.numbers_listed(run)))
            }
            BoolNode::Times { op, a, b } => reader.times(op, a, b).unwrap_or_else(other),
            BoolNode::SameText { a, b, same } => reader.same_text(a, b, same).unwrap_or_else(other),
            BoolNode::TextIn(text, run) => {
                let asks = Asks::AmongTexts(program.texts(run));
                reader.text_field(text, asks).unwrap_or_else(other)
            }
            BoolNode::TextTest { test, text, part } => match reader.text_constant(part) {
                Some(part) => {
                    reader.text_field(text, Asks::Search(test, part)).unwrap_or_else(other)
                }
                None => other(),
            },
            _ => other(),
        }
    }

    /// The same for tests that ask the same.
    pub fn key(&self) -> String {
        match self {
            Test::Other { key } => key.clone(),
            known => format!("{known:?}"),
        }
    }
}

struct Reader<'p, 'd> {
    program: &'p Program,
    domains: &'d Domains,
}

impl<'p> Reader<'p, '_> {
    fn constant(&self, id: NumberId) -> Option<Val<f64>> {
        match self.program.number_node(id) {
            NumberNode::Constant(value) => Some(value),
            NumberNode::Field(slot) => self.domains.number(slot).map(Val::Known),
            NumberNode::Negate(inner) => self.constant(inner).map(|value| value.map(|n| -n)),
            NumberNode::Arithmetic(op, a, b) => {
                Some(arithmetic(op, self.constant(a)?, self.constant(b)?))
            }
            _ => None,
        }
    }

    fn numbers(&self, op: CompareOp, a: NumberId, b: NumberId) -> Test<'p> {
        match (self.constant(a), self.constant(b)) {
            (Some(a), Some(b)) => Test::Always(compare(op, a, b)),
            (_, Some(Val::Known(with))) => self.number(a, NumberTest::Compare(op, with)),
            (Some(Val::Known(with)), _) => self.number(b, NumberTest::Compare(op.mirrored(), with)),
            (Some(_), _) | (_, Some(_)) => Test::Always(Truth::Unknown),
            (None, None) => ordered(op, self.number_side(a), self.number_side(b)),
        }
    }

    fn number(&self, id: NumberId, asks: NumberTest<'p>) -> Test<'p> {
        if let Some(value) = self.constant(id) {
            return Test::Always(asks.truth(value));
        }
        let field = match self.program.number_node(id) {
            NumberNode::Field(slot) => Some((slot, Type::Number, Asks::Number(asks))),
            NumberNode::Size(text) => match self.program.text_node(text) {
                TextNode::Field(slot) => Some((slot, Type::Text, Asks::Size(asks))),
                _ => None,
            },
            NumberNode::Days(count, time) => match self.program.time_node(time) {
                TimeNode::Field(slot) => Some((slot, Type::Time, Asks::Days(count, asks))),
                _ => None,
            },
            _ => None,
        };
        match field {
            Some((slot, ty, asks)) => Test::Field { slot, ty, asks },
            None => Test::Reckoned { key: self.number_key(id), asks },
        }
    }

    fn number_side(&self, id: NumberId) -> Side {
        match self.program.number_node(id) {
            NumberNode::Field(slot) => Side::Field(slot, Type::Number),
            _ => Side::Reckoned(self.number_key(id)),
        }
    }

    fn times(&self, op: CompareOp, a: TimeId, b: TimeId) -> Option<Test<'p>> {
        Some(match (self.program.time_node(a), self.program.time_node(b)) {
            (TimeNode::Now, TimeNode::Now) => Test::Always(op.holds(0, 0).into()),
            (TimeNode::Field(slot), TimeNode::Now) => {
                Test::Field { slot, ty: Type::Time, asks: Asks::ToNow(op) }
            }
            (TimeNode::Now, TimeNode::Field(slot)) => {
                Test::Field { slot, ty: Type::Time, asks: Asks::ToNow(op.mirrored()) }
            }
            (TimeNode::Field(a), TimeNode::Field(b)) => {
                ordered(op, Side::Field(a, Type::Time), Side::Field(b, Type::Time))
            }
            _ => return None,
        })
    }

    fn same_text(&self, a: TextId, b: TextId, same: bool) -> Option<Test<'p>> {
        match (self.program.text_node(a), self.program.text_node(b)) {
            (TextNode::Constant(a), TextNode::Constant(b)) => {
                let equal = self.program.text(a) == self.program.text(b);
                Some(Test::Always((equal == same).into()))
            }
            (TextNode::Field(a), TextNode::Field(b)) => {
                let op = if same { CompareOp::Equal } else { CompareOp::NotEqual };
                Some(ordered(op, Side::Field(a, Type::Text), Side::Field(b, Type::Text)))
            }
            (_, TextNode::Constant(text)) => {
                self.text_field(a, Asks::Is(self.program.text(text), same))
            }
            (TextNode::Constant(text), _) => {
                self.text_field(b, Asks::Is(self.program.text(text), same))
            }
            _ => None,
        }
    }

    fn text_field(&self, id: TextId, asks: Asks<'p>) -> Option<Test<'p>> {
        match self.program.text_node(id) {
            TextNode::Field(slot) => Some(Test::Field { slot, ty: Type::Text, asks }),
            TextNode::Constant(_) | TextNode::Choice(..) => None,
        }
    }

    fn text_constant(&self, id: TextId) -> Option<&'p str> {
        match self.program.text_node(id) {
            TextNode::Constant(text) => Some(self.program.text(text)),
            TextNode::Field(_) | TextNode::Choice(..) => None,
        }
    }
}

/// With its sides in one order, so that `a < b` and `b > a` are one test.
fn ordered(op: CompareOp, a: Side, b: Side) -> Test<'static> {
    if a <= b { Test::Order { a, b, op } } else { Test::Order { a: b, b: a, op: op.mirrored() } }
}

/// Names of parts that are the same for parts that say the same, in any
/// condition over the same fields.
impl Reader<'_, '_> {
    fn condition_key(&self, id: BoolId) -> String {
        let key = |id| self.condition_key(id);
        let listed = |parts: &[BoolId]| parts.iter().map(|part| key(*part)).collect::<Vec<_>>();
        match self.program.bool_node(id) {
            BoolNode::Not(inner) => format!("!{}", key(inner)),
            BoolNode::All(run) => format!("all{:?}", listed(self.program.parts(run))),
            BoolNode::Any(run) => format!("any{:?}", listed(self.program.parts(run))),
            BoolNode::Choice(a, b, c) => format!("({}?{}:{})", key(a), key(b), key(c)),
            BoolNode::SameTruth { a, b, same } => format!("({}={same}={})", key(a), key(b)),
            BoolNode::Numbers { op, a, b } => {
                format!("({}{}{})", self.number_key(a), op.symbol(), self.number_key(b))
            }
            BoolNode::NumberIn(number, run) => {
                let list = self.program.numbers_listed(run);
                format!("({} in {list:?})", self.number_key(number))
            }
            BoolNode::Times { op, a, b } => {
                format!("({}{}{})", self.time_key(a), op.symbol(), self.time_key(b))
            }
            BoolNode::SameText { a, b, same } => {
                format!("({}={same}={})", self.text_key(a), self.text_key(b))
            }
            BoolNode::TextTest { test, text, part } => {
                format!("({} {test:?} {})", self.text_key(text), self.text_key(part))
            }
            BoolNode::TextIn(text, run) => {
                format!("({} in {:?})", self.text_key(text), self.program.texts(run))
            }
            node @ (BoolNode::Constant(_) | BoolNode::Field(_) | BoolNode::Has(..)) => {
                format!("{node:?}")
            }
        }
    }

    fn number_key(&self, id: NumberId) -> String {
        let mut key = String::new();
        // Writing into a String cannot fail.
        let _ = match self.program.number_node(id) {
            NumberNode::Constant(value) => write!(key, "{value:?}"),
            NumberNode::Field(slot) => match self.domains.number(slot) {
                Some(number) => write!(key, "{:?}", Val::Known(number)),
                None => write!(key, "#{slot}"),
            },
            NumberNode::Negate(inner) => write!(key, "-{}", self.number_key(inner)),
            NumberNode::Arithmetic(op, a, b) => {
                write!(key, "({}{}{})", self.number_key(a), op.symbol(), self.number_key(b))
            }
            NumberNode::Choice(asked, yes, no) => write!(
                key,
                "({}?{}:{})",
                self.condition_key(asked),
                self.number_key(yes),
                self.number_key(no)
            ),
            NumberNode::Size(text) => write!(key, "size {}", self.text_key(text)),
            NumberNode::Days(count, time) => write!(key, "{count:?} {}", self.time_key(time)),
        };
        key
    }

    fn text_key(&self, id: TextId) -> String {
        match self.program.text_node(id) {
            TextNode::Constant(text) => format!("{:?}", self.program.text(text)),
            TextNode::Field(slot) => format!("#{slot}"),
            TextNode::Choice(asked, yes, no) => {
                let (yes, no) = (self.text_key(yes), self.text_key(no));
                format!("({}?{yes}:{no})", self.condition_key(asked))
            }
        }
    }

    fn time_key(&self, id: TimeId) -> String {
        match self.program.time_node(id) {
            TimeNode::Now => "now".to_owned(),
            TimeNode::Field(slot) => format!("#{slot}"),
            TimeNode::Choice(asked, yes, no) => {
                let (yes, no) = (self.time_key(yes), self.time_key(no));
                format!("({}?{yes}:{no})", self.condition_key(asked))
            }
        }
    }
}
