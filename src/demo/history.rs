//! A company's own past, lived through again: its deals move in the fake CRM when
//! they moved then, and the service says what it would have said.

use std::collections::HashMap;
use std::io::{BufReader, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use jiff::tz::TimeZone;
use touchline_rules::UnixMs;
use touchline_rules::time::HOUR_MS;
use touchline_slack::fake::FakeUser;

use super::account::{self, facts_config, phases_config};
use super::course::Course;
use super::replay::{Replay, managers_config, people};
use super::stage::{Plan, Stage};
use super::{report, summarise};
use crate::app::App;
use crate::clock::Clock as _;
use crate::connectors::connector;
use crate::file_errors::open_file;
use crate::history::{Header, History};

/// Movements that are this close together happen at one simulated instant.
const TOGETHER_MS: i64 = HOUR_MS;
/// Movements played before their webhooks are sent.
const PORTION_MAX: usize = 1_000;
/// What is changed about the service: no webhook is ever missed here, so it need
/// not look for what was, nor read a deal again before it speaks of it. Nor is there
/// an admin to decide on mass changes, which a file with dates alone is full of, nor an
/// owner to confirm rules.
const CONFIG: &str = "[attention]\nsending = \"everyone\"\nmass_change_deals = \"off\"\n\
    [crm]\npoll_interval_minutes = 10080\nmetadata_interval_minutes = 10080\n\
    [delivery]\nfresh_max_age_minutes = 1000000\n\
    [rule_health]\nexpiry = false\n";

/// How a history is lived through.
pub struct Options {
    /// The history.
    pub file: PathBuf,
    /// Messages that are printed; the rest is only counted.
    pub shown_max: usize,
    /// Stops after that much real time, wherever the history stands.
    pub exit_after: Option<Duration>,
    /// Where the database is kept.
    pub folder: PathBuf,
}

/// Vendor limits would only make simulated time pass: both vendors are ours here.
fn without_limits(connection: &str) -> String {
    let limits = connector(connection).map_or(&[][..], |known| known.manifest().limits);
    let lines = limits.iter().map(|limit| format!("{} = \"off\"\n", limit.name));
    format!("[connections.{connection}.limits]\n{}", lines.collect::<String>())
}

/// Reads a history file.
///
/// # Errors
/// When it cannot be read, with the line.
pub fn read(file: &std::path::Path) -> anyhow::Result<History> {
    let source = open_file("the history", file)?;
    History::read(BufReader::new(source)).with_context(|| file.display().to_string())
}

/// The history's people as chat users.
#[must_use]
pub fn chat_users(header: &Header) -> Vec<FakeUser> {
    let zone = header.metadata.time_zone.as_deref().unwrap_or("UTC");
    let people = people(header).into_iter().enumerate();
    people
        .map(|(index, (email, name))| FakeUser::new(&format!("U{index:03}"), &email, &name, zone))
        .collect()
}

/// Lives through a history, printing to `out` what people would have got.
///
/// # Errors
/// When the history cannot be read or makes no sense, or the service fails.
pub async fn play(options: Options, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let history = read(&options.file)?;
    let Some(first) = history.changes.first().map(|change| change.occurred_at) else {
        anyhow::bail!("the history {} tells of no change", options.file.display());
    };
    let header = &history.header;
    let mut plan = Plan::new(first, &options.folder);
    plan.chat = chat_users(header);
    plan.config = [
        CONFIG.to_owned(),
        without_limits("hubspot"),
        without_limits("slack"),
        managers_config(header),
        facts_config(),
        phases_config(&header.metadata.pipelines),
    ]
    .concat();
    plan.time_zone.clone_from(&header.metadata.time_zone);
    plan.hubspot = |hubspot| {
        hubspot.limits = touchline_hubspot::fake::RateLimits::off();
        account::hear_named_facts(hubspot);
    };
    let stage = Stage::new(plan).await?;
    stage.slack.set_rate_limits(false);
    let mut replay = Replay::new(&history, &stage.hubspot);
    let app = stage.open().await?;
    let zone = header.metadata.time_zone.as_deref().unwrap_or("UTC");
    let reader = Reader { shown_max: options.shown_max, read: 0, zone };
    let live = live(&stage, &app, &mut replay, reader, header.as_of, options.exit_after, out);
    stage.play(&app, live).await?;
    if header.estimated {
        writeln!(out, "the history's times are estimates, and so is all that follows from them")?;
    }
    summarise(&app, first, stage.clock.now(), out).await
}

async fn live(
    stage: &Stage,
    app: &App,
    replay: &mut Replay,
    mut reader: Reader<'_>,
    end: UnixMs,
    exit_after: Option<Duration>,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let started = tokio::time::Instant::now();
    let mut course = Course::new(replay.len(), "movements");
    let zone = TimeZone::get(reader.zone).unwrap_or(TimeZone::UTC);
    loop {
        let now = stage.clock.now();
        let played = replay.play_portion(now, PORTION_MAX, &stage.hubspot)?;
        let due = stage.settle(app).await?;
        reader.read_new(stage, &course, out)?;
        course.at(replay.played(), &now.to_zoned(&zone).strftime("%a %-d %b %Y").to_string());
        if exit_after.is_some_and(|limit| started.elapsed() >= limit) {
            break;
        }
        if played > 0 && replay.next_at().is_some_and(|at| at <= now) {
            continue;
        }
        let next = [due, replay.last_within(TOGETHER_MS)].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next < end || replay.next_at().is_some()) else {
            break;
        };
        stage.clock.set(next.max(now.plus_ms(1)));
    }
    course.end();
    reader.tell_rest(stage, out)
}

/// Reads along in chat.
struct Reader<'a> {
    shown_max: usize,
    read: usize,
    zone: &'a str,
}

impl Reader<'_> {
    fn read_new(
        &mut self,
        stage: &Stage,
        course: &Course,
        out: &mut (dyn Write + Send),
    ) -> anyhow::Result<()> {
        if self.read >= self.shown_max {
            return Ok(());
        }
        let mut new = stage.slack.messages_after(self.read);
        // Messages to several people at one instant come in no fixed order.
        new.sort_by(|a, b| (a.posted_at, &a.user).cmp(&(b.posted_at, &b.user)));
        new.truncate(self.shown_max - self.read);
        self.read += new.len();
        for message in &new {
            course.aside(|| writeln!(out, "{}", report::message(message, self.zone)))?;
        }
        Ok(())
    }

    fn tell_rest(&self, stage: &Stage, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
        let rest = stage.slack.messages_after(self.read);
        if rest.is_empty() {
            return Ok(());
        }
        let mut readers: HashMap<&str, usize> = HashMap::new();
        for message in &rest {
            *readers.entry(&message.user_name).or_default() += 1;
        }
        let (more, people) = (rest.len(), readers.len());
        writeln!(out, "… and {more} more messages to {people} people\n")?;
        Ok(())
    }
}
