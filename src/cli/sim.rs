//! `touchline sim`: a fake vendor alone, on real time, for trying the service or
//! another client against it.

mod hubspot;
mod slack;

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use tokio::net::TcpListener;

#[derive(Subcommand)]
pub(super) enum SimCommand {
    /// A HubSpot account that answers REST calls and sends signed webhooks.
    Hubspot(hubspot::HubSpotArgs),
    /// A Slack workspace; prints the messages that people get.
    Slack(slack::SlackArgs),
}

pub(super) async fn run(command: SimCommand) -> anyhow::Result<ExitCode> {
    crate::telemetry::start(&crate::config::LogConfig::warnings())?;
    match command {
        SimCommand::Hubspot(args) => hubspot::run(args).await,
        SimCommand::Slack(args) => slack::run(args).await,
    }
}

async fn listen(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}\nhint: choose a free address with --listen")
    })?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// The connection that a webhook address names: `…/hooks/NAME`.
fn connection_in(target: &str) -> anyhow::Result<String> {
    let url = url::Url::parse(target)
        .map_err(|_| anyhow::anyhow!("`{target}` is no URL\nhint: write http://HOST/hooks/NAME"))?;
    let name = url.path().trim_end_matches('/').strip_prefix("/hooks/").map(str::to_owned);
    name.filter(|name| !name.is_empty() && !name.contains('/')).ok_or_else(|| {
        anyhow::anyhow!("`{target}` names no connection\nhint: write http://HOST/hooks/NAME")
    })
}

/// The address under which the service is called, as its signatures are checked.
fn public_url(target: &str) -> String {
    target.split("/hooks/").next().unwrap_or(target).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_address_names_its_connection() {
        let name = connection_in("http://127.0.0.1:8080/hooks/hubspot-eu").unwrap();
        assert_eq!(name, "hubspot-eu");
        assert_eq!(public_url("https://tl.example.com/hooks/hubspot"), "https://tl.example.com");
        for odd in ["http://127.0.0.1:8080", "http://127.0.0.1:8080/hooks/", "hooks/hubspot"] {
            let shown = connection_in(odd).unwrap_err().to_string();
            assert!(shown.contains("hint: write http://HOST/hooks/NAME"), "{shown}");
        }
    }
}
