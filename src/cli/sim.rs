//! `touchline sim`: a fake vendor alone, on real time, for trying the service or
//! another client against it.

mod hubspot;
mod people;
mod slack;

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Subcommand;
use tokio::net::TcpListener;

#[derive(Subcommand)]
pub(super) enum SimCommand {
    /// A HubSpot account that answers REST calls and sends signed webhooks.
    Hubspot(hubspot::HubSpotArgs),
    /// A Slack workspace; prints the messages that people get, and how they change.
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
    let listener = TcpListener::bind(address).await.map_err(|error| {
        anyhow::anyhow!(
            "cannot listen on {address}: {error}\nhint: choose a free address of this machine with --listen"
        )
    })?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// The connection that a webhook address names: `…/hooks/NAME`.
fn connection_in(target: &str) -> Option<String> {
    let url = url::Url::parse(target).ok().filter(url::Url::has_host)?;
    let name = url.path().trim_end_matches('/').strip_prefix("/hooks/")?;
    (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
}

/// Where webhooks go, and the connection that it names.
#[derive(Clone)]
struct Target {
    url: String,
    connection: String,
}

fn target(text: &str) -> Result<Target, String> {
    let connection = connection_in(text);
    let named = connection.map(|connection| Target { url: text.to_owned(), connection });
    named.ok_or_else(|| {
        "write the service's address of one connection, as in http://127.0.0.1:8080/hooks/NAME"
            .to_owned()
    })
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an address and a port, as in 127.0.0.1:9101".to_owned())
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
            assert_eq!(connection_in(odd), None, "{odd}");
        }
    }
}
