//! What people read when a condition's names and types are wrong.

use insta::assert_snapshot;

use super::*;

/// Every diagnostic of each source, rendered.
pub(super) fn said(sources: &[&str]) -> String {
    let schema = schema();
    let mut text = String::new();
    for source in sources {
        let found = match compile(source, &schema) {
            Ok(condition) => condition.warnings().to_vec(),
            Err(errors) => errors,
        };
        assert!(!found.is_empty(), "{source} is fine");
        for diagnostic in found {
            text.push_str(&diagnostic.render(source));
            text.push_str("\n\n");
        }
    }
    text
}

#[test]
fn unknown_names() {
    assert_snapshot!(said(&[
        "deal.stgae == \"won\"",
        "stage == \"won\"",
        "opportunity.foo > 1",
        "deal.amount != null",
        "days_since > 3",
        "day_since(deal.created_at) > 3",
        "matches(deal.stage, 'x')",
        "Threshold > 2 && deal.ammount > 3",
    ]), @r#"
    1:1: error[unknown_field]: there is no field `deal.stgae`
      | deal.stgae == "won"
      | ^^^^^^^^^^
      hint: did you mean `deal.stage`?

    1:1: error[unknown_field]: there is no field `stage`
      | stage == "won"
      | ^^^^^
      hint: did you mean `deal.stage`?

    1:1: error[unknown_field]: there is no field `opportunity.foo`
      | opportunity.foo > 1
      | ^^^^^^^^^^^^^^^

    1:16: error[unknown_field]: there is no field `null`
      | deal.amount != null
      |                ^^^^
      hint: ask whether a field is filled: has(deal.next_step)

    1:1: error[unknown_field]: there is no field `days_since`
      | days_since > 3
      | ^^^^^^^^^^
      hint: `days_since` is a function: days_since(…)

    1:1: error[unknown_function]: there is no function `day_since`
      | day_since(deal.created_at) > 3
      | ^^^^^^^^^
      hint: did you mean days_since(deal.created_at)?

    1:1: error[unknown_function]: there is no function `matches`
      | matches(deal.stage, 'x')
      | ^^^^^^^
      hint: there are: has, size, startsWith, endsWith, contains, days_since, hours_since, business_days_since, days_until

    1:1: error[unknown_field]: there is no field `Threshold`
      | Threshold > 2 && deal.ammount > 3
      | ^^^^^^^^^
      hint: did you mean `threshold`?

    1:18: error[unknown_field]: there is no field `deal.ammount`
      | Threshold > 2 && deal.ammount > 3
      |                  ^^^^^^^^^^^^
      hint: did you mean `deal.amount`?
    "#);
}

#[test]
fn unknown_values() {
    assert_snapshot!(said(&[
        "deal.stage == \"negotation\"",
        "deal.stage in [\"proposal\", \"closed\"]",
        "(deal.has_champion ? \"won\" : \"wno\") != deal.stage",
    ]), @r#"
    1:15: error[unknown_value]: `deal.stage` is never `"negotation"`
      | deal.stage == "negotation"
      |               ^^^^^^^^^^^^
      hint: did you mean "negotiation"?

    1:28: error[unknown_value]: `deal.stage` is never `"closed"`
      | deal.stage in ["proposal", "closed"]
      |                            ^^^^^^^^
      hint: known values: "discovery", "proposal", "negotiation", "won", "lost"

    1:30: error[unknown_value]: `deal.stage` is never `"wno"`
      | (deal.has_champion ? "won" : "wno") != deal.stage
      |                              ^^^^^
      hint: did you mean "won"?
    "#);
}

#[test]
fn types() {
    assert_snapshot!(said(&[
        "deal.amount == \"big\"",
        "deal.amount > \"50000\"",
        "deal.stage == 5",
        "deal.created_at > 5",
        "deal.created_at > \"2026-01-01\"",
        "deal.stage < \"won\"",
        "deal.amount + deal.stage > 1",
        "deal.close_date - now < 5",
        "deal.stage + \"x\" == \"y\"",
    ]), @r#"
    1:1: error[type_mismatch]: `deal.amount` is a number, but `"big"` is text
      | deal.amount == "big"
      | ^^^^^^^^^^^^^^^^^^^^

    1:1: error[type_mismatch]: `deal.amount` is a number, but `"50000"` is text
      | deal.amount > "50000"
      | ^^^^^^^^^^^^^^^^^^^^^
      hint: write the number without quotes: 50000

    1:1: error[type_mismatch]: `deal.stage` is text, but `5` is a number
      | deal.stage == 5
      | ^^^^^^^^^^^^^^^
      hint: put the text in quotes: "5"

    1:1: error[type_mismatch]: `deal.created_at` is a time, but `5` is a number
      | deal.created_at > 5
      | ^^^^^^^^^^^^^^^^^^^
      hint: count days or hours: days_since(…), hours_since(…) or days_until(…)

    1:1: error[type_mismatch]: `deal.created_at` is a time, but `"2026-01-01"` is text
      | deal.created_at > "2026-01-01"
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: compare a time with `now`, with another time, or count days_since(…)

    1:1: error[no_order]: `<` orders numbers and times, not text
      | deal.stage < "won"
      | ^^^^^^^^^^^^^^^^^^
      hint: use == or !=, or compare numbers

    1:15: error[type_mismatch]: `+` works on numbers, `deal.stage` is text
      | deal.amount + deal.stage > 1
      |               ^^^^^^^^^^
      hint: texts cannot be joined here; do that in the template

    1:1: error[type_mismatch]: `-` works on numbers, `deal.close_date` is a time
      | deal.close_date - now < 5
      | ^^^^^^^^^^^^^^^
      hint: turn a time into a number: days_since(…), hours_since(…) or days_until(…)

    1:19: error[type_mismatch]: `-` works on numbers, `now` is a time
      | deal.close_date - now < 5
      |                   ^^^
      hint: turn a time into a number: days_since(…), hours_since(…) or days_until(…)

    1:1: error[type_mismatch]: `+` works on numbers, `deal.stage` is text
      | deal.stage + "x" == "y"
      | ^^^^^^^^^^
      hint: texts cannot be joined here; do that in the template

    1:14: error[type_mismatch]: `+` works on numbers, `"x"` is text
      | deal.stage + "x" == "y"
      |              ^^^
      hint: texts cannot be joined here; do that in the template
    "#);
}

#[test]
fn conditions_that_are_none() {
    assert_snapshot!(said(&[
        "deal.amount && !deal.stage",
        "deal.close_date",
        "deal.amount",
        "deal.stage",
        "5",
        "deal.has_champion ? 1 : \"a\"",
        "deal.amount in [1, \"2\", true]",
        "now in [1]",
        "deal.has_champion in [true]",
    ]), @r#"
    1:1: error[not_a_condition]: `deal.amount` is a number, not a condition
      | deal.amount && !deal.stage
      | ^^^^^^^^^^^
      hint: compare it: deal.amount > 0

    1:17: error[not_a_condition]: `deal.stage` is text, not a condition
      | deal.amount && !deal.stage
      |                 ^^^^^^^^^^
      hint: compare it: deal.stage != ""

    1:1: error[not_a_condition]: `deal.close_date` is a time, not a condition
      | deal.close_date
      | ^^^^^^^^^^^^^^^
      hint: ask has(deal.close_date), or compare it with `now`

    1:1: error[not_a_condition]: `deal.amount` is a number, not a condition
      | deal.amount
      | ^^^^^^^^^^^
      hint: compare it: deal.amount > 0

    1:1: error[not_a_condition]: `deal.stage` is text, not a condition
      | deal.stage
      | ^^^^^^^^^^
      hint: compare it: deal.stage != ""

    1:1: error[not_a_condition]: `5` is a number, not a condition
      | 5
      | ^
      hint: compare it: 5 > 0

    1:1: error[type_mismatch]: `1` is a number, but `"a"` is text
      | deal.has_champion ? 1 : "a"
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: put the text in quotes: "1"

    1:20: error[type_mismatch]: `deal.amount` is a number, but `"2"` is text
      | deal.amount in [1, "2", true]
      |                    ^^^
      hint: write the number without quotes: 2

    1:25: error[type_mismatch]: `deal.amount` is a number, but `true` is true or false
      | deal.amount in [1, "2", true]
      |                         ^^^^

    1:1: error[type_mismatch]: `in` looks up numbers and texts, `now` is a time
      | now in [1]
      | ^^^

    1:1: error[type_mismatch]: `in` looks up numbers and texts, `deal.has_champion` is true or false
      | deal.has_champion in [true]
      | ^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn calls() {
    assert_snapshot!(said(&[
        "has(deal.amount + 1)",
        "has(now)",
        "has(deal.amount, deal.stage)",
        "startsWith(deal.stage, \"w\")",
        "deal.stage.size() > 1",
        "deal.amount.contains(\"1\")",
        "days_since(deal.amount) > 1",
        "deal.stage.startsWith(1)",
    ]), @r#"
    1:5: error[has_needs_field]: `has` asks about a field, not `deal.amount + 1`
      | has(deal.amount + 1)
      |     ^^^^^^^^^^^^^^^
      hint: name one field: has(deal.next_step)

    1:5: error[has_needs_field]: `now` is always known
      | has(now)
      |     ^^^
      hint: name one field: has(deal.next_step)

    1:1: error[wrong_call]: `has` is not used like this
      | has(deal.amount, deal.stage)
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: write has(deal.next_step)

    1:1: error[wrong_call]: `startsWith` is not used like this
      | startsWith(deal.stage, "w")
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: write deal.name.startsWith("…")

    1:1: error[wrong_call]: `size` is not used like this
      | deal.stage.size() > 1
      | ^^^^^^^^^^^^^^^^^
      hint: write size(deal.name)

    1:1: error[type_mismatch]: `contains` needs text, `deal.amount` is a number
      | deal.amount.contains("1")
      | ^^^^^^^^^^^

    1:12: error[type_mismatch]: `days_since` needs a time, `deal.amount` is a number
      | days_since(deal.amount) > 1
      |            ^^^^^^^^^^^

    1:23: error[type_mismatch]: `startsWith` needs text, `1` is a number
      | deal.stage.startsWith(1)
      |                       ^
    "#);
}

#[test]
fn every_type_error_is_reported_at_once() {
    let source = "deal.stgae == \"won\"\n  && deal.amount == \"big\"\n  && days_since(deal.amount) > 3\n  || unknown(deal.foo)";
    let errors = compile(source, &schema()).expect_err("four errors and one inside");
    let places: Vec<_> =
        errors.iter().map(|error| (error.line, error.column, error.code)).collect();
    let expected = [
        (1, 1, "unknown_field"),
        (2, 6, "type_mismatch"),
        (3, 17, "type_mismatch"),
        (4, 6, "unknown_function"),
        (4, 14, "unknown_field"),
    ];
    assert_eq!(places, expected);
}
