//! The packs that ship, and the reference that explains them.

use std::collections::BTreeMap;

use super::*;
use crate::packs::BUILTIN;

/// The packs in the repository.
pub(super) fn packs() -> Vec<SourceFile> {
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
    assert!(set.rules().len() >= 70);
    let failures: Vec<String> = run_tests(&set)
        .into_iter()
        .filter_map(|report| {
            let TestReport { place, rule, name, failure, .. } = report;
            failure.map(|failure| format!("{place} {rule}: {name}\n{failure}"))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// The examples of the reference are rules that load and tests that pass.
#[test]
fn the_examples_of_the_reference_work() {
    let page = include_str!("../../../README.md");
    let examples: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect();
    let rule = "pack: p\ntitle: P\nrules:\n  - id: quiet\n    title: Quiet\n    on: state\n    when: business_days_since(deal.last_activity_at) >= 10\n    tip: { headline: \"{{ deal.name }} is quiet\", body: B }\n";
    // The first is a pack; the others are keys of a rule.
    let continued = |keys: &str| -> String {
        keys.lines().fold(rule.to_owned(), |text, line| format!("{text}    {line}\n"))
    };
    let packs = examples.iter().enumerate();
    for text in packs.map(|(n, text)| if n == 0 { (*text).to_owned() } else { continued(text) }) {
        let loaded = RuleSet::load(&[file("README.md", &text)], &[]);
        assert_eq!(report(&loaded), "");
        let reports = run_tests(&loaded.set.unwrap());
        assert_eq!(reports.is_empty(), !text.contains("tests:"));
        for report in reports {
            assert_eq!(report.failure, None, "{}", report.name);
        }
    }
    assert_eq!(examples.len(), 3);
}

/// The tables of the reference name every fact, event and template path.
#[test]
fn the_reference_names_everything() {
    let page = include_str!("../../../README.md");
    let words = Vocabulary::default();
    for event in std::iter::once(None).chain(EventKind::all().map(Some)) {
        let schema = crate::facts::schema::schema(event, true, &words);
        for field in schema.fields() {
            assert!(page.contains(&format!("`{}`", field.name)), "{}", field.name);
        }
    }
    for field in crate::facts::schema::person_schema().fields() {
        assert!(page.contains(&format!("`{}`", field.name)), "{}", field.name);
    }
    for path in crate::engine::context::DEAL_PATHS {
        let name = path.trim_start_matches("deal.");
        assert!(page.contains(&format!("`{name}`")), "{path}");
    }
}

/// Every file of the folder can be named as `builtin:NAME`, by the name it gives
/// itself, and is that file.
#[test]
fn every_pack_is_built_in() {
    let folder: BTreeMap<String, String> = packs()
        .into_iter()
        .map(|file| (file.path.trim_end_matches(".yaml").to_owned(), file.text))
        .collect();
    let built_in: BTreeMap<String, String> =
        BUILTIN.iter().map(|pack| (pack.name.to_owned(), pack.text.to_owned())).collect();
    assert_eq!(folder, built_in);
    for (name, text) in &built_in {
        let loaded = RuleSet::load(&[file(name, text)], &[]);
        assert_eq!(report(&loaded), "");
        assert!(loaded.set.unwrap().rules().iter().all(|rule| rule.pack == *name), "{name}");
    }
}

const TABLE_BEGIN: &str = "<!-- packs: generated -->\n";
const TABLE_END: &str = "<!-- packs: end -->\n";

/// Set TOUCHLINE_BLESS=1 and run this test to write the table anew.
#[test]
fn the_reference_lists_every_pack_and_rule() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(TABLE_BEGIN).unwrap();
    let (_, after) = rest.split_once(TABLE_END).unwrap();
    let wanted = format!("{before}{TABLE_BEGIN}{}{TABLE_END}{after}", table_of_packs());
    if option_env!("TOUCHLINE_BLESS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == wanted, "the packs changed: see this test's comment");
}

fn table_of_packs() -> String {
    let mut table =
        "\n| pack | rule | it speaks about | attention | skill |\n|---|---|---|---|---|\n"
            .to_owned();
    for pack in BUILTIN {
        let set = RuleSet::load(&[file(pack.name, pack.text)], &[]).set.unwrap();
        for rule in set.rules() {
            let Rule { id, title, .. } = rule;
            let attention = serde_json::to_value(rule.attention).unwrap();
            let (attention, skill) = (attention.as_str().unwrap(), rule.skill.as_deref().unwrap());
            let name = pack.name;
            table += &format!(
                "| [`{name}`](packs/{name}.yaml) | `{id}` | {title} | {attention} | {skill} |\n"
            );
        }
    }
    table + "\n"
}
