//! `touchline sim slack`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use touchline_slack::fake::{FakeConfig, FakeSlack, FakeUser, pretty};

use super::people::PEOPLE;
use super::{Target, address, listen, target};
use crate::clock::SystemClock;
use crate::demo::history::{chat_users, read};

const BOT_TOKEN: &str = "fake-xoxb-token";
const SIGNING_SECRET: &str = "fake-signing-secret";
/// How often new messages are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(Args)]
#[command(after_help = "\
Each message is printed as its reader sees it. To answer one as its reader, post
the click to /control/click; user and ts are in /control/messages, and
/control/messages/TS lists the controls of a message with their choices:

  curl -s 127.0.0.1:9102/control/messages
  curl -s 127.0.0.1:9102/control/messages/1772442000.000100
  curl -s 127.0.0.1:9102/control/click -d '{\"user\":\"U000\",\"ts\":\"1772442000.000100\",\"action\":\"nudge.snooze\",\"choice\":\"1\"}'

Nothing comes? Quiet hours hold messages back until the morning of --zone;
`touchline doctor` says what waits and until when.")]
pub(in crate::cli) struct SlackArgs {
    /// Where the Web API listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9102", value_parser = address)]
    listen: SocketAddr,
    /// Where clicks go: the service's public address and connection.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080/hooks/slack", value_parser = target)]
    target: Target,
    /// The people of a history are in the workspace. Without this and --user: the
    /// two of `sim hubspot`.
    #[arg(long, value_name = "HISTORY")]
    people: Option<PathBuf>,
    /// Somebody else who is in the workspace; may be given again.
    #[arg(long, value_name = "EMAIL")]
    user: Vec<String>,
    /// IANA zone of those people.
    #[arg(long, value_name = "ZONE", default_value = "Europe/London", value_parser = zone)]
    zone: String,
}

fn zone(text: &str) -> Result<String, String> {
    let known = jiff::tz::TimeZone::get(text).is_ok();
    known
        .then(|| text.to_owned())
        .ok_or_else(|| "write an IANA name, as in Europe/London".to_owned())
}

fn two_people(zone: &str) -> Vec<FakeUser> {
    let people = PEOPLE.iter().enumerate();
    people
        .map(|(index, (email, given, family))| {
            FakeUser::new(&format!("U{index:03}"), email, &format!("{given} {family}"), zone)
        })
        .collect()
}

pub(super) async fn run(args: SlackArgs) -> anyhow::Result<ExitCode> {
    let connection = &args.target.connection;
    let mut users = match &args.people {
        Some(file) => chat_users(&read(file)?.header),
        None => Vec::new(),
    };
    if users.is_empty() && args.user.is_empty() {
        users = two_people(&args.zone);
    }
    let more = args.user.iter().enumerate();
    users.extend(
        more.map(|(index, email)| {
            FakeUser::new(&format!("U9{index:02}"), email, email, &args.zone)
        }),
    );
    let people = users.len();
    let slack = FakeSlack::new(FakeConfig {
        team: "Example".to_owned(),
        bot_token: BOT_TOKEN.to_owned(),
        signing_secret: SIGNING_SECRET.to_owned(),
        users,
        clock: Arc::new(SystemClock),
        answer_url: args.target.url.clone(),
    });
    let (listener, address) = listen(args.listen).await?;
    println!(
        "[connections.{connection}]\nconnector = \"slack\"\nbase_url = \"http://{address}/api/\"\n\
         bot_token = \"{BOT_TOKEN}\"\nsigning_secret = \"{SIGNING_SECRET}\"\n"
    );
    eprintln!(
        "a fake Slack workspace of {people} people answers on http://{address}; paste the lines above into touchline.toml"
    );
    let router = slack.router().merge(slack.control_router());
    let reading = async {
        let (mut read, mut edits) = (0, 0);
        loop {
            for message in slack.messages_after(read) {
                read += 1;
                println!("── to {} ──\n{}", message.user_name, pretty(&message));
            }
            for message in slack.edited_after(edits) {
                edits += 1;
                println!("── changed, to {} ──\n{}", message.user_name, pretty(&message));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        served = axum::serve(listener, router).into_future() => served?,
        () = reading => {}
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    Ok(ExitCode::SUCCESS)
}
