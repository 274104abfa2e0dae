//! What the connector declares about itself.

use touchline_kit::{Capability, Limit, Manifest, SecretField};
use touchline_rules::time::{MINUTE_MS, SECOND_MS};

use crate::classify::classify;

/// The scopes of the bot, each with what it is for. `app/manifest.yaml` asks
/// for the same.
pub const SCOPES: [(&str, &str); 5] = [
    ("chat:write", "send a nudge and edit it when it is answered"),
    ("im:write", "open the direct message in which a person gets nudges"),
    ("users:read", "read a person's name and time zone"),
    ("users:read.email", "find a person by the e-mail address the CRM knows"),
    ("commands", "the slash command /touchline"),
];

/// Messages to one conversation: Slack takes 1 a second and short bursts.
pub(crate) const PER_CHANNEL: &str = "per_channel_per_s";
/// Calls of one tier 3 method.
pub(crate) const TIER_3: &str = "tier_3_per_min";
/// Calls of one tier 4 method.
pub(crate) const TIER_4: &str = "tier_4_per_min";
/// Messages to the whole workspace.
pub(crate) const WORKSPACE: &str = "workspace_messages_per_min";

/// The connector's declaration.
pub static MANIFEST: Manifest = Manifest {
    name: "slack",
    title: "Slack",
    capabilities: &[Capability::Channel, Capability::Webhooks],
    base_url: "https://slack.com/api/",
    secrets: &[
        SecretField {
            name: "bot_token",
            required: true,
            help: "Bot User OAuth Token (xoxb-…): the Slack app's page, OAuth & Permissions, after the app is installed",
        },
        SecretField {
            name: "signing_secret",
            required: true,
            help: "Signing Secret: the Slack app's page, Basic Information, App Credentials",
        },
    ],
    // https://docs.slack.dev/apis/web-api/rate-limits. Tiers are minima per
    // method and workspace. Slack gives no figure for the workspace; 300 a
    // minute is our own careful choice.
    limits: &[
        Limit { name: PER_CHANNEL, calls: 1, period_ms: SECOND_MS, burst: 3 },
        Limit { name: WORKSPACE, calls: 300, period_ms: MINUTE_MS, burst: 20 },
        Limit { name: TIER_3, calls: 50, period_ms: MINUTE_MS, burst: 10 },
        Limit { name: TIER_4, calls: 100, period_ms: MINUTE_MS, burst: 20 },
    ],
    // Each company makes its own app from our app manifest and installs it
    // itself; Slack then shows the bot token. No redirect is needed.
    oauth: None,
    daily: None,
    classify,
    setup: &[
        "Open https://api.slack.com/apps, choose Create New App, From a manifest, and your workspace",
        "Paste connectors/slack/app/manifest.yaml with touchline.example.com replaced by the host of your public_url, and create the app",
        "Choose Install to Workspace and allow it",
        "Copy the Bot User OAuth Token (OAuth & Permissions) and the Signing Secret (Basic Information) into the connection's settings",
        "Start Touchline, then choose Retry beside the request URL under Event Subscriptions until Slack shows it as verified",
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_manifest_asks_for_the_scopes_we_declare() {
        let manifest = include_str!("../app/manifest.yaml");
        let asked: Vec<_> = manifest
            .lines()
            .skip_while(|line| line.trim() != "bot:")
            .skip(1)
            .map_while(|line| line.trim().strip_prefix("- "))
            .collect();
        assert_eq!(asked, SCOPES.map(|(scope, _)| scope));
        for address in ["/hooks/slack/interactive", "/hooks/slack/events", "/hooks/slack/commands"]
        {
            assert!(manifest.contains(&format!("https://touchline.example.com{address}")));
        }
    }
}
