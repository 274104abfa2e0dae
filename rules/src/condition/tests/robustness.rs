//! No input panics, overflows a 2 MiB stack or takes long, and every
//! diagnostic lies inside the source.

use std::{sync::mpsc, thread, time::Duration};

use proptest::prelude::*;

use super::{
    generate::{Generator, Language, Picks, facts},
    *,
};
use crate::condition::{DEPTH_MAX, NextFlip, PARTS_MAX, SOURCE_BYTES_MAX, TimeClass};

/// Compiles and, if that works, asks the condition everything.
fn exercise(source: &str, schema: &Schema, slots: &[Slot<'_>], now: UnixMs) {
    let found = match compile(source, schema) {
        Ok(condition) => {
            let calendar = calendar("America/Santiago");
            let on = Context { slots, now, calendar: &calendar };
            let truth = condition.eval(&on);
            let explanation = condition.explain(&on);
            assert_eq!(explanation.truth, truth);
            assert!(!explanation.to_string().is_empty());
            assert_eq!(condition.seen_names().len(), condition.seen(&on).len());
            let flip = condition.next_flip(&on);
            assert!(flip.instant().is_none_or(|at| at > now), "{source}: {flip:?}");
            assert!(condition.time_class() > TimeClass::EventOnly || flip == NextFlip::Never);
            assert!(truth == Truth::Unknown || condition.unknown_because(&on).is_empty());
            for slot in condition.fields_read() {
                let values = condition.required_values(*slot);
                assert!(!truth.is_true() || values.is_none_or(|values| !values.is_empty()));
            }
            condition.warnings().to_vec()
        }
        Err(errors) => {
            assert!(!errors.is_empty(), "{source}");
            errors
        }
    };
    assert!(found.len() <= 50, "{}", found.len());
    for diagnostic in found {
        assert!(source.get(diagnostic.span.clone()).is_some(), "{source:?}: {diagnostic:?}");
        let lines = source.matches('\n').count() + 1;
        assert!((1..=lines).contains(&diagnostic.line), "{source:?}: {diagnostic:?}");
        assert!((1..=source.len() + 1).contains(&diagnostic.column), "{source:?}: {diagnostic:?}");
        assert!(diagnostic.render(source).contains(diagnostic.code));
    }
}

/// Runs `work` on a thread with tokio's default stack, with a time limit that
/// leaves a debug build on a busy machine a lot of room.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let (done, waiting) = mpsc::channel();
    let thread = thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(move || {
        work();
        done.send(()).expect("the test waits");
    });
    let in_time = waiting.recv_timeout(Duration::from_secs(60));
    match in_time {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("too slow"),
        _ => thread.expect("a thread starts").join().expect("no panic"),
    }
}

fn known() -> Vec<Slot<'static>> {
    facts(&mut Picks::new(&[1; 100]), at("2026-11-23T09:00:00Z"), true)
}

#[test]
fn nesting_of_every_kind() {
    let wrap = |open: &str, middle: &str, close: &str, times: usize| {
        format!("{}{middle}{}", open.repeat(times), close.repeat(times))
    };
    for times in [10, DEPTH_MAX - 4, DEPTH_MAX, 500, 10_000] {
        let sources = [
            wrap("(", "true", ")", times),
            wrap("(", "", "", times),
            wrap("[", "1", "]", times),
            wrap("!", "true", "", times),
            format!("{} == 1", wrap("-", "deal.amount", "", times)),
            wrap("!(", "deal.has_champion", ")", times),
            wrap("has(", "deal.amount", ")", times),
            wrap("true ? ", "true", " : false", times),
            wrap("true ? true : ", "true", "", times),
            wrap("(true ? ", "days_since(now) > 1", " : false)", times),
            format!("{} == 1", wrap("(true ? ", "deal.amount", " : 1)", times)),
            format!("{} == \"\"", wrap("(true ? ", "deal.next_step", " : 'x')", times)),
            format!("days_since({}) > 1", wrap("(true ? ", "deal.created_at", " : now)", times)),
            wrap("true && (", "true", ")", times),
            wrap("true == (", "true", ")", times),
            format!("{} > 1", wrap("1 + (", "1", ")", times)),
            format!("{} > 1", wrap("", "1", " + deal.amount", times)),
            wrap("true && ", "true", "", times),
            wrap("a.", "a", "", times),
            format!("deal.next_step{}", wrap("", "", ".contains('')", times)),
            wrap("1 in [", "1", "]", times),
            format!("1 in [{}1]", "1,".repeat(times)),
            wrap("\"\\", "", "", times),
            wrap("'", "", "", times),
            wrap("\"a\" == ", "", "", times),
            wrap("f(", "x", ")", times),
            wrap("? ", "", ":", times),
        ];
        on_a_small_stack(move || {
            for source in sources {
                exercise(&source, &schema(), &known(), at("2026-11-23T09:00:00Z"));
            }
        });
    }
}

/// The largest inputs that the limits admit, each made to hurt one algorithm.
#[test]
fn the_largest_inputs_are_cheap() {
    let fields: Vec<_> = (0..1_000u16)
        .map(|slot| FieldDef {
            name: format!("deal.{}_{slot}", "long_".repeat(10)),
            ty: if slot % 2 == 0 { Type::Time } else { Type::Number },
            slot,
            values: None,
            doc: String::new(),
        })
        .collect();
    let large = Schema::new(fields);
    let joined = |joint: &str, count: usize, part: &dyn Fn(usize) -> String| {
        (0..count).map(part).collect::<Vec<_>>().join(joint)
    };
    let long = |slot: usize| format!("deal.{}_{slot}", "long_".repeat(10));
    let count = 110;
    let sources = [
        joined(" && ", count, &|n| format!("deal.{}_{n}x > 1", "lung_".repeat(10))),
        joined(" && ", count, &|n| format!("{} > {n}", long(2 * n + 1))),
        joined(" || ", count, &|n| format!("{} == {n}", long(1 + 2 * (n % 3)))),
        joined(" && ", 70, &|n| format!("days_until({}) > {n}", long(2 * n))),
        joined(" || ", 50, &|n| {
            format!("days_until({}) * days_until({}) == {n}.5", long(2 * n), long(2 * n + 2))
        }),
        joined(" || ", 50, &|n| {
            format!("days_since({}) - hours_since({}) == {n}.5", long(2 * n), long(2 * n + 2))
        }),
    ];
    on_a_small_stack(move || {
        let now = at("2026-11-23T09:00:00Z");
        let slots: Vec<_> = (0..1_000i64)
            .map(|slot| match slot % 2 {
                0 => Slot::Time(now.plus_ms(slot * 40_000_000 - 3_000_000_000)),
                _ => Slot::Number(slot as f64),
            })
            .collect();
        for source in sources {
            assert!(source.len() <= SOURCE_BYTES_MAX, "{}", source.len());
            exercise(&source, &large, &slots, now);
        }
        let parts = format!("1 in [{}]", vec!["1"; PARTS_MAX - 2].join(","));
        exercise(&parts, &large, &slots, now);
        assert!(compile(&parts, &large).is_ok());
    });
}

#[test]
fn the_ends_of_time() {
    let sources = [
        "days_since(deal.created_at) > 3 || days_until(deal.created_at) > 3",
        "business_days_since(deal.created_at) * days_until(deal.close_date) == 2",
        "deal.created_at >= now || deal.close_date == now",
        "hours_since(deal.created_at) - hours_since(deal.close_date) > 1",
    ];
    let instants = [UnixMs(i64::MIN), UnixMs::MIN, UnixMs(0), UnixMs::MAX, UnixMs(i64::MAX)];
    for source in sources {
        let condition = condition(source);
        for now in instants {
            for created in instants {
                for close in instants {
                    let slots = slots(&[
                        (CREATED_AT, Slot::Time(created)),
                        (CLOSE_DATE, Slot::Time(close)),
                    ]);
                    let calendar = calendar("America/Santiago");
                    let on = Context { slots: &slots, now, calendar: &calendar };
                    assert_eq!(condition.eval(&on), condition.explain(&on).truth);
                    let flip = condition.next_flip(&on).instant();
                    assert!(flip.is_none_or(|at| at > now), "{source} {on:?}");
                }
            }
        }
    }
}

const TOKENS: [&str; 44] = [
    "&&",
    "||",
    "!",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "(",
    ")",
    "[",
    "]",
    ",",
    "?",
    ":",
    ".",
    "in",
    "has",
    "size",
    "true",
    "false",
    "now",
    "deal.stage",
    "deal.amount",
    "deal.close_date",
    "deal.next_step",
    "threshold",
    "days_since",
    "days_until",
    "contains",
    "startsWith",
    "1",
    "2.5",
    "\"won\"",
    "'é'",
    "\"",
    "null",
    "deal",
    "\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let source = String::from_utf8_lossy(&bytes);
        exercise(&source, &schema(), &known(), UnixMs(0));
    }

    #[test]
    fn random_text(source in "\\PC{0,60}|[a-z.()!&|=<>\"' 0-9\\n]{0,120}") {
        exercise(&source, &schema(), &known(), UnixMs(0));
    }

    #[test]
    fn token_soup(picks in proptest::collection::vec(0..TOKENS.len(), 0..60), glue in " ?") {
        let source = picks.iter().map(|pick| TOKENS[*pick]).collect::<Vec<_>>().join(&glue);
        exercise(&source, &schema(), &known(), UnixMs(0));
    }

    #[test]
    fn mutated_conditions(
        picks in proptest::collection::vec(0u16..2_000, 60..200),
        cuts in proptest::collection::vec((any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), 0..TOKENS.len()), 0..4),
    ) {
        let mut picks = Picks::new(&picks);
        let now = at("2026-09-05T09:00:00Z");
        let slots = facts(&mut picks, now, false);
        let depth = u32::from(picks.below(4));
        let mut source = Generator { picks, language: Language::Whole }.condition(depth);
        for (from, to, token) in cuts {
            let characters: Vec<char> = source.chars().collect();
            let (a, b) = (from.index(characters.len() + 1), to.index(characters.len() + 1));
            let keep = |range: &[char]| range.iter().collect::<String>();
            let end = a.max(b).min(a.min(b) + 5);
            source = keep(&characters[..a.min(b)]) + TOKENS[token] + &keep(&characters[end..]);
        }
        exercise(&source, &schema(), &slots, now);
    }
}
