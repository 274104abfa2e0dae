//! What rules say, whole: as rule files that can be edited and published again, and
//! in short for the second person who is to agree to them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use touchline_rules::UnixMs;
use touchline_rules::ruleset::{Audience, Rule, RuleSet, SourceFile};

use super::approvals::Request;
use super::book::RuleBook;
use super::plan::Publishing;
use super::present::PresentCount;
use super::steps::known;
use super::{Deed, LifeError, Lifecycle};
use crate::coaching::rulesets::read_packs;

/// One rule that somebody asks to publish, as its publisher was told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedRule {
    /// The rule.
    pub rule: String,
    /// Its title.
    pub title: String,
    /// What decides whether it speaks, key by key as it is written.
    pub decides: Vec<(String, String)>,
    /// The headline of its tip.
    pub headline: String,
    /// The text of its tip.
    pub body: String,
    /// Who reads it, in words.
    pub reader: String,
    /// Open deals that met it when it was asked for; `None` for an event rule.
    pub present: Option<PresentCount>,
}

/// The keys that decide whether a rule speaks.
const DECIDING: [&str; 4] = ["on", "when", "unless", "threshold"];

impl AskedRule {
    fn of(rule: &Rule, team: &str, present: Option<PresentCount>) -> AskedRule {
        let source = &rule.source;
        let decides = DECIDING.iter().filter(|key| !source[**key].is_null());
        AskedRule {
            rule: rule.id.clone(),
            title: rule.title.clone(),
            decides: decides.map(|key| ((*key).to_owned(), plain(&source[*key]))).collect(),
            headline: plain(&source["tip"]["headline"]),
            body: plain(&source["tip"]["body"]),
            reader: reader(rule.audience, team),
            present,
        }
    }
}

/// A written value without the marks of JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned())
}

fn reader(audience: Audience, team: &str) -> String {
    let who = match audience {
        Audience::Owner => "the deal's owner",
        Audience::Manager => "the manager of the deal's owner",
        Audience::Person => "the person it is about",
    };
    if team.is_empty() { who.to_owned() } else { format!("{who}, in the team of {team}") }
}

impl Lifecycle {
    /// What a rule says, or what a request would publish, as a rule file: the
    /// original text where a file declares it, else what was kept, as JSON, which is
    /// YAML too. `version` is the beginning of a hash; without it, the one in force.
    ///
    /// # Errors
    /// [`LifeError::NotFound`] where there is no such rule, version or request.
    pub async fn whole(&self, of: &str, version: Option<&str>) -> Result<String, LifeError> {
        let (_, book) = self.book().await?;
        let (hash, kept) = if let Some(hash) = version {
            let row = self.kept(of, hash).await?;
            (row.hash, row.body)
        } else {
            if book.written.rule(of).is_none()
                && let Some(row) = self.store.rule_request(of.to_owned()).await?
            {
                return asked_for(&Request::read(&row)?);
            }
            let rule = known(&book, of)?;
            (rule.version_hash.clone(), book.written.file_of(rule).into_bytes())
        };
        let declared = book.declared.rule(of).filter(|rule| rule.version_hash == hash);
        if let Some(text) = declared.and_then(|rule| self.declared_text(&book.declared, rule)) {
            return Ok(text);
        }
        let kept: Value = serde_json::from_slice(&kept)?;
        Ok(format!("{}\n", serde_json::to_string_pretty(&kept)?))
    }

    /// The text of a declared rule; `None` where its file no longer says it.
    fn declared_text(&self, declared: &RuleSet, rule: &Rule) -> Option<String> {
        let files = read_packs(&self.config.rules).ok()?;
        let file = files.into_iter().find(|file| file.path == rule.file)?;
        Some(part_of(&file, declared, rule).unwrap_or(file.text))
    }

    /// What a deed would publish, in short.
    pub(super) async fn asked(
        &self,
        book: &RuleBook,
        deed: &Deed,
        now: UnixMs,
    ) -> Result<Vec<AskedRule>, LifeError> {
        let Deed::Publish(publishing) = deed else { return Ok(Vec::new()) };
        let mut publishing = publishing.clone();
        let read = publishing.read(self)?;
        let present = self.meeting(book, &publishing, &read, now).await?;
        let asked = |rule: &Rule| {
            AskedRule::of(rule, &publishing.team, present.counts.get(&rule.id).cloned())
        };
        Ok(read.set.rules().iter().map(asked).collect())
    }
}

fn asked_for(request: &Request) -> Result<String, LifeError> {
    let Deed::Publish(Publishing { files, .. }) = &request.deed else {
        return Err(LifeError::refused(
            format!("request {} publishes nothing", request.id),
            "`touchline rules requests` says what it asks for",
        ));
    };
    if let [(_, text)] = files.as_slice() {
        return Ok(text.clone());
    }
    let named = files.iter().map(|(path, text)| format!("# {path}\n{}\n", text.trim_end()));
    Ok(named.collect::<Vec<_>>().join("---\n"))
}

/// One rule of a file with the head of its pack, as it is written. `None` where that
/// does not say the same, as with keys that follow the rules.
fn part_of(file: &SourceFile, set: &RuleSet, rule: &Rule) -> Option<String> {
    let of_file = set.rules().iter().filter(|other| other.file == rule.file);
    let begins: BTreeSet<usize> = of_file.map(|other| other.line).collect();
    let lines: Vec<&str> = file.text.lines().collect();
    let ends = begins.range(rule.line + 1..).next().map_or(lines.len(), |next| next - 1);
    let head = lines.get(..begins.first()?.checked_sub(1)?)?;
    let own = lines.get(rule.line.checked_sub(1)?..ends)?;
    let part = [without_remarks(head), without_remarks(own)].concat().join("\n") + "\n";
    let file = SourceFile { path: file.path.clone(), text: part };
    let again = RuleSet::load(std::slice::from_ref(&file), &[]).set?;
    let is_same = again.rule(&rule.id)?.version_hash == rule.version_hash;
    is_same.then_some(file.text)
}

/// Remarks before a rule are that rule's, and not of what stands above them.
fn without_remarks<'a>(lines: &'a [&'a str]) -> &'a [&'a str] {
    let is_remark = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let end = lines.iter().rposition(|line| !is_remark(line)).map_or(0, |last| last + 1);
    lines.get(..end).unwrap_or(lines)
}
