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

#[cfg(test)]
mod tests {
    use touchline_rules::facts::{Actor, Owner, Pipeline, Stage, StageKind};

    use super::*;
    use crate::history::{Header, VERSION};

    fn metadata(ids: [&str; 2], owner: &str) -> Metadata {
        let stage = |id: &str, label: &str, kind| Stage {
            id: id.to_owned(),
            label: label.to_owned(),
            kind,
            phase: None,
        };
        Metadata {
            pipelines: vec![Pipeline {
                id: format!("{}-pipeline", ids[0]),
                label: "Sales".to_owned(),
                stages: vec![
                    stage(ids[0], "Engaging", StageKind::Open),
                    stage(ids[1], "Won", StageKind::Won),
                ],
            }],
            owners: vec![Owner {
                id: owner.to_owned(),
                user_id: None,
                email: Some("ann.lee@example.com".to_owned()),
                name: "Ann Lee".to_owned(),
                archived: false,
            }],
            ..Metadata::default()
        }
    }

    fn history(told: Metadata) -> History {
        let change = |at: i64, kind| Change {
            deal: DealKey { connection: "import".to_owned(), id: "A1".to_owned() },
            kind,
            occurred_at: UnixMs(at),
            actor: Actor::default(),
            vendor_id: None,
            vendor_seq: 0,
        };
        let set = |at, field, value: &str| {
            let to = Fact::Known(Value::Text(value.to_owned()));
            change(at, ChangeKind::FieldSet { field, to })
        };
        let header = Header {
            touchline_history: VERSION,
            as_of: UnixMs(9_000),
            estimated: true,
            metadata: told,
            managers: Vec::new(),
        };
        let changes = vec![
            change(1_000, ChangeKind::Created),
            set(1_000, Field::Pipeline, "engaging-pipeline"),
            set(1_000, Field::Owner, "1"),
            set(1_000, Field::Stage, "engaging"),
            set(5_000, Field::Stage, "won"),
        ];
        History { header, changes }
    }

    #[test]
    fn a_deal_s_lines_become_one_record_with_its_past() {
        let read = observations(&history(metadata(["engaging", "won"], "1")), "hubspot");
        let [read] = read.as_slice() else { panic!("one deal, not {}", read.len()) };
        assert_eq!((read.deal.connection.as_str(), read.origin), ("hubspot", Origin::Import));
        let stage = Fact::Known(Value::Text("won".to_owned()));
        assert!(read.fields.contains(&(Field::Stage, stage)));
        let created = Fact::Known(Value::Time(UnixMs(1_000)));
        assert!(read.fields.contains(&(Field::CreatedAt, created)));
        assert_eq!(read.history.len(), 4);
        assert_eq!((&read.activities, read.gone), (&None, false));
    }

    #[test]
    fn names_become_the_account_s_ids() {
        let mut account = metadata(["1001", "1002"], "77");
        account.pipelines[0].stages[1].label = " won ".to_owned();
        let fitted = fit(history(metadata(["engaging", "won"], "1")), &account).unwrap();
        let read = &observations(&fitted, "hubspot")[0];
        let text = |field| {
            let found = read.fields.iter().find(|(known, _)| *known == field);
            match found {
                Some((_, Fact::Known(Value::Text(text)))) => text.clone(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(text(Field::Stage), "1002");
        assert_eq!(text(Field::Pipeline), "1001-pipeline");
        assert_eq!(text(Field::Owner), "77");
    }

    #[test]
    fn stages_the_account_does_not_have_are_named() {
        let mut account = metadata(["1001", "1002"], "77");
        account.pipelines[0].stages[0].label = "Talking".to_owned();
        let error = fit(history(metadata(["engaging", "won"], "1")), &account).unwrap_err();
        insta::assert_snapshot!(error, @r"
        the account has no pipeline with the stages Engaging, Won
        hint: in the mapping, name the stages as the CRM labels them
        ");
    }
}
