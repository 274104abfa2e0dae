//! When a seller gets a nudge, told day by day.

use super::fixture::{at, event, london, nudge, policy, recipient, told};
use super::*;
use insta::assert_snapshot;
use jiff::civil::{date, time};

use AttentionClass::{Card, Digest, Interrupt};

#[test]
fn quiet_hours_weekends_and_holidays_are_waited_out() {
    let mut seller = london();
    seller.calendar.holidays.insert(date(2026, 12, 28));
    let pending = |due: &str| {
        let due = at(&seller, due);
        [nudge("a", Interrupt, due), nudge("b", Digest, due), nudge("c", Card, due)]
    };
    let evening = "2026-10-06 18:00";
    assert_snapshot!(told(&policy(), &seller, &pending(evening), evening), @r"
    a: Interrupt on Wed 07 08:00 +01:00 (quiet_hours)
    b: Digest on Wed 07 09:00 +01:00 (digest_time)
    c: card
    ");
    let night = "2026-10-06 07:59:59";
    assert_snapshot!(told(&policy(), &seller, &pending(night), night), @r"
    a: Interrupt on Tue 06 08:00 +01:00 (quiet_hours)
    b: Digest on Tue 06 09:00 +01:00 (digest_time)
    c: card
    ");
    let friday = "2026-10-09 17:59:59";
    assert_snapshot!(told(&policy(), &seller, &pending(friday), friday), @r"
    a: now
    b: Digest on Mon 12 09:00 +01:00 (digest_time)
    c: card
    ");
    let saturday = "2026-10-10 11:00";
    assert_snapshot!(told(&policy(), &seller, &pending(saturday), saturday), @r"
    a: Interrupt on Mon 12 08:00 +01:00 (day_off)
    b: Digest on Mon 12 09:00 +01:00 (digest_time)
    c: card
    ");
    let christmas = "2026-12-26 11:00";
    assert_snapshot!(told(&policy(), &seller, &pending(christmas), christmas), @r"
    a: Interrupt on Tue 29 08:00 +00:00 (day_off)
    b: Digest on Tue 29 09:00 +00:00 (digest_time)
    c: card
    ");
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
    assert_snapshot!(told(&policy, &night_shift, &pending, spring), @"a: Interrupt on Sun 29 03:30 +02:00 (quiet_hours)");
    let autumn = "2026-10-24 23:00";
    let pending = [nudge("a", Interrupt, at(&night_shift, autumn))];
    assert_snapshot!(told(&policy, &night_shift, &pending, autumn), @"a: Interrupt on Sun 25 02:30 +02:00 (quiet_hours)");
    policy.quiet_hours = Some((time(12, 0, 0, 0), time(13, 30, 0, 0)));
    let noon = "2026-03-29 12:00";
    let pending = [nudge("a", Interrupt, at(&night_shift, noon))];
    assert_snapshot!(told(&policy, &night_shift, &pending, noon), @"a: Interrupt on Sun 29 13:30 +02:00 (quiet_hours)");
}

#[test]
fn a_digest_that_the_clocks_move_into_quiet_hours_is_left_out() {
    let mut night_shift = recipient("Europe/Berlin");
    night_shift.calendar.working_weekdays = [true; 7];
    let quiet_hours = Some((time(3, 0, 0, 0), time(12, 0, 0, 0)));
    let policy = Policy { quiet_hours, digest_at: vec![time(2, 30, 0, 0)], ..policy() };
    let saturday = "2026-03-28 13:00";
    let pending = [nudge("a", Digest, at(&night_shift, saturday))];
    assert_snapshot!(told(&policy, &night_shift, &pending, saturday), @"a: Digest on Mon 30 02:30 +02:00 (digest_time)");
}

#[test]
fn a_day_whose_midnight_does_not_exist_begins_all_the_same() {
    let mut seller = recipient("America/Santiago");
    seller.calendar.working_weekdays = [false, false, false, false, false, false, true];
    let open = Policy { quiet_hours: None, nudge_expiry_working_days: 9, ..policy() };
    let saturday = "2026-09-05 20:00";
    let pending = [nudge("a", Interrupt, at(&seller, saturday))];
    assert_snapshot!(told(&open, &seller, &pending, saturday), @"a: Interrupt on Sun 06 01:00 -03:00 (day_off)");
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
    assert_snapshot!(told(&policy(), &seller, &pending, now), @r"
    a: Interrupt on Wed 07 08:00 +01:00 (paused)
    b: Digest on Wed 07 09:00 +01:00 (paused)
    c: card
    d: never (paused)
    e: never (stale)
    ");
    seller.paused_until = Some(at(&seller, "2026-10-12 00:00"));
    assert_snapshot!(told(&policy(), &seller, &pending, now), @r"
    a: never (paused)
    b: never (paused)
    c: card
    d: never (paused)
    e: never (stale)
    ");
    seller.paused_until = None;
    // A snooze gives the nudge a new life, counted from its end.
    for id in ["a", "b", "c", "e"] {
        seller.snoozed.insert(id.to_owned(), at(&seller, "2026-10-19 09:00"));
    }
    assert_snapshot!(told(&policy(), &seller, &pending, now), @r"
    a: Interrupt on Mon 19 09:00 +01:00 (snoozed)
    b: Digest on Mon 19 09:00 +01:00 (snoozed)
    c: Card on Mon 19 09:00 +01:00 (snoozed)
    d: now
    e: Digest on Mon 19 09:00 +01:00 (snoozed)
    ");
    assert_snapshot!(told(&policy(), &seller, &pending, "2026-10-19 09:00"), @r"
    a: now
    b: digest of Mon 19 09:00 +01:00
    c: card
    d: never (expired)
    e: digest of Mon 19 09:00 +01:00
    ");
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
    assert_snapshot!(told(&policy(), &seller, &pending, now), @r"
    g: never (expired)
    f: now
    a: now
    b: never (stale)
    c: Digest on Wed 07 09:00 +01:00 (digest_time)
    d: never (stale)
    e: card
    ");
    // In the evening the event is still young, but not next morning.
    let evening = [aged("h", Interrupt, 12)];
    assert_snapshot!(told(&policy(), &seller, &evening, "2026-10-06 19:00"), @"h: never (stale)");
}

#[test]
fn a_person_who_never_works_is_never_reached() {
    let mut seller = london();
    seller.calendar.working_weekdays = [false; 7];
    let now = "2026-10-06 10:00";
    let due = at(&seller, now);
    let pending = [nudge("a", Interrupt, due), nudge("b", Digest, due), nudge("c", Card, due)];
    assert_snapshot!(told(&policy(), &seller, &pending, now), @r"
    a: never (expired)
    b: never (expired)
    c: card
    ");
    assert_eq!(first_permitted(&policy(), &seller, &pending[0], due), UnixMs::MAX);
}
