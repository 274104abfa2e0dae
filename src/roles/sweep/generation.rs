//! What all deals of a connection rest on, as one hash: a sweep follows when it
//! changes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use touchline_kit::signature::hex;
use touchline_rules::facts::Metadata;
use touchline_rules::ruleset::{Rule, RuleSet};

use crate::coaching::people::People;
use crate::roles::batching::hash16;
use crate::service::{Service, Verdicts};

/// The hashes worked out last, by connection.
#[derive(Default)]
pub(super) struct Generations(Mutex<BTreeMap<String, Known>>);

/// A hash and what it was worked out from. Holding the values keeps their
/// addresses from being used again.
struct Known {
    rules: Arc<RuleSet>,
    metadata: Arc<Metadata>,
    verdicts: Arc<Verdicts>,
    settings_version: i64,
    settled: bool,
    measured: bool,
    hash: String,
}

/// What is hashed.
#[derive(Serialize)]
struct Ground<'a> {
    rules: &'a str,
    metadata: &'a Metadata,
    trusted: &'a [String],
    overridden: BTreeMap<&'a String, bool>,
    verdict_version: i64,
    /// By owner, the zone they work in.
    zones: BTreeMap<String, Option<String>>,
    working_days: &'a [String],
    holidays: Vec<String>,
    time_zone: &'a str,
    settled: bool,
    /// The account has a baseline, and a rule rests on it. Later ones change
    /// nothing for deals that are measured already.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    measured: bool,
}

impl Generations {
    /// The generation of a connection. `settings_version` rises when people
    /// change; `settled` tells that its first read has taken effect.
    pub(super) fn of(
        &self,
        service: &Service,
        slug: &str,
        settings_version: i64,
        settled: bool,
    ) -> String {
        let rules = service.rules.current();
        let (metadata, verdicts) = (service.metadata(slug), service.verdicts(slug));
        let rests_on_won =
            |rule: &Rule| rule.threshold.as_ref().is_some_and(|it| it.won().is_some());
        let measured =
            service.baselines(slug).newest().is_some() && rules.state_rules().any(rests_on_won);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(slug)
            && Arc::ptr_eq(&known.rules, &rules)
            && Arc::ptr_eq(&known.metadata, &metadata)
            && Arc::ptr_eq(&known.verdicts, &verdicts)
            && (known.settings_version, known.settled) == (settings_version, settled)
            && known.measured == measured
        {
            return known.hash.clone();
        }
        let hash = hash(service, &rules, &metadata, &verdicts, (settled, measured));
        let known = Known {
            rules,
            metadata,
            verdicts,
            settings_version,
            settled,
            measured,
            hash: hash.clone(),
        };
        all.insert(slug.to_owned(), known);
        hash
    }
}

fn hash(
    service: &Service,
    rules: &RuleSet,
    metadata: &Metadata,
    verdicts: &Verdicts,
    (settled, measured): (bool, bool),
) -> String {
    let config = &service.config;
    let emails =
        metadata.owners.iter().filter_map(|owner| People::owner_email(metadata, Some(&owner.id)));
    let zones = emails.map(|email| {
        let zone = service.people.zone_of(Some(&email), metadata);
        (email, zone)
    });
    let ground = Ground {
        rules: rules.hash(),
        metadata,
        trusted: &verdicts.trusted,
        overridden: verdicts.overridden.iter().map(|(id, trust)| (id, *trust)).collect(),
        verdict_version: verdicts.version,
        zones: zones.collect(),
        working_days: &config.working_days,
        holidays: config.holidays.iter().map(ToString::to_string).collect(),
        time_zone: &config.time_zone,
        settled,
        measured,
    };
    let bytes = serde_json::to_vec(&ground).unwrap_or_default();
    hex(&hash16(&bytes))
}
