//! `touchline connect`

mod suggest;

use std::process::ExitCode;

use clap::Args;
use touchline_kit::Manifest;

use super::ConfigFile;
use super::open::{self, email, wrong_call};
use crate::coaching::connect_link::{Errand, make_link};
use crate::coaching::credentials::static_token;
use crate::coaching::opening::{
    CLIENT_ID, CLIENT_SECRET, Declared, declared, oauth_line, redirect_url,
};
use crate::config::Config;
use crate::connectors::{connector, names};
use crate::entropy;
use crate::vault::Vault;
use touchline_rules::nearest::nearest;

#[derive(Args)]
#[command(after_help = "\
The link's page says what will be asked for. Its button works once, for ten
minutes, in the browser of somebody who may install apps in the vendor's account.
`touchline serve` must be running with the same database, and reachable at
public_url.")]
pub(super) struct ConnectArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// The vendor, for example hubspot.
    connector: String,
    /// Which connection, where several have this connector.
    #[arg(long, value_name = "SLUG")]
    connection: Option<String>,
    /// Who connects it, for the audit log.
    #[arg(long = "as", value_name = "EMAIL", value_parser = email)]
    by: Option<String>,
    /// Connect nothing: print which of the account's properties and stages would
    /// fill which facts and phases, to paste into the configuration.
    #[arg(long)]
    suggest: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: ConnectArgs) -> anyhow::Result<ExitCode> {
    let Some(connector) = connector(&args.connector) else {
        return Ok(no_connector(&args.connector));
    };
    let config = args.config.load()?;
    let slug = which(&config, connector.manifest(), args.connection.as_deref())?;
    if args.suggest {
        return suggest::run(&config, &slug, args.json).await;
    }
    let declared = declared(&config, &slug)?;
    let manifest = declared.manifest();
    let Some(oauth) = &manifest.oauth else {
        eprintln!("{} is connected by a token in the configuration:", manifest.title);
        for (number, step) in (1..).zip(manifest.setup) {
            println!("{number}. {step}");
        }
        return Ok(ExitCode::SUCCESS);
    };
    refuse_without_app(&config, &declared)?;
    let (store, vault) = (open::store(&config)?, Vault::open(&config.key_file)?);
    let errand = Errand {
        connection: slug.clone(),
        connector: manifest.name.to_owned(),
        by: open::actor(args.by.as_deref(), &config)?,
    };
    let (entropy, now) = (entropy::system(), open::clock().now());
    let made = make_link(&store, &vault, &entropy, &config.public_url, &errand, now).await?;
    let (link, expires_at) = made;
    let redirect_url = redirect_url(&config.public_url, manifest);
    if args.json {
        let told = serde_json::json!({
            "url": link,
            "expires_at": expires_at.to_string(),
            "redirect_url": redirect_url,
            "scopes": oauth.scopes,
        });
        println!("{told}");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "Open this link within ten minutes and press the button of its page: {} will ask whether Touchline may read deals and write tasks, and then send you back here.",
        manifest.title
    );
    eprintln!("It asks for: {}", oauth.scopes.join(", "));
    eprintln!("The app's redirect URL must be {redirect_url}");
    if store.serving()?.is_none() {
        eprintln!(
            "warning: `touchline serve` is not running on this database, so the link leads nowhere\nhint: start it first"
        );
    }
    println!("{link}");
    Ok(ExitCode::SUCCESS)
}

/// A vendor that this build knows nothing of: no configuration would help.
fn no_connector(name: &str) -> ExitCode {
    let hint = match nearest(name, names()) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("this build has {}", names().join(" and ")),
    };
    wrong_call(&format!("there is no connector `{name}`\nhint: {hint}"))
}

/// The connection that is meant.
fn which(config: &Config, manifest: &Manifest, connection: Option<&str>) -> anyhow::Result<String> {
    let name = manifest.name;
    let fitting = config.connections.iter().filter(|(_, one)| one.connector == name);
    let slugs: Vec<&String> = fitting.map(|(slug, _)| slug).collect();
    match (connection, slugs.as_slice()) {
        (Some(slug), _) => match config.connections.get(slug) {
            Some(one) if one.connector != name => anyhow::bail!(
                "the connection `{slug}` is of {}, not of {name}\nhint: touchline connect {} --connection {slug}",
                one.connector,
                one.connector
            ),
            _ => Ok(slug.to_owned()),
        },
        (None, [slug]) => Ok((*slug).clone()),
        (None, []) => anyhow::bail!(
            "no configured connection has the connector `{name}`\nhint: add [connections.{name}] with connector = \"{name}\", {} to the configuration (--config FILE, else ./touchline.toml)",
            keys_of(manifest).join(" and ")
        ),
        (None, several) => anyhow::bail!(
            "several connections have the connector `{name}`\nhint: add --connection with one of {}",
            several.iter().map(|slug| slug.as_str()).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// The keys by which a connection of this vendor can be made.
fn keys_of(manifest: &Manifest) -> Vec<&'static str> {
    match &manifest.oauth {
        Some(_) => vec![CLIENT_ID, CLIENT_SECRET],
        None => manifest.secrets.iter().filter(|it| it.required).map(|it| it.name).collect(),
    }
}

fn refuse_without_app(config: &Config, declared: &Declared<'_>) -> anyhow::Result<()> {
    let (slug, manifest) = (declared.slug, declared.manifest());
    let key = || format!("connections.{slug}");
    if static_token(manifest, &declared.secrets).is_some() {
        let problem = "it has a static token, which is used instead of OAuth";
        let hint = "take it out of the configuration and restart the service, then connect";
        return Err(config.invalid(key(), problem, hint).into());
    }
    if oauth_line(declared, &config.public_url)?.is_none() {
        let problem = "it has no client_id and client_secret";
        let hint = format!(
            "both are on the app's Auth tab at {}; the app's redirect URL is {}",
            manifest.title,
            redirect_url(&config.public_url, manifest)
        );
        return Err(config.invalid(key(), problem, hint).into());
    }
    Ok(())
}
