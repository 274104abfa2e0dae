//! Whether a name that an admin types is one that is known here.

use std::collections::BTreeSet;
use std::sync::Arc;

use touchline_rules::nearest::did_you_mean;

use crate::cli::rules::accounts_of;
use crate::config::Config;
use crate::lifecycle::Lifecycle;
use crate::roles::fetch::metadata::stored;
use crate::store::Store;

/// Refuses the id of a rule that is neither in force here nor among `others`.
pub(super) async fn check_rule(
    config: &Arc<Config>,
    store: &Store,
    rule: &str,
    others: impl IntoIterator<Item = String>,
) -> anyhow::Result<()> {
    let mut known: BTreeSet<String> = others.into_iter().collect();
    if known.contains(rule) {
        return Ok(());
    }
    let accounts = accounts_of(config, store).await;
    let lifecycle = Lifecycle::new(store.clone(), Arc::clone(config), accounts);
    // What is wrong with a pack is no reason against stopping what it said before.
    let book = lifecycle.book().await.ok();
    let written = book.iter().flat_map(|(_, book)| book.written.rules());
    known.extend(written.map(|rule| rule.id.clone()));
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    anyhow::ensure!(
        known.contains(rule),
        "there is no rule `{rule}` here\nhint: {}",
        did_you_mean(rule, &names)
    );
    Ok(())
}

/// Warns of addresses that neither configuration nor a CRM or chat ever told of:
/// somebody may join tomorrow, or the address is mistyped.
pub(super) async fn warn_of_strangers(
    config: &Config,
    store: &Store,
    emails: &[String],
) -> anyhow::Result<()> {
    let mut known: BTreeSet<String> = config.admins.iter().map(|one| one.to_lowercase()).collect();
    for (email, person) in &config.people {
        known.insert(email.to_lowercase());
        known.extend(person.manager.clone());
    }
    for slug in config.connections.keys() {
        let account = stored(store, slug).await?.unwrap_or_default();
        let owners = account.owners.iter().filter_map(|owner| owner.email.as_ref());
        known.extend(owners.map(|email| email.to_lowercase()));
    }
    for email in emails {
        if !known.contains(email) && store.person(email.clone()).await?.is_none() {
            eprintln!(
                "warning: nobody here is known by {email} yet; is it the address in the CRM?"
            );
        }
    }
    Ok(())
}
