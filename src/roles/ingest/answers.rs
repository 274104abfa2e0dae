//! Answers: what somebody clicked becomes an outcome, a preference, and an edit
//! of what they see.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use touchline_kit::{Answer, AnswerAction, Inbound, NotHelpful, PauseFor};
use touchline_rules::attention::{self, apply_answer};
use touchline_rules::{Calendar, UnixMs};

use super::commands::{self, Asking};
use super::events::{Event, Said};
use crate::coaching::looks::{Look, Settled};
use crate::coaching::people::CHAT_IDENTITY;
use crate::roles::batching::{Batching, id_of};
use crate::service::Service;
use crate::store::{
    DeliveryRow, NewWork, NudgeRow, NudgeState, OutcomeRow, PreferenceKind, PreferenceRow, WorkKey,
    stranger,
};

/// Work: complete the task behind a delivery.
pub const COMPLETE: &str = "complete";
/// Work: edit the message behind a delivery.
pub const EDIT: &str = "edit";

/// What is kept of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerBody {
    /// How the nudge looks from now on.
    pub look: Look,
    /// When it arrived, by our clock; `None` in what older versions stored.
    #[serde(default)]
    pub received_at: Option<UnixMs>,
    /// Its place in the inbox: the row, and from 0 the place in it. It tells
    /// which of two answers is newer, whatever the clocks say.
    #[serde(default)]
    pub place: (u64, u32),
}

/// What was looked up for the answers of a batch.
#[derive(Default)]
pub struct AnswerContext {
    nudges: HashMap<String, (NudgeRow, Vec<DeliveryRow>)>,
    people: HashMap<String, (String, Calendar)>,
    /// What those chose before who choose something in this batch.
    choices: HashMap<String, Vec<PreferenceRow>>,
}

/// Looks up the nudges and people that the answers among `events` are about.
pub async fn load_answers(service: &Service, events: &[Event]) -> anyhow::Result<AnswerContext> {
    let mut context = AnswerContext::default();
    for event in events {
        let Said::Well(Inbound::Answer(answer)) = &event.said else { continue };
        if let Some(id) = &answer.nudge_id
            && let Some(nudge) = service.store.nudge(id.clone()).await?
        {
            let deliveries = service.store.deliveries_of_nudge(id.clone()).await?;
            context.nudges.insert(id.clone(), (nudge, deliveries));
        }
        let person = service
            .store
            .person_by_identity(
                event.connection.clone(),
                CHAT_IDENTITY.to_owned(),
                answer.vendor_user_id.clone(),
            )
            .await?;
        let person = person.map(|person| person.id);
        let calendar = service.people.calendar_of(person.as_deref(), &service.account());
        // Whoever asks for quiet before we ever wrote to them is to have it.
        let person = person.unwrap_or_else(|| stranger(&event.connection, &answer.vendor_user_id));
        if matches!(answer.action, AnswerAction::Choose(_))
            && !context.choices.contains_key(&person)
        {
            let chosen = service.store.preferences(person.clone()).await?;
            context.choices.insert(person.clone(), chosen);
        }
        context.people.insert(answer.vendor_user_id.clone(), (person, calendar));
    }
    Ok(context)
}

impl AnswerContext {
    /// Applies one answer. Somebody unknown, or somebody else's nudge, changes nothing.
    pub fn apply(&self, answer: &Answer, event: &Event, batching: &mut Batching<'_>) {
        let person = self.people.get(&answer.vendor_user_id);
        if let (None, Some((person, calendar))) = (&answer.nudge_id, person) {
            let asking = Asking { person, calendar, choice: self.choices.get(person) };
            commands::apply(answer, &asking, event.received_at, batching);
            return;
        }
        let nudge = answer.nudge_id.as_ref().and_then(|id| self.nudges.get(id));
        let (Some((person, calendar)), Some((nudge, deliveries))) = (person, nudge) else {
            batching.count("answers_unknown", 1);
            return;
        };
        if nudge.person != *person {
            batching.count("answers_unknown", 1);
            return;
        }
        let at = answer.at.max(nudge.created_at).min(event.received_at.max(nudge.created_at));
        let meaning = meaning(&answer.action, &nudge.rule_id, at, calendar);
        batching.count("answers", i64::from(meaning.is_answer));
        self.prefer(&meaning, person, nudge, batching);
        let outcome = outcome_row(&meaning, person, nudge, at, event, batching);
        batching.batch.outcomes.push(outcome);
        if let Some((state, due_at)) = meaning.moves {
            batching.batch.nudge_steps.push((nudge.id.clone(), state, due_at));
        }
        for delivery in deliveries {
            if delivery.on_end == EDIT || meaning.completes_task {
                let key = WorkKey {
                    kind: delivery.on_end.clone(),
                    connection: delivery.connection.clone(),
                    key: delivery.id.clone(),
                };
                batching.batch.work.push(NewWork {
                    key,
                    next_at: event.received_at,
                    body: Vec::new(),
                });
            }
        }
    }

    fn prefer(
        &self,
        meaning: &Meaning,
        person: &str,
        nudge: &NudgeRow,
        batching: &mut Batching<'_>,
    ) {
        let mut put = |kind, key: &str, until| {
            batching.batch.preferences.push(preference(person, kind, key, until));
        };
        if let Some(until) = meaning.snooze_until {
            put(PreferenceKind::Snooze, &nudge.id, until);
        }
        if let Some(rule) = &meaning.mute_rule {
            put(PreferenceKind::Mute, rule, UnixMs::MAX);
        }
        if let Some(until) = meaning.pause_until {
            put(PreferenceKind::Pause, "", until);
        }
    }
}

pub(super) fn preference(
    person: &str,
    kind: PreferenceKind,
    key: &str,
    until: UnixMs,
) -> PreferenceRow {
    let (person, key) = (person.to_owned(), key.to_owned());
    PreferenceRow { person, kind, key, until, body: Vec::new() }
}

/// What an answer means here.
pub(super) struct Meaning {
    kind: &'static str,
    is_answer: bool,
    look: Look,
    moves: Option<(NudgeState, UnixMs)>,
    completes_task: bool,
    snooze_until: Option<UnixMs>,
    mute_rule: Option<String>,
    pub(super) pause_until: Option<UnixMs>,
}

impl Meaning {
    fn look_only(kind: &'static str, look: Look) -> Self {
        Meaning {
            kind,
            is_answer: false,
            look,
            moves: None,
            completes_task: false,
            snooze_until: None,
            mute_rule: None,
            pause_until: None,
        }
    }
}

pub(super) fn meaning(
    action: &AnswerAction,
    rule: &str,
    at: UnixMs,
    calendar: &Calendar,
) -> Meaning {
    let pure = match action {
        // Typed, about no nudge: see `commands`.
        AnswerAction::Resume
        | AnswerAction::Choose(_)
        | AnswerAction::ShowSettings
        | AnswerAction::ShowSpared => return Meaning::look_only("refused", Look::Open),
        AnswerAction::AskReason => return Meaning::look_only("asked_reason", Look::AskReason),
        AnswerAction::AskUntil => return Meaning::look_only("asked_until", Look::AskUntil),
        AnswerAction::ShowWhy => return Meaning::look_only("shown_why", Look::Why),
        AnswerAction::ShowAnswers => return Meaning::look_only("shown_answers", Look::Answers),
        AnswerAction::ShowNudge => return Meaning::look_only("shown", Look::Open),
        AnswerAction::Done => attention::Answer::Done,
        AnswerAction::Snooze { days: 7 } => attention::Answer::SnoozeToNextWeek,
        AnswerAction::Snooze { days } => attention::Answer::Snooze { days: *days },
        AnswerAction::NotHelpful(reason) => attention::Answer::NotHelpful(match reason {
            NotHelpful::AlreadyDone => attention::NotHelpful::AlreadyDone,
            NotHelpful::NotTrueHere => attention::NotHelpful::NotTrueHere,
            NotHelpful::NotNow => attention::NotHelpful::NotNow,
            NotHelpful::StopThisTip => attention::NotHelpful::StopThisTip,
        }),
        AnswerAction::MuteRule => attention::Answer::MuteRule,
        AnswerAction::Pause(PauseFor::Today) => {
            attention::Answer::Pause(attention::PauseFor::Today)
        }
        AnswerAction::Pause(PauseFor::ThisWeek) => {
            attention::Answer::Pause(attention::PauseFor::ThisWeek)
        }
        AnswerAction::Pause(PauseFor::Until(text)) => match attention::PauseFor::until(text) {
            Ok(pause) => attention::Answer::Pause(pause),
            Err(refused) => return refusal(&refused),
        },
    };
    match apply_answer(pure, rule, at, calendar) {
        Ok(effect) => settled(pure, effect, at, calendar),
        Err(refused) => refusal(&refused),
    }
}

fn settled(
    answer: attention::Answer,
    effect: attention::AnswerEffect,
    at: UnixMs,
    calendar: &Calendar,
) -> Meaning {
    let day = |until: Option<UnixMs>| calendar.local_date(until.unwrap_or(at));
    let settled = match answer {
        attention::Answer::Done => Settled::Done,
        attention::Answer::MuteRule => Settled::Muted,
        attention::Answer::NotHelpful(why) => Settled::NotHelpful(why),
        attention::Answer::Snooze { .. } | attention::Answer::SnoozeToNextWeek => {
            Settled::Snoozed(day(effect.snooze_until))
        }
        attention::Answer::Pause(_) => Settled::Paused(day(effect.pause_until)),
    };
    let moves = match effect.snooze_until {
        Some(until) => (NudgeState::Pending, until),
        None => (NudgeState::Answered, at),
    };
    Meaning {
        kind: effect.outcome.map_or("answered", attention::Outcome::name),
        is_answer: true,
        look: Look::Settled(settled),
        moves: Some(moves),
        // A nudge that is settled leaves no task open; a snoozed one comes again.
        completes_task: effect.snooze_until.is_none(),
        snooze_until: effect.snooze_until,
        mute_rule: effect.mute_rule,
        pause_until: effect.pause_until,
    }
}

fn refusal(refused: &attention::AnswerRefused) -> Meaning {
    tracing::debug!(%refused, "an answer had no effect");
    Meaning::look_only("refused", Look::AskAgain(refused.to_string()))
}

/// An answer counts once for each nudge and person, however often a button is
/// clicked; looking at the explanation is kept each time.
fn outcome_row(
    meaning: &Meaning,
    person: &str,
    nudge: &NudgeRow,
    at: UnixMs,
    event: &Event,
    batching: &mut Batching<'_>,
) -> OutcomeRow {
    let mut cause = format!("{}/{person}/{}", nudge.id, meaning.kind);
    if !meaning.is_answer || meaning.snooze_until.is_some() {
        cause.push_str(&format!("/{}/{}", event.seq, event.place));
    }
    let body = AnswerBody {
        look: meaning.look.clone(),
        received_at: Some(event.received_at),
        place: (event.seq, event.place),
    };
    OutcomeRow {
        id: id_of(&cause),
        nudge_id: nudge.id.clone(),
        person: person.to_owned(),
        kind: meaning.kind.to_owned(),
        at,
        body: batching.written(&body),
    }
}
