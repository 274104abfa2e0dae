//! The settings of a connection that are no secrets, judged by what its connector
//! declares.

use touchline_kit::{Allowed, Connector, Setting, mapping};
use touchline_rules::facts::Metadata;

use crate::config::{Config, ConfigError, ConnectionConfig};
use crate::connectors::connector;
use touchline_rules::nearest::did_you_mean;

/// The settings of a connection, by name.
pub type Settings = serde_json::Map<String, serde_json::Value>;

/// The setting by which PKCE is used with a vendor that has it (RFC 7636).
pub const PKCE: &str = "pkce";
/// Settings of every connector that OAuth can connect.
const OAUTH_SETTINGS: &[Setting] = &[Setting { name: PKCE, allowed: Allowed::Switch }];
/// The setting of a connector that `[crm]` has a value for.
const LOOK_BACK: &str = "activity_look_back_days";

/// The settings of one connection, judged and in the form that its connector reads.
///
/// A misspelt setting must not quietly be none, nor a value be taken for
/// another: it may be a security switch.
pub(super) fn of(
    slug: &str,
    configured: &ConnectionConfig,
    connector: &dyn Connector,
) -> Result<Settings, ConfigError> {
    let manifest = connector.manifest();
    let of_oauth = manifest.oauth.iter().flat_map(|_| OAUTH_SETTINGS);
    let known: Vec<_> = connector.settings().iter().chain(of_oauth).collect();
    let written = configured.settings(manifest).into_iter();
    let read = written.map(|(name, value)| {
        let key = format!("connections.{slug}.{name}");
        match known.iter().find(|one| one.name == name) {
            Some(setting) => Ok((name, read(setting.allowed, &key, &value)?)),
            None => {
                let secrets = manifest.secrets.iter().map(|field| field.name);
                let names: Vec<_> = known.iter().map(|one| one.name).chain(secrets).collect();
                let problem = format!("{} has no such setting", manifest.title);
                Err(ConfigError::invalid(key, problem, did_you_mean(&name, &names)))
            }
        }
    });
    read.collect()
}

fn read(
    allowed: Allowed,
    key: &str,
    written: &serde_json::Value,
) -> Result<serde_json::Value, ConfigError> {
    let table = match allowed {
        Allowed::Facts => Some(mapping::read_facts(written)),
        Allowed::Phases => Some(mapping::read_phases(written)),
        _ => None,
    };
    if let Some(table) = table {
        return table.map_err(|wrong| {
            let inside =
                if wrong.key.is_empty() { String::new() } else { format!(".{}", wrong.key) };
            ConfigError::invalid(format!("{key}{inside}"), wrong.problem, wrong.hint)
        });
    }
    let refused =
        || ConfigError::invalid(key, format!("got {written}"), format!("write {allowed}"));
    allowed.read(written).ok_or_else(refused)
}

/// Gives an account what configuration maps: what is stored of it may be older
/// than that. See [`mapping::apply`].
pub fn apply_mapping(config: &Config, slug: &str, account: &mut Metadata) {
    let Some(declared) = config.connections.get(slug) else { return };
    let Some(connector) = connector(&declared.connector) else { return };
    // What makes no sense is told where the connection is opened.
    if let Ok(settings) = of(slug, declared, connector) {
        mapping::apply(account, &settings);
    }
}

/// A connector reads its own settings; of some, `[crm]` holds one for all.
pub(super) fn inherit(
    settings: &mut Settings,
    connector: &dyn Connector,
    config: &Config,
) -> Result<(), ConfigError> {
    let look_back = connector.settings().iter().find(|setting| setting.name == LOOK_BACK);
    if let Some(setting) = look_back.filter(|_| !settings.contains_key(LOOK_BACK)) {
        let written = config.crm.activity_look_back_days.into();
        let value = read(setting.allowed, &format!("crm.{LOOK_BACK}"), &written);
        settings.insert(LOOK_BACK.to_owned(), value.map_err(|error| config.placed(error))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coaching::opening::declared;

    /// What opening says of one line under the connection.
    fn opened(connector: &str, line: &str) -> Result<Settings, String> {
        let text = format!("[connections.crm]\nconnector = \"{connector}\"\n{line}");
        let config = Config::from_toml(&text).unwrap();
        declared(&config, "crm").map(|one| one.settings).map_err(|error| error.to_string())
    }

    #[test]
    fn a_misspelt_setting_is_named_with_the_nearest_known_one() {
        assert_eq!(opened("hubspot", "accept_signature_v1_v2 = false").unwrap().len(), 1);
        assert_eq!(opened("hubspot", "pkce = true").unwrap()[PKCE], true);
        let error = opened("hubspot", "accept_signature_v1v2 = false").unwrap_err();
        assert!(error.starts_with("connections.crm.accept_signature_v1v2: HubSpot has no such"));
        assert!(error.contains("did you mean `accept_signature_v1_v2`?"), "{error}");
        let slack = "bot_token = \"fake\"\nsigning_secret = \"fake\"\npkce = true";
        assert!(opened("slack", slack).unwrap_err().contains("Slack has no such setting"));
    }

    #[test]
    fn a_setting_says_what_it_may_be_and_takes_nothing_else() {
        let refused = |line: &str| opened("hubspot", line).unwrap_err();
        assert_eq!(
            refused("activity_look_back_days = 5000"),
            "connections.crm.activity_look_back_days: got 5000\nhint: write a whole number from 1 to 730"
        );
        assert_eq!(
            refused("accept_signature_v1_v2 = \"no\""),
            "connections.crm.accept_signature_v1_v2: got \"no\"\nhint: write true or false"
        );
        assert!(refused("pkce = 1").contains("got 1"));
        assert_eq!(opened("hubspot", "portal_id = 77").unwrap()["portal_id"], "77");
    }

    #[test]
    fn a_mapping_is_judged_entry_by_entry() {
        let refused = |line: &str| opened("hubspot", line).unwrap_err();
        assert_eq!(
            refused("facts = { competitr = \"x\" }"),
            "connections.crm.facts.competitr: there is no fact of that name\nhint: did you mean `competitor`?"
        );
        assert!(refused("[connections.crm.facts]\nstage = \"x\"").contains("cannot be mapped"));
        assert!(refused("phases = { late = \"x\" }").contains("connections.crm.phases.late: got"));
        let slack = "bot_token = \"fake\"\nsigning_secret = \"fake\"\nfacts = {}";
        assert!(opened("slack", slack).unwrap_err().contains("Slack has no such setting"));
        let settings = opened("hubspot", "facts = { champion = \"c\" }").unwrap();
        assert_eq!(settings["facts"]["champion"], "c");
    }

    #[test]
    fn the_mapping_is_that_of_the_configuration_in_force() {
        use touchline_rules::facts::{Pipeline, Stage, StageKind, StagePhase};
        let text =
            "[connections.crm]\nconnector = \"hubspot\"\n[connections.crm.phases]\nlate = [\"b\"]";
        let stage = |id: &str| Stage {
            id: id.into(),
            label: id.into(),
            kind: StageKind::Open,
            phase: Some(StagePhase::Early),
        };
        let (id, label) = ("p".into(), "P".into());
        let pipeline = Pipeline { id, label, stages: vec![stage("a"), stage("b")] };
        let mut account = Metadata { pipelines: vec![pipeline], ..Metadata::default() };
        apply_mapping(&Config::from_toml(text).unwrap(), "crm", &mut account);
        let phases: Vec<_> = account.pipelines[0].stages.iter().map(|one| one.phase).collect();
        assert_eq!(phases, [None, Some(StagePhase::Late)]);
        assert!(account.unmapped.contains(&touchline_rules::facts::Field::Competitor));
    }

    #[test]
    fn the_look_back_for_all_accounts_is_judged_too() {
        let config = |days: u32| {
            Config::from_toml(&format!("[crm]\nactivity_look_back_days = {days}")).unwrap()
        };
        let inherited = |days: u32, mut settings: Settings| {
            let hubspot = connector("hubspot").unwrap();
            inherit(&mut settings, hubspot, &config(days)).map(|()| settings[LOOK_BACK].clone())
        };
        assert_eq!(inherited(30, Settings::new()).unwrap(), 30);
        let own = [(LOOK_BACK.to_owned(), 7.into())].into_iter().collect();
        assert_eq!(inherited(30, own).unwrap(), 7);
        let error = inherited(5000, Settings::new()).unwrap_err().to_string();
        assert!(error.starts_with("crm.activity_look_back_days: got 5000"), "{error}");
    }
}
