//! Loading rule files: every mistake at its place, and the packs that ship.

use insta::assert_snapshot;

use super::testing::run_tests;
use super::*;
use crate::facts::{Pipeline, Stage, StageKind};

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.into(), text: text.into() }
}

fn report(loaded: &Loaded) -> String {
    let lines: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// The packs in the repository.
fn packs() -> Vec<SourceFile> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("packs");
    let mut files: Vec<SourceFile> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "yaml"))
        .map(|path| {
            file(
                &path.file_name().unwrap().to_string_lossy(),
                &std::fs::read_to_string(&path).unwrap(),
            )
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

#[test]
fn the_packs_that_ship_load_without_a_word_and_pass_their_own_tests() {
    let loaded = RuleSet::load(&packs(), &[]);
    assert_eq!(report(&loaded), "");
    let set = loaded.set.unwrap();
    assert!(set.rules().len() >= 9);
    let failures: Vec<String> = run_tests(&set)
        .into_iter()
        .filter_map(|report| {
            let TestReport { place, rule, name, failure, .. } = report;
            failure.map(|failure| format!("{place} {rule}: {name}\n{failure}"))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
