//! Conditions with one token changed: do the tests of a rule notice?

use std::ops::Range;

use super::{
    FieldDef, Schema, Type,
    lex::{Spanned, Token, lex},
};

/// What sort of token was changed.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    Comparison,
    Logic,
    Negation,
    Arithmetic,
    Number,
    Text,
    Truth,
    Fact,
    Function,
}

/// A condition of which one token was changed.
#[derive(Clone, Debug)]
pub(crate) struct Mutant {
    pub sort: Sort,
    /// The whole condition as it now reads.
    pub source: String,
    /// The token before, and after.
    pub change: String,
}

const COMPARISONS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];
const SIBLINGS: [&[&str]; 2] = [
    &["days_since", "hours_since", "business_days_since", "days_until"],
    &["startsWith", "endsWith", "contains"],
];

/// Every way to change one token of `source`, whether it still compiles or not.
pub(crate) fn mutants(source: &str, schema: &Schema) -> Vec<Mutant> {
    let tokens = lex(source).unwrap_or_default();
    let mut found = Vec::new();
    let mut change = |sort: Sort, span: &Range<usize>, to: String| {
        let (before, after) = (&source[..span.start], &source[span.end..]);
        let from = &source[span.clone()];
        let change =
            if to.is_empty() { format!("{from} left out") } else { format!("{from} to {to}") };
        found.push(Mutant { sort, source: format!("{before}{to}{after}"), change });
    };
    let mut at = 0;
    while at < tokens.len() {
        let Spanned { token, span } = &tokens[at];
        at += 1;
        match token {
            Token::Mark(mark) => {
                for (sort, to) in marks(mark) {
                    change(sort, span, to.to_owned());
                }
            }
            Token::Number(number) => {
                for to in other_numbers(*number) {
                    change(Sort::Number, span, to.to_string());
                }
            }
            Token::Text(text) => {
                for to in other_texts(text, schema) {
                    change(Sort::Text, span, format!("{to:?}"));
                }
            }
            Token::Word => {
                let end = end_of_name(&tokens, at);
                let is_call =
                    matches!(tokens.get(end).map(|next| &next.token), Some(Token::Mark("(")));
                // Of `deal.name.contains(…)` the last word is the function.
                let fact_end = if is_call && end > at { end - 2 } else { end };
                let fact = span.start..tokens[fact_end - 1].span.end;
                if !is_call || end > at {
                    for (sort, to) in other_words(&source[fact.clone()], schema) {
                        change(sort, &fact, to);
                    }
                }
                if is_call {
                    let function = &tokens[end - 1].span;
                    let of = SIBLINGS.iter().find(|all| all.contains(&&source[function.clone()]));
                    for to in of.copied().into_iter().flatten() {
                        if **to != source[function.clone()] {
                            change(Sort::Function, function, (*to).to_owned());
                        }
                    }
                    if source[function.clone()] == *"has" {
                        let name = function.start..function.end;
                        change(Sort::Negation, &name, "!has".to_owned());
                    }
                }
                at = end;
            }
            Token::End => {}
        }
    }
    found
}

/// The token after the dotted name whose first word stands before `at`.
fn end_of_name(tokens: &[Spanned], mut at: usize) -> usize {
    let is = |at: usize, wanted: &Token| tokens.get(at).is_some_and(|one| one.token == *wanted);
    while is(at, &Token::Mark(".")) && is(at + 1, &Token::Word) {
        at += 2;
    }
    at
}

fn marks(mark: &str) -> Vec<(Sort, &'static str)> {
    let others = |all: &'static [&'static str], sort: Sort| {
        all.iter().filter(|to| **to != mark).map(|to| (sort, *to)).collect()
    };
    match mark {
        "&&" => vec![(Sort::Logic, "||")],
        "||" => vec![(Sort::Logic, "&&")],
        "!" => vec![(Sort::Negation, "")],
        "+" | "-" | "*" | "/" => others(&["+", "-", "*", "/"], Sort::Arithmetic),
        _ if COMPARISONS.contains(&mark) => others(&COMPARISONS, Sort::Comparison),
        _ => Vec::new(),
    }
}

/// The next one up and down, and other orders of size.
pub(crate) fn other_numbers(number: f64) -> Vec<f64> {
    let mut others = vec![number + 1.0, number - 1.0, number * 10.0, number / 2.0, 0.0];
    others.sort_by(f64::total_cmp);
    others.dedup();
    others.retain(|other| *other != number);
    others
}

/// The other values of fields that have this one; for a free text another one.
fn other_texts(text: &str, schema: &Schema) -> Vec<String> {
    let known = schema.fields().iter().filter_map(|field| field.values.as_ref());
    let mut others: Vec<String> = known
        .filter(|values| values.iter().any(|value| value == text))
        .flatten()
        .cloned()
        .collect();
    others.sort();
    others.dedup();
    others.retain(|other| other != text);
    if others.is_empty() {
        others.push(format!("{text}x"));
    }
    others
}

/// The most facts that are put in one's place. Facts of a kind stand together in
/// the schema, so its neighbours are what it is most easily mistaken for, and the
/// hardest to tell from it.
const OTHER_FACTS_MAX: usize = 6;

/// The nearest facts of the same type; the opposite of `true`.
fn other_words(word: &str, schema: &Schema) -> Vec<(Sort, String)> {
    if let Some(opposite) = [("true", "false"), ("false", "true")].iter().find(|it| it.0 == word) {
        return vec![(Sort::Truth, opposite.1.to_owned())];
    }
    let ty =
        if word == "now" { Some(Type::Time) } else { schema.field(word).map(|field| field.ty) };
    let Some(ty) = ty else { return Vec::new() };
    let same = |field: &FieldDef| field.ty == ty && field.name != word;
    let place = schema.fields().iter().position(|field| field.name == word).unwrap_or(0);
    let mut near: Vec<(usize, &FieldDef)> =
        schema.fields().iter().enumerate().filter(|(_, field)| same(field)).collect();
    near.sort_by_key(|(at, _)| at.abs_diff(place));
    near.truncate(OTHER_FACTS_MAX);
    let mut others: Vec<(Sort, String)> =
        near.into_iter().map(|(_, field)| (Sort::Fact, field.name.clone())).collect();
    if ty == Type::Time && word != "now" {
        others.push((Sort::Fact, "now".to_owned()));
    }
    if ty == Type::Bool {
        others.push((Sort::Negation, format!("!{word}")));
    }
    others
}

#[test]
fn every_token_is_changed_in_every_way() {
    let source =
        "!has(deal.amount) && deal.next_step.startsWith('x') || days_since(deal.created_at) >= 2";
    let all = mutants(source, &super::tests::schema());
    let of = |sort: Sort| -> Vec<&str> {
        all.iter().filter(|one| one.sort == sort).map(|one| one.change.as_str()).collect()
    };
    assert_eq!(of(Sort::Logic), ["&& to ||", "|| to &&"]);
    assert_eq!(of(Sort::Negation), ["! left out", "has to !has"]);
    assert_eq!(of(Sort::Comparison), [">= to ==", ">= to !=", ">= to <", ">= to <=", ">= to >"]);
    assert_eq!(of(Sort::Number), ["2 to 0", "2 to 1", "2 to 3", "2 to 20"]);
    assert_eq!(of(Sort::Text), ["'x' to \"xx\""]);
    assert_eq!(
        of(Sort::Function),
        [
            "startsWith to endsWith",
            "startsWith to contains",
            "days_since to hours_since",
            "days_since to business_days_since",
            "days_since to days_until",
        ]
    );
    assert!(of(Sort::Fact).contains(&"deal.amount to threshold"));
    assert!(of(Sort::Fact).contains(&"deal.created_at to now"));
    assert!(all.iter().all(|one| one.source != source));
}
