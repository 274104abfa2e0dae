//! What people read when a condition cannot be parsed.

use insta::assert_snapshot;

use super::{messages::said, *};

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
    "#);
}

#[test]
fn texts_and_lists() {
    assert_snapshot!(said(&[
        "deal.stage == “won”",
        "deal.stage == \"won",
        "deal.stage == 'wo\\q' & true",
        "deal.stage in \"won\"",
        "deal.stage in [\"won\"",
        "deal.stage in [deal.stage]",
        "deal.stage == [\"won\"]",
    ]), @r#"
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
    "#);
}

#[test]
fn what_is_missing_or_too_much() {
    assert_snapshot!(said(&[
        "(deal.amount > 5",
        "deal.amount > 5)",
        "deal.has_champion ? 1",
        "deal.amount % 2 == 1",
        "deal. == 1",
        "deal.tags[0] == 1",
        "1e999 > 1",
        "a_name_that_goes_on_and_on_and_on_for_more_than_sixty_four_letters_in_all > 1",
    ]), @r#"
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
