//! What people read when a condition is wrong.

use insta::assert_snapshot;

use super::*;

/// Every diagnostic of each source, rendered.
fn said(sources: &[&str]) -> String {
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
fn syntax() {
    assert_snapshot!(said(&[
        "",
        "deal.amount >",
        "deal.amount = 5",
        "deal.amount > 5 and deal.has_champion",
        "not deal.has_champion",
        "1 < deal.amount < 5",
        "deal.amount > 50k",
        "deal.amount > 1,000",
        "deal.amount > .5",
        "deal.stage == “won”",
        "deal.stage == \"won",
        "deal.stage == 'wo\\q' & true",
        "deal.stage in \"won\"",
        "deal.stage in [\"won\"",
        "deal.stage in [deal.stage]",
        "deal.stage == [\"won\"]",
        "(deal.amount > 5",
        "deal.amount > 5)",
        "deal.has_champion ? 1",
        "deal.amount % 2 == 1",
        "deal. == 1",
        "deal.tags[0] == 1",
        "1e999 > 1",
        "a_name_that_goes_on_and_on_and_on_for_more_than_sixty_four_letters_in_all > 1",
    ]), @r#"
    1:1: error[empty_condition]: nothing is written here
      | 
      | ^
      hint: write `true` for a condition that always holds

    1:14: error[unexpected_end]: the condition ends where a value is needed
      | deal.amount >
      |              ^

    1:13: error[unexpected_character]: `=` means nothing here
      | deal.amount = 5
      |             ^
      hint: compare with `==`

    1:17: error[unexpected_token]: found `and` where an operator or the end is needed
      | deal.amount > 5 and deal.has_champion
      |                 ^^^
      hint: write `&&` for "and"

    1:5: error[unexpected_token]: found `deal` where an operator or the end is needed
      | not deal.has_champion
      |     ^^^^
      hint: write `!` for "not"

    1:17: error[chained_comparison]: comparisons do not chain
      | 1 < deal.amount < 5
      |                 ^
      hint: join two with `&&`: 1 < x && x < 5

    1:15: error[bad_number]: this is not a number
      | deal.amount > 50k
      |               ^^^
      hint: write plain digits, such as 50000 or 0.25, without unit or separator

    1:16: error[unexpected_token]: found `,` where an operator or the end is needed
      | deal.amount > 1,000
      |                ^
      hint: values are listed only in calls and in `in [..]`; numbers have no separators

    1:15: error[unexpected_token]: found `.` where a value is needed
      | deal.amount > .5
      |               ^
      hint: a number needs a digit before its point: 0.5

    1:15: error[unexpected_character]: `“` means nothing here
      | deal.stage == “won”
      |               ^
      hint: put text in straight quotes: "…" or '…'

    1:19: error[unexpected_character]: `”` means nothing here
      | deal.stage == “won”
      |                   ^
      hint: put text in straight quotes: "…" or '…'

    1:15: error[unclosed_text]: this text is not closed on its line
      | deal.stage == "won
      |               ^^^^
      hint: end it with "

    1:18: error[bad_escape]: `\q` is no escape
      | deal.stage == 'wo\q' & true
      |                  ^^^
      hint: use \\ \" \' \n or \t

    1:22: error[unexpected_character]: `&` means nothing here
      | deal.stage == 'wo\q' & true
      |                      ^
      hint: write `&&` for "and"

    1:15: error[unexpected_token]: found `"won"` where a list is needed
      | deal.stage in "won"
      |               ^^^^^
      hint: write the values in brackets: ["proposal", "negotiation"]

    1:21: error[unexpected_end]: the condition ends where `]` is needed
      | deal.stage in ["won"
      |                     ^

    1:16: error[list_item]: `deal.stage` is not a plain value
      | deal.stage in [deal.stage]
      |                ^^^^^^^^^^
      hint: a list holds numbers or texts only

    1:15: error[unexpected_token]: found `[` where a value is needed
      | deal.stage == ["won"]
      |               ^
      hint: a list stands only to the right of `in`, and nothing is picked out of one

    1:17: error[unexpected_end]: the condition ends where `)` is needed
      | (deal.amount > 5
      |                 ^

    1:16: error[unexpected_token]: found `)` where an operator or the end is needed
      | deal.amount > 5)
      |                ^
      hint: there is no `(` for it

    1:22: error[unexpected_end]: the condition ends where `:` is needed
      | deal.has_champion ? 1
      |                      ^

    1:13: error[unexpected_character]: `%` means nothing here
      | deal.amount % 2 == 1
      |             ^
      hint: there is no remainder; numbers have `+ - * /`

    1:7: error[unexpected_token]: found `==` where a name is needed
      | deal. == 1
      |       ^^

    1:10: error[unexpected_token]: found `[` where an operator or the end is needed
      | deal.tags[0] == 1
      |          ^
      hint: a list stands only to the right of `in`, and nothing is picked out of one

    1:1: error[bad_number]: this number is too large
      | 1e999 > 1
      | ^^^^^

    1:1: error[name_too_long]: a name has at most 64 characters
      | a_name_that_goes_on_and_on_and_on_for_more_than_sixty_four_letters_in_all > 1
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn never_and_always() {
    assert_snapshot!(said(&[
        "deal.stage == \"won\" && deal.stage == \"lost\"",
        "deal.amount > 5 && deal.amount < 3",
        "deal.amount > 5 || deal.amount <= 5 || !has(deal.amount)",
        "deal.has_champion && (threshold >= 5 && threshold in [1, 2])",
        "days_since(deal.created_at) < 0",
        "days_until(deal.close_date) > 2 && days_until(deal.close_date) < 3",
        "!has(deal.created_at) && days_since(deal.created_at) > 3",
        "size(deal.next_step) >= 0 || deal.has_champion",
        "deal.stage != \"won\" || deal.stage != \"lost\"",
        "deal.is_committed && !deal.is_committed",
        "5 > 3 && deal.has_champion",
        "false",
        "deal.amount in []",
        "deal.amount / 0 > 3",
        "has(deal.next_step) && deal.next_step == \"\"",
        "(5 > 3 && deal.stage == \"won\") && deal.stage == \"lost\"",
        "!(deal.amount > 5 && deal.amount < 3) || deal.has_champion",
        "(deal.amount < 3 && deal.amount > 3 ? 1 : 2) == threshold",
    ]), @r#"
    1:1: warning[never_true]: the condition is never true
      | deal.stage == "won" && deal.stage == "lost"
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: no value of `deal.stage` makes it true

    1:1: warning[never_true]: the condition is never true
      | deal.amount > 5 && deal.amount < 3
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: no value of `deal.amount` makes it true

    1:1: warning[always_true]: the condition is always true
      | deal.amount > 5 || deal.amount <= 5 || !has(deal.amount)
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: every value of `deal.amount` makes it true

    1:23: warning[never_true]: this is never true, and so is the condition
      | deal.has_champion && (threshold >= 5 && threshold in [1, 2])
      |                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: no value of `threshold` makes it true

    1:1: warning[never_true]: the condition is never true
      | days_since(deal.created_at) < 0
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: no value of `days_since(deal.created_at)` makes it true

    1:1: warning[never_true]: the condition is never true
      | days_until(deal.close_date) > 2 && days_until(deal.close_date) < 3
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: no value of `days_until(deal.close_date)` makes it true

    1:1: warning[never_true]: the condition is never true
      | !has(deal.created_at) && days_since(deal.created_at) > 3
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: no value of `days_since(deal.created_at)` makes it true

    1:1: warning[always_true]: this is always true, and so is the condition
      | size(deal.next_step) >= 0 || deal.has_champion
      | ^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: every value of `size(deal.next_step)` makes it true

    1:1: warning[always_true]: the condition is always true
      | deal.stage != "won" || deal.stage != "lost"
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: every value of `deal.stage` makes it true

    1:1: warning[never_true]: the condition is never true
      | deal.is_committed && !deal.is_committed
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: no value of `deal.is_committed` makes it true

    1:1: warning[always_true]: this is always true
      | 5 > 3 && deal.has_champion
      | ^^^^^
      hint: it does not depend on any field

    1:1: warning[never_true]: the condition is never true
      | false
      | ^^^^^
      hint: it does not depend on any field

    1:1: warning[never_true]: the condition is never true
      | deal.amount in []
      | ^^^^^^^^^^^^^^^^^
      hint: no value of `deal.amount` makes it true

    1:1: warning[division_by_zero]: dividing by zero gives an unknown result
      | deal.amount / 0 > 3
      | ^^^^^^^^^^^^^^^
      hint: divide by another number

    1:1: warning[never_true]: the condition is never true
      | has(deal.next_step) && deal.next_step == ""
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: no value of `deal.next_step` makes it true

    1:1: warning[never_true]: the condition is never true
      | (5 > 3 && deal.stage == "won") && deal.stage == "lost"
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: no value of `deal.stage` makes it true

    1:2: warning[always_true]: this is always true
      | (5 > 3 && deal.stage == "won") && deal.stage == "lost"
      |  ^^^^^
      hint: it does not depend on any field

    1:1: warning[always_true]: this is always true, and so is the condition
      | !(deal.amount > 5 && deal.amount < 3) || deal.has_champion
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: every value of `deal.amount` makes it true

    1:3: warning[never_true]: this is never true
      | !(deal.amount > 5 && deal.amount < 3) || deal.has_champion
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: no value of `deal.amount` makes it true

    1:2: warning[never_true]: this is never true
      | (deal.amount < 3 && deal.amount > 3 ? 1 : 2) == threshold
      |  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: no value of `deal.amount` makes it true
    "#);
}

#[test]
fn limits() {
    let deep = format!("{}true{}", "(".repeat(70), ")".repeat(70));
    let negated = format!("{}true", "!".repeat(70));
    let sum = format!("1{} > 1", " + 1".repeat(70));
    let long = format!("true{}", " && true".repeat(600));
    let huge = " ".repeat(9_000);
    let codes: Vec<_> = [deep, negated, sum, long, huge]
        .iter()
        .map(|source| compile(source, &schema()).expect_err("too much").remove(0).code)
        .collect();
    assert_eq!(codes, ["too_deep", "too_deep", "too_deep", "too_many_parts", "source_too_long"]);
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

#[test]
fn sound_conditions_have_no_warning() {
    for source in [
        "true",
        "deal.amount > 5 && deal.amount < 30",
        "deal.stage == \"won\" || deal.stage == \"lost\"",
        "deal.amount != 5 || deal.stage == \"won\"",
        "days_since(deal.created_at) > 2 && days_since(deal.created_at) < 3",
        "deal.amount >= 5 || deal.amount < 5",
        "size(deal.next_step) < 1e300",
        "deal.amount * 2 > 5 && deal.amount < 1",
        "!has(deal.next_step) && deal.next_step == \"\"",
        "days_until(deal.close_date) < 0",
    ] {
        let warnings = condition(source).warnings().to_vec();
        assert!(warnings.is_empty(), "{source}: {warnings:?}");
    }
}
