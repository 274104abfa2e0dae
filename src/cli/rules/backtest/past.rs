//! Where the past of a back-test comes from: a history file, or the database.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use touchline_rules::backtest::{Crew, Member, Trust};
use touchline_rules::facts::{Managers, Metadata};
use touchline_rules::{Calendar, UnixMs};

use crate::cli::open;
use crate::coaching::data_check::load_verdicts;
use crate::coaching::opening::no_connection;
use crate::coaching::people::People;
use crate::coaching::portfolios::target_of;
use crate::config::Config;
use crate::history::stored::StoredPast;
use crate::history::stream::{Changes, HistoryFile};
use crate::roles::fetch::metadata::stored;

/// A past, ready to be played once.
pub(super) struct Past {
    /// What messages call it.
    pub name: String,
    pub metadata: Metadata,
    pub crew: Crew,
    pub changes: u64,
    /// When its first change happened.
    pub first: UnixMs,
    /// Up to when it is known.
    pub as_of: UnixMs,
    pub estimated: bool,
    /// Pipelines whose activities are trusted; `None` for all of them.
    trusted: Option<Vec<String>>,
    source: RefCell<Option<Source>>,
}

enum Source {
    File(HistoryFile),
    Stored(StoredPast),
}

impl Past {
    /// Of a file. It is looked through once, so that nothing wrong with it is
    /// found halfway.
    pub(super) fn of_file(config: &Config, path: &Path) -> anyhow::Result<Past> {
        let file = HistoryFile::open(path)?;
        let header = &file.header;
        anyhow::ensure!(
            file.overview.changes > 0,
            "the history {} tells of no change\nhint: make one with `touchline history import`",
            path.display()
        );
        let overview = file.overview;
        let calendar = |zone: Option<&str>| {
            let account = header.metadata.time_zone.as_deref();
            let zones = [zone, account, Some(config.time_zone.as_str()), Some("UTC")];
            let known = zones.into_iter().flatten().find_map(|zone| config.calendar_in(zone));
            known.unwrap_or_else(|| Calendar::weekdays(TimeZone::UTC))
        };
        let zones = config.people.iter().filter_map(|(email, person)| {
            Some((email.to_lowercase(), calendar(Some(person.time_zone.as_deref()?))))
        });
        let led = header.managers.iter();
        let led = led.map(|(email, manager)| (email.as_str(), manager.as_str()));
        let crew = Crew {
            managers: Managers::of(led),
            calendar: calendar(None),
            calendars: zones.collect(),
            members: members(config),
        };
        Ok(Past {
            name: path.display().to_string(),
            metadata: header.metadata.clone(),
            crew,
            changes: overview.changes,
            first: overview.first,
            as_of: header.as_of.max(overview.last.plus_ms(1)),
            estimated: header.estimated,
            trusted: (!overview.activities).then(Vec::new),
            source: RefCell::new(Some(Source::File(file))),
        })
    }

    /// Of the database, for one connection.
    pub(super) async fn of_store(config: &Arc<Config>, name: Option<&str>) -> anyhow::Result<Past> {
        let store = open::existing(config)?;
        let mut known: BTreeMap<String, Metadata> = BTreeMap::new();
        for slug in config.connections.keys() {
            if let Some(metadata) = stored(&store, slug).await? {
                known.insert(slug.clone(), metadata);
            }
        }
        let slug = match (name, known.keys().collect::<Vec<_>>().as_slice()) {
            (Some(name), _) if !config.connections.contains_key(name) => {
                return Err(no_connection(config, name));
            }
            (Some(name), _) => name.to_owned(),
            (None, [only]) => (*only).clone(),
            (None, []) => anyhow::bail!(
                "the database knows no account yet\nhint: connect one and let `touchline serve` read it, or give --history FILE"
            ),
            (None, several) => anyhow::bail!(
                "several accounts are connected\nhint: add --connection with one of {}",
                several.iter().map(|slug| slug.as_str()).collect::<Vec<_>>().join(", ")
            ),
        };
        let metadata = known.remove(&slug).unwrap_or_default();
        let people = People::load(store.clone(), Arc::clone(config)).await?;
        let emails = metadata.owners.iter().filter_map(|owner| owner.email.as_deref());
        let emails: Vec<String> = emails.map(str::to_lowercase).collect();
        let leads = emails.iter().filter_map(|email| people.manager_of(email));
        let everybody = emails.iter().cloned().chain(leads);
        let calendars = everybody.map(|email| {
            let calendar = people.calendar_of(Some(&email), &metadata);
            (email, calendar)
        });
        let crew = Crew {
            calendar: people.calendar_of(None, &metadata),
            calendars: calendars.collect(),
            members: members(config),
            managers: people.managers().clone(),
        };
        let verdicts = load_verdicts(&store, &slug).await?;
        let pipelines = metadata.pipelines.iter().map(|pipeline| pipeline.id.clone());
        let trusted = pipelines.filter(|id| verdicts.trusts(id)).collect();
        eprintln!("reading the changes of {slug}");
        let past = StoredPast::read(&store, &slug).await?;
        store.close();
        anyhow::ensure!(
            past.overview.changes > 0,
            "the database holds no change of {slug} yet\nhint: let `touchline serve` read it, or give --history FILE"
        );
        Ok(Past {
            name: format!("the changes of {slug}"),
            metadata,
            crew,
            changes: past.overview.changes,
            first: past.overview.first,
            as_of: open::clock().now(),
            estimated: past.estimated,
            trusted: Some(trusted),
            source: RefCell::new(Some(Source::Stored(past))),
        })
    }

    /// Where activities are believed.
    pub(super) fn trust(&self) -> Trust<'_> {
        match self.trusted.as_deref() {
            None => Trust::Everywhere,
            Some([]) => Trust::Nowhere,
            Some(trusted) => Trust::In(trusted),
        }
    }

    /// Its changes.
    pub(super) fn play(&self) -> anyhow::Result<Changes> {
        match self.source.take() {
            Some(Source::File(file)) => file.changes(),
            Some(Source::Stored(past)) => past.changes(),
            None => anyhow::bail!("a past is played once"),
        }
    }
}

/// What configuration says of single people.
fn members(config: &Config) -> BTreeMap<String, Member> {
    let of = |person| Member { target: target_of(person), manager_since: person.manager_since };
    config.people.iter().map(|(email, person)| (email.to_lowercase(), of(person))).collect()
}
