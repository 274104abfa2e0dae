//! Publishing: what new versions of rules would mean, and putting them on.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::json;
use touchline_rules::UnixMs;
use touchline_rules::facts::DealKey;
use touchline_rules::life::{RuleState, difference};
use touchline_rules::ruleset::{
    Rule, RuleDiagnostic, RuleSet, Severity, SourceFile, joined, run_tests,
};

use super::authority::Allowed;
use super::book::{RuleBook, state_of};
use super::deeds::Meaning;
use super::present::{PresentCount, PresentState};
use super::steps::{Head, moved};
use super::{Deed, LifeError, Lifecycle, Signature};
use crate::coaching::rulesets::compile;
use crate::store::{ReleaseCaseRow, RuleLifeRow, RuleVersionRow};

/// New versions of rules, and how they are put on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Publishing {
    /// The files, each with its name.
    pub files: Vec<(String, String)>,
    /// The rules in them; filled in by [`Publishing::read`].
    pub rules: Vec<String>,
    /// The manager for whose team; empty for the company.
    pub team: String,
    /// The state they come to; `None` leaves a known rule where it stands, and
    /// puts a new one on.
    pub state: Option<RuleState>,
    /// Deals that meet them already are told of, too.
    pub also_present: bool,
}

/// What publishing would mean.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// Rule by rule.
    pub rules: Vec<PlannedRule>,
    /// Tests that ran, and passed.
    pub tests: usize,
    /// What is allowed but hardly meant.
    pub warnings: Vec<String>,
    /// Whether a second person has to agree.
    pub needs_second: bool,
}

/// What publishing would mean for one rule.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedRule {
    /// The rule.
    pub rule: String,
    /// Its title.
    pub title: String,
    /// The version it has now; `None` for a new rule.
    pub from: Option<String>,
    /// The version it comes to have.
    pub to: String,
    /// What is said otherwise, in words; nothing for the same.
    pub difference: Vec<String>,
    /// The state it comes to.
    pub state: RuleState,
    /// Whether it begins anew: what is already true is not told then.
    pub begins_anew: bool,
    /// Whether it is about people, and not about deals.
    pub about_people: bool,
    /// The present state on open deals; `None` for an event rule and one about people.
    pub present: Option<PresentCount>,
}

impl PlannedRule {
    /// Whether anything of it changes.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.from.as_ref() != Some(&self.to) || self.begins_anew || !self.difference.is_empty()
    }
}

impl Publishing {
    /// Files to be put on, for the company.
    #[must_use]
    pub fn of(files: Vec<SourceFile>) -> Publishing {
        let files = files.into_iter().map(|file| (file.path, file.text)).collect();
        Publishing {
            files,
            rules: Vec::new(),
            team: String::new(),
            state: None,
            also_present: false,
        }
    }

    /// Reads, checks and tests the files.
    ///
    /// # Errors
    /// [`LifeError::Faulty`] with everything that is wrong.
    pub(super) fn read(&mut self, lifecycle: &Lifecycle) -> Result<Read, LifeError> {
        let files = self
            .files
            .iter()
            .map(|(path, text)| SourceFile { path: path.clone(), text: text.clone() });
        let files: Vec<SourceFile> = files.collect();
        let (set, found) = compile(&files, &lifecycle.accounts)
            .map_err(|error| LifeError::Faulty(format!("{error:#}")))?;
        let reports = run_tests(&set);
        let mut failed = String::new();
        for report in reports.iter().filter(|report| report.failure.is_some()) {
            let why = report.failure.as_deref().unwrap_or_default().replace('\n', "\n    ");
            let _ = write!(
                failed,
                "\n  {} `{}`: {}\n    {why}",
                report.place, report.rule, report.name
            );
        }
        if !failed.is_empty() {
            return Err(LifeError::Faulty(format!("tests fail; nothing was changed{failed}")));
        }
        let kept: Vec<String> = set.rules().iter().map(|rule| set.file_of(rule)).collect();
        let again = RuleSet::load(&joined(kept.iter().map(String::as_str), str::to_owned), &[]);
        let same = |rule: &Rule| {
            let again = again.set.as_ref().and_then(|set| set.rule(&rule.id));
            again.is_some_and(|again| again.version_hash == rule.version_hash)
        };
        if let Some(rule) = set.rules().iter().find(|rule| !same(rule)) {
            return Err(LifeError::Faulty(format!(
                "{}:{}: `{}` holds characters that cannot be kept\nhint: write its texts without control characters",
                rule.file, rule.line, rule.id
            )));
        }
        self.rules = set.rules().iter().map(|rule| rule.id.clone()).collect();
        let warnings = found.iter().filter(|one| one.severity == Severity::Warning);
        let warnings = warnings.map(RuleDiagnostic::to_string).collect();
        Ok(Read { set, kept, tests: reports.len(), warnings })
    }
}

/// Files that were read, and whose tests passed.
pub(super) struct Read {
    pub(super) set: RuleSet,
    /// What is kept of each rule.
    kept: Vec<String>,
    tests: usize,
    warnings: Vec<String>,
}

impl Lifecycle {
    /// What publishing would mean, for whoever signs.
    ///
    /// # Errors
    /// [`LifeError`], when it cannot be published as things stand.
    pub async fn plan(
        &self,
        publishing: &Publishing,
        signed: &Signature,
    ) -> Result<Plan, LifeError> {
        let (_, book) = self.book().await?;
        let deed = Deed::Publish(publishing.clone());
        let allowed = self.allowed(&signed.by, &deed, &book).await?;
        let mut publishing = publishing.clone();
        let read = publishing.read(self)?;
        let present = self.meeting(&book, &publishing, &read, signed.at).await?;
        let rules = planned(&book, &publishing, &read, &present)?;
        let needs_second = allowed == Allowed::WithSecond;
        let mut warnings = read.warnings;
        warnings.extend(read.set.rules().iter().filter_map(|rule| untested(&book, rule)));
        Ok(Plan { rules, tests: read.tests, warnings, needs_second })
    }

    /// The present state of the new versions.
    pub(super) async fn meeting(
        &self,
        book: &RuleBook,
        publishing: &Publishing,
        read: &Read,
        now: UnixMs,
    ) -> Result<PresentState, LifeError> {
        let standing = |rule: &Rule| {
            let mut standing = book.standing(&rule.id);
            standing.state = RuleState::On;
            standing.reach = book.reach(&rule.id, &publishing.team);
            (rule.id.clone(), standing)
        };
        let set = read.set.standing(&read.set.rules().iter().map(standing).collect());
        self.present(&set, now).await
    }

    /// The change that puts new versions on; `None` if everything is as it was.
    pub(super) async fn published(
        &self,
        version: i64,
        book: &RuleBook,
        publishing: &Publishing,
        signed: &Signature,
    ) -> Result<Option<Meaning>, LifeError> {
        let mut publishing = publishing.clone();
        let read = publishing.read(self)?;
        let present = self.meeting(book, &publishing, &read, signed.at).await?;
        let rules = planned(book, &publishing, &read, &present)?;
        let changing: Vec<&PlannedRule> = rules.iter().filter(|rule| rule.changes()).collect();
        let releases = publishing.also_present && !present.cases.is_empty();
        if changing.is_empty() && !releases {
            return Ok(None);
        }
        let told = json!({
            "team": publishing.team,
            "present": if publishing.also_present { "also-present" } else { "only-new" },
            "rules": changing.iter().map(|rule| json!({ "rule": rule.rule, "from": rule.from, "to": rule.to })).collect::<Vec<_>>(),
        });
        let mut change = signed.change(version, "publish", told)?;
        let mut lines = Vec::new();
        for (at, (planned, rule)) in rules.iter().zip(read.set.rules()).enumerate() {
            if !planned.changes() {
                continue;
            }
            let next = next_life(book, &publishing, rule, planned.state, at, signed);
            change.versions.push(RuleVersionRow {
                hash: rule.version_hash.clone(),
                rule_id: rule.id.clone(),
                created_at: signed.at,
                body: read.kept.get(at).cloned().unwrap_or_default().into_bytes(),
            });
            change.log.push(signed.log("publish", &next));
            if planned.begins_anew {
                change.calls_off.push(rule.id.clone());
            }
            let what = if planned.from.is_none() { "new, " } else { "" };
            lines.push(format!("`{}`: {what}{}", rule.id, planned.state.title()));
            lines.extend(planned.difference.iter().map(|line| format!("  {line}")));
            change.lives.push(next);
        }
        if publishing.also_present {
            change.cases = cases(&present, signed.at);
            lines.push(format!("present cases to be told, worst first: {}", change.cases.len()));
        }
        Ok(Some(Meaning { change, lines }))
    }
}

/// What is to be said of a rule that has no tests, or fewer than before.
fn untested(book: &RuleBook, rule: &Rule) -> Option<String> {
    let before = book.written.rule(&rule.id).map_or(0, |before| before.tests.len());
    let problem = match rule.tests.len() {
        0 if before == 0 => "has no tests".to_owned(),
        tests if tests < before => {
            format!("has fewer tests ({tests}) than the version in force ({before})")
        }
        _ => return None,
    };
    Some(format!(
        "warning: `{}` {problem}\n  hint: give it one that fires and one that does not",
        rule.id
    ))
}

fn planned(
    book: &RuleBook,
    publishing: &Publishing,
    read: &Read,
    present: &PresentState,
) -> Result<Vec<PlannedRule>, LifeError> {
    if let Some(state) = publishing.state
        && !matches!(state, RuleState::Shadow | RuleState::On)
    {
        return Err(match state {
            RuleState::Trial => LifeError::refused(
                "no rule can be put on trial yet",
                "--state shadow works it out and sends nothing",
            ),
            _ => LifeError::refused(
                format!("nothing is published as {}", state.name()),
                "--state shadow or --state on",
            ),
        });
    }
    let mut rules = Vec::new();
    for rule in read.set.rules() {
        rules.push(planned_rule(book, publishing, rule, present)?);
    }
    Ok(rules)
}

fn planned_rule(
    book: &RuleBook,
    publishing: &Publishing,
    rule: &Rule,
    present: &PresentState,
) -> Result<PlannedRule, LifeError> {
    let now = book.written.rule(&rule.id);
    let life = book.life(&rule.id);
    let team = life.map_or("", |life| life.team.as_str());
    if now.is_some() && team != publishing.team {
        let whose = if team.is_empty() {
            "the company's".to_owned()
        } else {
            format!("that of the team of {team}")
        };
        return Err(LifeError::refused(
            format!("there is a rule `{}` already, and it is {whose}", rule.id),
            "give the new one another id; a team may tighten or mute a company rule",
        ));
    }
    let from = now.map(|now| now.version_hash.clone());
    let stands = now.map_or(RuleState::On, |_| life.map_or(RuleState::On, state_of));
    let state = publishing.state.unwrap_or(stands);
    if publishing.also_present && !state.speaks() {
        return Err(LifeError::refused(
            format!("`{}` would be {}: it tells nobody of present cases", rule.id, state.title()),
            "add --state on, or leave --present out",
        ));
    }
    let mut said = now.map(|now| difference(now, rule)).unwrap_or_default();
    if now.is_some() && state != stands {
        said.push(format!("{} → {}", stands.title(), state.title()));
    }
    let decides_anew = now.is_none_or(|now| now.trigger_hash != rule.trigger_hash);
    Ok(PlannedRule {
        rule: rule.id.clone(),
        title: rule.title.clone(),
        from,
        to: rule.version_hash.clone(),
        difference: said,
        state,
        begins_anew: decides_anew || (state.looks() && state != stands),
        about_people: !rule.scope.is_deal(),
        present: present.counts.get(&rule.id).cloned(),
    })
}

/// Where a published rule stands from now on.
fn next_life(
    book: &RuleBook,
    publishing: &Publishing,
    rule: &Rule,
    state: RuleState,
    at: usize,
    signed: &Signature,
) -> RuleLifeRow {
    let known = book.written.rule(&rule.id).map(|now| book.life_of(now));
    let known = known.unwrap_or_else(|| match book.life(&rule.id) {
        // It was there once: what is remembered of it somewhere is not continued.
        Some(gone) => RuleLifeRow { trigger_hash: String::new(), ..gone.clone() },
        None => RuleLifeRow {
            rule_id: rule.id.clone(),
            state: RuleState::Draft.name().to_owned(),
            epoch: -1,
            ..RuleLifeRow::default()
        },
    });
    let declared = book.declared.rule(&rule.id);
    let stored = declared.is_none_or(|declared| declared.version_hash != rule.version_hash);
    let mut next = moved(&known, state, Some(&Head { rule, stored }), signed);
    next.team.clone_from(&publishing.team);
    next.position = i64::try_from(at).unwrap_or(i64::MAX);
    next
}

/// The present cases of all published rules that somebody can be told of.
fn cases(present: &PresentState, at: UnixMs) -> Vec<ReleaseCaseRow> {
    let met = present.cases.iter().filter(|case| case.meets);
    let row = |case: &super::present::Case| {
        let deal = DealKey { connection: case.connection.clone(), id: case.deal.clone() };
        let person = case.person.as_ref()?;
        // The lowest comes first: the worst case.
        let order = case.severity.saturating_neg();
        Some(ReleaseCaseRow::new(&case.rule, &case.hash, deal, person, order, at))
    };
    met.filter_map(row).collect()
}
