//! What the configuration file says otherwise than what is in force.

use super::{Config, ConfigError};

impl Config {
    /// The settings that the file this was read from says otherwise by now. They take
    /// effect at the next start; nothing where there is no file.
    ///
    /// # Errors
    /// [`ConfigError`] when the file cannot be read as it is now.
    pub fn changed_in_file(&self) -> Result<Vec<&'static str>, ConfigError> {
        let Some(file) = self.file() else { return Ok(Vec::new()) };
        let now = Config::load(Some(file))?;
        let named = [
            ("people", now.people != self.people),
            ("admins", now.admins != self.admins),
            ("rules", now.rules != self.rules),
        ];
        let mut changed: Vec<_> = named.into_iter().filter(|one| one.1).map(|one| one.0).collect();
        if changed.is_empty() && !self.written.reads_as(&now.written) {
            changed.push("other settings");
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn what_a_start_would_change_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("touchline.toml");
        let write = |text: &str| std::fs::write(&file, text).unwrap();
        write("[people.\"ann@example.com\"]\nmanager = \"lead@example.com\"\n");
        let config = Config::load(Some(&file)).unwrap();
        assert_eq!(config.changed_in_file().unwrap(), [""; 0]);
        write("admins = [\"lead@example.com\"]\n[people.\"ann@example.com\"]\nname = \"Ann\"\n");
        assert_eq!(config.changed_in_file().unwrap(), ["people", "admins"]);
        write(
            "[people.\"ann@example.com\"]\nmanager = \"lead@example.com\"\n[log]\nlevel = \"warn\"\n",
        );
        assert_eq!(config.changed_in_file().unwrap(), ["other settings"]);
        write("[people");
        assert!(config.changed_in_file().is_err());
        assert_eq!(Config::from_toml("").unwrap().changed_in_file().unwrap(), [""; 0]);
    }
}
