//! Edit: what was sent follows what happened since. An answered nudge, or one
//! whose reason is gone, becomes one quiet line; a task of ours is completed.

use std::sync::Arc;

use async_trait::async_trait;
use touchline_kit::{CallError, Message, Receipt};
use touchline_rules::UnixMs;
use touchline_rules::time::{MINUTE_MS, SECOND_MS};

use super::backoff;
use super::flight::Flight;
use super::ingest::{AnswerBody, COMPLETE, EDIT};
use super::lines::note_broken;
use super::{Progress, Role};
use crate::coaching::deliveries::CHAT;
use crate::coaching::looks::Look;
use crate::coaching::messages::{Shown, message};
use crate::connection::Connection;
use crate::service::Service;
use crate::store::{DeliveryRow, DeliveryState, NudgeRow, OutcomeRow, WorkRow};
use crate::wake::News;

const KINDS: &[&str] = &[EDIT, COMPLETE];
/// Outcomes of one nudge that are looked at for its newest look.
const OUTCOMES_MAX: usize = 500;
/// A delivery that is being sent is looked at again after that.
const SOON_MS: i64 = SECOND_MS;
/// Times one tick claims anew before it only finishes what it has begun.
const ROUNDS_MAX: usize = 1_000;
/// An edit of a line that broke waits at least that long.
const BROKEN_WAIT_MS: i64 = MINUTE_MS;

/// The role.
pub struct Edit {
    service: Arc<Service>,
}

/// What is to be done about one delivery.
enum Todo {
    /// Show this instead.
    Update(Receipt, Box<Message>),
    /// Mark the task done.
    Complete(Receipt),
    /// Nothing, now or ever.
    Nothing,
    /// It is being sent, or nobody knows whether it was: look again then.
    Later(UnixMs),
}

impl Edit {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Edit { service }
    }

    async fn handle(&self, work: WorkRow) -> anyhow::Result<()> {
        let service = &self.service;
        let Some(connection) = service.connections.get(&work.key.connection).cloned() else {
            return Ok(service.store.finish_work(vec![work]).await?);
        };
        let (session, view) = (&connection.session, connection.view());
        let done = match self.todo(&work).await? {
            Todo::Nothing => Ok(()),
            Todo::Later(at) => {
                let next = at.max(service.now().plus_ms(SOON_MS));
                return Ok(service.store.retry_work(work.key, next, "being sent".into()).await?);
            }
            Todo::Update(receipt, message) => match connection.channel() {
                Some(channel) => channel.update(session, &view, &receipt, &message).await,
                None => Ok(()),
            },
            Todo::Complete(receipt) => match connection.crm() {
                Some(crm) => crm.complete(session, &view, &receipt).await,
                None => Ok(()),
            },
        };
        match done {
            Ok(()) => Ok(service.store.finish_work(vec![work]).await?),
            Err(error) => self.failed(&connection, work, error).await,
        }
    }

    async fn todo(&self, work: &WorkRow) -> anyhow::Result<Todo> {
        let store = &self.service.store;
        let Some(delivery) = store.delivery(work.key.key.clone()).await? else {
            return Ok(Todo::Nothing);
        };
        match delivery.state {
            DeliveryState::Sent => {}
            DeliveryState::Claimed => return Ok(Todo::Later(UnixMs::MIN)),
            // It is settled then, and no sooner.
            DeliveryState::Unknown if delivery.until < UnixMs::MAX => {
                return Ok(Todo::Later(delivery.until));
            }
            _ => return Ok(Todo::Nothing),
        }
        let Ok(receipt) = serde_json::from_slice::<Receipt>(&delivery.receipt) else {
            return Ok(Todo::Nothing);
        };
        if delivery.on_end == COMPLETE {
            return Ok(Todo::Complete(receipt));
        }
        let mut shown = Vec::new();
        for nudge in store.nudges_of_delivery(delivery.id.clone()).await? {
            shown.extend(self.as_of_now(&delivery, nudge).await?);
        }
        Ok(message(&delivery, &shown)
            .map_or(Todo::Nothing, |it| Todo::Update(receipt, Box::new(it))))
    }

    /// A nudge as this delivery shows it now. One that was snoozed and came
    /// again is answered in its new message; the old one keeps its last line.
    async fn as_of_now(
        &self,
        delivery: &DeliveryRow,
        nudge: NudgeRow,
    ) -> anyhow::Result<Option<Shown>> {
        let store = &self.service.store;
        let outcomes = store.outcomes_of(nudge.id.clone(), OUTCOMES_MAX).await?;
        let all = store.deliveries_of_nudge(nudge.id.clone()).await?;
        let in_chat = all.iter().filter(|other| other.channel == CHAT);
        let later = in_chat.map(|other| other.created_at).filter(|at| *at > delivery.created_at);
        let until = later.min().unwrap_or(UnixMs::MAX);
        let answered = newest_look(&outcomes, delivery.created_at, until);
        Ok(Shown::fresh(nudge).map(|shown| shown.since(answered)))
    }

    async fn failed(
        &self,
        connection: &Connection,
        work: WorkRow,
        error: CallError,
    ) -> anyhow::Result<()> {
        let (service, now) = (&self.service, self.service.now());
        let delivery = &service.config.delivery;
        let wait = backoff::sending_ms(delivery, &work.key.key, work.attempts);
        let next = match &error {
            CallError::Limited { retry_at, .. } => *retry_at,
            CallError::Unavailable { retry_at, .. } => {
                retry_at.unwrap_or(now).max(now.plus_ms(wait))
            }
            // The same edit again ends the same.
            CallError::Ambiguous { .. } => now.plus_ms(wait),
            CallError::Unauthorized { .. } => {
                note_broken(service, connection, &error, now).await?;
                now.plus_ms(BROKEN_WAIT_MS)
            }
            CallError::NotFound { .. } => {
                return Ok(service.store.finish_work(vec![work]).await?);
            }
            CallError::Forbidden { .. } | CallError::Refused { .. } => {
                return self.give_up(work, &error).await;
            }
        };
        if work.attempts >= delivery.tries_max {
            return self.give_up(work, &error).await;
        }
        let next = next.max(now.plus_ms(1));
        Ok(service.store.retry_work(work.key, next, error.to_string()).await?)
    }

    async fn give_up(&self, work: WorkRow, error: &CallError) -> anyhow::Result<()> {
        tracing::warn!(
            delivery.id = work.key.key,
            connection = work.key.connection,
            kind = work.key.kind,
            %error,
            "a message or task of ours stays as it is"
        );
        Ok(self.service.store.finish_work(vec![work]).await?)
    }

    async fn work<'a>(&'a self, now: UnixMs, flight: &mut Flight<'a>) -> anyhow::Result<()> {
        let service = &self.service;
        let mut news = service.wake.listen(self.woken_by());
        let most = service.config.delivery.claims_per_connection;
        for _ in 0..ROUNDS_MAX {
            if service.is_stopping() {
                break;
            }
            news.catch_up();
            let now = service.now().max(now);
            let mut skip = service.store.broken_connections().await?;
            let all = service.connections.iter().map(|one| &one.slug);
            let (open, full) = open_lines(all, flight, most);
            skip.extend(full);
            let lease_ms = service.config.delivery.lease_ms;
            let claimed = service.store.claim_work(KINDS, now, open, lease_ms, skip).await?;
            for work in claimed {
                let slug = work.key.connection.clone();
                flight.begin(&slug, async move { self.handle(work).await });
            }
            if flight.is_empty() {
                return Ok(());
            }
            tokio::select! {
                ended = flight.next() => ended.unwrap_or(Ok(()))?,
                () = news.news() => {}
            }
        }
        Ok(())
    }
}

/// How much each line that has room can take, and the lines that have not. A
/// line is left to itself until half of its places are free again, so that one
/// that hangs does not make the others go piece by piece.
fn open_lines<'a>(
    all: impl Iterator<Item = &'a String>,
    flight: &Flight<'_>,
    most: usize,
) -> (usize, Vec<String>) {
    let (mut open, mut full) = (most, Vec::new());
    for slug in all {
        match flight.room(slug, most) {
            room if room >= most.div_ceil(2) => open = open.min(room),
            _ => full.push(slug.clone()),
        }
    }
    (open, full)
}

/// The look that the newest answer between two instants of our clock gave a nudge.
fn newest_look(outcomes: &[OutcomeRow], from: UnixMs, until: UnixMs) -> Option<Look> {
    let read = outcomes.iter().filter_map(|one| {
        let body = serde_json::from_slice::<AnswerBody>(&one.body).ok()?;
        Some((body.received_at.unwrap_or(one.at), body))
    });
    let within = read.filter(|(at, _)| (from..until).contains(at));
    within.max_by_key(|(_, body)| body.place).map(|(_, body)| body.look)
}

#[async_trait]
impl Role for Edit {
    fn name(&self) -> &'static str {
        "edit"
    }

    fn woken_by(&self) -> News {
        News::EDITS.and(News::LINES)
    }

    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let store = &self.service.store;
        let next = store.next_work_at(KINDS).await?;
        if next.is_none_or(|at| at > now) {
            return Ok(Progress::idle_until(next));
        }
        let mut flight = Flight::default();
        let worked = self.work(now, &mut flight).await;
        let mut ended = Ok(());
        while let Some(result) = flight.next().await {
            ended = ended.and(result);
        }
        worked?;
        ended?;
        let next = store.next_work_at(KINDS).await?;
        // What waits for a broken connection is due, but not to be tried at once.
        Ok(Progress::idle_until(next.map(|at| at.max(now.plus_ms(SOON_MS)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(at: i64, received_at: i64, seq: u64, look: Look) -> OutcomeRow {
        let body = AnswerBody { look, received_at: Some(UnixMs(received_at)), place: (seq, 0) };
        OutcomeRow {
            id: format!("{at}/{seq}"),
            nudge_id: "n".to_owned(),
            person: "ada@example.com".to_owned(),
            kind: "shown".to_owned(),
            at: UnixMs(at),
            body: serde_json::to_vec(&body).unwrap(),
        }
    }

    #[test]
    fn the_newest_answer_is_the_one_that_arrived_last() {
        // The vendor's clock is behind ours, and goes back in between.
        let all = [answered(400, 1_002, 8, Look::Open), answered(500, 1_001, 7, Look::Why)];
        assert_eq!(newest_look(&all, UnixMs(1_000), UnixMs::MAX), Some(Look::Open));
        assert_eq!(newest_look(&all, UnixMs(1_000), UnixMs(1_002)), Some(Look::Why));
        assert_eq!(newest_look(&all, UnixMs(1_003), UnixMs::MAX), None, "of an older message");
    }

    #[test]
    fn no_line_is_given_more_than_it_has_room_for() {
        let lines = ["crm".to_owned(), "slack".to_owned()];
        let mut flight = Flight::default();
        assert_eq!(open_lines(lines.iter(), &flight, 16), (16, Vec::new()));
        for _ in 0..7 {
            flight.begin("slack", async { Ok(()) });
        }
        assert_eq!(open_lines(lines.iter(), &flight, 16), (9, Vec::new()));
        for _ in 0..3 {
            flight.begin("slack", async { Ok(()) });
        }
        assert_eq!(open_lines(lines.iter(), &flight, 16), (16, vec!["slack".to_owned()]));
        assert_eq!(open_lines(lines.iter(), &Flight::default(), 1), (1, Vec::new()));
    }
}
