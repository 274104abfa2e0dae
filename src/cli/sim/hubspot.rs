//! `touchline sim hubspot`

mod start;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use touchline_hubspot::fake::{
    FakeConfig, FakeHubSpot, MAX_BATCH_EVENTS, RateLimits, WebhookCounts, WebhookFile,
};
use touchline_rules::UnixMs;

use super::{Target, address, listen, public_url, target};
use crate::clock::SystemClock;
use crate::coaching::opening::redirect_url;
use crate::demo::account::{facts_config, hear_named_facts, phases_config};
use crate::demo::course::Course;
use crate::demo::history::read;
use crate::demo::replay::{Replay, managers_config};
use crate::demo::stage::WEBHOOKS;
use crate::history::History;

/// Movements played before their webhooks are sent: about ten full requests.
const PORTION_MAX: usize = 250;
/// The first wait after a webhook was not taken; doubled with each further one.
const FIRST_RETRY_MS: i64 = 250;
/// How often the account looks whether something is to be sent.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// After the last webhook, the service may still read deals. It is done when it
/// asked for nothing this long …
const QUIET: Duration = Duration::from_secs(3);
/// … and is not waited for any longer than this.
const QUIET_WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// How many such waits pass before it is said how far the reading is.
const TELL_EVERY_ROUNDS: u32 = 5;

/// What `--help` says after the options.
const MOVE_A_DEAL: &str = "\
Without --replay the account has two owners and a few deals. What comes in by the
access token counts as Touchline's own work, which is no reason to speak. Move a deal
as its owner does (`\"user\": ID` for another person):
  curl http://127.0.0.1:9101/control/deals
  curl -d '{\"deal\": \"ID\", \"properties\": {\"dealstage\": \"contractsent\"}}' \\
       http://127.0.0.1:9101/control/set
`touchline sim slack` has the same two people.";

#[derive(Args)]
#[command(after_help = MOVE_A_DEAL)]
pub(in crate::cli) struct HubSpotArgs {
    /// Where the REST side listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9101", value_parser = address)]
    listen: SocketAddr,
    /// Where webhooks go: the service's public address and connection.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080/hooks/hubspot", value_parser = target)]
    target: Target,
    /// Where requests are really sent, for a service behind its public name.
    #[arg(long, value_name = "URL")]
    send_to: Option<String>,
    /// A history to play, made by `touchline history import`.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// How many days of the history pass in a second; as fast as it is taken when
    /// not given.
    #[arg(long, value_name = "DAYS", value_parser = parse_speed, requires = "replay")]
    speed: Option<f64>,
    /// Send the whole history in an order drawn by the seed.
    #[arg(long, requires = "replay", conflicts_with = "speed")]
    shuffle: bool,
    /// Send every event a second time.
    #[arg(long, requires = "replay")]
    twice: bool,
    /// Stop once the history is played and the service reads nothing more.
    #[arg(long, requires = "replay")]
    exit: bool,
    /// Lift the account's limits on REST calls.
    #[arg(long)]
    no_limits: bool,
    /// Decides what is left to chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) async fn run(args: HubSpotArgs) -> anyhow::Result<ExitCode> {
    let history = args.replay.as_deref().map(read).transpose()?;
    let fake = FakeHubSpot::new(account(&args, history.as_ref())?);
    let replay = history.as_ref().map(|history| Replay::new(history, &fake));
    if replay.is_none() {
        start::fill(&fake)?;
    }
    let (listener, address) = listen(args.listen).await?;
    print!("{}", snippet(&fake, &args.target.connection, address, history.as_ref()));
    eprintln!(
        "a fake HubSpot account answers on http://{address}; paste the lines above into touchline.toml"
    );
    let acting = async {
        if let Some(mut replay) = replay {
            play(&fake, &mut replay, &args).await?;
            tell(&fake, &replay);
            if args.exit {
                until_quiet(&fake).await;
                return anyhow::Ok(());
            }
        }
        loop {
            fake.tick(fake.now()).await;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        served = axum::serve(listener, fake.router().merge(fake.control_router())).into_future() => served?,
        acted = acting => acted?,
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    let lost = fake.webhook_counts().given_up > 0;
    Ok(if lost { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn account(args: &HubSpotArgs, history: Option<&History>) -> anyhow::Result<FakeConfig> {
    let service = public_url(&args.target.url);
    let variables = [("BASE_URL", service.as_str()), ("CONNECTION", "hubspot")];
    let file = WebhookFile::parse(WEBHOOKS, &variables)?;
    let mut config = FakeConfig::new(Arc::new(SystemClock)).with_webhook_file(file);
    config.target_url.clone_from(&args.target.url);
    config.send_to.clone_from(&args.send_to);
    config.redirect_uris = vec![redirect_url(&service, &touchline_hubspot::MANIFEST)];
    config.permitted_urls = vec![service];
    config.seed = args.seed;
    config.webhooks.shuffle = args.shuffle;
    config.webhooks.duplicate_percent = if args.twice { 100 } else { 0 };
    config.webhooks.batch_events = MAX_BATCH_EVENTS;
    config.webhooks.first_retry_ms = args.replay.is_some().then_some(FIRST_RETRY_MS);
    if args.no_limits {
        config.limits = RateLimits::off();
    }
    if history.is_some() {
        hear_named_facts(&mut config);
    }
    if let Some(zone) = history.and_then(|one| one.header.metadata.time_zone.as_ref()) {
        config.time_zone.clone_from(zone);
    }
    Ok(config)
}

fn snippet(
    fake: &FakeHubSpot,
    connection: &str,
    address: SocketAddr,
    history: Option<&History>,
) -> String {
    let config = fake.config();
    let people = history.map(|History { header, .. }| {
        // Tables that a replay fills: named facts and phases.
        let facts = facts_config() + &phases_config(&header.metadata.pipelines);
        let facts = facts.replace("[connections.hubspot.", &format!("[connections.{connection}."));
        managers_config(header) + &facts
    });
    let people = people.unwrap_or_default();
    format!(
        "# public_url must be \"{service}\"\n[connections.{connection}]\nconnector = \"hubspot\"\n\
         base_url = \"http://{address}\"\nclient_secret = \"{secret}\"\naccess_token = \"{token}\"\n\
         # or by OAuth: this instead of access_token, then `touchline connect {connection}`\n\
         # client_id = \"{client_id}\"\n{people}",
        service = public_url(&config.target_url),
        secret = config.client_secret,
        token = config.access_token,
        client_id = config.client_id,
    )
}

/// Plays the history in portions in which no deal moves twice, each sent before
/// the next is played, so that no deal's webhooks overtake each other; shuffled,
/// all at once.
async fn play(fake: &FakeHubSpot, replay: &mut Replay, args: &HubSpotArgs) -> anyhow::Result<()> {
    let started = tokio::time::Instant::now();
    let first = replay.next_at().unwrap_or(UnixMs::MIN);
    let mut course = Course::new(replay.len(), "movements");
    while let Some(next) = replay.next_at() {
        let until = args.speed.map_or(UnixMs::MAX, |days| {
            let ms = started.elapsed().as_secs_f64() * days * touchline_rules::time::DAY_MS as f64;
            first.plus_ms(ms as i64)
        });
        let played = replay.play_portion(until, PORTION_MAX, fake)?;
        if played == 0 {
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        }
        if !args.shuffle {
            send_all(fake, &course).await;
        }
        course.at(replay.played(), &next.to_timestamp().strftime("%-d %b %Y").to_string());
    }
    send_all(fake, &course).await;
    course.end();
    Ok(())
}

/// Sends what waits and comes back when nothing does. What was not taken waits
/// longer each time, and everything after it with it.
async fn send_all(fake: &FakeHubSpot, course: &Course) {
    let failures = |counts: WebhookCounts| counts.attempts - counts.accepted;
    let mut told = failures(fake.webhook_counts());
    while let Some(next) = fake.tick(fake.now()).await {
        let failed = failures(fake.webhook_counts());
        if failed > told {
            told = failed;
            course.aside(|| tell_failure(fake));
        }
        let wait_ms = next.since_ms(fake.now()).max(0).unsigned_abs();
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    }
}

fn tell_failure(fake: &FakeHubSpot) {
    let status = fake.last_failed_attempt().and_then(|attempt| attempt.status);
    let hint = match status {
        None => {
            "nobody answers there\nhint: start `touchline serve`, or change --target".to_owned()
        }
        Some(401) => "401: the signature was refused\nhint: --target must begin with the \
                      service's public_url, and its client_secret be the one above"
            .to_owned(),
        Some(404) => "404\nhint: the service has no connection of that name".to_owned(),
        Some(429 | 503) => "the service asks to wait".to_owned(),
        Some(status) => format!("{status}"),
    };
    eprintln!("a webhook was not taken and is tried again: {hint}");
}

fn tell(fake: &FakeHubSpot, replay: &Replay) {
    let WebhookCounts { events, attempts, accepted, given_up } = fake.webhook_counts();
    eprintln!(
        "played {} movements: {events} events in {attempts} requests, {accepted} taken, {given_up} given up",
        replay.played()
    );
}

async fn until_quiet(fake: &FakeHubSpot) {
    eprintln!("waiting until the service has read what it wants to know");
    let waited = tokio::time::timeout(QUIET_WAIT_MAX, async {
        let before = fake.call_count();
        let mut calls = before;
        for rounds in 1_u32.. {
            tokio::time::sleep(QUIET).await;
            fake.tick(fake.now()).await;
            let now = fake.call_count();
            if now == calls {
                break;
            }
            calls = now;
            if rounds.is_multiple_of(TELL_EVERY_ROUNDS) {
                eprintln!(
                    "  it reads on, at the account's limits: {} calls so far",
                    calls - before
                );
            }
        }
    });
    if waited.await.is_err() {
        eprintln!("it reads on after {} minutes; stopping", QUIET_WAIT_MAX.as_secs() / 60);
    }
}

fn parse_speed(text: &str) -> Result<f64, String> {
    let days: Option<f64> = text.parse().ok().filter(|days: &f64| days.is_finite() && *days > 0.0);
    days.ok_or_else(|| format!("`{text}` should be a number of days above 0"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use touchline_hubspot::fake::{Actor, ObjectKind};

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: HubSpotArgs,
    }

    fn begun(target: &str) -> (Arc<FakeHubSpot>, HubSpotArgs) {
        let Line { args } = Line::parse_from(["hubspot", "--target", target]);
        (FakeHubSpot::new(account(&args, None).unwrap()), args)
    }

    #[test]
    fn oauth_comes_back_to_the_service_wherever_it_is() {
        let (fake, args) = begun("https://tl.example.com:8443/hooks/crm");
        let back = "https://tl.example.com:8443/connect/hubspot/callback";
        assert_eq!(fake.config().redirect_uris, [back]);
        let address = "127.0.0.1:9101".parse().unwrap();
        insta::assert_snapshot!(snippet(&fake, &args.target.connection, address, None), @r#"
        # public_url must be "https://tl.example.com:8443"
        [connections.crm]
        connector = "hubspot"
        base_url = "http://127.0.0.1:9101"
        client_secret = "fake-client-secret"
        access_token = "fake-access-token"
        # or by OAuth: this instead of access_token, then `touchline connect crm`
        # client_id = "fake-client-id"
        "#);
    }

    #[test]
    fn an_account_without_a_history_has_deals_that_somebody_can_move() {
        let (fake, _) = begun("http://127.0.0.1:8080/hooks/hubspot");
        start::fill(&fake).unwrap();
        let deals = fake.records(ObjectKind::Deal);
        assert_eq!(deals.len(), 4);
        let owners: std::collections::BTreeSet<_> =
            deals.iter().map(|deal| deal.stored("hubspot_owner_id").unwrap()).collect();
        assert_eq!(owners.len(), 2);
        assert!(fake.webhooks_idle(), "they were there before anybody listened");
        fake.set(deals[0].id, "dealstage", "contractsent", &Actor::user(7_000)).unwrap();
        assert!(!fake.webhooks_idle(), "what happens from now on is told");
    }
}
