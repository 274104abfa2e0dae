//! The rules that are on: read from packs, checked, swapped as one snapshot.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use touchline_rules::condition::Severity;
use touchline_rules::facts::Metadata;
use touchline_rules::packs;
use touchline_rules::ruleset::{Loaded, RuleDiagnostic, RuleSet, SourceFile};

use crate::file_errors::unreadable;
use touchline_rules::nearest::did_you_mean;

/// What configuration writes before the name of a pack that ships with the program.
const BUILTIN: &str = "builtin:";
/// The largest rule file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The most files a folder of packs may hold.
const FILES_MAX: usize = 500;

/// The rule set in force.
pub struct RuleSets {
    current: RwLock<Arc<RuleSet>>,
}

impl RuleSets {
    /// Begins with `set`.
    #[must_use]
    pub fn new(set: RuleSet) -> Self {
        RuleSets { current: RwLock::new(Arc::new(set)) }
    }

    /// The set in force.
    #[must_use]
    pub fn current(&self) -> Arc<RuleSet> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another set in force.
    pub fn replace(&self, set: RuleSet) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
    }
}

/// Reads the files behind the configured packs: `builtin:NAME`, a file, or a
/// folder of `.yaml` files.
///
/// # Errors
/// When one cannot be read, naming it.
pub fn read_packs(configured: &[String]) -> anyhow::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    for pack in configured {
        if let Some(name) = pack.strip_prefix(BUILTIN) {
            let shipped = packs::BUILTIN.iter().find(|shipped| shipped.name == name);
            let Some(shipped) = shipped else {
                let known: Vec<_> = packs::BUILTIN.iter().map(|shipped| shipped.name).collect();
                anyhow::bail!(
                    "there is no rule pack `{pack}` in this build\nhint: {} (a file or a folder can be given too)",
                    did_you_mean(name, &known)
                );
            };
            files.push(SourceFile { path: pack.clone(), text: shipped.text.to_owned() });
        } else {
            read_path(Path::new(pack), &mut files)?;
        }
    }
    Ok(files)
}

fn read_path(path: &Path, files: &mut Vec<SourceFile>) -> anyhow::Result<()> {
    let mut paths = vec![path.to_owned()];
    if path.is_dir() {
        let entries =
            std::fs::read_dir(path).map_err(|error| unreadable("the rules", path, &error))?;
        let found = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        paths = found.filter(|path| is_yaml(path)).collect();
        paths.sort();
        anyhow::ensure!(
            !paths.is_empty(),
            "the folder {} holds no rules\nhint: packs are files that end in .yaml or .yml",
            path.display()
        );
        anyhow::ensure!(
            paths.len() <= FILES_MAX,
            "the folder {} holds more than {FILES_MAX} rule packs\nhint: put several into one file, or name fewer",
            path.display()
        );
    }
    for path in paths {
        let cannot = |error| unreadable("the rules", &path, &error);
        let size = std::fs::metadata(&path).map_err(cannot)?.len();
        anyhow::ensure!(
            size <= FILE_BYTES_MAX,
            "the rules {} are larger than {FILE_BYTES_MAX} bytes\nhint: split the pack, or check that it is one",
            path.display()
        );
        let text = std::fs::read_to_string(&path).map_err(cannot)?;
        files.push(SourceFile { path: path.display().to_string(), text });
    }
    Ok(())
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Loads the configured packs and checks them against the accounts known.
///
/// # Errors
/// When a file cannot be read, or a rule is wrong: every error, one a line.
pub fn load(
    configured: &[String],
    accounts: &[(String, Arc<Metadata>)],
) -> anyhow::Result<(RuleSet, Vec<RuleDiagnostic>)> {
    let files = read_packs(configured)?;
    let accounts: Vec<_> =
        accounts.iter().map(|(slug, metadata)| (slug.as_str(), &**metadata)).collect();
    let Loaded { set, diagnostics } = RuleSet::load(&files, &accounts);
    match set {
        Some(set) => Ok((set, diagnostics)),
        None => {
            let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error);
            let lines: Vec<_> = errors.map(ToString::to_string).collect();
            anyhow::bail!("the rules have errors; nothing was changed\n{}", lines.join("\n"))
        }
    }
}
