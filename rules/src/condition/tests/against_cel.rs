//! The shared subset against a public implementation of CEL.
//!
//! CEL tells integers from doubles and has no conversion between them, so all
//! numbers here are doubles. The crate's `Context` takes values as its own
//! type, which keeps serde's number formats out of it.

use cel::{Context as CelContext, ExecutionError, Program, Value};
use proptest::prelude::*;

use super::{
    generate::{Generator, Language, Picks, facts},
    *,
};

/// What CEL says; nothing if it cannot say: zero divided by zero is no number, and
/// this CEL compares it with nothing. Here it is unknown, which a part that decides
/// may make up for.
fn in_cel(source: &str, slots: &[Slot<'_>]) -> Option<bool> {
    let program = Program::compile(&flattened(source)).expect("CEL reads the shared subset");
    let mut context = CelContext::default();
    for field in schema().fields() {
        let value = match slots[usize::from(field.slot)] {
            Slot::Bool(value) => Value::Bool(value),
            Slot::Number(value) => Value::Float(value),
            Slot::Text(value) => Value::String(value.to_owned().into()),
            Slot::Time(_) | Slot::Empty | Slot::Unknown => continue,
        };
        context.add_variable_from_value(flattened(&field.name), value);
    }
    match program.execute(&context) {
        Ok(Value::Bool(value)) => Some(value),
        Err(ExecutionError::NoSuchOverload(_)) if source.contains('/') => None,
        other => panic!("{source}: {other:?}"),
    }
}

/// A dot would be a field access in CEL; plain variables mean the same.
fn flattened(source: &str) -> String {
    source.replace("deal.", "deal_")
}

fn compared(source: &str, slots: &[Slot<'_>]) -> Result<bool, TestCaseError> {
    let calendar = calendar("UTC");
    let on = Context { slots, now: UnixMs(0), calendar: &calendar };
    let ours = condition(source).eval(&on);
    if ours == Truth::Unknown {
        return Ok(false);
    }
    let Some(theirs) = in_cel(source, slots) else { return Ok(false) };
    prop_assert_eq!(ours.is_true(), theirs, "{} on {:?}", source, slots);
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn the_shared_subset_means_the_same(picks in proptest::collection::vec(0u16..2_000, 60..200)) {
        let mut picks = Picks::new(&picks);
        let slots = facts(&mut picks, UnixMs(0), true);
        let depth = 1 + u32::from(picks.below(3));
        let source = Generator { picks, language: Language::SharedWithCel }.condition(depth);
        let decided = compared(&source, &slots)?;
        // Only a division by zero leaves known facts undecided.
        prop_assert!(decided || source.contains('/'), "{}", source);
    }
}

#[test]
fn precedence_without_parentheses() {
    let slots = facts(&mut Picks::new(&[]), UnixMs(0), true);
    for source in [
        "true || false && false",
        "!false && false || true",
        "1.0 + 2.0 * 3.0 == 7.0",
        "10.0 - 2.0 - 3.0 == 5.0",
        "8.0 / 4.0 / 2.0 == 1.0",
        "-2.0 - -3.0 == 1.0",
        "false ? true : false ? false : true",
        "1.0 < 2.0 ? 3.0 < 4.0 : false",
        "\"a\" in [\"a\"] && 2.0 in [1.0, 2.0]",
        "'it\\'s' == \"it's\" && \"\\n\\t\\\\\" != \"\"",
        "\"hé\".startsWith('h') && !('hé'.contains('e'))",
    ] {
        assert!(compared(source, &slots).expect("the same"), "{source} is undecided");
    }
}
