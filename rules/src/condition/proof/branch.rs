//! One branch of a proof: tests, the truths they may have, and whether any
//! values of the fields give them these.

use std::{collections::BTreeMap, rc::Rc};

use super::super::{
    Truth,
    ast::CompareOp,
    domain::{Domain, Domains},
    eval::compare,
    program::DayCount,
    schema::Type,
    value::Val,
};
use super::Truths;
use super::test::{Asks, NumberTest, Side, Test};

/// A value, or one that stands for all of its region: within it no test of the
/// branch has another truth.
#[derive(Copy, Clone, Debug, PartialEq)]
enum Value<'p> {
    Unknown,
    Empty,
    Flag(bool),
    Number(f64),
    Text(&'p str),
    /// A text that no test mentions.
    OtherText,
    Past,
    Now,
    Future,
    /// A number of which nothing is known.
    Some,
}

#[derive(Clone)]
pub(super) struct Branch<'p> {
    domains: &'p Domains,
    tests: BTreeMap<Rc<str>, (Rc<Test<'p>>, Truths)>,
}

impl<'p> Branch<'p> {
    pub fn new(domains: &'p Domains) -> Branch<'p> {
        Branch { domains, tests: BTreeMap::new() }
    }

    /// How many tests it has.
    pub fn len(&self) -> usize {
        self.tests.len()
    }

    pub fn require(&mut self, test: Test<'p>, truths: Truths) {
        let key: Rc<str> = test.key().into();
        let held = self.tests.entry(key).or_insert_with(|| (Rc::new(test), Truths::ANY));
        held.1 = held.1.and(truths);
    }

    /// Whether no values of the fields give every test one of its truths.
    pub fn is_closed(&self) -> bool {
        let refused = |(test, truths): &(Rc<Test<'p>>, Truths)| match &**test {
            Test::Always(truth) => !truths.has(*truth),
            _ => *truths == Truths::NONE,
        };
        if self.tests.values().any(refused) {
            return true;
        }
        self.reckoned_is_impossible() || self.fields_are_impossible()
    }

    /// Numbers that are reckoned from fields, each against its constants.
    fn reckoned_is_impossible(&self) -> bool {
        let mut by_key: BTreeMap<&str, Vec<(NumberTest<'p>, Truths)>> = BTreeMap::new();
        for (test, truths) in self.tests.values() {
            if let Test::Reckoned { key, asks } = &**test {
                by_key.entry(key).or_default().push((*asks, *truths));
            }
        }
        by_key.into_values().any(|tests| {
            let numbers = regions(&tests, &Domain::default());
            let known = numbers.into_iter().map(Val::Known);
            !known.chain([Val::Empty, Val::Unknown]).any(|number| all_hold(&tests, number))
        })
    }

    fn fields_are_impossible(&self) -> bool {
        let mut fields = BTreeMap::new();
        for (test, _) in self.tests.values() {
            match &**test {
                Test::Field { slot, ty, .. } => _ = fields.insert(*slot, *ty),
                Test::Order { a, b, .. } => {
                    for side in [a, b] {
                        if let Side::Field(slot, ty) = side {
                            fields.insert(*slot, *ty);
                        }
                    }
                }
                Test::Always(_) | Test::Reckoned { .. } | Test::Other { .. } => {}
            }
        }
        let mut values: BTreeMap<u16, Vec<Value<'p>>> =
            fields.iter().map(|(slot, ty)| (*slot, self.values(*slot, *ty))).collect();
        !self.narrow_by_order(&mut values) || values.values().any(Vec::is_empty)
    }

    /// The values of one field with which all tests of it have their truths.
    fn values(&self, slot: u16, ty: Type) -> Vec<Value<'p>> {
        let of_slot = |(test, truths): &(Rc<Test<'p>>, Truths)| match &**test {
            Test::Field { slot: of, asks, .. } if *of == slot => Some((asks.clone(), *truths)),
            _ => None,
        };
        let tests: Vec<_> = self.tests.values().filter_map(of_slot).collect();
        let domain = self.domains.get(slot);
        let mut values = known_values(ty, &tests, domain);
        if domain.may_be_blank {
            values.push(Value::Empty);
        }
        if domain.may_be_unknown {
            values.push(Value::Unknown);
        }
        values.retain(|value| {
            let possible = |(asks, truths): &(Asks<'p>, Truths)| {
                answers(asks, *value).and(*truths) != Truths::NONE
            };
            tests.iter().all(possible) && counts_are_possible(&tests, *value)
        });
        values
    }

    /// Takes away values that no value of the other side of some comparison
    /// goes with, until nothing more is taken. Answers whether some are left of
    /// every side.
    fn narrow_by_order(&self, values: &mut BTreeMap<u16, Vec<Value<'p>>>) -> bool {
        let mut groups: BTreeMap<(&Side, &Side), Vec<(CompareOp, Truths)>> = BTreeMap::new();
        for (test, truths) in self.tests.values() {
            if let Test::Order { a, b, op } = &**test {
                groups.entry((a, b)).or_default().push((*op, *truths));
            }
        }
        let of = |side: &Side, values: &BTreeMap<u16, Vec<Value<'p>>>| match side {
            Side::Field(slot, _) => values.get(slot).cloned().unwrap_or_default(),
            Side::Reckoned(_) => vec![Value::Unknown, Value::Empty, Value::Some],
        };
        let mut changed = true;
        while changed {
            changed = false;
            for ((a, b), tests) in &groups {
                let (left, right) = (of(a, values), of(b, values));
                let go =
                    |x: Value<'p>, y: Value<'p>| (a != b || x == y) && stands(tests, x, y, a == b);
                let kept_left: Vec<_> =
                    left.iter().copied().filter(|x| right.iter().any(|y| go(*x, *y))).collect();
                let kept_right: Vec<_> =
                    right.iter().copied().filter(|y| left.iter().any(|x| go(*x, *y))).collect();
                for (side, before, kept) in [(a, left, kept_left), (b, right, kept_right)] {
                    if kept.is_empty() {
                        return false;
                    }
                    if let Side::Field(slot, _) = side
                        && kept.len() < before.len()
                    {
                        changed = true;
                        values.insert(*slot, kept);
                    }
                }
            }
        }
        true
    }
}

/// Whether tests of the order of `x` and `y` can have their truths.
fn stands(tests: &[(CompareOp, Truths)], x: Value<'_>, y: Value<'_>, same: bool) -> bool {
    let with =
        |a: Val<u8>, b: Val<u8>| tests.iter().all(|(op, truths)| truths.has(compare(*op, a, b)));
    let val = |value| match value {
        Value::Unknown => Val::Unknown,
        Value::Empty => Val::Empty,
        _ => Val::Known(1),
    };
    let known = matches!((val(x), val(y)), (Val::Known(_), Val::Known(_)));
    if !known {
        return with(val(x), val(y));
    }
    let less =
        matches!((x, y), (Value::Past, Value::Now | Value::Future) | (Value::Now, Value::Future));
    let greater =
        matches!((x, y), (Value::Future, Value::Now | Value::Past) | (Value::Now, Value::Past));
    let equal = same || (x == y && matches!(x, Value::Now | Value::Text(_) | Value::Flag(_)));
    let differ = matches!((x, y), (Value::Text(a), Value::Text(b)) if a != b);
    let orders: &[(u8, u8)] = match () {
        () if equal => &[(1, 1)],
        () if less => &[(0, 1)],
        () if greater => &[(1, 0)],
        () if differ => &[(0, 1), (1, 0)],
        () => &[(0, 1), (1, 1), (1, 0)],
    };
    orders.iter().any(|(a, b)| with(Val::Known(*a), Val::Known(*b)))
}

fn known_values<'p>(ty: Type, tests: &[(Asks<'p>, Truths)], domain: &'p Domain) -> Vec<Value<'p>> {
    match ty {
        Type::Bool => match domain.flag {
            Some(flag) => vec![Value::Flag(flag)],
            None => vec![Value::Flag(true), Value::Flag(false)],
        },
        Type::Time => vec![Value::Past, Value::Now, Value::Future],
        Type::Number => {
            let asked: Vec<_> = tests
                .iter()
                .filter_map(|(asks, truths)| match asks {
                    Asks::Number(test) => Some((*test, *truths)),
                    _ => None,
                })
                .collect();
            regions(&asked, domain).into_iter().map(Value::Number).collect()
        }
        Type::Text => {
            if let Some(texts) = &domain.texts {
                return texts.iter().map(|text| Value::Text(text)).collect();
            }
            let mut values = vec![Value::OtherText];
            for (asks, _) in tests {
                match asks {
                    Asks::Is(text, _) => values.push(Value::Text(text)),
                    Asks::AmongTexts(list) => {
                        values.extend(list.iter().map(|text| Value::Text(text)));
                    }
                    _ => {}
                }
            }
            values.retain(|value| *value != Value::Text(""));
            values
        }
    }
}

/// What the answer to a question may be if the field has this value. Counts are
/// looked at together, in [`counts_are_possible`].
fn answers(asks: &Asks<'_>, value: Value<'_>) -> Truths {
    if value == Value::Unknown {
        return Truths::UNKNOWN;
    }
    match asks {
        Asks::Has => Truth::from(value != Value::Empty).into(),
        Asks::IsTrue => Truth::from(value == Value::Flag(true)).into(),
        Asks::Number(test) => match value {
            Value::Number(number) => test.truth(Val::Known(number)).into(),
            _ => test.truth(Val::Empty).into(),
        },
        Asks::Size(_) | Asks::Days(..) => Truths::ANY,
        Asks::Is(text, same) => Truth::from((text_of(value) == Some(text)) == *same).into(),
        Asks::AmongTexts(list) => {
            let among = text_of(value).is_some_and(|text| list.iter().any(|one| **one == *text));
            Truth::from(among).into()
        }
        Asks::Search(test, part) => match text_of(value) {
            Some(text) => Truth::from(test.holds(text, part)).into(),
            None => Truths(Truths::TRUE.0 | Truths::FALSE.0),
        },
        Asks::ToNow(op) => {
            let to_now = match value {
                Value::Past => Val::Known(0),
                Value::Now => Val::Known(1),
                Value::Future => Val::Known(2),
                _ => Val::Empty,
            };
            compare(*op, to_now, Val::Known(1)).into()
        }
    }
}

fn text_of<'p>(value: Value<'p>) -> Option<&'p str> {
    match value {
        Value::Text(text) => Some(text),
        Value::Empty => Some(""),
        _ => None,
    }
}

/// Whether each count made from a field, such as its age in days, has a number
/// that all tests of it agree with.
fn counts_are_possible(tests: &[(Asks<'_>, Truths)], value: Value<'_>) -> bool {
    let days = [
        DayCount::DaysSince,
        DayCount::HoursSince,
        DayCount::BusinessDaysSince,
        DayCount::DaysUntil,
    ];
    days.map(Some).into_iter().chain([None]).all(|count| {
        let asked: Vec<_> = tests
            .iter()
            .filter_map(|(asks, truths)| match (asks, count) {
                (Asks::Days(of, test), Some(count)) if *of == count => Some((*test, *truths)),
                (Asks::Size(test), None) => Some((*test, *truths)),
                _ => None,
            })
            .collect();
        if asked.is_empty() {
            return true;
        }
        let possible = match (value, count) {
            (Value::Unknown, _) => return all_hold(&asked, Val::Unknown),
            (Value::Empty, Some(_)) => return all_hold(&asked, Val::Empty),
            (Value::Empty, None) => return all_hold(&asked, Val::Known(0.0)),
            (Value::Text(text), None) => {
                return all_hold(&asked, Val::Known(text.chars().count() as f64));
            }
            (_, None) => Domain { whole: true, least: Some(1.0), ..Domain::default() },
            (Value::Past, Some(DayCount::DaysSince | DayCount::HoursSince)) => {
                Domain { least: Some(0.0), never: Some(0.0), ..Domain::default() }
            }
            (Value::Now | Value::Future, Some(DayCount::DaysSince | DayCount::HoursSince)) => {
                return all_hold(&asked, Val::Known(0.0));
            }
            (_, Some(DayCount::BusinessDaysSince)) => {
                Domain { whole: true, least: Some(0.0), ..Domain::default() }
            }
            (_, Some(_)) => Domain { whole: true, ..Domain::default() },
        };
        let mut numbers = regions(&asked, &possible).into_iter();
        numbers.any(|number| all_hold(&asked, Val::Known(number)))
    })
}

fn all_hold(tests: &[(NumberTest<'_>, Truths)], number: Val<f64>) -> bool {
    tests.iter().all(|(test, truths)| truths.has(test.truth(number)))
}

/// The constants a number is compared with and its neighbours: one number at
/// least of every region in which no test changes.
fn regions(tests: &[(NumberTest<'_>, Truths)], domain: &Domain) -> Vec<f64> {
    if let Some(number) = domain.number {
        return vec![number];
    }
    let constants = tests.iter().flat_map(|(test, _)| test.constants().iter().copied());
    let constants = constants.chain([0.0, f64::MIN, f64::MAX]).chain(domain.least);
    let around = |constant: f64| match domain.whole {
        true => [constant.next_down().floor(), constant, constant.next_up().ceil()],
        false => [constant.next_down(), constant, constant.next_up()],
    };
    let mut numbers: Vec<f64> = constants
        .flat_map(around)
        .filter(|number| number.is_finite())
        .filter(|number| !domain.whole || number.fract() == 0.0)
        .filter(|number| domain.least.is_none_or(|least| *number >= least))
        .filter(|number| domain.never != Some(*number))
        .collect();
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    numbers
}
