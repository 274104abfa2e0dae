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
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        days: 9,
        seed: 3,
        day_takes: Duration::ZERO,
        exit_after: None,
        folder: folder.path().to_owned(),
    };
    let mut out = Vec::new();
    play(options, &mut out).await.unwrap();
    let out = String::from_utf8(out).unwrap();

    for name in ["events accepted", "rules fired", "not said", "answers"] {
        let (whole, parts) = total(&out, name);
        assert_eq!(whole, parts, "{name}\n{out}");
        assert!(whole > 0, "{name}\n{out}");
    }
    let whole = |name: &str| total(&out, name).0;
    let accounted = whole("of these, said") + whole("open at the end") + whole("not said");
    assert_eq!(whole("rules fired"), accounted, "{out}");
    assert!(whole("deals known") > 260, "{out}");
    assert_eq!(out.matches("# Hello from Touchline").count(), 1, "a hello is read once\n{out}");
    assert!(out.contains(": the same hello ──"), "{out}");
    assert!(out.contains(" chooses “Done” ──"), "{out}");
    assert!(out.contains(" · HubSpot task for "), "{out}");
    assert!(out.contains("  │ Due "), "{out}");
}
