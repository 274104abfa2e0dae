//! Single rules: on in their lives, confirmed, back to an older version, muted
//! and tightened by teams.

use serde_json::json;
use touchline_rules::life::{RuleState, Step, Tightening, difference};
use touchline_rules::nearest::did_you_mean;
use touchline_rules::ruleset::Rule;

use super::book::{MUTE, RuleBook, TIGHTEN, state_of, version as kept_rule};
use super::declared::BESIDE;
use super::deeds::Meaning;
use super::{LifeError, Lifecycle, Signature};
use crate::store::{RuleLifeRow, RuleVersionRow, TeamChoiceRow, TeamChoiceStep};

/// Versions of one rule that are looked through.
pub(super) const VERSIONS_MAX: usize = 1_000;

/// The version that a rule comes to have.
pub(super) struct Head<'a> {
    pub rule: &'a Rule,
    /// Whether it is a published one.
    pub stored: bool,
}

/// The rule of that id.
///
/// # Errors
/// [`LifeError::NotFound`], naming the nearest one.
pub(super) fn known<'a>(book: &'a RuleBook, id: &str) -> Result<&'a Rule, LifeError> {
    book.written.rule(id).ok_or_else(|| {
        let known: Vec<&str> = book.written.rules().iter().map(|rule| rule.id.as_str()).collect();
        LifeError::not_found(format!("there is no rule `{id}`"), did_you_mean(id, &known))
    })
}

/// A rule's row after it came to `state` with this version. It begins anew where
/// it begins to look, or decides by something else.
pub(super) fn moved(
    life: &RuleLifeRow,
    state: RuleState,
    head: Option<&Head<'_>>,
    signed: &Signature,
) -> RuleLifeRow {
    let from = state_of(life);
    let mut next = life.clone();
    let mut begins = state.looks() && state != from;
    let mut is_new = state.looks() && !from.looks();
    if let Some(Head { rule, stored }) = head {
        begins |= rule.trigger_hash != life.trigger_hash;
        is_new |= rule.version_hash != life.hash;
        next.hash.clone_from(&rule.version_hash);
        next.trigger_hash.clone_from(&rule.trigger_hash);
        next.stored = *stored;
    }
    if state != from {
        next.before = life.state.clone();
        next.since = signed.at;
        state.name().clone_into(&mut next.state);
    }
    if begins {
        next.epoch += 1;
        next.counted_from = signed.at;
    }
    if is_new {
        next.confirmed_at = signed.at;
    }
    next.actor = signed.actor();
    next.why.clone_from(&signed.why);
    next
}

/// A rule moves on in its life.
pub(super) fn stepped(
    version: i64,
    book: &RuleBook,
    id: &str,
    step: Step,
    signed: &Signature,
) -> Result<Meaning, LifeError> {
    let life = book.life_of(known(book, id)?);
    let before = RuleState::named(&life.before).unwrap_or_default();
    let to = state_of(&life).after(step, before)?;
    let next = moved(&life, to, None, signed);
    let action = match step {
        Step::Watch => "watch",
        Step::Pause => "pause",
        Step::Resume => "resume",
        Step::Retire => "retire",
        Step::Try => "try",
    };
    let told = json!({ "rule": id, "from": life.state, "to": next.state });
    let mut change = signed.change(version, action, told)?;
    change.log.push(signed.log(action, &next));
    if !to.speaks() {
        change.calls_off.push(id.to_owned());
    }
    change.lives.push(next);
    let silent = if to.looks() { "; what is already true is not told" } else { "" };
    let from = state_of(&life).title();
    Ok(Meaning { change, lines: vec![format!("`{id}`: {from} → {}{silent}", to.title())] })
}

/// A rule's time begins anew.
pub(super) fn confirmed(
    version: i64,
    book: &RuleBook,
    id: &str,
    signed: &Signature,
) -> Result<Meaning, LifeError> {
    let rule = known(book, id)?;
    let Some(expires) = rule.expires else {
        return Err(LifeError::refused(
            format!("`{id}` does not expire"),
            "there is nothing to confirm; a rule expires if it says so: `expires: 180d`",
        ));
    };
    let mut life = book.life_of(rule);
    if !state_of(&life).looks() {
        let hint = match state_of(&life) {
            RuleState::Retired => "`touchline rules watch` lets it begin anew, in silence",
            RuleState::Draft => "`touchline rules requests` lists what waits for a second person",
            _ => "`touchline rules resume` puts it on, and its time begins anew",
        };
        return Err(LifeError::refused(format!("`{id}` is {}", state_of(&life).title()), hint));
    }
    life.confirmed_at = signed.at;
    let mut change = signed.change(version, "confirm", json!({ "rule": id }))?;
    change.log.push(signed.log("confirm", &life));
    change.lives.push(life);
    Ok(Meaning { change, lines: vec![format!("`{id}` is confirmed for {expires}")] })
}

/// A team's choice about a company rule.
fn company_rule<'a>(book: &'a RuleBook, id: &str) -> Result<&'a Rule, LifeError> {
    let rule = known(book, id)?;
    match book.life(id).map(|life| life.team.as_str()) {
        Some(team) if !team.is_empty() => Err(LifeError::refused(
            format!("`{id}` is the rule of the team of {team}"),
            "a team's own rule is paused or published anew",
        )),
        _ => Ok(rule),
    }
}

/// A team hears nothing of a rule, or hears of it again.
pub(super) fn muted(
    version: i64,
    book: &RuleBook,
    (id, team, muted): (&str, &str, bool),
    signed: &Signature,
) -> Result<Meaning, LifeError> {
    company_rule(book, id)?;
    let is = chosen(book, id, team, MUTE);
    if is == muted {
        let how = if is { "is muted already" } else { "is not muted" };
        return Err(LifeError::refused(
            format!("`{id}` {how} for the team of {team}"),
            "nothing to do",
        ));
    }
    let action = if muted { "mute" } else { "unmute" };
    let told = json!({ "rule": id, "team": team });
    let step = if muted { put(id, team, MUTE, Vec::new(), signed) } else { remove(id, team, MUTE) };
    let line = if muted {
        format!("`{id}` is muted for the team of {team}")
    } else {
        format!("`{id}` holds for the team of {team} again; what is already true is not told")
    };
    choice(version, book, id, (action, told, step, line), signed)
}

/// A team has stricter numbers, or the rule's own again.
pub(super) fn tightened(
    version: i64,
    book: &RuleBook,
    (id, team, to): (&str, &str, Option<&Tightening>),
    signed: &Signature,
) -> Result<Meaning, LifeError> {
    let rule = company_rule(book, id)?;
    let (step, line) = match to {
        Some(to) => {
            to.check(rule)?;
            let line = format!("`{id}` for the team of {team}: {}", in_words(to, rule));
            (put(id, team, TIGHTEN, serde_json::to_vec(to)?, signed), line)
        }
        None if chosen(book, id, team, TIGHTEN) => (
            remove(id, team, TIGHTEN),
            format!(
                "`{id}` is no longer tightened for the team of {team}: it follows the company’s numbers there again"
            ),
        ),
        None => {
            return Err(LifeError::refused(
                format!("`{id}` is not tightened for the team of {team}"),
                "nothing to do",
            ));
        }
    };
    let told = json!({ "rule": id, "team": team, "to": to });
    choice(version, book, id, ("tighten", told, step, line), signed)
}

fn choice(
    version: i64,
    book: &RuleBook,
    id: &str,
    (action, told, step, line): (&str, serde_json::Value, TeamChoiceStep, String),
    signed: &Signature,
) -> Result<Meaning, LifeError> {
    let mut change = signed.change(version, action, told)?;
    // The rule begins anew for nobody else: its own row stays.
    change.log.push(signed.log(action, &book.life_of(known(book, id)?)));
    change.choices.push(step);
    Ok(Meaning { change, lines: vec![line] })
}

/// Stricter numbers in words.
#[must_use]
pub fn in_words(to: &Tightening, rule: &Rule) -> String {
    let mut parts = Vec::new();
    if let (Some(number), Some(own)) = (to.threshold, rule.threshold) {
        parts.push(match own.number() {
            Some(own) => format!("threshold {own} → {number}"),
            // What follows won deals goes on doing so where that is stricter.
            None => format!("threshold no laxer than {number}"),
        });
    }
    if let Some(class) = to.attention {
        parts.push(format!("attention {} → {}", rule.attention.name(), class.name()));
    }
    if let Some(cooldown) = to.cooldown {
        let own = rule.cooldown.map_or_else(|| "none".to_owned(), |own| own.to_string());
        parts.push(format!("cooldown {own} → {cooldown}"));
    }
    parts.join(", ")
}

fn chosen(book: &RuleBook, id: &str, team: &str, kind: &str) -> bool {
    let mut all = book.rows.choices.iter();
    all.any(|one| one.rule_id == id && one.team == team && one.kind == kind)
}

fn put(id: &str, team: &str, kind: &str, body: Vec<u8>, signed: &Signature) -> TeamChoiceStep {
    TeamChoiceStep::Put(TeamChoiceRow {
        team: team.to_owned(),
        rule_id: id.to_owned(),
        kind: kind.to_owned(),
        at: signed.at,
        actor: signed.actor(),
        why: signed.why.clone(),
        body,
    })
}

fn remove(id: &str, team: &str, kind: &str) -> TeamChoiceStep {
    TeamChoiceStep::Remove { team: team.to_owned(), rule_id: id.to_owned(), kind: kind.to_owned() }
}

impl Lifecycle {
    /// A rule goes back to a version that was kept.
    pub(super) async fn rolled_back(
        &self,
        version: i64,
        book: &RuleBook,
        id: &str,
        to: Option<&str>,
        signed: &Signature,
    ) -> Result<Meaning, LifeError> {
        let present = known(book, id)?;
        let row = match to {
            Some(hash) => self.kept(id, hash).await?,
            None => self.one_before(book, id).await?,
        };
        if row.hash == present.version_hash {
            return Err(LifeError::refused(
                format!("`{id}` has that version already"),
                format!("`touchline rules log {id}` lists the others"),
            ));
        }
        let (rule, _) = kept_rule(&row)?;
        let declared = book.declared.rule(id).map(|rule| rule.version_hash.as_str());
        let stored = declared != Some(row.hash.as_str());
        let life = book.life_of(present);
        let mut next = moved(&life, state_of(&life), Some(&Head { rule: &rule, stored }), signed);
        next.position = if life.stored { life.position } else { 0 };
        let told = json!({ "rule": id, "from": life.hash, "to": next.hash });
        let mut change = signed.change(version, "rollback", told)?;
        change.log.push(signed.log("rollback", &next));
        change.calls_off.push(id.to_owned());
        change.lives.push(next);
        let mut lines = vec![format!("`{id}` is back at {}", short(&row.hash))];
        lines.extend(difference(present, &rule).into_iter().map(|line| format!("  {line}")));
        if !stored {
            lines.push("  it follows its file again".to_owned());
        }
        Ok(Meaning { change, lines })
    }

    /// The version of a rule whose hash begins so.
    ///
    /// # Errors
    /// [`LifeError::NotFound`] where there is none, or more than one.
    pub(super) async fn kept(&self, id: &str, hash: &str) -> Result<RuleVersionRow, LifeError> {
        let all = self.store.rule_versions(id.to_owned(), VERSIONS_MAX).await?;
        let mut fitting = all.into_iter().filter(|row| row.hash.starts_with(hash));
        match (fitting.next(), fitting.next()) {
            (Some(row), None) => Ok(row),
            (None, _) => Err(LifeError::not_found(
                format!("`{id}` has no version {hash}"),
                format!("`touchline rules log {id}` lists them"),
            )),
            (Some(_), Some(_)) => Err(LifeError::not_found(
                format!("several versions of `{id}` begin with {hash}"),
                "write more of the hash",
            )),
        }
    }

    /// The version that was in force before the present one.
    async fn one_before(&self, book: &RuleBook, id: &str) -> Result<RuleVersionRow, LifeError> {
        let present = known(book, id)?.version_hash.as_str();
        let log = self.store.rule_log(id.to_owned(), VERSIONS_MAX).await?;
        let mut was_in_force = log.iter().filter(|row| row.action != BESIDE);
        let before = was_in_force.find(|row| !row.hash.is_empty() && row.hash != present);
        let Some(before) = before else {
            return Err(LifeError::not_found(
                format!("`{id}` never had another version"),
                format!("`touchline rules log {id}` shows its life"),
            ));
        };
        self.kept(id, &before.hash).await
    }
}

/// A hash as people type it.
#[must_use]
pub fn short(hash: &str) -> &str {
    const DIGITS: usize = 10;
    hash.get(..DIGITS).unwrap_or(hash)
}
