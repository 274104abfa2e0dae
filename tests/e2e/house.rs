//! The house rules that neither the compiler nor the linter holds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The most lines of a source file.
const LINES_MAX: usize = 400;
/// Folders that hold nothing of ours.
const NOT_OURS: [&str; 6] = ["target", ".git", "node_modules", "dist", "build", ".venv"];
/// Sources that people write.
const SOURCES: [&str; 9] = ["rs", "ts", "tsx", "js", "mjs", "py", "sh", "cls", "sql"];
/// Written by a generator, and held by a drift test.
const GENERATED: [&str; 2] = ["package-lock.json", "Cargo.lock"];

fn files() -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR"))];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() && !NOT_OURS.contains(&name.as_str()) {
                folders.push(entry.path());
            } else if kind.is_file() && !GENERATED.contains(&name.as_str()) {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    assert!(files.len() > 100, "the tree was not walked");
    files
}

fn shown(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string()
}

fn sources() -> impl Iterator<Item = (String, String)> {
    files().into_iter().filter_map(|path| {
        let extension = path.extension()?.to_str()?.to_owned();
        SOURCES.contains(&extension.as_str()).then_some(())?;
        Some((shown(&path), std::fs::read_to_string(&path).ok()?))
    })
}

/// What decides must not be able to look at the outside.
#[test]
fn the_rules_have_no_input_and_no_output() {
    const FORBIDDEN: [&str; 10] = [
        "tokio",
        "async-std",
        "reqwest",
        "hyper",
        "axum",
        "rusqlite",
        "tokio-postgres",
        "rand",
        "getrandom",
        "tracing",
    ];
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "-p", "touchline-rules", "-e", "normal", "--offline", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let names: BTreeSet<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains("touchline-rules") && names.contains("jiff"), "{names:?}");
    let found: Vec<_> = FORBIDDEN.iter().filter(|name| names.contains(*name)).collect();
    assert!(found.is_empty(), "touchline-rules depends on {found:?}");
}

#[test]
fn sql_is_written_in_the_store_only() {
    let is_sql = |line: &str| {
        ["SELECT ", "INSERT INTO ", "DELETE FROM ", "CREATE TABLE "]
            .iter()
            .any(|words| line.contains(words))
            || line.split_once("UPDATE ").is_some_and(|(_, rest)| rest.contains(" SET "))
    };
    let mut in_store = 0;
    let mut elsewhere = Vec::new();
    for (path, text) in sources().filter(|(path, _)| path.ends_with(".rs")) {
        let lines = text.lines().enumerate().filter(|(_, line)| is_sql(line));
        if path.starts_with("src/store/") {
            in_store += lines.count();
        } else if ["src/", "connectors/", "rules/"].iter().any(|top| path.starts_with(top)) {
            elsewhere.extend(lines.map(|(n, line)| format!("{path}:{}: {line}", n + 1)));
        }
    }
    assert!(in_store > 20, "the search finds no SQL at all");
    assert!(elsewhere.is_empty(), "{}", elsewhere.join("\n"));
}

#[test]
fn every_file_fits_into_one_head() {
    let long: Vec<_> = sources()
        .map(|(path, text)| (text.lines().count(), path))
        .filter(|(lines, _)| *lines >= LINES_MAX)
        .collect();
    assert!(long.is_empty(), "{LINES_MAX} lines or more: {long:?}");
}

/// Nothing in the project knows where it was written.
#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    let places = [["/ro", "ot/"].concat(), ["/wo", "rk/"].concat(), ["/ho", "me/"].concat()];
    let mut found = Vec::new();
    for path in files() {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let named = |line: &str| places.iter().any(|place| line.contains(place.as_str()));
        let lines = text.lines().enumerate().filter(|(_, line)| named(line));
        found.extend(lines.map(|(n, _)| format!("{}:{}", shown(&path), n + 1)));
    }
    assert!(found.is_empty(), "{found:?}");
}

/// `src` imports downwards only: what is at the edge sees the domain, the domain
/// sees the ground, and nobody but the command line sees the composition root.
#[test]
fn arrows_point_downwards() {
    const EDGES: [&str; 3] = ["crate::http", "crate::roles", "crate::cli"];
    let mut found = Vec::new();
    for (path, text) in sources() {
        let ground = ["src/store/", "src/vault.rs", "src/clock.rs", "src/wake.rs", "src/config"];
        let is_ground = ground.iter().any(|top| path.starts_with(top));
        let is_domain = ["src/coaching/", "src/lifecycle/"].iter().any(|top| path.starts_with(top));
        let is_root = path.starts_with("src/app")
            || ["src/cli/", "src/demo/", "src/main.rs", "src/lib.rs"]
                .iter()
                .any(|top| path.starts_with(top));
        if !path.starts_with("src/") {
            continue;
        }
        // Wherever it stands: an import, one inside a function, a path in full.
        let code = text.lines().enumerate().filter(|(_, line)| !line.trim().starts_with("//"));
        for (n, line) in code {
            let at_edge = EDGES.iter().any(|edge| line.contains(edge));
            let above_ground =
                ["crate::coaching", "crate::lifecycle"].iter().any(|top| line.contains(top));
            let upwards = (is_ground && (at_edge || above_ground))
                || (is_domain && at_edge)
                || (!is_root && line.contains("crate::app"));
            if upwards {
                found.push(format!("{path}:{}: {line}", n + 1));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
