//! The made-up season of `touchline demo`: its totals add up, and people can read it.

use std::time::Duration;

use touchline::demo::{Options, play};

/// The total of that name and the parts that stand below it.
fn total(out: &str, name: &str) -> (u64, u64) {
    let mut lines = out.lines().skip_while(|line| !line.starts_with(name));
    let number = |line: &str| line.split_whitespace().find_map(|word| word.parse::<u64>().ok());
    let whole = lines.next().and_then(number).unwrap_or_else(|| panic!("no {name} in\n{out}"));
    let parts = lines.take_while(|line| line.starts_with(' ')).filter_map(number);
    (whole, parts.sum())
}

#[tokio::test]
async fn the_demo_accounts_for_every_event_and_every_firing() {
    let out = printed(3, 9).await;

    for name in ["events accepted", "rules fired", "not said", "answers"] {
        let (whole, parts) = total(&out, name);
        assert_eq!(whole, parts, "{name}\n{out}");
        assert!(whole > 0, "{name}\n{out}");
    }
    let whole = |name: &str| total(&out, name).0;
    let accounted = whole("of these, said") + whole("open at the end") + whole("not said");
    assert_eq!(whole("rules fired") + whole("managers asked"), accounted, "{out}");
    assert!(whole("deals known") > 260, "{out}");
    assert_eq!(out.matches("# Hello from Touchline").count(), 1, "a hello is read once\n{out}");
    assert!(out.contains(": the same hello ──"), "{out}");
    assert!(out.contains(" chooses “Done” ──"), "{out}");
    assert!(out.contains(" · HubSpot task for "), "{out}");
    assert!(out.contains("  │ Due "), "{out}");
}

/// All that the demo prints for a seed.
async fn printed(seed: u64, days: i32) -> String {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        days,
        seed,
        day_takes: Duration::ZERO,
        exit_after: None,
        folder: folder.path().to_owned(),
    };
    let mut out = Vec::new();
    play(options, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

/// On several threads, as the program runs: there calls end in no fixed order.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_seed_prints_the_same_season() {
    let (first, second) = tokio::join!(printed(1, 6), printed(1, 6));
    let lines = first.lines().zip(second.lines());
    if let Some((place, (one, other))) = lines.enumerate().find(|(_, (one, other))| one != other) {
        panic!("line {}: `{one}` and then `{other}`", place + 1);
    }
    assert_eq!(first.len(), second.len());
    assert!(first.contains(" chooses “"), "somebody answers\n{first}");
    assert_ne!(first, printed(2, 2).await, "another seed is another season");
}
