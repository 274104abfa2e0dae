//! The reference lists every code, and every code it lists occurs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;
use crate::condition;
use crate::facts::schema::schema;

const PAGE: &str = include_str!("../../../README.md");

/// A row of the tables of codes: the code, and the examples in backticks.
struct Row {
    code: &'static str,
    severity: Severity,
    examples: Vec<&'static str>,
}

fn rows() -> Vec<Row> {
    let tables = [("### Errors\n", Severity::Error), ("### Warnings\n", Severity::Warning)];
    let of_table = |(heading, severity): (&str, Severity)| {
        let table = PAGE.split(heading).nth(1).unwrap().split("\n#").next().unwrap();
        table.lines().filter(|line| line.starts_with("| `")).map(move |line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
            let [code, _, example] = cells[..] else { panic!("{line}") };
            let examples = example.split('`').skip(1).step_by(2).collect();
            Row { code: code.trim_matches([' ', '`']), severity, examples }
        })
    };
    tables.into_iter().flat_map(of_table).collect()
}

fn found(files: &[SourceFile]) -> Vec<RuleDiagnostic> {
    RuleSet::load(files, &[]).diagnostics
}

fn pack(name: &str, rules: &str) -> SourceFile {
    file(&format!("{name}.yaml"), &format!("pack: {name}\ntitle: P\nrules:\n{rules}"))
}

/// A sound rule with some keys put in place of its own.
fn rule(id: &str, keys: &[&str]) -> String {
    let id = format!("id: {id}");
    let own = [
        id.as_str(),
        "title: T",
        "on: state",
        "when: deal.amount > 5",
        "tip: { headline: H, body: B }",
    ];
    let key = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let kept = own.into_iter().filter(|line| keys.iter().all(|other| key(other) != key(line)));
    let lines: Vec<&str> = kept.chain(keys.iter().copied()).collect();
    format!("  - {}\n", lines.join("\n    "))
}

/// What examples in words mean.
fn in_words(code: &str) -> Option<Vec<RuleDiagnostic>> {
    let one = |id: &str, keys: &[&str]| pack("p", &rule(id, keys));
    let when = |condition: String| found(&[one("one", &[&format!("when: {condition}")])]);
    let wide = ["on: deal.created", "when: deal.amount > 5"];
    let narrow = ["on: deal.created", "when: deal.amount > 9"];
    let two = |second: &[&str]| found(&[pack("p", &(rule("one", &wide) + &rule("two", second)))]);
    Some(match code {
        "too_many" => {
            let rules: String = (0..501).map(|n| rule(&format!("r{n}"), &["when: '1'"])).collect();
            found(&[pack("p", &rules)])
        }
        "duplicate_pack" => found(&[one("one", &[]), one("two", &[])]),
        "duplicate_rule" => found(&[pack("p", &(rule("one", &[]) + &rule("one", &[])))]),
        "name_too_long" => when(format!("{} > 5", "x".repeat(65))),
        "empty_condition" => {
            let fields = schema(None, false, &Vocabulary::default());
            let codes = condition::compile(" ", &fields).unwrap_err();
            let as_found = |one: condition::Diagnostic| RuleDiagnostic {
                severity: one.severity,
                file: String::new(),
                line: one.line,
                column: one.column,
                end: yaml::Position { line: one.line, column: one.column },
                code: one.code,
                message: one.message,
                hint: one.hint,
                rule: None,
            };
            codes.into_iter().map(as_found).collect()
        }
        "source_too_long" => when("x".repeat(9_000)),
        "too_deep" => when(format!("{}true{}", "(".repeat(70), ")".repeat(70))),
        "too_many_parts" => when(format!("deal.amount in [{}]", vec!["1"; 600].join(","))),
        "shadowed_rule" => two(&narrow),
        "same_condition" => two(&wide),
        "long_tip" => {
            let tip = format!("tip: {{ headline: H, body: {} }}", "b".repeat(241));
            found(&[one("one", &[&tip])])
        }
        "empty_pack" => found(&[file("p.yaml", "pack: p\ntitle: P\nrules: []\n")]),
        _ => return None,
    })
}

#[test]
fn every_code_of_the_reference_occurs_with_its_example() {
    for Row { code, severity, examples } in rows() {
        let diagnostics =
            in_words(code).unwrap_or_else(|| found(&[pack("p", &rule("one", &examples))]));
        let hit = diagnostics.iter().find(|one| one.code == code);
        let hit = hit.unwrap_or_else(|| panic!("{code}: {examples:?} gives {diagnostics:#?}"));
        assert_eq!(hit.severity, severity, "{code}");
        assert!(hit.hint.is_some() || severity == Severity::Error, "{code} has no hint");
        let end = (hit.end.line, hit.end.column);
        let is_at_an_end = matches!(code, "empty_condition" | "unexpected_end");
        assert!(end > (hit.line, hit.column) || is_at_an_end, "{hit:?}");
        let others = |one: &RuleDiagnostic| one.severity == Severity::Error && one.code != code;
        let strange = diagnostics.iter().find(|one| severity == Severity::Warning && others(one));
        assert!(strange.is_none(), "{code}: {strange:?}");
    }
}

/// Every code that the sources of conditions and rules can give. The codes of
/// lessons are told by the lessons' own checks.
fn codes_in_the_sources() -> BTreeSet<String> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<PathBuf> = Vec::new();
    let mut folders = vec![top.join("condition"), top.join("ruleset")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
            if path.is_dir() && !is_test {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                files.push(path);
            }
        }
    }
    let calls = [
        "findings.error(",
        "findings.push(",
        "Finding::warning(",
        "Diagnostic::error(",
        "Diagnostic::warning(",
        "self.wrong(",
        "(\"always_true\"",
        "(\"never_true\"",
    ];
    let mut codes = BTreeSet::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for call in calls {
            let skipped = if call.starts_with("(\"") { 0 } else { call.len() };
            for (at, _) in text.match_indices(call) {
                let arguments = text[at + skipped..].split(';').next().unwrap_or_default();
                let is_code = |word: &&str| {
                    word.contains('_') && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                };
                let mut quoted = arguments.split('"').skip(1).step_by(2);
                codes.extend(quoted.find(is_code).map(str::to_owned));
            }
        }
    }
    codes
}

#[test]
fn every_code_that_exists_is_in_the_reference() {
    let listed: BTreeSet<String> = rows().iter().map(|row| row.code.to_owned()).collect();
    let existing = codes_in_the_sources();
    assert_eq!(listed, existing, "rules/README.md lists the codes on the left");
    assert_eq!(listed.len(), rows().len(), "a code is listed twice");
}
