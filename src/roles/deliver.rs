//! Deliver: from waiting deliveries to messages and tasks, each claimed before
//! it leaves, and its outcome kept.
//!
//! One tick works while anything is due: it reads what is due with everything
//! around it, looks once more ([`last_look`]), commits what that decided in one
//! transaction, and begins the calls ([`send`]). Calls of one connection take
//! the places of no other, so a dead one delays nobody else; in a chat each
//! reader is told one thing at a time, and one whom a limit holds back is left
//! alone until it opens, so that others go on. An unknown outcome
//! is settled by asking the vendor, or where it cannot tell by sending once
//! more ([`unknown`]).

mod last_look;
mod send;
mod unknown;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use async_trait::async_trait;
use touchline_rules::UnixMs;
use touchline_rules::time::MINUTE_MS;

use super::flight::Flight;
use super::lines::{Lines, test_line};
use super::{Progress, Role};
use crate::coaching::settings::policy;
use crate::service::Service;
use crate::store::{DeliveryRow, Fenced, LastLook, NewWork, Room};
use crate::wake::News;
use last_look::{Job, Looking, Verdict};
use unknown::Way;

/// Times one tick claims anew before it only finishes what it has begun.
const ROUNDS_MAX: usize = 1_000;
/// Deliveries of unknown outcome settled in one tick.
const UNKNOWN_MAX: usize = 64;
/// Waiting deliveries whose time is over are looked for that often.
const SWEEP_EVERY_MS: i64 = MINUTE_MS;
/// Of these, dropped in one tick.
const SWEEP_MAX: usize = 500;

/// What came of looking at what is due.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Round {
    /// Nothing was.
    Idle,
    /// All of it was dealt with.
    Done,
    /// Some was, and there may be more.
    Again,
}

/// The role.
pub struct Deliver {
    service: Arc<Service>,
    lines: Lines,
    /// A tick began and did not end: what it had claimed may have been sent.
    unfinished: AtomicBool,
    sweep_at: AtomicI64,
}

impl Deliver {
    /// For this service. Only one may exist: it takes every claim that it did
    /// not make itself for one that was interrupted.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Deliver {
            service,
            lines: Lines::default(),
            unfinished: AtomicBool::new(true),
            sweep_at: AtomicI64::new(UnixMs::MIN.0),
        }
    }

    /// What is done once in a tick: expired ones dropped, unknown ones settled,
    /// broken lines tried. Answers whether anything changed at once.
    async fn begin<'a>(&'a self, now: UnixMs, flight: &mut Flight<'a>) -> anyhow::Result<bool> {
        let store = &self.service.store;
        let mut changed = false;
        if self.sweep_at.load(Ordering::Relaxed) <= now.0 {
            changed = store.drop_expired(now, SWEEP_MAX).await? > 0;
            if !changed {
                self.sweep_at.store(now.plus_ms(SWEEP_EVERY_MS).0, Ordering::Relaxed);
            }
        }
        let unknown = store.unknown_due(now, UNKNOWN_MAX).await?;
        for slug in self.lines.tests_due(&unknown.broken, now) {
            if let Some(connection) = self.service.connections.get(&slug).cloned() {
                flight
                    .begin(&slug, async move { test_line(&self.service, &connection, now).await });
            }
        }
        changed |= !unknown.deliveries.is_empty();
        let settings = self.service.settings.current();
        let policy = policy(&self.service.config, &settings.to);
        let mut looking = Looking::new(&self.service, &settings.to, &policy, &unknown, now);
        for (row, nudges) in &unknown.deliveries {
            let is_broken = unknown.broken.contains(&row.connection);
            let way = match looking.written(row, nudges) {
                Some(write) => Way::Ask(write),
                None => Way::Repeat(looking.look(row, nudges)),
            };
            let (slug, row) = (row.connection.clone(), row.clone());
            flight.begin(&slug, async move {
                if is_broken {
                    self.unknown_later(&row, now).await
                } else {
                    self.settle_unknown(row, way, now).await
                }
            });
        }
        Ok(changed)
    }

    /// What each connection can take now: none that is held back, nothing for
    /// readers who are, or whose message is under way.
    fn rooms(&self, flight: &Flight<'_>, now: UnixMs) -> BTreeMap<String, Room> {
        let most = self.service.config.delivery.claims_per_connection;
        let all = self.service.connections.iter().map(|one| &one.slug);
        let open = all.filter(|slug| !self.lines.is_held(slug, now));
        let rooms = open.map(|slug| {
            let mut not_for = self.lines.held_readers(slug, now);
            not_for.extend(flight.readers(slug));
            (slug.clone(), Room { most: flight.room(slug, most), not_for })
        });
        rooms.collect()
    }

    /// Claims what is due as far as there are places, and begins to send it.
    async fn round<'a>(&'a self, now: UnixMs, flight: &mut Flight<'a>) -> anyhow::Result<Round> {
        let service = &self.service;
        let settings = service.settings.current();
        let policy = policy(&service.config, &settings.to);
        let rooms = self.rooms(flight, now);
        let least = rooms.values().map(|room| room.most).filter(|most| *most > 0).min();
        let due = service.store.due_deliveries(now, rooms, policy.hello).await?;
        if due.deliveries.is_empty() {
            return Ok(Round::Idle);
        }
        if due.settings_version != settings.version {
            service.settings.refresh().await?;
            return Ok(Round::Again);
        }
        // Fewer than any place had room for were all there were.
        let is_all = least.is_some_and(|least| due.deliveries.len() < least);
        let mut looking = Looking::new(service, &settings.to, &policy, &due, now);
        let mut told = BTreeSet::new();
        let mut verdicts = Vec::new();
        for (row, nudges) in &due.deliveries {
            let verdict = looking.look(row, nudges);
            let is_message = matches!(verdict, Verdict::Send { .. }) && last_look::is_in_chat(row);
            // A second message to the same reader waits, unclaimed, for the first.
            if !is_message || told.insert((&row.connection, &row.person)) {
                verdicts.push((row.clone(), verdict));
            }
        }
        let Some(jobs) = self.settle(settings.version, verdicts, now).await? else {
            return Ok(Round::Again);
        };
        for (row, job) in jobs {
            self.note_first_nudge(&row, now).await;
            let reader =
                if last_look::is_in_chat(&row) { row.person.clone() } else { String::new() };
            let slug = row.connection.clone();
            flight.begin_for(&reader, &slug, async move { self.send(row, job).await });
        }
        Ok(if is_all { Round::Done } else { Round::Again })
    }

    /// Commits the verdicts; answers what was claimed, or `None` when settings
    /// moved and nothing was.
    async fn settle(
        &self,
        settings_version: i64,
        verdicts: Vec<(DeliveryRow, Verdict)>,
        now: UnixMs,
    ) -> anyhow::Result<Option<Vec<(DeliveryRow, Job)>>> {
        let service = &self.service;
        let lease_until = now.plus_ms(service.config.delivery.lease_ms);
        let mut looks = Vec::new();
        let mut jobs = BTreeMap::new();
        let mut work: Vec<NewWork> = Vec::new();
        for (row, verdict) in verdicts {
            let look = match verdict {
                Verdict::Send { job, without, said } => {
                    jobs.insert(row.id.clone(), *job);
                    LastLook::Claim { until: lease_until, without, said }
                }
                Verdict::Wait { until, why, ask } => {
                    work.extend(ask);
                    LastLook::Wait { until, why: why.to_owned() }
                }
                Verdict::Drop(reason, without) => {
                    LastLook::Drop { reason: reason.to_owned(), without }
                }
                Verdict::TakeBack => LastLook::TakeBack,
            };
            looks.push((row.id, look));
        }
        let claimed = match service.store.settle_due(settings_version, now, looks, work).await? {
            Fenced::Done(claimed) => claimed,
            Fenced::SettingsChanged { .. } => {
                service.settings.refresh().await?;
                return Ok(None);
            }
        };
        let with_jobs = claimed.into_iter().filter_map(|row| Some((jobs.remove(&row.id)?, row)));
        Ok(Some(with_jobs.map(|(job, row)| (row, job)).collect()))
    }

    /// A person's first days are counted from the first nudge. Losing this only
    /// keeps a person new for longer, so it never keeps a message back.
    async fn note_first_nudge(&self, row: &DeliveryRow, now: UnixMs) {
        let known = self.service.people.get(&row.person);
        let Some(person) = known.filter(|one| one.first_nudge_at.is_none()) else { return };
        if !last_look::carries_nudges(row) {
            return;
        }
        let mut person = (*person).clone();
        person.first_nudge_at = Some(now);
        if let Err(error) = self.service.people.put(person).await {
            tracing::warn!(delivery.id = row.id, %error, "could not note its reader's first nudge");
        }
    }

    /// Works until nothing is due or under way; answers whether anything was done.
    async fn work<'a>(&'a self, now: UnixMs, flight: &mut Flight<'a>) -> anyhow::Result<Round> {
        // What is committed from here on is heard, and seen by another look.
        let mut news = self.service.wake.listen(self.woken_by());
        // What is due goes first: everything else can wait a moment.
        let first = self.round(now, flight).await?;
        let begun = self.begin(now, flight).await?;
        let mut worked = begun || first != Round::Idle;
        let mut looks = begun || first == Round::Again;
        for _ in 0..ROUNDS_MAX {
            if self.service.is_stopping() {
                break;
            }
            if news.catch_up() || looks {
                let round = self.round(self.service.now().max(now), flight).await?;
                worked |= round != Round::Idle;
                looks = round == Round::Again;
                continue;
            }
            if flight.is_empty() {
                return Ok(if worked { Round::Done } else { Round::Idle });
            }
            tokio::select! {
                ended = flight.next() => {
                    // It made room, and perhaps for somebody who waited for it.
                    (worked, looks) = (true, true);
                    ended.unwrap_or(Ok(()))?;
                }
                () = news.news() => {}
            }
        }
        Ok(Round::Again)
    }
}

#[async_trait]
impl Role for Deliver {
    fn name(&self) -> &'static str {
        "deliver"
    }

    fn woken_by(&self) -> News {
        News::DELIVERIES.and(News::LINES)
    }

    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let service = &self.service;
        if self.unfinished.swap(true, Ordering::SeqCst) {
            let interrupted = service.store.recover_claims().await?;
            if interrupted > 0 {
                tracing::warn!(deliveries = interrupted, "found claims without an outcome");
            }
        }
        let mut flight = Flight::default();
        let worked = self.work(now, &mut flight).await;
        // What was begun is finished whatever happened beside it.
        let mut ended = Ok(());
        while let Some(result) = flight.next().await {
            ended = ended.and(result);
        }
        let worked = worked?;
        ended?;
        self.unfinished.store(false, Ordering::SeqCst);
        if worked == Round::Again {
            return Ok(Progress::WORKED);
        }
        let ahead = service.store.deliveries_ahead(now).await?;
        let sweep = ahead.any_waiting.then(|| now.plus_ms(SWEEP_EVERY_MS));
        let next = [ahead.next, sweep, self.lines.next(now)].into_iter().flatten().min();
        Ok(match worked {
            Round::Idle => Progress::idle_until(next),
            _ => Progress::done_until(next),
        })
    }
}
