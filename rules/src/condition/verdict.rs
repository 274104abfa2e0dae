//! Parts of a condition that are never or always true.
//!
//! We try every kind of value of one field, or of one function of one field,
//! while nothing else is known. The constants it is compared with cut its
//! range into regions, and within a region no test on it changes, so a few
//! candidates stand for all values. Kleene's logic then answers for every
//! part at once: what is false for all candidates whatever the rest may be is
//! never true. Tests that are not of this simple shape count as undecided,
//! which can hide a contradiction but never invents one.

use super::{
    ast::CompareOp,
    diagnostic::Diagnostic,
    eval::compare,
    program::{
        BoolId, BoolNode, DayCount, NumberId, NumberNode, Program, Run, TextId, TextNode, TimeNode,
    },
    schema::Type,
    value::{Truth, Val},
};

/// One field, plain or through a function.
#[derive(Copy, Clone, Debug, PartialEq)]
struct Term {
    slot: u16,
    reading: Reading,
}

#[derive(Copy, Clone, Debug, PartialEq)]
enum Reading {
    Plain,
    Size,
    Days(DayCount),
}

/// A value that stands for all of its region.
#[derive(Copy, Clone, Debug, PartialEq)]
enum Candidate<'p> {
    Empty,
    Bool(bool),
    Number(f64),
    Text(&'p str),
    /// A text that the condition does not mention, or some time.
    Other,
}

/// A warning for every innermost part that is never or always true.
pub(super) fn warnings(source: &str, program: &Program) -> Vec<Diagnostic> {
    // `true` alone is how one writes "whenever the event happens".
    if program.bool_node(program.root) == BoolNode::Constant(Truth::True) {
        return Vec::new();
    }
    let mut verdicts: Vec<Option<(Truth, Option<Term>)>> = vec![None; program.bools.len()];
    let mut note = |truths: &[Truth], term: Option<Term>| {
        for (verdict, truth) in verdicts.iter_mut().zip(truths) {
            if verdict.is_none() && *truth != Truth::Unknown {
                *verdict = Some((*truth, term));
            }
        }
    };
    note(&Trial { program, term: None, candidate: Candidate::Other }.truths(), None);
    for term in terms(program) {
        let trials = candidates(program, term)
            .into_iter()
            .map(|candidate| Trial { program, term: Some(term), candidate }.truths());
        let agreed = trials.reduce(|mut all, one| {
            for (truth, other) in all.iter_mut().zip(one) {
                if *truth != other {
                    *truth = Truth::Unknown;
                }
            }
            all
        });
        note(&agreed.unwrap_or_default(), Some(term));
    }
    report(source, program, &verdicts)
}

/// Children come before their parents, so the innermost part is met first; a
/// part around it is mentioned only if it has the opposite verdict.
fn report(
    source: &str,
    program: &Program,
    verdicts: &[Option<(Truth, Option<Term>)>],
) -> Vec<Diagnostic> {
    let whole = verdicts.last().copied().flatten().map(|(truth, _)| truth);
    let mut found: Vec<(Truth, Diagnostic)> = Vec::new();
    for (verdict, span) in verdicts.iter().zip(&program.bool_spans) {
        let Some((truth, term)) = *verdict else { continue };
        let explains = |(inner_truth, inner): &(Truth, Diagnostic)| {
            *inner_truth == truth && span.start <= inner.span.start && inner.span.end <= span.end
        };
        if found.iter().any(explains) {
            continue;
        }
        let (code, what, every) = match truth {
            Truth::True => ("always_true", "always true", "every value"),
            Truth::False | Truth::Unknown => ("never_true", "never true", "no value"),
        };
        let is_whole = program.bool_spans.last() == Some(span);
        let message = match whole {
            _ if is_whole => format!("the condition is {what}"),
            Some(whole) if whole == truth => format!("this is {what}, and so is the condition"),
            _ => format!("this is {what}"),
        };
        let hint = match term {
            Some(term) => format!("{every} of `{}` makes it true", term.name(program)),
            None => "it does not depend on any field".to_owned(),
        };
        let warning = Diagnostic::warning(source, span.clone(), code, message);
        found.push((truth, warning.hint(hint)));
    }
    found.sort_by_key(|(_, warning)| warning.span.start);
    found.into_iter().map(|(_, warning)| warning).collect()
}

impl Term {
    fn name(self, program: &Program) -> String {
        let field = program.field(self.slot).map_or("", |field| field.name.as_str());
        match self.reading {
            Reading::Plain => field.to_owned(),
            Reading::Size => format!("size({field})"),
            Reading::Days(count) => format!("{}({field})", count.name()),
        }
    }

    fn of_number(program: &Program, id: NumberId) -> Option<Term> {
        match program.number_node(id) {
            NumberNode::Field(slot) => Some(Term { slot, reading: Reading::Plain }),
            NumberNode::Size(text) => match program.text_node(text) {
                TextNode::Field(slot) => Some(Term { slot, reading: Reading::Size }),
                _ => None,
            },
            NumberNode::Days(count, time) => match program.time_node(time) {
                TimeNode::Field(slot) => Some(Term { slot, reading: Reading::Days(count) }),
                _ => None,
            },
            _ => None,
        }
    }

    fn of_text(program: &Program, id: TextId) -> Option<Term> {
        match program.text_node(id) {
            TextNode::Field(slot) => Some(Term { slot, reading: Reading::Plain }),
            _ => None,
        }
    }
}

fn terms(program: &Program) -> Vec<Term> {
    let mut found: Vec<Term> = Vec::new();
    let mut add = |term: Option<Term>| {
        if let Some(term) = term
            && !found.contains(&term)
        {
            found.push(term);
        }
    };
    for field in &program.fields {
        add(Some(Term { slot: field.slot, reading: Reading::Plain }));
    }
    for index in 0..program.numbers.len() {
        add(Term::of_number(program, NumberId(u16::try_from(index).unwrap_or(u16::MAX))));
    }
    found
}

fn candidates(program: &Program, term: Term) -> Vec<Candidate<'_>> {
    let ty = program.field(term.slot).map(|field| field.ty);
    match (term.reading, ty) {
        (Reading::Plain, Some(Type::Bool)) => {
            vec![Candidate::Empty, Candidate::Bool(true), Candidate::Bool(false)]
        }
        (Reading::Plain, Some(Type::Text)) => {
            let texts = program.texts.iter().filter(|text| !text.is_empty());
            let mut all = vec![Candidate::Empty, Candidate::Other];
            all.extend(texts.map(|text| Candidate::Text(text)));
            all
        }
        (Reading::Plain, Some(Type::Time) | None) => vec![Candidate::Empty, Candidate::Other],
        (Reading::Plain, Some(Type::Number)) | (Reading::Size | Reading::Days(_), _) => {
            number_candidates(program, term)
        }
    }
}

/// The constants that the term is compared with, and a number next to each.
fn number_candidates(program: &Program, term: Term) -> Vec<Candidate<'_>> {
    let mut constants = vec![0.0, f64::MIN, f64::MAX];
    let mut compared = |number: NumberId, with: NumberId| {
        if Term::of_number(program, number) == Some(term)
            && let NumberNode::Constant(Val::Known(constant)) = program.number_node(with)
        {
            constants.push(constant);
        }
    };
    for node in &program.bools {
        if let BoolNode::Numbers { a, b, .. } = *node {
            compared(a, b);
            compared(b, a);
        }
    }
    for node in &program.bools {
        if let BoolNode::NumberIn(number, run) = *node
            && Term::of_number(program, number) == Some(term)
        {
            constants.extend(program.numbers_listed(run));
        }
    }
    let whole = match term.reading {
        Reading::Size => true,
        Reading::Days(count) => count.is_by_date(),
        Reading::Plain => false,
    };
    let may_be_negative =
        matches!(term.reading, Reading::Plain | Reading::Days(DayCount::DaysUntil));
    let around = |constant: f64| {
        if whole {
            [constant.next_down().floor(), constant, constant.next_up().ceil()]
        } else {
            [constant.next_down(), constant, constant.next_up()]
        }
    };
    let possible = |number: &f64| {
        number.is_finite()
            && (may_be_negative || *number >= 0.0)
            && (!whole || number.fract() == 0.0)
    };
    let mut numbers: Vec<f64> = constants.into_iter().flat_map(around).filter(possible).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    let mut all: Vec<_> = numbers.into_iter().map(Candidate::Number).collect();
    if term.reading != Reading::Size {
        all.push(Candidate::Empty);
    }
    all
}

/// One candidate for one term, everything else undecided.
struct Trial<'p> {
    program: &'p Program,
    term: Option<Term>,
    candidate: Candidate<'p>,
}

impl Trial<'_> {
    fn truths(&self) -> Vec<Truth> {
        let mut truths: Vec<Truth> = Vec::with_capacity(self.program.bools.len());
        for node in &self.program.bools {
            let truth = self.truth(*node, &truths);
            truths.push(truth);
        }
        truths
    }

    fn truth(&self, node: BoolNode, before: &[Truth]) -> Truth {
        let of = |id: BoolId| before.get(usize::from(id.0)).copied().unwrap_or(Truth::Unknown);
        match node {
            BoolNode::Constant(truth) => truth,
            BoolNode::Field(slot) if self.is_plain(slot) => {
                Truth::from(self.candidate == Candidate::Bool(true))
            }
            BoolNode::Has(slot, _) => self.has(slot),
            BoolNode::Not(inner) => !of(inner),
            BoolNode::All(run) => decided(self.program.parts(run), of, Truth::False),
            BoolNode::Any(run) => decided(self.program.parts(run), of, Truth::True),
            BoolNode::Choice(condition, yes, no) => match of(condition) {
                Truth::True => of(yes),
                Truth::False => of(no),
                Truth::Unknown if of(yes) == of(no) => of(yes),
                Truth::Unknown => Truth::Unknown,
            },
            BoolNode::SameTruth { a, b, same } => match (of(a), of(b)) {
                (Truth::Unknown, _) | (_, Truth::Unknown) => Truth::Unknown,
                (a, b) => Truth::from((a == b) == same),
            },
            BoolNode::Numbers { op, a, b } => self.numbers(op, a, b),
            BoolNode::NumberIn(number, run) => self.number_in(number, run),
            BoolNode::SameText { a, b, same } => match (self.text(a), self.text(b)) {
                (Some(a), Some(b)) => Truth::from((a == b) == same),
                _ => Truth::Unknown,
            },
            BoolNode::TextIn(text, run) => match self.text(text) {
                Some(Candidate::Text(text)) => {
                    self.program.texts(run).iter().any(|item| **item == *text).into()
                }
                Some(_) => Truth::False,
                None => Truth::Unknown,
            },
            BoolNode::TextTest { test, text, part } => match (self.text(text), self.text(part)) {
                (Some(Candidate::Text(text)), Some(Candidate::Text(part))) => {
                    test.holds(text, part).into()
                }
                _ => Truth::Unknown,
            },
            BoolNode::Field(_) | BoolNode::Times { .. } => Truth::Unknown,
        }
    }

    fn is_plain(&self, slot: u16) -> bool {
        self.term == Some(Term { slot, reading: Reading::Plain })
    }

    fn has(&self, slot: u16) -> Truth {
        match self.term {
            Some(term) if term.slot == slot => {
                let no_text =
                    term.reading == Reading::Size && self.candidate == Candidate::Number(0.0);
                Truth::from(!no_text && self.candidate != Candidate::Empty)
            }
            _ => Truth::Unknown,
        }
    }

    fn number(&self, id: NumberId) -> Option<Val<f64>> {
        if let NumberNode::Constant(value) = self.program.number_node(id) {
            return Some(value);
        }
        let term = Term::of_number(self.program, id)?;
        match self.candidate {
            _ if Some(term) != self.term => None,
            Candidate::Number(number) => Some(Val::Known(number)),
            Candidate::Empty => Some(Val::Empty),
            Candidate::Bool(_) | Candidate::Text(_) | Candidate::Other => None,
        }
    }

    fn numbers(&self, op: CompareOp, a: NumberId, b: NumberId) -> Truth {
        match (self.number(a), self.number(b)) {
            (Some(a), Some(b)) => compare(op, a, b),
            _ => Truth::Unknown,
        }
    }

    fn number_in(&self, number: NumberId, run: Run) -> Truth {
        let list = self.program.numbers_listed(run);
        match self.number(number) {
            Some(Val::Known(number)) => list.contains(&number).into(),
            Some(Val::Empty) => Truth::False,
            Some(Val::Unknown) | None => Truth::Unknown,
        }
    }

    /// A constant or the candidate; an Empty text is `""`.
    fn text(&self, id: TextId) -> Option<Candidate<'_>> {
        if let TextNode::Constant(index) = self.program.text_node(id) {
            return Some(Candidate::Text(self.program.text(index)));
        }
        let term = Term::of_text(self.program, id)?;
        match self.candidate {
            _ if Some(term) != self.term => None,
            Candidate::Empty => Some(Candidate::Text("")),
            candidate => Some(candidate),
        }
    }
}

fn decided(parts: &[BoolId], of: impl Fn(BoolId) -> Truth, decisive: Truth) -> Truth {
    let mut answer = !decisive;
    for part in parts {
        match of(*part) {
            truth if truth == decisive => return decisive,
            Truth::Unknown => answer = Truth::Unknown,
            _ => {}
        }
    }
    answer
}
