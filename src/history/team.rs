//! The team file of an import: who sells and who manages.

use std::collections::BTreeMap;
use std::path::Path;

use touchline_rules::facts::Owner;

use super::import::unreadable;
use super::mapping::Mapping;
use crate::file_errors::open_file;
use touchline_rules::nearest::did_you_mean;

pub(super) fn seller(id: String, name: &str, email: String) -> Owner {
    Owner {
        user_id: Some(id.clone()),
        id,
        email: Some(email),
        name: name.to_owned(),
        archived: false,
    }
}

/// Who sells and who manages.
pub(super) struct Team {
    /// Sellers by e-mail.
    pub owners: BTreeMap<String, Owner>,
    /// E-mails of sellers and of their managers.
    pub managers: Vec<(String, String)>,
}

impl Team {
    pub fn read(folder: &Path, mapping: &Mapping) -> anyhow::Result<Team> {
        let mut team = Team { owners: BTreeMap::new(), managers: Vec::new() };
        let Some(file) = &mapping.team.file else { return Ok(team) };
        let path = folder.join(file);
        let in_file = || format!("the team file {}", path.display());
        let mut reader = csv::Reader::from_reader(open_file("the team file", &path)?);
        let headers = reader.headers().map_err(|error| unreadable(&in_file(), &error))?.clone();
        let at = |name: &str| {
            headers.iter().position(|header| header.trim() == name).ok_or_else(|| {
                let known: Vec<_> = headers.iter().map(str::trim).collect();
                anyhow::anyhow!(
                    "{} has no column `{name}`\nhint: {}",
                    in_file(),
                    did_you_mean(name, &known)
                )
            })
        };
        let (seller_at, manager_at) = (at(&mapping.team.seller)?, at(&mapping.team.manager)?);
        for row in reader.records() {
            let row = row.map_err(|error| unreadable(&in_file(), &error))?;
            let name = row.get(seller_at).map_or("", str::trim);
            let manager = row.get(manager_at).map_or("", str::trim);
            let email = mapping.email_of(name);
            let id = (team.owners.len() + 1).to_string();
            team.owners.entry(email.clone()).or_insert_with(|| seller(id, name, email.clone()));
            if !manager.is_empty() {
                team.managers.push((email, mapping.email_of(manager)));
            }
        }
        Ok(team)
    }
}
