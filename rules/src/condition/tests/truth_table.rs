//! The truth table of the language: every operator on Known, Empty and Unknown.

use super::*;
use Truth::{False as F, True as T, Unknown as U};

const TRUTHS: [(&str, Slot<'static>, Truth); 4] = [
    ("true", Slot::Bool(true), T),
    ("false", Slot::Bool(false), F),
    ("empty", Slot::Empty, F),
    ("unknown", Slot::Unknown, U),
];

fn with_bools(source: &str, a: Slot<'_>, b: Slot<'_>) -> Truth {
    answer(source, &[(CHAMPION, a), (COMMITTED, b)])
}

#[test]
fn kleene_and_or_not() {
    for (_, a, left) in TRUTHS {
        assert_eq!(with_bools("deal.has_champion", a, Slot::Unknown), left);
        assert_eq!(with_bools("!deal.has_champion", a, Slot::Unknown), !left);
        for (_, b, right) in TRUTHS {
            let and = match (left, right) {
                (F, _) | (_, F) => F,
                (T, T) => T,
                _ => U,
            };
            let or = match (left, right) {
                (T, _) | (_, T) => T,
                (F, F) => F,
                _ => U,
            };
            let same = match (left, right) {
                (U, _) | (_, U) => U,
                _ => Truth::from(left == right),
            };
            assert_eq!(with_bools("deal.has_champion && deal.is_committed", a, b), and);
            assert_eq!(with_bools("deal.has_champion || deal.is_committed", a, b), or);
            assert_eq!(with_bools("deal.has_champion == deal.is_committed", a, b), same);
            assert_eq!(with_bools("deal.has_champion != deal.is_committed", a, b), !same);
        }
    }
}

#[test]
fn choice_is_decided_by_its_question_or_by_agreement() {
    let source = "deal.has_champion ? deal.is_committed : deal.amount > 5";
    let table = [
        (Slot::Bool(true), Slot::Bool(true), Slot::Unknown, T),
        (Slot::Bool(false), Slot::Unknown, Slot::Number(1.0), F),
        (Slot::Empty, Slot::Unknown, Slot::Number(9.0), T),
        (Slot::Unknown, Slot::Bool(true), Slot::Number(9.0), T),
        (Slot::Unknown, Slot::Bool(false), Slot::Number(1.0), F),
        (Slot::Unknown, Slot::Bool(true), Slot::Number(1.0), U),
        (Slot::Unknown, Slot::Unknown, Slot::Unknown, U),
    ];
    for (question, yes, no, expected) in table {
        let known = [(CHAMPION, question), (COMMITTED, yes), (AMOUNT, no)];
        assert_eq!(answer(source, &known), expected, "{known:?}");
    }
    let number = "(deal.has_champion ? 5 : 5) == 5";
    assert_eq!(answer(number, &[]), U, "a number chosen by an unknown question is unknown");
}

/// `a op b` for each pair of Known 1, Known 2, Empty and Unknown.
#[test]
fn comparisons() {
    let numbers = [Slot::Number(1.0), Slot::Number(2.0), Slot::Empty, Slot::Unknown];
    let times = [Slot::Time(UnixMs(1)), Slot::Time(UnixMs(2)), Slot::Empty, Slot::Unknown];
    let table = [
        ("==", [[T, F, F, U], [F, T, F, U], [F, F, T, U], [U, U, U, U]]),
        ("!=", [[F, T, T, U], [T, F, T, U], [T, T, F, U], [U, U, U, U]]),
        ("<", [[F, T, F, U], [F, F, F, U], [F, F, F, U], [U, U, U, U]]),
        ("<=", [[T, T, F, U], [F, T, F, U], [F, F, F, U], [U, U, U, U]]),
        (">", [[F, F, F, U], [T, F, F, U], [F, F, F, U], [U, U, U, U]]),
        (">=", [[T, F, F, U], [T, T, F, U], [F, F, F, U], [U, U, U, U]]),
    ];
    for (op, expected) in table {
        for (i, row) in expected.iter().enumerate() {
            for (j, truth) in row.iter().enumerate() {
                let on_numbers = format!("deal.amount {op} threshold");
                let known = [(AMOUNT, numbers[i]), (THRESHOLD, numbers[j])];
                assert_eq!(answer(&on_numbers, &known), *truth, "{on_numbers} {known:?}");
                let on_times = format!("deal.created_at {op} deal.close_date");
                let known = [(CREATED_AT, times[i]), (CLOSE_DATE, times[j])];
                assert_eq!(answer(&on_times, &known), *truth, "{on_times} {known:?}");
            }
        }
    }
}

/// One row per source: the answer on a Known, an Empty and an Unknown field.
#[test]
fn one_field() {
    let number = [Slot::Number(4.0), Slot::Empty, Slot::Unknown];
    let text = [Slot::Text("Call Ann"), Slot::Empty, Slot::Unknown];
    let time = [Slot::Time(at("2026-11-20T09:00:00Z")), Slot::Empty, Slot::Unknown];
    let flag = [Slot::Bool(false), Slot::Empty, Slot::Unknown];
    let table: [(&str, u16, [Slot<'_>; 3], [Truth; 3]); 35] = [
        ("has(deal.amount)", AMOUNT, number, [T, F, U]),
        ("has(deal.next_step)", NEXT_STEP, text, [T, F, U]),
        ("has(deal.created_at)", CREATED_AT, time, [T, F, U]),
        ("has(deal.has_champion)", CHAMPION, flag, [T, F, U]),
        ("!has(deal.amount)", AMOUNT, number, [F, T, U]),
        ("deal.amount == 4", AMOUNT, number, [T, F, U]),
        ("deal.amount != 4", AMOUNT, number, [F, T, U]),
        ("deal.amount in [4, 5]", AMOUNT, number, [T, F, U]),
        ("deal.amount in []", AMOUNT, number, [F, F, U]),
        ("-deal.amount == -4", AMOUNT, number, [T, F, U]),
        ("deal.amount + 1 > 0", AMOUNT, number, [T, F, U]),
        ("deal.amount * 0 == 0", AMOUNT, number, [T, F, U]),
        ("deal.amount - 1 != 3", AMOUNT, number, [F, T, U]),
        ("deal.amount / 0 == 1", AMOUNT, number, [U, F, U]),
        ("deal.amount * 1e308 * 10 > 0", AMOUNT, number, [U, F, U]),
        ("deal.amount == deal.amount", AMOUNT, number, [T, T, U]),
        ("deal.next_step == \"\"", NEXT_STEP, text, [F, T, U]),
        ("deal.next_step == \"Call Bob\"", NEXT_STEP, text, [F, F, U]),
        ("deal.next_step in [\"Call Bob\", \"Call Ann\"]", NEXT_STEP, text, [T, F, U]),
        ("deal.next_step != \"\"", NEXT_STEP, text, [T, F, U]),
        ("deal.next_step in [\"\", \"x\"]", NEXT_STEP, text, [F, T, U]),
        ("deal.next_step.startsWith(\"Call\")", NEXT_STEP, text, [T, F, U]),
        ("deal.next_step.endsWith(\"Ann\")", NEXT_STEP, text, [T, F, U]),
        ("deal.next_step.contains(\"l A\")", NEXT_STEP, text, [T, F, U]),
        ("deal.next_step.contains(\"\")", NEXT_STEP, text, [T, T, U]),
        ("size(deal.next_step) == 0", NEXT_STEP, text, [F, T, U]),
        ("size(deal.next_step) == 8", NEXT_STEP, text, [T, F, U]),
        ("deal.created_at < now", CREATED_AT, time, [T, F, U]),
        ("deal.created_at > now", CREATED_AT, time, [F, F, U]),
        ("days_since(deal.created_at) == 3", CREATED_AT, time, [T, F, U]),
        ("hours_since(deal.created_at) == 72", CREATED_AT, time, [T, F, U]),
        ("business_days_since(deal.created_at) == 1", CREATED_AT, time, [T, F, U]),
        ("days_until(deal.created_at) == -3", CREATED_AT, time, [T, F, U]),
        ("!(days_since(deal.created_at) >= 9)", CREATED_AT, time, [T, T, U]),
        ("deal.has_champion == false", CHAMPION, flag, [T, T, U]),
    ];
    for (source, slot, values, expected) in table {
        for (value, truth) in values.into_iter().zip(expected) {
            assert_eq!(answer(source, &[(slot, value)]), truth, "{source} on {value:?}");
        }
    }
}

/// Empty and Unknown together: Unknown wins.
#[test]
fn unknown_wins_over_empty() {
    for source in
        ["deal.amount + threshold > 0", "deal.amount < threshold", "deal.amount == threshold"]
    {
        assert_eq!(answer(source, &[(AMOUNT, Slot::Empty)]), U, "{source}");
        assert_eq!(answer(source, &[(THRESHOLD, Slot::Empty)]), U, "{source}");
    }
}

#[test]
fn ages_of_the_future_are_zero_and_days_until_the_past_negative() {
    let future = Slot::Time(at("2026-12-03T10:00:00Z"));
    for function in ["days_since", "hours_since", "business_days_since"] {
        let source = format!("{function}(deal.close_date) == 0");
        assert_eq!(answer(&source, &[(CLOSE_DATE, future)]), T, "{source}");
    }
    assert_eq!(answer("days_until(deal.close_date) == 10", &[(CLOSE_DATE, future)]), T);
    let past = Slot::Time(at("2026-11-21T10:00:00Z"));
    assert_eq!(answer("days_until(deal.close_date) == -2", &[(CLOSE_DATE, past)]), T);
    assert_eq!(answer("days_since(now) == 0 && days_until(now) == 0", &[]), T);
}

#[test]
fn slots_of_a_wrong_kind_are_unknown() {
    for wrong in
        [Slot::Text("4"), Slot::Bool(true), Slot::Number(f64::NAN), Slot::Number(f64::INFINITY)]
    {
        assert_eq!(answer("deal.amount == 4", &[(AMOUNT, wrong)]), U, "{wrong:?}");
        assert_eq!(answer("has(deal.amount)", &[(AMOUNT, wrong)]), U, "{wrong:?}");
    }
    assert_eq!(answer("has(deal.next_step)", &[(NEXT_STEP, Slot::Text(""))]), F);
    let calendar = calendar("Europe/London");
    let on = Context { slots: &[], now: UnixMs(0), calendar: &calendar };
    assert_eq!(condition("deal.amount == 4").eval(&on), U, "no such slot");
}

#[test]
fn precedence_is_that_of_cel() {
    let table = [
        ("true || false && false", T),
        ("!false && false", F),
        ("1 + 2 * 3 == 7", T),
        ("(1 + 2) * 3 == 9", T),
        ("10 - 2 - 3 == 5", T),
        ("8 / 4 / 2 == 1", T),
        ("-2 - -3 == 1", T),
        ("false ? true : false ? false : true", T),
        ("1 < 2 ? 3 < 4 : false", T),
        ("\"a\" in [\"a\"] && 2 in [1, 2]", T),
        ("-1 in [-1]", T),
        ("size('hé') == 2", T),
        ("\"it's\" == 'it\\'s'", T),
    ];
    for (source, expected) in table {
        assert_eq!(answer(source, &[]), expected, "{source}");
    }
}
