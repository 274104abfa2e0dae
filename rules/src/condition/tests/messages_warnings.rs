//! What people read of conditions that are never or always true.

use insta::assert_snapshot;

use super::{messages::said, *};

#[test]
fn never_true() {
    assert_snapshot!(said(&[
        "deal.stage == \"won\" && deal.stage == \"lost\"",
        "deal.amount > 5 && deal.amount < 3",
        "deal.amount > 5 || deal.amount <= 5 || !has(deal.amount)",
        "deal.has_champion && (threshold >= 5 && threshold in [1, 2])",
        "days_since(deal.created_at) < 0",
        "days_until(deal.close_date) > 2 && days_until(deal.close_date) < 3",
        "!has(deal.created_at) && days_since(deal.created_at) > 3",
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
    "#);
}

#[test]
fn always_true() {
    assert_snapshot!(said(&[
        "size(deal.next_step) >= 0 || deal.has_champion",
        "deal.stage != \"won\" || deal.stage != \"lost\"",
        "deal.is_committed && !deal.is_committed",
        "5 > 3 && deal.has_champion",
        "false",
        "deal.amount in []",
        "deal.amount / 0 > 3",
    ]), @r#"
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
    "#);
}

#[test]
fn the_innermost_part_is_named() {
    assert_snapshot!(said(&[
        "has(deal.next_step) && deal.next_step == \"\"",
        "(5 > 3 && deal.stage == \"won\") && deal.stage == \"lost\"",
        "!(deal.amount > 5 && deal.amount < 3) || deal.has_champion",
        "(deal.amount < 3 && deal.amount > 3 ? 1 : 2) == threshold",
    ]), @r#"
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
