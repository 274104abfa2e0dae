//! The registry: one line per connector.

use touchline_kit::Connector;

/// Every connector in this build.
pub static CONNECTORS: &[&dyn Connector] = &[&touchline_hubspot::HUBSPOT, &touchline_slack::SLACK];

/// The connector of that name.
#[must_use]
pub fn connector(name: &str) -> Option<&'static dyn Connector> {
    CONNECTORS.iter().copied().find(|connector| connector.manifest().name == name)
}

/// The names of all of them.
#[must_use]
pub fn names() -> Vec<&'static str> {
    CONNECTORS.iter().map(|connector| connector.manifest().name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Folders in `connectors/` that are no connectors.
    const NO_CONNECTOR: [&str; 1] = ["kit"];

    #[test]
    fn every_folder_is_registered() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/connectors");
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
        let mut found = 0;
        for entry in folders {
            let name = entry.file_name().into_string().unwrap();
            if !NO_CONNECTOR.contains(&name.as_str()) {
                assert!(
                    connector(&name).is_some(),
                    "connectors/{name} is not in src/connectors.rs"
                );
                found += 1;
            }
        }
        assert_eq!(found, CONNECTORS.len());
    }
}
