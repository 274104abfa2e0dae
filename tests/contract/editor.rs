//! The YAML language server that editors run, on rule files with our schema.

use std::process::Command;

use crate::{root, run, script};

#[test]
fn an_editor_completes_and_checks_rule_files() {
    let schema = run(Command::new(env!("CARGO_BIN_EXE_touchline")).args(["rules", "schema"]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rule-pack.schema.json");
    std::fs::write(&path, schema).unwrap();
    let packs = std::fs::read_dir(root().join("rules/packs")).unwrap();
    let mut packs: Vec<_> = packs.map(|entry| entry.unwrap().path()).collect();
    packs.sort();
    let check = script("editor", "check.mjs");
    let out = run(Command::new("node").arg(check).arg(path).args(&packs));
    assert!(out.contains(&format!("{} checks passed", 12 + packs.len())), "{out}");
}
