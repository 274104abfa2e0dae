//! A fake Slack on this machine, for Slack's own clients and for trying things.
//!
//! ```text
//! fake_slack serve --port 9102            the Web API under /api/, scripting under /control/
//! fake_slack blocks                       every view of a message as JSON
//! fake_slack click --action nudge.done    the signed request of a click as JSON
//! fake_slack click --action nudge.done --answer-url http://127.0.0.1:3000/slack
//! ```

use std::error::Error;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use serde_json::{Value, json};
use touchline_kit::{Card, CardLesson, CardView, Clock, Message};
use touchline_rules::UnixMs;
use touchline_slack::blocks::render;
use touchline_slack::fake::{FakeConfig, FakeSlack, FakeUser};

const USER: &str = "U1";

#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    command: Command,
    /// The token that is accepted.
    #[arg(long, global = true, default_value = "fake-xoxb-token")]
    token: String,
    /// What interactions are signed with.
    #[arg(long, global = true, default_value = "fake-signing-secret")]
    signing_secret: String,
    /// Where interactions are posted: `/interactive`, `/events` and `/commands` are added.
    #[arg(long, global = true)]
    answer_url: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve on 127.0.0.1 until interrupted.
    Serve {
        /// Port; 0 takes a free one. The address is printed.
        #[arg(long, default_value_t = 9102)]
        port: u16,
    },
    /// Print every view of a message as it is sent to Slack, as JSON.
    Blocks,
    /// Use a control of a message; with --answer-url post it, else print the request.
    Click(Click),
    /// Type `/touchline TEXT`; with --answer-url post it, else print the request.
    Type {
        /// What follows the command's name.
        text: String,
    },
    /// Remove the app; needs --answer-url.
    Uninstall,
}

#[derive(Args)]
struct Click {
    /// The view of the nudge: open, ask_reason, ask_until or why.
    #[arg(long, default_value = "open")]
    view: String,
    /// The control, for example nudge.done.
    #[arg(long)]
    action: String,
    /// The value of a menu's option, or a date.
    #[arg(long)]
    choice: Option<String>,
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMs {
        #[expect(clippy::disallowed_methods, reason = "a program of its own, on real time")]
        let now = jiff::Timestamp::now();
        UnixMs::from(now)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let posts = options.answer_url.is_some();
    let slack = FakeSlack::new(FakeConfig {
        team: "Example".into(),
        bot_token: options.token,
        signing_secret: options.signing_secret,
        users: vec![
            FakeUser::new(USER, "ada@example.com", "Ada Example", "Europe/London"),
            FakeUser::new("U2", "bob@example.com", "Bob Example", "Asia/Tokyo"),
        ],
        clock: Arc::new(SystemClock),
        answer_url: options.answer_url.unwrap_or_default(),
    });
    let request = match options.command {
        Command::Serve { port } => return serve(&slack, port).await,
        Command::Blocks => {
            println!("{:#}", Value::Object(all_views()));
            return Ok(());
        }
        Command::Uninstall => {
            println!("{}", serde_json::to_string(&slack.uninstall().await?)?);
            return Ok(());
        }
        Command::Type { text } => slack.command(USER, &text),
        Command::Click(click) => {
            let rendered = render(&Message::Nudge(card("n1", view(&click.view)?)));
            let ts = slack.put(USER, &rendered.text, rendered.blocks).ok_or("no such person")?;
            slack.interaction(USER, &ts, &click.action, click.choice.as_deref())?
        }
    };
    if posts {
        println!("{}", serde_json::to_string(&slack.post(request).await?)?);
    } else {
        let body = String::from_utf8(request.body)?;
        println!("{:#}", json!({ "headers": request.headers, "body": body }));
    }
    Ok(())
}

async fn serve(slack: &FakeSlack, port: u16) -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}/", listener.local_addr()?);
    let router = slack.router().merge(slack.control_router());
    axum::serve(listener, router)
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    Ok(())
}

fn view(name: &str) -> Result<CardView, Box<dyn Error>> {
    match name {
        "open" => Ok(CardView::Open),
        "ask_reason" => Ok(CardView::AskReason),
        "ask_until" => Ok(CardView::AskUntil),
        "why" => Ok(CardView::Why),
        "answers" => Ok(CardView::Answers),
        _ => Err(format!("no view `{name}`: open, ask_reason, ask_until, why or answers").into()),
    }
}

fn all_views() -> serde_json::Map<String, Value> {
    let quiet = || CardView::Quiet("Done. A next step is in the diary.".into());
    let nudge = |view: CardView| Message::Nudge(card("n1", view));
    let long = "<!channel> & *bold* ".repeat(500);
    let overfull = Card {
        headline: long.clone(),
        body: long.clone(),
        why: vec![long.clone(); 4],
        lesson: Some(lesson(&long)),
        facts: vec![(long.clone(), long.clone()); 12],
        ..card("n1", CardView::Why)
    };
    let digest = Message::Digest {
        title: "Three for today".into(),
        cards: vec![card("n1", CardView::Open), card("n2", CardView::Why), card("n3", quiet())],
    };
    let hello = Message::Hello {
        title: "Hello from Touchline".into(),
        lines: vec!["Switched on by Lead Example.".into(), "At most 2 tips a day.".into()],
    };
    let views = [
        ("open", nudge(CardView::Open)),
        ("ask_reason", nudge(CardView::AskReason)),
        ("ask_until", nudge(CardView::AskUntil)),
        ("why", nudge(CardView::Why)),
        ("answers", nudge(CardView::Answers)),
        ("quiet", nudge(quiet())),
        ("digest", digest),
        ("hello", hello),
        ("overfull", Message::Nudge(overfull.clone())),
        ("overfull_digest", Message::Digest { title: long, cards: vec![overfull; 3] }),
    ];
    let rendered = views.into_iter().map(|(name, message)| {
        let rendered = render(&message);
        (name.to_owned(), json!({ "text": rendered.text, "blocks": rendered.blocks }))
    });
    rendered.collect()
}

fn lesson(text: &str) -> Box<CardLesson> {
    Box::new(CardLesson {
        title: format!("End each talk with a dated step (60 seconds){text}"),
        text: format!("Before the call ends, agree on one date.\n\nSay it aloud.{text}"),
        question: format!("Question: What ends a call well?\n  a) Thanks\n  b) A date{text}"),
        answers: format!("a) Thanks\n   Not this one. It binds nobody.\nb) A date\n   Yes.{text}"),
    })
}

fn card(nudge_id: &str, view: CardView) -> Card {
    Card {
        nudge_id: nudge_id.into(),
        headline: "Acme & Sons <!channel>: no next step".into(),
        body: "Agree on *one* date before the call ends, and put it in the diary.".into(),
        why: vec![
            "Deals with a dated next step move on sooner.".into(),
            "Seen: stage Proposal since 3 working days, no meeting ahead.".into(),
        ],
        lesson: Some(lesson("")),
        facts: vec![
            ("Stage".into(), "Proposal".into()),
            ("Amount".into(), "42,000 EUR".into()),
            ("Close date".into(), "2026-12-31".into()),
        ],
        deal_url: Some("https://crm.example.com/deal/1".into()),
        rule_title: "Next step after the proposal".into(),
        view,
    }
}
