//! Whether what configuration maps is there in the account.

use std::collections::BTreeMap;

use touchline_kit::mapping::{facts_of, phases_of};
use touchline_rules::facts::suggest::Offered;
use touchline_rules::facts::{Field, Metadata, StagePhase};
use touchline_rules::nearest::did_you_mean;

use super::findings::Findings;
use crate::connection::Connection;

/// Properties that are mapped, as the vendor has them.
pub(super) async fn properties(connection: &Connection, findings: &mut Findings) {
    let (session, view) = (&connection.session, connection.view());
    let facts = facts_of(&view.settings);
    let Some(crm) = connection.crm().filter(|_| !facts.is_empty()) else { return };
    match crm.deal_properties(session, &view).await {
        Ok(offered) => {
            let suggest = format!(
                "`touchline connect {} --connection {} --suggest` names properties that fit",
                connection.connector.manifest().name,
                connection.slug
            );
            tell_properties(&connection.slug, &facts, &offered, &suggest, findings);
        }
        Err(error) => {
            findings.warn(format!("the deal properties cannot be read: {error}"));
        }
    }
}

fn tell_properties(
    slug: &str,
    facts: &BTreeMap<Field, String>,
    offered: &[Offered],
    suggest: &str,
    findings: &mut Findings,
) {
    let mut right = 0;
    for (field, name) in facts {
        let key = format!("connections.{slug}.facts.{}", field.name());
        let Some(found) = offered.iter().find(|one| one.name == *name) else {
            let names: Vec<&str> = offered.iter().map(|one| one.name.as_str()).collect();
            findings
                .bad(format!(
                    "{key}: the account has no deal property `{name}`; the fact stays unknown"
                ))
                .hint(did_you_mean(name, &names));
            continue;
        };
        if found.holds == Some(field.value_type()) {
            right += 1;
            continue;
        }
        let wanted = field.value_type().described();
        let holds = found.holds.map_or("something else", |ty| ty.described());
        findings
            .warn(format!("{key}: `{name}` holds {holds}, the fact is {wanted}; what cannot be read stays unknown"))
            .hint(suggest);
    }
    if right > 0 {
        findings.ok(format!("mapped facts that the account has: {right} of {}", facts.len()));
    }
}

/// Stages that are mapped, as the account was last read.
pub(super) fn stages(connection: &Connection, findings: &mut Findings) {
    let view = connection.view();
    // An account that was never read knows no stage yet.
    if !view.metadata.pipelines.is_empty() {
        let phases = phases_of(&view.settings);
        tell_stages(&connection.slug, &phases, &view.metadata, findings);
    }
}

fn tell_stages(
    slug: &str,
    phases: &BTreeMap<String, StagePhase>,
    account: &Metadata,
    findings: &mut Findings,
) {
    let stages = account.pipelines.iter().flat_map(|pipeline| &pipeline.stages);
    let ids: Vec<&str> = stages.map(|stage| stage.id.as_str()).collect();
    for (stage, phase) in phases.iter().filter(|(stage, _)| !ids.contains(&stage.as_str())) {
        let key = format!("connections.{slug}.phases.{}", phase.name());
        findings
            .bad(format!("{key}: the account has no stage `{stage}`"))
            .hint(did_you_mean(stage, &ids));
    }
}

#[cfg(test)]
mod tests {
    use touchline_rules::condition::Type;
    use touchline_rules::facts::{Pipeline, Stage, StageKind};

    use super::*;

    #[test]
    fn what_the_account_does_not_have_is_named_with_what_is_nearest() {
        let offered = |name: &str, holds| Offered { name: name.into(), label: name.into(), holds };
        let account = [
            offered("competitor_name", Some(Type::Text)),
            offered("champion", Some(Type::Text)),
            offered("rebate", Some(Type::Text)),
        ];
        let facts = [
            (Field::Competitor, "competitor_nam".to_owned()),
            (Field::Champion, "champion".to_owned()),
            (Field::Discount, "rebate".to_owned()),
        ];
        let mut findings = Findings::default();
        tell_properties("crm", &facts.into(), &account, "look again", &mut findings);
        let stage = |id: &str| Stage {
            id: id.into(),
            label: id.into(),
            kind: StageKind::Open,
            phase: None,
        };
        let pipeline =
            Pipeline { id: "p".into(), label: "P".into(), stages: vec![stage("contractsent")] };
        let account = Metadata { pipelines: vec![pipeline], ..Metadata::default() };
        let phases = [("contractsend".to_owned(), StagePhase::Proposal)];
        tell_stages("crm", &phases.into(), &account, &mut findings);
        insta::assert_snapshot!(findings.to_string(), @"
          bad   connections.crm.facts.competitor: the account has no deal property `competitor_nam`; the fact stays unknown
                hint: did you mean `competitor_name`?
          warn  connections.crm.facts.discount: `rebate` holds text, the fact is a number; what cannot be read stays unknown
                hint: look again
          ok    mapped facts that the account has: 1 of 3
          bad   connections.crm.phases.proposal: the account has no stage `contractsend`
                hint: did you mean `contractsent`?
        2 bad, 1 to look at
        ");
    }
}
