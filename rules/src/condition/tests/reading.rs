//! What a condition tells of itself: index keys, fields, names, missing facts,
//! explanations.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::{
    generate::{Generator, Language, Picks, facts},
    *,
};
use crate::condition::{Explanation, Joint, Seen};

const SILENT: &str = "deal.stage in [\"proposal\", \"negotiation\"]
  && business_days_since(deal.last_inbound_at) >= threshold
  && !(has(deal.close_date) && deal.close_date < now)";

fn keys(source: &str) -> Option<Vec<String>> {
    let condition = condition(source);
    let values = condition.required_values(STAGE)?;
    Some(values.into_iter().map(str::to_owned).collect())
}

#[test]
fn index_keys_come_from_what_must_hold() {
    let some = |values: &[&str]| Some(values.iter().map(|value| (*value).to_owned()).collect());
    assert_eq!(keys("deal.stage == \"won\""), some(&["won"]));
    assert_eq!(keys("'won' == deal.stage && deal.amount > 5"), some(&["won"]));
    assert_eq!(keys(SILENT), some(&["proposal", "negotiation"]));
    assert_eq!(
        keys("deal.stage in ['won', 'lost'] && deal.stage != 'won'"),
        some(&["won", "lost"])
    );
    assert_eq!(keys("deal.stage in ['won', 'lost'] && deal.stage == 'lost'"), some(&["lost"]));
    assert_eq!(keys("deal.stage == 'won' && deal.stage == 'lost'"), some(&[]));
    assert_eq!(
        keys("deal.stage == 'won' || deal.stage in ['won', 'lost']"),
        some(&["won", "lost"])
    );
    assert_eq!(keys("deal.stage == 'won' && (deal.amount > 1 || deal.amount < 0)"), some(&["won"]));
    assert_eq!(keys("deal.stage == \"\""), some(&[""]));
    assert_eq!(keys("deal.stage == 'won' || deal.amount > 5"), None);
    assert_eq!(keys("!(deal.stage == 'won')"), None);
    assert_eq!(keys("deal.stage != 'won'"), None);
    assert_eq!(keys("deal.next_step == 'call'"), None);
    assert_eq!(keys("true"), None);
}

#[test]
fn fields_in_order_of_appearance() {
    assert_eq!(condition(SILENT).fields_read(), [STAGE, LAST_INBOUND_AT, THRESHOLD, CLOSE_DATE]);
    assert!(condition("now > now").fields_read().is_empty());
}

#[test]
fn names_for_templates() {
    let names = condition(SILENT).seen_names();
    let expected = [
        ("stage", Type::Text),
        ("last_inbound_at", Type::Time),
        ("threshold", Type::Number),
        ("close_date", Type::Time),
        ("business_days_since_last_inbound_at", Type::Number),
    ];
    let expected = expected.map(|(name, ty)| (name.to_owned(), ty));
    assert_eq!(names, expected);
}

#[test]
fn names_that_two_things_share_are_written_out() {
    let field = |slot, name: &str| FieldDef {
        name: name.to_owned(),
        ty: Type::Time,
        slot,
        values: None,
        doc: String::new(),
    };
    let schema =
        Schema::new(vec![field(0, "deal.at"), field(1, "nudge.at"), field(2, "deal.custom.x")]);
    let source = "days_since(deal.at) > days_since(nudge.at) && has(deal.custom.x)";
    let condition = compile(source, &schema).expect("it compiles");
    let names: Vec<_> = condition.seen_names().into_iter().map(|(name, _)| name).collect();
    let expected = ["deal_at", "nudge_at", "custom_x", "days_since_deal_at", "days_since_nudge_at"];
    assert_eq!(names, expected);
}

fn monday(slots: &[Slot<'_>], use_context: impl FnOnce(&Context<'_>)) {
    let calendar = calendar("Europe/London");
    use_context(&Context { slots, now: at("2026-11-23T09:00:00Z"), calendar: &calendar });
}

#[test]
fn values_seen() {
    let slots = slots(&[
        (STAGE, Slot::Text("proposal")),
        (LAST_INBOUND_AT, Slot::Time(at("2026-11-16T10:00:00Z"))),
        (THRESHOLD, Slot::Number(5.0)),
        (CLOSE_DATE, Slot::Empty),
    ]);
    monday(&slots, |on| {
        let seen = condition(SILENT).seen(on);
        assert_eq!(seen[0], ("stage".to_owned(), Seen::Text("proposal".to_owned())));
        assert_eq!(seen[3], ("close_date".to_owned(), Seen::Empty));
        assert_eq!(seen[4].1, Seen::Number(5.0));
        let json = serde_json::to_string(&seen[1]).expect("it serialises");
        assert_snapshot!(json, @r#"
    ["last_inbound_at",{"time":1794823200000}]
    "#);
    });
}

#[test]
fn explained_to_a_manager() {
    let slots = slots(&[
        (STAGE, Slot::Text("proposal")),
        (LAST_INBOUND_AT, Slot::Time(at("2026-11-18T10:00:00Z"))),
        (THRESHOLD, Slot::Number(5.0)),
        (CLOSE_DATE, Slot::Empty),
    ]);
    monday(&slots, |on| {
        let explanation = condition(SILENT).explain(on);
        assert_snapshot!(explanation.to_string(), @r#"
    no   all of these:
      yes  deal.stage in ["proposal", "negotiation"]
             deal.stage is "proposal"
      no   business_days_since(deal.last_inbound_at) >= threshold
             business_days_since(deal.last_inbound_at) is 3
             deal.last_inbound_at is 2026-11-18T10:00:00Z
             threshold is 5
      yes  not:
        no   all of these:
          no   has(deal.close_date)
                 deal.close_date is empty
          no   deal.close_date < now
                 deal.close_date is empty
                 now is 2026-11-23T09:00:00Z
    "#);
        let json = serde_json::to_string(&explanation).expect("it serialises");
        let back: Explanation = serde_json::from_str(&json).expect("and comes back");
        assert_eq!(back, explanation);
    });
    monday(&[], |on| {
        let source =
            "(deal.has_champion ? days_since(deal.created_at) : 1 + size(deal.next_step)) > 5
            || deal.amount in [1] || (deal.is_committed ? true : deal.amount != 3)";
        assert_snapshot!(condition(source).explain(on).to_string(), @r#"
    ?    at least one of these:
      ?    (deal.has_champion ? days_since(deal.created_at) : 1 + size(deal.next_step)) > 5
             deal.has_champion is not known
      ?    deal.amount in [1]
             deal.amount is not known
      ?    if the first, then the second, otherwise the third:
        ?    deal.is_committed
               deal.is_committed is not known
        yes  true
        ?    deal.amount != 3
               deal.amount is not known
    "#);
    });
}

fn missing(source: &str, known: &[(u16, Slot<'_>)]) -> Vec<u16> {
    let slots = slots(known);
    let mut found = vec![];
    monday(&slots, |on| found = condition(source).unknown_because(on));
    found
}

#[test]
fn facts_that_are_waited_for() {
    assert_eq!(missing(SILENT, &[]), [STAGE, LAST_INBOUND_AT, THRESHOLD, CLOSE_DATE]);
    assert!(missing(SILENT, &[(STAGE, Slot::Text("won"))]).is_empty(), "decided by the stage");
    let inbound = (LAST_INBOUND_AT, Slot::Time(at("2026-11-02T10:00:00Z")));
    let known = [(STAGE, Slot::Text("proposal")), inbound, (CLOSE_DATE, Slot::Empty)];
    assert_eq!(missing(SILENT, &known), [THRESHOLD]);
    let choice = "deal.has_champion ? deal.amount > 5 : threshold > 5";
    assert_eq!(missing(choice, &[(CHAMPION, Slot::Empty)]), [THRESHOLD]);
    assert_eq!(missing(choice, &[(AMOUNT, Slot::Number(1.0))]), [CHAMPION]);
    assert!(missing("deal.amount / 0 > 1", &[(AMOUNT, Slot::Number(1.0))]).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Steps answer as the nodes do, from which explanations are made. A true
    /// condition found its required values; an explained truth follows
    /// from its parts; an undecided condition waits for a fact or for reckoning.
    #[test]
    fn what_it_tells_agrees_with_what_it_does(picks in proptest::collection::vec(0u16..2_000, 60..200)) {
        let mut picks = Picks::new(&picks);
        let now = at("2026-11-23T09:00:00Z");
        let slots = facts(&mut picks, now, false);
        let depth = u32::from(picks.below(4));
        let source = Generator { picks, language: Language::Whole }.condition(depth);
        let condition = condition(&source);
        let calendar = calendar("Europe/London");
        let on = Context { slots: &slots, now, calendar: &calendar };
        let truth = condition.eval(&on);
        for slot in [STAGE, NEXT_STEP] {
            let value = match slots[usize::from(slot)] {
                Slot::Text(text) => text,
                _ => "",
            };
            if let Some(values) = condition.required_values(slot) && truth.is_true() {
                prop_assert!(values.contains(&value), "{} {:?}", source, values);
            }
        }
        let explanation = condition.explain(&on);
        prop_assert_eq!(explanation.truth, truth);
        follows(&explanation)?;
        let missing = condition.unknown_because(&on);
        prop_assert!(truth == Truth::Unknown || missing.is_empty());
        prop_assert!(missing.iter().all(|slot| slots[usize::from(*slot)] == Slot::Unknown));
        for warning in condition.warnings() {
            if warning.span == (0..source.len()) && warning.code == "never_true" {
                prop_assert_ne!(truth, Truth::True, "{}", source);
            }
            if warning.span == (0..source.len()) && warning.code == "always_true" {
                prop_assert_ne!(truth, Truth::False, "{}", source);
            }
        }
    }
}

fn follows(part: &Explanation) -> Result<(), TestCaseError> {
    let truths: Vec<Truth> = part.parts.iter().map(|part| part.truth).collect();
    let has = |truth| truths.contains(&truth);
    let expected = match part.joint {
        Joint::All if has(Truth::False) => Truth::False,
        Joint::Any if has(Truth::True) => Truth::True,
        Joint::All | Joint::Any if has(Truth::Unknown) => Truth::Unknown,
        Joint::All => Truth::True,
        Joint::Any => Truth::False,
        Joint::Not => !truths[0],
        Joint::Choice if truths[0] == Truth::True => truths[1],
        Joint::Choice if truths[0] == Truth::False => truths[2],
        Joint::Choice if truths[1] == truths[2] => truths[1],
        Joint::Choice => Truth::Unknown,
        Joint::Same | Joint::Test => part.truth,
    };
    prop_assert_eq!(part.truth, expected, "{}", part);
    part.parts.iter().try_for_each(follows)
}
