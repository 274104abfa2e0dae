//! What is proved about conditions is so, and the usual mistakes are proved.

use proptest::prelude::*;

use super::{
    generate::{Generator, Language, Picks, facts},
    *,
};
use crate::condition::{Domains, Effort, Truths, is_impossible, mutants::mutants};

/// Enough for every condition of this file.
const EFFORT: u32 = 50_000;

fn never(sought: &[(&str, Truths)], domains: &Domains) -> bool {
    let compiled: Vec<_> = sought.iter().map(|(source, _)| condition(source)).collect();
    let sought: Vec<_> =
        compiled.iter().zip(sought).map(|(condition, (_, truths))| (condition, *truths)).collect();
    is_impossible(&sought, domains, &Effort::new(EFFORT))
}

fn never_true(source: &str) -> bool {
    never(&[(source, Truths::TRUE)], &Domains::default())
}

/// Whether `b` is true wherever `a` is.
fn implies(a: &str, b: &str) -> bool {
    never(&[(a, Truths::TRUE), (b, Truths::NOT_TRUE)], &Domains::default())
}

#[test]
fn contradictions_are_found_across_fields() {
    for source in [
        "deal.amount > 5 && (deal.amount < 3 || deal.stage == \"won\") && deal.stage == \"lost\"",
        "deal.close_date > deal.created_at && deal.close_date <= deal.created_at",
        "deal.close_date > deal.created_at && !has(deal.created_at)",
        "deal.close_date > now && days_since(deal.close_date) > 1",
        "deal.close_date > now && deal.created_at < now && deal.created_at >= deal.close_date",
        "deal.amount > threshold && threshold >= deal.amount",
        "has(deal.next_step) && size(deal.next_step) == 0",
        "deal.amount * 2 > 10 && deal.amount * 2 < 10",
        "deal.next_step.contains(\"x\") && !deal.next_step.contains(\"x\")",
        "deal.next_step.startsWith(\"x\") && deal.next_step == \"call\"",
        "(deal.has_champion ? deal.amount > 5 : deal.amount > 7) && deal.amount < 5",
        "deal.has_champion == deal.is_committed && deal.has_champion && !deal.is_committed",
        "deal.amount > deal.amount",
        "1 > 2 && deal.has_champion",
    ] {
        assert!(never_true(source), "{source}");
    }
}

#[test]
fn what_can_be_true_is_left_alone() {
    for source in [
        "deal.amount > 5 && (deal.amount < 3 || deal.stage == \"won\")",
        "deal.close_date > deal.created_at && deal.created_at > deal.last_inbound_at",
        "deal.next_step == deal.stage && deal.next_step == \"won\"",
        "deal.close_date <= now && days_since(deal.close_date) < 1",
        "deal.amount == threshold && threshold == deal.push_count",
        "!has(deal.created_at) && deal.created_at == deal.close_date",
        "deal.next_step.contains(\"x\") && !deal.next_step.contains(\"y\")",
        "deal.amount * 2 > 10 && deal.amount < 1",
    ] {
        assert!(!never_true(source), "{source}");
    }
}

#[test]
fn what_follows_is_found() {
    assert!(implies("deal.amount > 10", "deal.amount > 5"));
    assert!(!implies("deal.amount > 5", "deal.amount > 10"));
    assert!(implies("deal.amount > 10 && deal.has_champion", "has(deal.amount)"));
    assert!(implies("deal.stage == \"won\"", "deal.stage in [\"won\", \"lost\"]"));
    assert!(implies("!(deal.amount <= 5) && has(deal.amount)", "deal.amount > 5"));
    // A blank amount is not `<= 5`, and an unknown one is nothing.
    assert!(!implies("!(deal.amount <= 5)", "deal.amount > 5"));
    assert!(implies("deal.close_date > now", "has(deal.close_date)"));
    assert!(implies("days_since(deal.created_at) >= 2", "deal.created_at < now"));
}

#[test]
fn domains_narrow_what_is_possible() {
    let mut domains = Domains::default();
    let counted = domains.of(PUSH_COUNT);
    (counted.whole, counted.least, counted.may_be_blank) = (true, Some(0.0), false);
    domains.of(AMOUNT).never = Some(0.0);
    let limit = domains.of(THRESHOLD);
    (limit.number, limit.may_be_blank, limit.may_be_unknown) = (Some(3.0), false, false);
    domains.of(CHAMPION).flag = Some(false);
    let stage = domains.of(STAGE);
    stage.texts = Some(["won", "lost"].map(str::to_owned).to_vec());
    stage.may_be_blank = false;
    for (source, truths) in [
        ("deal.push_count < 0", Truths::TRUE),
        ("deal.push_count > 2 && deal.push_count < 3", Truths::TRUE),
        ("has(deal.push_count)", Truths::FALSE),
        ("deal.amount == 0", Truths::TRUE),
        ("threshold > 3", Truths::TRUE),
        ("threshold == 3", Truths::NOT_TRUE),
        ("deal.push_count > threshold && deal.push_count < 4", Truths::TRUE),
        ("deal.has_champion", Truths::TRUE),
        ("deal.stage in [\"won\", \"lost\"]", Truths::FALSE),
        ("deal.stage == \"\"", Truths::TRUE),
    ] {
        assert!(never(&[(source, truths)], &domains), "{source}");
    }
    assert!(!never(
        &[("deal.push_count > threshold && deal.push_count < 5", Truths::TRUE)],
        &domains
    ));
    assert!(!never(&[("has(deal.push_count)", Truths::UNKNOWN)], &domains));
}

#[test]
fn without_effort_nothing_is_proved() {
    let contradiction = condition("deal.amount > 5 && deal.amount < 3");
    let sought = [(&contradiction, Truths::TRUE)];
    assert!(!is_impossible(&sought, &Domains::default(), &Effort::new(0)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    /// No claim is false: facts that give two conditions some truths are never
    /// said to be impossible.
    #[test]
    fn no_proof_is_refuted_by_facts(
        picks in prop::collection::vec(0u16..2_000, 80..160),
        looks in prop::collection::vec(prop::collection::vec(0u16..2_000, 60..61), 6),
    ) {
        let mut picks = Picks::new(&picks);
        let depth = u32::from(picks.below(3));
        let mut language = Generator { picks, language: Language::Whole };
        // Two conditions, or one and the same with a token changed: of those more is proved.
        let one = language.condition(depth);
        let changed = mutants(&one, &schema());
        let pick = usize::from(language.picks.below(2_000));
        let other = match changed.get(pick % (2 * changed.len().max(1))) {
            Some(mutant) => mutant.source.clone(),
            None => language.condition(depth),
        };
        let sources = [one, other];
        let [Ok(a), Ok(b)] = sources.each_ref().map(|source| compile(source, &schema())) else {
            return Ok(());
        };
        let now = at("2026-11-23T09:00:00Z");
        let calendar = calendar("America/Santiago");
        for look in looks {
            let slots = facts(&mut Picks::new(&look), now, false);
            let on = Context { slots: &slots, now, calendar: &calendar };
            let found = [(&a, Truths::from(a.eval(&on))), (&b, Truths::from(b.eval(&on)))];
            let refuted = is_impossible(&found, &Domains::default(), &Effort::new(2_000));
            prop_assert!(!refuted, "{} is {:?}, {} is {:?}", sources[0], found[0].1, sources[1], found[1].1);
        }
    }
}
