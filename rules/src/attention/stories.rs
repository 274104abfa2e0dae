//! What sellers live through, told day by day.

use super::fixture::{Life, at, deal, nudge, policy, recipient};
use super::*;
use insta::assert_snapshot;
use jiff::civil::{date, time};

use AttentionClass::{Card, Digest, Interrupt, Private};

/// Decides on `pending` at `now` and tells it, one line a nudge.
fn told(policy: &Policy, recipient: &Recipient, pending: &[PendingNudge], now: &str) -> String {
    let lines =
        decide(policy, recipient, pending, at(recipient, now)).into_iter().map(|(id, it)| {
            let wall =
                |at: UnixMs| at.to_zoned(&recipient.calendar.zone).strftime("%a %d %H:%M %:z");
            match it {
                Decision::Send(SendAs::Interrupt) => format!("{id}: now"),
                Decision::Send(SendAs::Digest { slot }) => {
                    format!("{id}: digest of {}", wall(slot))
                }
                Decision::Card => format!("{id}: card"),
                Decision::Defer { until, class, why } => {
                    format!("{id}: {class:?} on {} ({})", wall(until), why.name())
                }
                Decision::Suppress(reason) => format!("{id}: never ({})", reason.name()),
            }
        });
    lines.collect::<Vec<_>>().join("\n")
}

fn london() -> Recipient {
    recipient("Europe/London")
}

/// The nudge as an event that has just happened.
fn event(mut nudge: PendingNudge) -> PendingNudge {
    nudge.is_event = true;
    nudge
}

fn sent(recipient: &Recipient, local: &str, id: &str, sent_as: SendAs) -> Sent {
    Sent {
        at: at(recipient, local),
        nudge_id: id.to_owned(),
        deal: Some(deal(id)),
        is_event: false,
        sent_as,
    }
}

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
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-06 10:00"), @r#"
    a: now
    b: Digest on Wed 07 09:00 +01:00 (budget)
    c: now
    d: Digest on Wed 07 09:00 +01:00 (budget)
    e: Digest on Wed 07 09:00 +01:00 (budget)
    "#);

    let mut one_a_day = policy();
    one_a_day.interruptions_per_day = Some(1);
    assert_snapshot!(told(&one_a_day, &seller, &pending[..3], "2026-10-06 10:00"), @r#"
    a: now
    b: Digest on Wed 07 09:00 +01:00 (budget)
    c: Digest on Wed 07 09:00 +01:00 (budget)
    "#);
    let mut no_limit = policy();
    no_limit.interruptions_per_day = None;
    assert_snapshot!(told(&no_limit, &seller, &pending[..3], "2026-10-06 10:00"), @r#"
    a: now
    b: now
    c: now
    "#);
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
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-06 10:00"), @r#"
    a: now
    b: Digest on Wed 07 09:00 +01:00 (budget)
    "#);
}

#[test]
fn a_new_person_hears_less_and_is_greeted_first() {
    let mut seller = london();
    seller.first_nudge_at = None;
    assert!(needs_hello(&policy(), &seller));
    assert!(!needs_hello(&Policy { hello: false, ..policy() }, &seller));
    let now = at(&seller, "2026-10-06 10:00");
    let pending = [nudge("a", Interrupt, now), event(nudge("b", Interrupt, now))];
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-06 10:00"), @r#"
    a: now
    b: Digest on Wed 07 09:00 +01:00 (budget)
    "#);
    // Ten working days: Tuesday 22 September is the last day but ten.
    seller.first_nudge_at = Some(at(&seller, "2026-09-23 10:00"));
    assert!(!needs_hello(&policy(), &seller));
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-06 10:00"), @r#"
    a: now
    b: Digest on Wed 07 09:00 +01:00 (budget)
    "#);
    seller.first_nudge_at = Some(at(&seller, "2026-09-22 10:00"));
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-06 10:00"), @r#"
    a: now
    b: now
    "#);
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
    assert_snapshot!(told(&policy(), &seller, &tuesday, "2026-10-06 10:00"), @r#"
    a: Digest on Fri 09 09:00 +01:00 (spacing)
    b: Digest on Fri 09 09:00 +01:00 (spacing)
    c: never (spacing)
    d: now
    "#);
    let thursday = [about_x("e", Interrupt, "2026-10-08 10:00")];
    assert_snapshot!(told(&policy(), &seller, &thursday, "2026-10-08 10:00"), @r#"
    e: Digest on Fri 09 09:00 +01:00 (spacing)
    "#);
    let friday = [about_x("f", Interrupt, "2026-10-09 10:00")];
    assert_snapshot!(told(&policy(), &seller, &friday, "2026-10-09 10:00"), @r#"
    f: now
    "#);
    // Asked for again by its reader, a nudge is not held back by itself.
    seller.snoozed.insert("x".to_owned(), at(&seller, "2026-10-07 09:00"));
    let again = [nudge("x", Interrupt, at(&seller, "2026-10-06 09:00"))];
    assert_snapshot!(told(&policy(), &seller, &again, "2026-10-07 09:00"), @r#"
    x: now
    "#);
}

#[test]
fn a_digest_takes_the_most_important_and_goes_once() {
    let mut seller = london();
    let due = at(&seller, "2026-10-05 12:00");
    let mut pending = ["a", "b", "c", "d", "e"].map(|id| nudge(id, Digest, due)).to_vec();
    pending[3].priority = 1;
    pending[4].class = Private;
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-06 08:59"), @r#"
    d: Digest on Tue 06 09:00 +01:00 (digest_time)
    a: Digest on Tue 06 09:00 +01:00 (digest_time)
    b: Digest on Tue 06 09:00 +01:00 (digest_time)
    c: Digest on Tue 06 09:00 +01:00 (digest_time)
    e: Private on Tue 06 09:00 +01:00 (digest_time)
    "#);
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-06 09:00"), @r#"
    d: digest of Tue 06 09:00 +01:00
    a: digest of Tue 06 09:00 +01:00
    b: digest of Tue 06 09:00 +01:00
    c: Digest on Wed 07 09:00 +01:00 (digest_full)
    e: Private on Wed 07 09:00 +01:00 (digest_full)
    "#);
    // An outage is made up for on the same day, outside quiet hours.
    assert_snapshot!(told(&policy(), &seller, &pending[..1], "2026-10-06 14:30"), @r#"
    a: digest of Tue 06 09:00 +01:00
    "#);
    assert_snapshot!(told(&policy(), &seller, &pending[..1], "2026-10-06 18:30"), @r#"
    a: Digest on Wed 07 09:00 +01:00 (digest_time)
    "#);
    // What comes due behind the digest waits for the next one.
    let later = [nudge("f", Digest, at(&seller, "2026-10-06 09:01"))];
    assert_snapshot!(told(&policy(), &seller, &later, "2026-10-06 09:05"), @r#"
    f: Digest on Wed 07 09:00 +01:00 (digest_time)
    "#);
    let slot = at(&seller, "2026-10-06 09:00");
    seller.log = vec![sent(&seller, "2026-10-06 09:00", "z", SendAs::Digest { slot })];
    assert_snapshot!(told(&policy(), &seller, &pending[..1], "2026-10-06 09:05"), @r#"
    a: Digest on Wed 07 09:00 +01:00 (digest_time)
    "#);
}

#[test]
fn quiet_hours_weekends_and_holidays_are_waited_out() {
    let mut seller = london();
    seller.calendar.holidays.insert(date(2026, 12, 28));
    let pending = |due: &str| {
        let due = at(&seller, due);
        [nudge("a", Interrupt, due), nudge("b", Digest, due), nudge("c", Card, due)]
    };
    let evening = "2026-10-06 18:00";
    assert_snapshot!(told(&policy(), &seller, &pending(evening), evening), @r#"
    a: Interrupt on Wed 07 08:00 +01:00 (quiet_hours)
    b: Digest on Wed 07 09:00 +01:00 (digest_time)
    c: card
    "#);
    let night = "2026-10-06 07:59:59";
    assert_snapshot!(told(&policy(), &seller, &pending(night), night), @r#"
    a: Interrupt on Tue 06 08:00 +01:00 (quiet_hours)
    b: Digest on Tue 06 09:00 +01:00 (digest_time)
    c: card
    "#);
    let friday = "2026-10-09 17:59:59";
    assert_snapshot!(told(&policy(), &seller, &pending(friday), friday), @r#"
    a: now
    b: Digest on Mon 12 09:00 +01:00 (digest_time)
    c: card
    "#);
    let saturday = "2026-10-10 11:00";
    assert_snapshot!(told(&policy(), &seller, &pending(saturday), saturday), @r#"
    a: Interrupt on Mon 12 08:00 +01:00 (day_off)
    b: Digest on Mon 12 09:00 +01:00 (digest_time)
    c: card
    "#);
    let christmas = "2026-12-26 11:00";
    assert_snapshot!(told(&policy(), &seller, &pending(christmas), christmas), @r#"
    a: Interrupt on Tue 29 08:00 +00:00 (day_off)
    b: Digest on Tue 29 09:00 +00:00 (digest_time)
    c: card
    "#);
}

#[test]
fn quiet_hours_end_when_the_wall_clock_says_so_through_daylight_saving() {
    let mut night_shift = recipient("Europe/Berlin");
    night_shift.calendar.working_weekdays = [true; 7];
    let mut policy = policy();
    // The clocks skip 02:00-03:00 on 29 March and repeat it on 25 October.
    policy.quiet_hours = Some((time(22, 0, 0, 0), time(2, 30, 0, 0)));
    let spring = "2026-03-28 23:00";
    let pending = [nudge("a", Interrupt, at(&night_shift, spring))];
    assert_snapshot!(told(&policy, &night_shift, &pending, spring), @r#"
    a: Interrupt on Sun 29 03:30 +02:00 (quiet_hours)
    "#);
    let autumn = "2026-10-24 23:00";
    let pending = [nudge("a", Interrupt, at(&night_shift, autumn))];
    assert_snapshot!(told(&policy, &night_shift, &pending, autumn), @r#"
    a: Interrupt on Sun 25 02:30 +02:00 (quiet_hours)
    "#);
    policy.quiet_hours = Some((time(12, 0, 0, 0), time(13, 30, 0, 0)));
    let noon = "2026-03-29 12:00";
    let pending = [nudge("a", Interrupt, at(&night_shift, noon))];
    assert_snapshot!(told(&policy, &night_shift, &pending, noon), @r#"
    a: Interrupt on Sun 29 13:30 +02:00 (quiet_hours)
    "#);
}

#[test]
fn a_day_whose_midnight_does_not_exist_begins_all_the_same() {
    let mut seller = recipient("America/Santiago");
    seller.calendar.working_weekdays = [false, false, false, false, false, false, true];
    let open = Policy { quiet_hours: None, nudge_expiry_working_days: 9, ..policy() };
    let saturday = "2026-09-05 20:00";
    let pending = [nudge("a", Interrupt, at(&seller, saturday))];
    assert_snapshot!(told(&open, &seller, &pending, saturday), @r#"
    a: Interrupt on Sun 06 01:00 -03:00 (day_off)
    "#);
}

#[test]
fn a_pause_and_a_snooze_defer_what_lives_long_enough() {
    let mut seller = london();
    let now = "2026-10-06 10:00";
    let due = at(&seller, now);
    let pending = [
        nudge("a", Interrupt, due),
        nudge("b", Digest, due),
        nudge("c", Card, due),
        PendingNudge { expires_at: Some(due.plus_ms(HOUR_MS)), ..nudge("d", Interrupt, due) },
        PendingNudge { occurred_at: due.plus_ms(-9 * HOUR_MS), ..event(nudge("e", Digest, due)) },
    ];
    seller.paused_until = Some(at(&seller, "2026-10-07 00:00"));
    assert_snapshot!(told(&policy(), &seller, &pending, now), @r#"
    a: Interrupt on Wed 07 08:00 +01:00 (paused)
    b: Digest on Wed 07 09:00 +01:00 (paused)
    c: card
    d: never (paused)
    e: never (stale)
    "#);
    seller.paused_until = Some(at(&seller, "2026-10-12 00:00"));
    assert_snapshot!(told(&policy(), &seller, &pending, now), @r#"
    a: never (paused)
    b: never (paused)
    c: card
    d: never (paused)
    e: never (stale)
    "#);
    seller.paused_until = None;
    // A snooze gives the nudge a new life, counted from its end.
    for id in ["a", "b", "c", "e"] {
        seller.snoozed.insert(id.to_owned(), at(&seller, "2026-10-19 09:00"));
    }
    assert_snapshot!(told(&policy(), &seller, &pending, now), @r#"
    a: Interrupt on Mon 19 09:00 +01:00 (snoozed)
    b: Digest on Mon 19 09:00 +01:00 (snoozed)
    c: Card on Mon 19 09:00 +01:00 (snoozed)
    d: now
    e: Digest on Mon 19 09:00 +01:00 (snoozed)
    "#);
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-19 09:00"), @r#"
    a: now
    b: digest of Mon 19 09:00 +01:00
    c: card
    d: never (expired)
    e: digest of Mon 19 09:00 +01:00
    "#);
}

#[test]
fn old_events_and_old_nudges_are_let_go() {
    let seller = london();
    let now = "2026-10-06 10:00";
    let aged = |id: &str, class, hours: i64| {
        let occurred_at = at(&seller, now).plus_ms(-hours * HOUR_MS);
        PendingNudge { occurred_at, ..event(nudge(id, class, at(&seller, now))) }
    };
    let pending = [
        aged("a", Interrupt, 24),
        aged("b", Interrupt, 25),
        aged("c", Digest, 24),
        aged("d", Digest, 25),
        aged("e", Card, 25),
        nudge("f", Interrupt, at(&seller, "2026-10-01 10:00")),
        nudge("g", Interrupt, at(&seller, "2026-09-30 10:00")),
    ];
    assert_snapshot!(told(&policy(), &seller, &pending, now), @r#"
    g: never (expired)
    f: now
    a: now
    b: never (stale)
    c: Digest on Wed 07 09:00 +01:00 (digest_time)
    d: never (stale)
    e: card
    "#);
    // In the evening the event is still young, but not next morning.
    let evening = [aged("h", Interrupt, 12)];
    assert_snapshot!(told(&policy(), &seller, &evening, "2026-10-06 19:00"), @r#"
    h: never (stale)
    "#);
}

#[test]
fn roll_out_and_mutes_are_final() {
    let mut seller = london();
    let now = "2026-10-06 10:00";
    let pending = [nudge("a", Interrupt, at(&seller, now)), nudge("b", Card, at(&seller, now))];
    let off = Policy { sending: Sending::Off, ..policy() };
    assert_snapshot!(told(&off, &seller, &pending, now), @r#"
    a: never (sending_off)
    b: never (sending_off)
    "#);
    let pilot = Policy { sending: Sending::Pilot, ..policy() };
    assert_snapshot!(told(&pilot, &seller, &pending, now), @r#"
    a: never (not_in_pilot)
    b: never (not_in_pilot)
    "#);
    seller.in_pilot = true;
    assert_snapshot!(told(&pilot, &seller, &pending, now), @r#"
    a: now
    b: card
    "#);
    seller.muted_rules.insert("buyer-silent".to_owned());
    assert_snapshot!(told(&pilot, &seller, &pending, now), @r#"
    a: never (muted)
    b: never (muted)
    "#);
}

#[test]
fn personal_choices_can_only_be_stricter() {
    let mut seller = london();
    let now = "2026-10-06 10:00";
    let pending = [nudge("a", Interrupt, at(&seller, now)), nudge("b", Digest, at(&seller, now))];
    seller.choice.interruptions_per_day = Some(9);
    seller.choice.digest_at = vec![time(16, 30, 0, 0), time(11, 0, 0, 0)];
    assert_snapshot!(told(&policy(), &seller, &pending, now), @r#"
    a: now
    b: Digest on Tue 06 16:30 +01:00 (digest_time)
    "#);
    seller.choice.digest_only = true;
    assert_snapshot!(told(&policy(), &seller, &pending, now), @r#"
    a: Digest on Tue 06 16:30 +01:00 (digest_only)
    b: Digest on Tue 06 16:30 +01:00 (digest_time)
    "#);
    seller.choice = PersonalChoice { interruptions_per_day: Some(0), ..Default::default() };
    assert_snapshot!(told(&policy(), &seller, &pending, now), @r#"
    a: Digest on Wed 07 09:00 +01:00 (budget)
    b: Digest on Wed 07 09:00 +01:00 (digest_time)
    "#);
    // A digest time in quiet hours is moved to their end.
    seller.choice = PersonalChoice { digest_at: vec![time(20, 0, 0, 0)], ..Default::default() };
    assert_snapshot!(told(&policy(), &seller, &pending[1..], now), @r#"
    b: Digest on Wed 07 08:00 +01:00 (digest_time)
    "#);
    let no_digest = Policy { digest_at: Vec::new(), interruptions_per_day: Some(0), ..policy() };
    assert_snapshot!(told(&no_digest, &seller, &pending, now), @r#"
    a: never (budget)
    b: never (no_digest)
    "#);
}

#[test]
fn a_person_who_never_works_is_never_reached() {
    let mut seller = london();
    seller.calendar.working_weekdays = [false; 7];
    let now = "2026-10-06 10:00";
    let due = at(&seller, now);
    let pending = [nudge("a", Interrupt, due), nudge("b", Digest, due), nudge("c", Card, due)];
    assert_snapshot!(told(&policy(), &seller, &pending, now), @r#"
    a: never (expired)
    b: never (expired)
    c: card
    "#);
    assert_eq!(first_permitted(&policy(), &seller, &pending[0], due), UnixMs::MAX);
}
