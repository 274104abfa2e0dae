//! Where rules stand, whether they help, and what about them waits for somebody.

use std::collections::BTreeMap;
use std::sync::Arc;

use touchline_rules::UnixMs;
use touchline_rules::life::RuleState;
use touchline_rules::life::expiry::NOTICE_MS;

use super::findings::Findings;
use crate::config::Config;
use crate::lifecycle::listing::RuleLine;
use crate::lifecycle::{Lifecycle, TOUCHLINE};
use crate::roles::fetch::metadata::stored;
use crate::store::Store;

/// What is to be known of the life of rules. That they cannot be read is told
/// elsewhere.
pub(super) async fn lives(
    config: &Arc<Config>,
    store: &Store,
    now: UnixMs,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let mut accounts = Vec::new();
    for slug in config.connections.keys() {
        accounts.extend(stored(store, slug).await?.map(|it| (slug.clone(), Arc::new(it))));
    }
    let lifecycle = Lifecycle::new(store.clone(), Arc::clone(config), accounts);
    let Ok(lines) = lifecycle.list(now).await else { return Ok(()) };
    let mut states = BTreeMap::<RuleState, usize>::new();
    for line in &lines {
        *states.entry(line.state).or_default() += 1;
    }
    let states = states.iter().map(|(state, count)| format!("{}: {count}", state.title()));
    let finding =
        findings.ok(format!("where the rules stand ({})", states.collect::<Vec<_>>().join(", ")));
    for line in lines.iter().filter(|line| line.health.sent > 0) {
        finding.detail(format!("{}: {}", line.rule, line.health));
    }
    lines.iter().for_each(|line| concerns(line, now, findings));
    if config.admins.is_empty() {
        unowned(&lifecycle, &lines, findings).await?;
    }
    let waiting = lifecycle.requests().await?.len();
    if waiting > 0 {
        findings
            .warn(format!("changes of rules that wait for a second person: {waiting}"))
            .hint("`touchline rules requests` lists them");
    }
    Ok(())
}

/// Rules of which nobody would be told, for there are no admins to be told instead.
async fn unowned(
    lifecycle: &Lifecycle,
    lines: &[RuleLine],
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let mut owners = BTreeMap::<&str, usize>::new();
    for line in lines.iter().filter(|line| line.state.looks()) {
        let owner = line.owner.as_deref().unwrap_or_default();
        if owner.is_empty() || !lifecycle.knows(owner).await? {
            *owners.entry(owner).or_default() += 1;
        }
    }
    if owners.is_empty() {
        return Ok(());
    }
    let rules: usize = owners.values().sum();
    let finding = findings.warn(format!(
        "rules of which nobody is told when they pause themselves: {rules}; nobody here knows their owners, and there are no admins"
    ));
    for (owner, rules) in owners {
        let owner = if owner.is_empty() { "no owner" } else { owner };
        finding.detail(format!("{owner}: {rules}"));
    }
    finding.hint("set `admins` in the configuration, or the rules' `owner` to an e-mail address that the CRM or the chat knows");
    Ok(())
}

fn concerns(line: &RuleLine, now: UnixMs, findings: &mut Findings) {
    let RuleLine { rule, why, .. } = line;
    if line.state == RuleState::Paused && line.by == TOUCHLINE {
        findings
            .warn(format!("the rule {rule} has paused itself: {why}"))
            .hint(format!("publish a better version, or `touchline rules resume {rule}`"));
    }
    if let Some(ends_at) = line.expires_at.filter(|at| at.since_ms(now) <= NOTICE_MS) {
        findings
            .warn(format!("the rule {rule} pauses itself at {ends_at} unless it is confirmed"))
            .hint(format!("if it is still right: `touchline rules confirm {rule}`"));
    }
    for note in line.notes.iter().filter(|note| note.starts_with("its owner was not told")) {
        findings
            .warn(format!("the rule {rule}: {note}"))
            .hint("set its `owner` to an e-mail address that the chat knows; where that cannot be, the `admins` of the configuration are told");
    }
}
