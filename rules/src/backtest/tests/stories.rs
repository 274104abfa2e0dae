//! Single deals whose numbers anybody can check by hand.

use super::fixtures::*;
use crate::attention::{AttentionClass, SendAs, Why};
use crate::backtest::{Fate, Lockstep, Share, Trust, Verdict};
use crate::facts::Field;
use crate::time::UnixMs;

#[test]
fn a_deal_that_stands_still_is_told_of_in_a_digest() {
    let changes = [created("a", at(0, 10), "1"), vec![stage("a", at(30, 10), "lost")]].concat();
    let (report, heard) = play_with(changes, at(40, 0), |setup| setup.trust = Trust::Nowhere);
    let rule = report.rule("long-in-stage").unwrap();
    assert_eq!(
        heard.fired,
        [
            (at(10, 10), "long-in-stage".to_owned(), "a".to_owned()),
            // Five working days later, at the beginning of the day.
            (at(17, 0), "long-in-stage".to_owned(), "a".to_owned()),
            (at(30, 10), "lost".to_owned(), "a".to_owned()),
        ]
    );
    assert_eq!((rule.firings, rule.attention.digest_items, rule.attention.sent_later), (2, 2, 2));
    let (class, why) = (AttentionClass::Digest, Why::DigestTime);
    assert_eq!(
        heard.decided[..4],
        [
            (
                at(10, 10),
                "long-in-stage".to_owned(),
                // At ten on a Thursday: the next digest is on Friday at nine.
                Fate::Deferred { until: at(11, 9), class, why }
            ),
            (at(11, 9), "long-in-stage".to_owned(), Fate::Sent(SendAs::Digest { slot: at(11, 9) })),
            (
                at(17, 0),
                "long-in-stage".to_owned(),
                Fate::Deferred { until: at(17, 9), class, why }
            ),
            (at(17, 9), "long-in-stage".to_owned(), Fate::Sent(SendAs::Digest { slot: at(17, 9) })),
        ]
    );
    assert_eq!(rule.deals, Share::new(1, 1));
    assert_eq!((rule.lead_time.firings, rule.lead_time.median_days), (2, Some(13)));
    assert_eq!((rule.lost.before, rule.lost.late, rule.lost.after, rule.lost.never), (1, 0, 0, 0));
    let lost = report.rule("lost").unwrap();
    assert_eq!((lost.lost.before, lost.lost.after, lost.lead_time.firings), (0, 1, 0));
    assert_eq!(lost.attention.interruptions, 1);
    // Both windows ended with the deal in its stage.
    assert_eq!((rule.self_corrected.stayed, rule.self_corrected.within_window.count), (2, 0));
}

#[test]
fn what_is_settled_before_the_message_is_not_sent() {
    let moved = stage("a", at(10, 16), "offer");
    let step = set("a", at(12, 9), Field::NextStep, text("call"));
    let changes = [created("a", at(0, 10), "1"), vec![moved, step]].concat();
    let (report, _) = play_with(changes, at(30, 0), |setup| setup.trust = Trust::Nowhere);
    let stood = report.rule("long-in-stage").unwrap();
    // Fired on the tenth day at ten, moved at four, the digest would have gone at nine.
    assert_eq!(stood.attention.not_sent, [("no_longer_true", 1)].into());
    let own = stood.self_corrected;
    assert_eq!((own.within_window, own.before_message), (Share::new(1, 2), 1));
    // The event's reason went when the step was written, two days after its message.
    let step = report.rule("no-next-step").unwrap();
    assert_eq!((step.firings, step.attention.interruptions), (1, 1));
    let own = step.self_corrected;
    assert_eq!((own.within_window, own.before_message), (Share::new(1, 1), 0));
}

#[test]
fn nobody_can_be_told_and_it_is_said_why() {
    let grown = |deal, day| {
        set(deal, at(day, 10), Field::Amount, Some(crate::facts::Value::Number(500.into())))
    };
    let mut changes = [created("a", at(0, 9), "3"), created("b", at(0, 9), "")].concat();
    changes.extend([grown("a", 1), grown("b", 1), stage("b", at(2, 9), "offer")]);
    let (report, _) = play_with(changes, at(3, 0), |setup| setup.trust = Trust::Nowhere);
    let led = report.rule("led").unwrap();
    assert_eq!(led.attention.not_sent, [("no_manager", 1), ("no_owner", 1)].into());
    assert_eq!(report.rule("no-next-step").unwrap().attention.not_sent, [("no_owner", 1)].into());
    assert_eq!(led.concentration.busiest_tenth_of_deals, Share::new(1, 2));
}

#[test]
fn weeks_in_which_a_seller_hears_nothing_count() {
    let mut changes = created("a", at(0, 9), "1");
    changes.extend(
        (0..4).map(|n| stage("a", at(8, n + 9), if n % 2 == 0 { "offer" } else { "talk" })),
    );
    let (report, _) = play_with(changes, at(21, 0), |setup| setup.trust = Trust::Nowhere);
    assert_eq!(report.seller_weeks, 3);
    let rule = report.rule("no-next-step").unwrap();
    let week = rule.per_seller_week;
    assert_eq!((rule.firings, week.median, week.p90, week.highest), (4, 0, 4, 4));
    // One interruption on a new reader's first day; spacing keeps the others away.
    assert_eq!(rule.attention.interruptions, 1);
    assert_eq!(rule.attention.sum(), 4);
}

#[test]
fn a_period_counts_what_fires_in_it_and_plays_what_came_before() {
    let mut changes = [created("a", at(0, 9), "1"), created("b", at(0, 9), "2")].concat();
    changes.extend([stage("a", at(3, 9), "offer"), stage("a", at(8, 9), "talk")]);
    let (report, heard) = play_with(changes, at(30, 0), |setup| {
        setup.trust = Trust::Nowhere;
        setup.since = at(7, 0);
        setup.until = at(9, 0);
    });
    assert_eq!(report.rule("no-next-step").unwrap().firings, 1);
    assert_eq!(heard.fired.len(), 2);
    // The other deal did not move, but stood open.
    assert_eq!((report.deals, report.until), (2, at(9, 0)));
}

#[test]
fn activities_that_are_trusted_from_the_first_night_on_are_heard() {
    let talked = [created("b", at(0, 9), "1"), vec![email("b", at(2, 9))]].concat();
    let changes = [created("a", at(0, 9), "1"), talked].concat();
    let (report, heard) = play(changes.clone(), at(9, 0));
    assert_eq!(heard.fired, [(at(4, 0), "silent".to_owned(), "a".to_owned())]);
    assert_eq!(report.rule("silent").unwrap().deals, Share::new(1, 2));
    let (_, heard) = play_with(changes, at(9, 0), |setup| setup.trust = Trust::Nowhere);
    assert_eq!(heard.fired, []);
}

#[test]
fn a_deal_that_was_there_before_its_past_begins_speaks_of_what_is_new() {
    let mut changes: Vec<_> = created("a", at(0, 9), "1");
    changes.remove(0);
    changes.push(stage("a", at(5, 9), "offer"));
    let (_, heard) = play_with(changes, at(14, 0), |setup| setup.trust = Trust::Nowhere);
    assert_eq!(heard.fired, [(at(5, 9), "no-next-step".to_owned(), "a".to_owned())]);
}

#[test]
fn examples_name_the_deal_and_no_seller() {
    let changes = [created("a", at(0, 9), "1"), vec![stage("a", at(3, 9), "offer")]].concat();
    let (report, _) = play(changes, at(4, 0));
    let [example] = report.rule("no-next-step").unwrap().examples.as_slice() else { panic!() };
    assert_eq!(example.headline.as_deref(), Some("Deal a of the seller has no next step"));
    assert_eq!((example.deal.as_str(), example.fate), ("Deal a", "interruption"));
    assert!(!serde_json::to_string(&report).unwrap().contains("Ann"));
}

#[test]
fn two_rule_sets_are_compared_firing_by_firing() {
    let changed = RULES
        .replace("threshold: 10", "threshold: 20")
        .replace("  - id: lost\n", "  - id: gone-for-good\n")
        .replace("'!has(deal.next_step)'", "'!has(deal.next_step) && deal.stage == \"offer\"'");
    let (before, after) = (rules(RULES), rules(&changed));
    let (metadata, crew, policy) = (metadata(), crew(), policy());
    let setup = |rules| {
        let mut setup = super::fixtures::setup(rules, &metadata, &crew, &policy);
        setup.trust = Trust::Nowhere;
        setup
    };
    let mut both = Lockstep::new(setup(&after), setup(&before));
    let mut changes = [created("a", at(0, 10), "1"), created("b", at(0, 10), "2")].concat();
    changes.extend([
        stage("b", at(1, 10), "offer"),
        stage("b", at(2, 10), "talk"),
        stage("a", at(15, 10), "lost"),
    ]);
    for change in changes {
        both.change(change.occurred_at, change);
    }
    let report = both.finish(at(60, 0), Vec::new());
    let comparison = report.against.unwrap();
    let told = |id: &str| {
        let rule = comparison.rules.iter().find(|rule| rule.rule == id).unwrap();
        (rule.verdict, rule.before, rule.after, rule.same, rule.gone.len(), rule.added.len())
    };
    // Before: a after ten days and, being lost on the fifteenth, once; b after ten and again.
    assert_eq!(told("long-in-stage"), (Verdict::Less, 3, 2, 0, 3, 2));
    assert_eq!(told("no-next-step"), (Verdict::Less, 2, 1, 1, 1, 0));
    assert_eq!(told("lost"), (Verdict::NoLonger, 1, 0, 0, 1, 0));
    assert_eq!(told("gone-for-good"), (Verdict::New, 0, 1, 0, 0, 1));
    assert_eq!(told("silent"), (Verdict::Same, 0, 0, 0, 0, 0));
    assert_eq!((comparison.firings_before, comparison.firings_after), (6, 4));
    assert_eq!(report.since, UnixMs::MIN);
}
