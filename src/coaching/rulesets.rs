//! The rules that are on: read from packs, checked, swapped as one snapshot.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use touchline_rules::condition::Severity;
use touchline_rules::facts::Metadata;
use touchline_rules::packs;
use touchline_rules::ruleset::{Loaded, RuleDiagnostic, RuleSet, SourceFile};

use crate::file_errors::unreadable;
use crate::lifecycle::book::RuleBook;
use crate::lifecycle::teams::Teams;
use crate::store::{self, RuleBookRows, Store};
use touchline_rules::nearest::did_you_mean;

/// What configuration writes before the name of a pack that ships with the program.
pub const BUILTIN: &str = "builtin:";
/// The largest rule file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The most files a folder of packs may hold.
const FILES_MAX: usize = 500;

/// The rule set in force, and what it was made of: files that are declared, what
/// was published over them and where each rule stands. What rules say of stages,
/// pipelines and owners is checked again whenever an account has others.
pub struct RuleSets {
    current: RwLock<Arc<RuleSet>>,
    made_of: Mutex<MadeOf>,
}

/// What the set in force was made of.
#[derive(Default)]
struct MadeOf {
    files: Vec<SourceFile>,
    declared: Arc<RuleSet>,
    rows: RuleBookRows,
    teams: Teams,
    accounts: Vec<(String, Arc<Metadata>)>,
}

/// The accounts that rules are checked against, by connection.
pub type Accounts = [(String, Arc<Metadata>)];

impl RuleSets {
    /// Begins with `set`.
    #[must_use]
    pub fn new(set: RuleSet) -> Self {
        let declared = Arc::new(set);
        let current = RwLock::new(Arc::clone(&declared));
        RuleSets { current, made_of: Mutex::new(MadeOf { declared, ..MadeOf::default() }) }
    }

    /// Begins with the configured packs. A stage, pipeline or owner that no
    /// account has any more keeps nobody from starting: the rules go on without
    /// that check, and the error is told.
    ///
    /// # Errors
    /// When a file cannot be read, or a rule is wrong in itself.
    pub fn open(configured: &[String], accounts: &Accounts) -> anyhow::Result<RuleSets> {
        let files = read_packs(configured)?;
        let declared = Arc::new(compile_leniently(&files, accounts)?);
        let current = RwLock::new(Arc::clone(&declared));
        let made_of = MadeOf { files, declared, accounts: accounts.to_vec(), ..MadeOf::default() };
        Ok(RuleSets { current, made_of: Mutex::new(made_of) })
    }

    /// Says who leads whom, for the rules of teams.
    pub fn know_teams(&self, teams: Teams) {
        self.made_of().teams = teams;
    }

    /// The rules as the files declare them.
    #[must_use]
    pub fn declared(&self) -> Arc<RuleSet> {
        Arc::clone(&self.made_of().declared)
    }

    /// The rules as they are written, and where they stand.
    ///
    /// # Errors
    /// When a published rule is wrong in itself.
    pub fn book(&self) -> anyhow::Result<RuleBook> {
        let made_of = self.made_of();
        let MadeOf { declared, rows, teams, .. } = &*made_of;
        RuleBook::of(Arc::clone(declared), rows.clone(), teams.clone(), &[])
    }

    /// Reads the configured packs anew and puts them in force; answers how many
    /// rules there are.
    ///
    /// # Errors
    /// When a file cannot be read, or a rule is wrong. The set that is on stays.
    pub fn reload(&self, configured: &[String], accounts: &Accounts) -> anyhow::Result<usize> {
        let files = read_packs(configured)?;
        let (declared, _) = compile(&files, accounts)?;
        let rules = declared.rules().len();
        let mut made_of = self.made_of();
        let before = std::mem::take(&mut *made_of);
        let next = MadeOf {
            files,
            declared: Arc::new(declared),
            accounts: accounts.to_vec(),
            rows: before.rows.clone(),
            teams: before.teams.clone(),
        };
        *made_of = next;
        if let Err(error) = self.enforce(&made_of) {
            *made_of = before;
            return Err(error);
        }
        Ok(rules)
    }

    /// Compiles what is on against accounts that have changed. One faulty rule
    /// keeps the set that is on, and is told. Answers whether all fit.
    pub fn recheck(&self, accounts: &Accounts) -> bool {
        let mut made_of = self.made_of();
        made_of.accounts = accounts.to_vec();
        let fit = if made_of.files.is_empty() {
            Ok(())
        } else {
            compile(&made_of.files, accounts)
                .map(|(declared, _)| made_of.declared = Arc::new(declared))
        };
        fit.and_then(|()| self.enforce(&made_of)).inspect_err(tell_unknown_names).is_ok()
    }

    /// Takes over what was published since, and where each rule stands now,
    /// perhaps by a command beside us. What cannot be understood is told, and the
    /// set that is on stays.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn refresh(&self, store: &Store) -> store::Result<()> {
        let (_, rows) = store.rule_book().await?;
        let mut made_of = self.made_of();
        if made_of.rows == rows {
            return Ok(());
        }
        made_of.rows = rows;
        if let Err(error) = self.enforce_leniently(&made_of) {
            tracing::error!(
                "published rules cannot be put in force; those that are on stay\n{error:#}\n\
                 hint: publish them anew, or roll them back"
            );
        }
        Ok(())
    }

    fn made_of(&self) -> MutexGuard<'_, MadeOf> {
        self.made_of.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts in force what the set is made of, as it fits the accounts.
    fn enforce(&self, made_of: &MadeOf) -> anyhow::Result<()> {
        self.put(made_of, &made_of.accounts)
    }

    fn enforce_leniently(&self, made_of: &MadeOf) -> anyhow::Result<()> {
        self.enforce(made_of).or_else(|error| {
            self.put(made_of, &[])?;
            tell_unknown_names(&error);
            Ok(())
        })
    }

    fn put(&self, made_of: &MadeOf, accounts: &Accounts) -> anyhow::Result<()> {
        let MadeOf { declared, rows, teams, .. } = made_of;
        let set = if *rows == RuleBookRows::default() {
            Arc::clone(declared)
        } else {
            let book = RuleBook::of(Arc::clone(declared), rows.clone(), teams.clone(), accounts)?;
            Arc::new(book.in_force())
        };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = set;
        Ok(())
    }

    /// The set in force.
    #[must_use]
    pub fn current(&self) -> Arc<RuleSet> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another set in force, as if files declared it.
    pub fn replace(&self, set: RuleSet) {
        let mut made_of = self.made_of();
        made_of.files.clear();
        made_of.declared = Arc::new(set);
        if let Err(error) = self.enforce(&made_of) {
            tracing::error!("{error:#}");
        }
    }
}

fn compile_leniently(files: &[SourceFile], accounts: &Accounts) -> anyhow::Result<RuleSet> {
    match compile(files, accounts) {
        Ok((set, _)) => Ok(set),
        Err(error) => {
            let (set, _) = compile(files, &[])?;
            tell_unknown_names(&error);
            Ok(set)
        }
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
    accounts: &Accounts,
) -> anyhow::Result<(RuleSet, Vec<RuleDiagnostic>)> {
    compile(&read_packs(configured)?, accounts)
}

fn tell_unknown_names(error: &anyhow::Error) {
    tracing::error!(
        "rules do not fit what the CRM has; they stay on as they were\n{error:#}\n\
         hint: `touchline doctor` shows this too; correct the rules, then send SIGHUP"
    );
}

/// Compiles files, checked against the accounts known.
///
/// # Errors
/// When a rule is wrong: every error, one a line.
pub fn compile(
    files: &[SourceFile],
    accounts: &Accounts,
) -> anyhow::Result<(RuleSet, Vec<RuleDiagnostic>)> {
    let accounts: Vec<_> =
        accounts.iter().map(|(slug, metadata)| (slug.as_str(), &**metadata)).collect();
    let Loaded { set, diagnostics } = RuleSet::load(files, &accounts);
    match set {
        Some(set) => Ok((set, diagnostics)),
        None => {
            let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error);
            let lines: Vec<_> = errors.map(ToString::to_string).collect();
            anyhow::bail!("the rules have errors; nothing was changed\n{}", lines.join("\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use touchline_rules::facts::{Pipeline, Stage, StageKind};

    use super::*;

    const PACK: &str = "pack: p
title: P
rules:
  - id: legal
    title: In legal review
    on: deal.stage_changed
    when: deal.stage == \"Legal review\"
    attention: interrupt
    tip: { headline: h, body: b }
";

    fn account(stages: &[&str]) -> (String, Arc<Metadata>) {
        let stage = |id: &&str| Stage {
            id: (*id).to_owned(),
            label: (*id).to_owned(),
            kind: StageKind::Open,
            phase: None,
        };
        let pipeline = Pipeline {
            id: "default".to_owned(),
            label: "Sales".to_owned(),
            stages: stages.iter().map(stage).collect(),
        };
        let metadata = Metadata { pipelines: vec![pipeline], ..Metadata::default() };
        ("crm".to_owned(), Arc::new(metadata))
    }

    #[test]
    fn a_stage_that_went_away_keeps_the_set_that_is_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pack.yaml");
        std::fs::write(&path, PACK).unwrap();
        let packs = [path.display().to_string()];
        let (with, without) = ([account(&["New", "Legal review"])], [account(&["New"])]);

        let rules = RuleSets::open(&packs, &with).unwrap();
        let first = rules.current();
        assert!(!rules.recheck(&without), "no stage of that name");
        assert!(Arc::ptr_eq(&first, &rules.current()), "it stays on as it was");
        assert!(rules.reload(&packs, &without).is_err());
        assert!(Arc::ptr_eq(&first, &rules.current()));
        assert!(rules.recheck(&with));
        assert!(!Arc::ptr_eq(&first, &rules.current()), "compiled against what there is now");

        let again = RuleSets::open(&packs, &without).unwrap();
        assert_eq!(again.current().rules().len(), 1, "a start does not fail on it");
        std::fs::write(&path, PACK.replace("deal.stage ==", "deal.stag ==")).unwrap();
        assert!(RuleSets::open(&packs, &[]).is_err(), "a rule that is wrong in itself does");
    }
}
