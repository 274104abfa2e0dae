//! How many nudges a seller gets, told day by day.

use super::fixture::{Life, at, deal, event, london, nudge, policy, sent, told};
use super::*;
use insta::assert_snapshot;
use jiff::civil::{date, time};

use AttentionClass::{Card, Digest, Interrupt, Private};

#[test]
fn a_day_on_which_every_rule_fires_at_once() {
    let seller = london();
    let monday = at(&seller, "2026-10-05 10:00");
    let mut pending: Vec<PendingNudge> = (0..40)
        .map(|index| {
            let class = [Interrupt, Interrupt, Digest, Private, Card][index % 5];
            let mut one = nudge(&format!("n{index:02}"), class, monday);
            one.priority = 1 + (index % 9) as u8;
            one.is_event = index % 2 == 0;
            one.rule = format!("rule-{index}");
            one
        })
        .collect();
    // Some deals are spoken of twice, and one rule is muted.
    pending[1].deal = pending[0].deal.clone();
    pending[3].deal = pending[2].deal.clone();
    let mut seller = seller;
    seller.muted_rules.insert("rule-7".to_owned());
    let mut life = Life::new(policy(), seller, pending);
    life.run(|| 0);

    let per_day = |form: fn(&SendAs) -> bool| {
        let mut days: BTreeMap<_, u32> = BTreeMap::new();
        for sent in life.recipient.log.iter().filter(|sent| form(&sent.sent_as)) {
            *days.entry(life.recipient.calendar.local_date(sent.at)).or_default() += 1;
        }
        days
    };
    assert_eq!(per_day(|form| *form == SendAs::Interrupt), [(date(2026, 10, 5), 2)].into());
    let digests = per_day(|form| *form != SendAs::Interrupt);
    assert_eq!(digests, [6, 7, 8].map(|day| (date(2026, 10, day), 3)).into());
    let tally = life.tally();
    assert_eq!(tally.values().sum::<usize>(), 40);
    let expected = [
        ("interrupt", 2),
        ("digest", 9),
        ("card", 8),
        ("muted", 1),
        ("digest_full", 19),
        ("spacing", 1),
    ];
    assert_eq!(tally, expected.into());
}

#[test]
fn the_second_interruption_is_kept_for_an_event() {
    let seller = london();
    let now = at(&seller, "2026-10-06 10:00");
    let pending = ["a", "b", "d"].map(|id| nudge(id, Interrupt, now));
    let [a, b, d] = pending;
    let pending = [a, b, event(nudge("c", Interrupt, now)), d, event(nudge("e", Interrupt, now))];
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-06 10:00"), @r"
    a: now
    b: Digest on Wed 07 09:00 +01:00 (budget)
    c: now
    d: Digest on Wed 07 09:00 +01:00 (budget)
    e: Digest on Wed 07 09:00 +01:00 (budget)
    ");

    let mut one_a_day = policy();
    one_a_day.interruptions_per_day = Some(1);
    assert_snapshot!(told(&one_a_day, &seller, &pending[..3], "2026-10-06 10:00"), @r"
    a: now
    b: Digest on Wed 07 09:00 +01:00 (budget)
    c: Digest on Wed 07 09:00 +01:00 (budget)
    ");
    let mut no_limit = policy();
    no_limit.interruptions_per_day = None;
    assert_snapshot!(told(&no_limit, &seller, &pending[..3], "2026-10-06 10:00"), @r"
    a: now
    b: now
    c: now
    ");
}

#[test]
fn what_was_sent_before_counts_and_yesterday_does_not() {
    let mut seller = london();
    seller.log = vec![
        sent(&seller, "2026-10-05 17:00", "x", SendAs::Interrupt),
        sent(&seller, "2026-10-05 17:01", "y", SendAs::Interrupt),
    ];
    let now = at(&seller, "2026-10-06 10:00");
    let pending = [nudge("a", Interrupt, now), nudge("b", Interrupt, now)];
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-06 10:00"), @r"
    a: now
    b: Digest on Wed 07 09:00 +01:00 (budget)
    ");
}

#[test]
fn a_new_person_hears_less_and_is_greeted_first() {
    let mut seller = london();
    seller.first_nudge_at = None;
    assert!(needs_hello(&policy(), &seller));
    assert!(!needs_hello(&Policy { hello: false, ..policy() }, &seller));
    let now = at(&seller, "2026-10-06 10:00");
    let pending = [nudge("a", Interrupt, now), event(nudge("b", Interrupt, now))];
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-06 10:00"), @r"
    a: now
    b: Digest on Wed 07 09:00 +01:00 (budget)
    ");
    // 6 October is the tenth working day after 22 September, the ninth after the 23rd.
    seller.first_nudge_at = Some(at(&seller, "2026-09-23 10:00"));
    assert!(!needs_hello(&policy(), &seller));
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-06 10:00"), @r"
    a: now
    b: Digest on Wed 07 09:00 +01:00 (budget)
    ");
    seller.first_nudge_at = Some(at(&seller, "2026-09-22 10:00"));
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-06 10:00"), @r"
    a: now
    b: now
    ");
}

#[test]
fn one_nudge_about_a_deal_in_three_working_days() {
    let mut seller = london();
    let digest = SendAs::Digest { slot: at(&seller, "2026-10-06 09:00") };
    seller.log = vec![sent(&seller, "2026-10-06 09:00", "x", digest)];
    let about_x = |id: &str, class, due: &str| PendingNudge {
        deal: Some(deal("x")),
        ..nudge(id, class, at(&seller, due))
    };
    let tuesday = [
        about_x("a", Interrupt, "2026-10-06 10:00"),
        about_x("b", Digest, "2026-10-06 10:00"),
        PendingNudge {
            expires_at: Some(at(&seller, "2026-10-09 09:00")),
            ..about_x("c", Interrupt, "2026-10-06 10:00")
        },
        PendingNudge { deal: None, ..nudge("d", Interrupt, at(&seller, "2026-10-06 10:00")) },
    ];
    assert_snapshot!(told(&policy(), &seller, &tuesday, "2026-10-06 10:00"), @r"
    a: Digest on Fri 09 09:00 +01:00 (spacing)
    b: Digest on Fri 09 09:00 +01:00 (spacing)
    c: never (spacing)
    d: now
    ");
    let thursday = [about_x("e", Interrupt, "2026-10-08 10:00")];
    assert_snapshot!(told(&policy(), &seller, &thursday, "2026-10-08 10:00"), @"e: Digest on Fri 09 09:00 +01:00 (spacing)");
    let friday = [about_x("f", Interrupt, "2026-10-09 10:00")];
    assert_snapshot!(told(&policy(), &seller, &friday, "2026-10-09 10:00"), @"f: now");
    // Asked for again by its reader, a nudge is not held back by itself.
    seller.snoozed.insert("x".to_owned(), at(&seller, "2026-10-07 09:00"));
    let again = [nudge("x", Interrupt, at(&seller, "2026-10-06 09:00"))];
    assert_snapshot!(told(&policy(), &seller, &again, "2026-10-07 09:00"), @"x: now");
}

#[test]
fn a_digest_takes_the_most_important_and_goes_once() {
    let mut seller = london();
    let due = at(&seller, "2026-10-05 12:00");
    let mut pending = ["a", "b", "c", "d", "e"].map(|id| nudge(id, Digest, due)).to_vec();
    pending[3].priority = 1;
    pending[4].class = Private;
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-06 08:59"), @r"
    d: Digest on Tue 06 09:00 +01:00 (digest_time)
    a: Digest on Tue 06 09:00 +01:00 (digest_time)
    b: Digest on Tue 06 09:00 +01:00 (digest_time)
    c: Digest on Tue 06 09:00 +01:00 (digest_time)
    e: Private on Tue 06 09:00 +01:00 (digest_time)
    ");
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-06 09:00"), @r"
    d: digest of Tue 06 09:00 +01:00
    a: digest of Tue 06 09:00 +01:00
    b: digest of Tue 06 09:00 +01:00
    c: Digest on Wed 07 09:00 +01:00 (digest_full)
    e: Private on Wed 07 09:00 +01:00 (digest_full)
    ");
    // An outage is made up for on the same day, outside quiet hours.
    assert_snapshot!(told(&policy(), &seller, &pending[..1], "2026-10-06 14:30"), @"a: digest of Tue 06 09:00 +01:00");
    assert_snapshot!(told(&policy(), &seller, &pending[..1], "2026-10-06 18:30"), @"a: Digest on Wed 07 09:00 +01:00 (digest_time)");
    // What comes due behind the digest waits for the next one.
    let later = [nudge("f", Digest, at(&seller, "2026-10-06 09:01"))];
    assert_snapshot!(told(&policy(), &seller, &later, "2026-10-06 09:05"), @"f: Digest on Wed 07 09:00 +01:00 (digest_time)");
    let slot = at(&seller, "2026-10-06 09:00");
    seller.log = vec![sent(&seller, "2026-10-06 09:00", "z", SendAs::Digest { slot })];
    assert_snapshot!(told(&policy(), &seller, &pending[..1], "2026-10-06 09:05"), @"a: Digest on Wed 07 09:00 +01:00 (digest_time)");
}

#[test]
fn roll_out_and_mutes_are_final() {
    let mut seller = london();
    let now = "2026-10-06 10:00";
    let pending = [nudge("a", Interrupt, at(&seller, now)), nudge("b", Card, at(&seller, now))];
    let off = Policy { sending: Sending::Off, ..policy() };
    assert_snapshot!(told(&off, &seller, &pending, now), @r"
    a: never (sending_off)
    b: never (sending_off)
    ");
    let pilot = Policy { sending: Sending::Pilot, ..policy() };
    assert_snapshot!(told(&pilot, &seller, &pending, now), @r"
    a: never (not_in_pilot)
    b: never (not_in_pilot)
    ");
    seller.in_pilot = true;
    assert_snapshot!(told(&pilot, &seller, &pending, now), @r"
    a: now
    b: card
    ");
    seller.muted_rules.insert("buyer-silent".to_owned());
    assert_snapshot!(told(&pilot, &seller, &pending, now), @r"
    a: never (muted)
    b: never (muted)
    ");
}

#[test]
fn personal_choices_can_only_be_stricter() {
    let mut seller = london();
    let now = "2026-10-06 10:00";
    let pending = [nudge("a", Interrupt, at(&seller, now)), nudge("b", Digest, at(&seller, now))];
    seller.choice.interruptions_per_day = Some(9);
    seller.choice.digest_at = vec![time(16, 30, 0, 0), time(11, 0, 0, 0)];
    assert_snapshot!(told(&policy(), &seller, &pending, now), @r"
    a: now
    b: Digest on Tue 06 16:30 +01:00 (digest_time)
    ");
    seller.choice.digest_only = true;
    assert_snapshot!(told(&policy(), &seller, &pending, now), @r"
    a: Digest on Tue 06 16:30 +01:00 (digest_only)
    b: Digest on Tue 06 16:30 +01:00 (digest_time)
    ");
    seller.choice = PersonalChoice { interruptions_per_day: Some(0), ..Default::default() };
    assert_snapshot!(told(&policy(), &seller, &pending, now), @r"
    a: Digest on Wed 07 09:00 +01:00 (budget)
    b: Digest on Wed 07 09:00 +01:00 (digest_time)
    ");
    // A digest time in quiet hours is moved to their end.
    seller.choice = PersonalChoice { digest_at: vec![time(20, 0, 0, 0)], ..Default::default() };
    assert_snapshot!(told(&policy(), &seller, &pending[1..], now), @"b: Digest on Wed 07 08:00 +01:00 (digest_time)");
    let no_digest = Policy { digest_at: Vec::new(), interruptions_per_day: Some(0), ..policy() };
    assert_snapshot!(told(&no_digest, &seller, &pending, now), @r"
    a: never (budget)
    b: never (no_digest)
    ");
}

#[test]
fn with_two_digests_a_day_what_finds_no_place_waits_for_the_next_of_the_same_day() {
    let seller = london();
    let monday = at(&seller, "2026-10-05 08:30");
    let policy = Policy { digest_at: vec![time(14, 0, 0, 0), time(9, 0, 0, 0)], ..policy() };
    let pending = (0..14).map(|index| {
        let mut one = nudge(&format!("n{index:02}"), Digest, monday);
        one.priority = 1 + (index % 7) as u8;
        one
    });
    let mut life = Life::new(policy, seller, pending.collect());
    life.run(|| 0);
    let mut digests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for sent in &life.recipient.log {
        let wall = sent.at.to_zoned(&life.recipient.calendar.zone).strftime("%a %H:%M").to_string();
        digests.entry(wall).or_default().push(sent.nudge_id.clone());
    }
    let told: Vec<String> =
        digests.iter().map(|(wall, ids)| format!("{wall}: {}", ids.join(" "))).collect();
    // By priority, then by id: the important ones first, nobody twice.
    assert_snapshot!(told.join("\n"), @"
    Mon 09:00: n00 n07 n01
    Mon 14:00: n08 n02 n09
    Tue 09:00: n03 n10 n04
    Tue 14:00: n11 n05 n12
    Wed 09:00: n06 n13
    ");
    assert_eq!(life.tally(), [("digest", 14)].into());
}

#[test]
fn one_s_own_quiet_hours_are_kept_beside_the_company_s() {
    let mut seller = london();
    let own = Some((time(12, 0, 0, 0), time(13, 30, 0, 0)));
    seller.choice = PersonalChoice { quiet_hours: own, ..Default::default() };
    let now = at(&seller, "2026-10-06 12:15");
    let pending = [nudge("a", Interrupt, now)];
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-06 12:15"), @"a: Interrupt on Tue 06 13:30 +01:00 (quiet_hours)");
    // They cannot open what the company keeps closed.
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-06 18:15"), @"a: Interrupt on Wed 07 08:00 +01:00 (quiet_hours)");
    let noon = Policy { digest_at: vec![time(12, 0, 0, 0)], ..policy() };
    let pending = [nudge("a", Digest, now)];
    assert_snapshot!(told(&noon, &seller, &pending, "2026-10-06 12:15"), @"a: Digest on Tue 06 13:30 +01:00 (digest_time)");
    // Two stretches that leave nothing of the day: nobody is told, and it ends.
    seller.choice.quiet_hours = Some((time(7, 0, 0, 0), time(19, 0, 0, 0)));
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-06 12:15"), @"a: never (no_digest)");
}
