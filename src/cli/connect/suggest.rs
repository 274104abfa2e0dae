//! `touchline connect VENDOR --suggest`: the tables that map an account's properties
//! and stages, guessed from their names, to read and paste.

use std::process::ExitCode;
use std::sync::Arc;

use touchline_rules::facts::suggest::{as_toml, suggest_facts, suggest_phases};

use crate::cli::open;
use crate::coaching::opening::{Opening, open as open_connection};
use crate::config::Config;
use crate::vault::Vault;

/// Asks the vendor what the account has, and prints what would fill what.
pub(super) async fn run(config: &Config, slug: &str, json: bool) -> anyhow::Result<ExitCode> {
    let (store, vault) = (open::store(config)?, Arc::new(Vault::open(&config.key_file)?));
    let clock = open::clock();
    let opening = Opening { config, store: &store, vault: &vault, clock: &clock };
    let connection = open_connection(slug, &opening)?;
    let title = connection.connector.manifest().title;
    let Some(crm) = connection.crm() else {
        anyhow::bail!("{title} is no CRM: it has nothing to map\nhint: name the CRM's connection");
    };
    let (session, view) = (&connection.session, connection.view());
    let cannot = |error| {
        anyhow::anyhow!(
            "{title} does not answer: {error}\nhint: `touchline doctor --connection {slug}` says more"
        )
    };
    let offered = crm.deal_properties(session, &view).await.map_err(cannot)?;
    let account = crm.metadata(session, &view).await.map_err(cannot)?;
    let (facts, phases) = (suggest_facts(&offered), suggest_phases(&account));
    if json {
        let facts: serde_json::Map<_, _> = facts
            .iter()
            .map(|one| (one.field.name().to_owned(), one.property.clone().into()))
            .collect();
        let mut of_phase: serde_json::Map<String, serde_json::Value> = serde_json::Map::new();
        for one in &phases {
            let stages = of_phase.entry(one.phase.name()).or_insert_with(|| serde_json::json!([]));
            stages.as_array_mut().into_iter().for_each(|list| list.push(one.stage.clone().into()));
        }
        println!("{}", serde_json::json!({ "facts": facts, "phases": of_phase }));
        return Ok(ExitCode::SUCCESS);
    }
    let looked = offered.len();
    eprintln!(
        "Guessed from the names of {looked} deal properties and of the stages of {title}. Read each line, then paste what is right into the configuration and restart; deals are then read once more."
    );
    print!("{}", as_toml(slug, &facts, &phases));
    Ok(ExitCode::SUCCESS)
}
