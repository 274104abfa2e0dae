//! What people call the facts about a person, speaking to that person.

use super::names::Kind;

pub(super) fn fact(name: &str) -> Option<(&'static str, Kind)> {
    Some(match name {
        "person.open_deals" => ("Your open deals", Kind::Count),
        "person.open_amount" => ("Their amount in all", Kind::Money),
        "person.usual_open_deals" => ("Open deals you usually have", Kind::Count),
        "person.new_deals_14d" => ("Your new deals in the last 14 days", Kind::Count),
        "person.last_new_deal_at" => ("Your newest deal was created on", Kind::Date),
        "person.largest_share_percent" => {
            ("Share of your largest deal in the whole amount, in percent", Kind::Count)
        }
        "person.closing_this_month" => ("Your deals that are to close this month", Kind::Count),
        "person.closing_last_days_percent" => {
            ("Of these, closing in the last five days, in percent", Kind::Count)
        }
        "person.wins_in_a_row" => ("Deals you won in a row", Kind::Count),
        "person.wins_30d" => ("Deals you won in the last 30 days", Kind::Count),
        "person.next_steps_percent" => {
            ("Your deals with a dated next step, in percent", Kind::Count)
        }
        "person.next_steps_percent_before" => ("The same four weeks ago", Kind::Count),
        "person.overdue_deals" => ("Your deals whose close date has passed", Kind::Count),
        "person.target" => ("Your target", Kind::Money),
        "person.won_amount" => ("Won of it so far", Kind::Money),
        "person.coverage" => ("Open amount for each one that is left to win", Kind::Count),
        "person.leads" => ("People you lead", Kind::Count),
        "person.manager_since" => ("You lead since", Kind::Date),
        "person.edits_14d" => ("Your edits on your team's deals in 14 days", Kind::Count),
        "person.edits_before_14d" => ("The same in the 14 days before", Kind::Count),
        "person.edits_share_percent" => {
            ("Of all edits on these deals, yours, in percent", Kind::Count)
        }
        "person.edited_deals_14d" => ("Deals of your team that you edited in 14 days", Kind::Count),
        "person.edits_on_one_deal_14d" => ("The most of your edits on one deal", Kind::Count),
        "person.edits_on_one_seller_14d" => {
            ("The most of your edits on one person's deals", Kind::Count)
        }
        "person.edits_large_percent" => {
            ("Your edits that were on the largest deals, in percent", Kind::Count)
        }
        "person.edits_this_month_percent" => {
            ("Your edits that were on deals closing this month, in percent", Kind::Count)
        }
        "person.pushes_same_seller_7d" => {
            ("Nudges of your own rules to one person in 7 days", Kind::Count)
        }
        "person.rule_not_true_percent" => {
            ("Answers “not true here” to one of your rules, in percent", Kind::Count)
        }
        "person.team_next_steps_14d" => {
            ("Deals of your team with a new dated next step in 14 days", Kind::Count)
        }
        "person.team_next_steps_before_14d" => ("The same in the 14 days before", Kind::Count),
        _ => return None,
    })
}
