//! A history handed to the store: one observation per deal, all of it past, so
//! that nothing fires for it.

use std::collections::BTreeMap;

use touchline_rules::UnixMs;
use touchline_rules::facts::{
    Change, ChangeKind, DealKey, Fact, Field, HistoryItem, Metadata, Observation, Origin, Value,
};

use super::History;

/// Names listed in one complaint.
const NAMES_SHOWN: usize = 10;

/// Names in `history` that the account behind a connection does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the account has no pipeline with the stages {}\nhint: in the mapping, name the stages as the CRM labels them",
    .0.iter().take(NAMES_SHOWN).cloned().collect::<Vec<_>>().join(", ")
)]
pub struct NoSuchStages(Vec<String>);

/// Translates the stages and owners of `history` into the ids of `account`: the
/// pipeline that has every stage by id or label, and owners by e-mail. Owners
/// the account does not have keep the history's id.
///
/// # Errors
/// [`NoSuchStages`] when no pipeline has them all.
pub fn fit(mut history: History, account: &Metadata) -> Result<History, NoSuchStages> {
    let told = &history.header.metadata;
    let mut stages: BTreeMap<String, String> = BTreeMap::new();
    let mut pipelines: BTreeMap<String, String> = BTreeMap::new();
    for pipeline in &told.pipelines {
        let fitting = account.pipelines.iter().find_map(|candidate| {
            let same = |name: &str, other: &str| name.trim().eq_ignore_ascii_case(other.trim());
            let pairs = pipeline.stages.iter().map(|stage| {
                let named = |known: &&touchline_rules::facts::Stage| {
                    known.id == stage.id || same(&known.label, &stage.label)
                };
                Some((stage.id.clone(), candidate.stages.iter().find(named)?.id.clone()))
            });
            Some((candidate.id.clone(), pairs.collect::<Option<Vec<_>>>()?))
        });
        let Some((id, pairs)) = fitting else {
            return Err(NoSuchStages(
                pipeline.stages.iter().map(|one| one.label.clone()).collect(),
            ));
        };
        pipelines.insert(pipeline.id.clone(), id);
        stages.extend(pairs);
    }
    let owners: BTreeMap<String, String> = told
        .owners
        .iter()
        .filter_map(|owner| {
            let email = owner.email.as_ref()?;
            let known = account.owners.iter().find(|known| known.email.as_ref() == Some(email))?;
            Some((owner.id.clone(), known.id.clone()))
        })
        .collect();
    for change in &mut history.changes {
        let ChangeKind::FieldSet { field, to: Fact::Known(Value::Text(id)) } = &mut change.kind
        else {
            continue;
        };
        let ids = match field {
            Field::Stage => &stages,
            Field::Pipeline => &pipelines,
            Field::Owner => &owners,
            _ => continue,
        };
        if let Some(known) = ids.get(id) {
            id.clone_from(known);
        }
    }
    history.header.metadata = account.clone();
    Ok(history)
}

/// What the history tells of each deal, as if its record had been read at its end.
#[must_use]
pub fn observations(history: &History, connection: &str) -> Vec<Observation> {
    let mut deals: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for change in &history.changes {
        deals.entry(&change.deal.id).or_default().push(change);
    }
    let any_activity =
        history.changes.iter().any(|change| matches!(change.kind, ChangeKind::Activity(_)));
    let observed_at = history.header.as_of;
    let deals = deals.into_iter().map(|(id, changes)| {
        let deal = DealKey { connection: connection.to_owned(), id: id.to_owned() };
        observation(deal, &changes, observed_at, any_activity)
    });
    deals.collect()
}

fn observation(
    deal: DealKey,
    changes: &[&Change],
    observed_at: UnixMs,
    any_activity: bool,
) -> Observation {
    let mut fields: BTreeMap<Field, Fact<Value>> = BTreeMap::new();
    let mut read = Observation {
        deal,
        origin: Origin::Import,
        observed_at,
        fields: Vec::new(),
        history: Vec::new(),
        // Without any in the whole history nobody looked for them.
        activities: any_activity.then(Vec::new),
        gone: false,
        url: None,
    };
    for change in changes {
        match &change.kind {
            ChangeKind::Created => {
                let at = Fact::Known(Value::Time(change.occurred_at));
                fields.entry(Field::CreatedAt).or_insert(at);
            }
            ChangeKind::FieldSet { to: Fact::Unknown, .. } => {}
            ChangeKind::FieldSet { field, to } => {
                fields.insert(*field, to.clone());
                read.history.push(HistoryItem {
                    field: *field,
                    value: to.clone(),
                    at: change.occurred_at,
                    actor: change.actor.clone(),
                    vendor_seq: change.vendor_seq,
                });
            }
            ChangeKind::Activity(activity) => {
                read.activities.get_or_insert_default().push(activity.clone());
            }
            ChangeKind::Deleted | ChangeKind::MergedInto { .. } => read.gone = true,
            ChangeKind::Restored => read.gone = false,
        }
    }
    read.fields = fields.into_iter().collect();
    read
}

/// How many deals the observations show in each stage, by stage id.
#[must_use]
pub fn stage_counts(observations: &[Observation]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for read in observations {
        let stage = read.fields.iter().find(|(field, _)| *field == Field::Stage);
        if let Some((_, Fact::Known(Value::Text(stage)))) = stage {
            *counts.entry(stage.clone()).or_default() += 1;
        }
    }
    counts
}
