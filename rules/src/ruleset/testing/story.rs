//! Telling a story to the engine, one step after the other.

use super::read::OWNER;
use super::verdict::Told;
use super::{Given, RuleTest, StoryMove, StoryStep};
use crate::engine::{Stimulus, World, explain_change, step};
use crate::facts::activities::PEOPLE_PER_ACTIVITY_MAX;
use crate::facts::{
    Activity, ActivityKind, Actor, ActorKind, Change, ChangeKind, ChangedBy, DealKey, DealState,
    Direction, Fact, Field, HistoryItem, Metadata, Observation, Origin, Owner, PersonMark,
    Pipeline, Stage, StageKind, Value,
};
use crate::ruleset::Rule;
use crate::time::UnixMs;

/// E-mails of the story's seller and of who leads them.
pub(super) const SELLER_AND_LEAD: (&str, &str) = ("seller@example.com", "lead@example.com");
/// Id of the story's pipeline, unless it says otherwise.
pub(super) const PIPELINE: &str = "sales";
const OWNER_USER: &str = "story-owner-user";
const LEAD_USER: &str = "story-lead-user";
const COLLEAGUE_USER: &str = "story-colleague-user";

fn key() -> DealKey {
    DealKey { connection: "story".into(), id: "1".into() }
}

pub(super) fn account(test: &RuleTest) -> Metadata {
    let stage = |id: &str, kind| {
        let mut label = id.replace(['_', '-'], " ");
        if let Some(first) = label.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Stage { id: id.to_owned(), label, kind, phase: test.phases.get(id).copied() }
    };
    let mut stages: Vec<Stage> = test.stages.iter().map(|id| stage(id, StageKind::Open)).collect();
    stages.push(stage("won", StageKind::Won));
    stages.push(stage("lost", StageKind::Lost));
    let text = |field| match test.given.fields.get(&field) {
        Some(Fact::Known(Value::Text(text))) => Some(text.clone()),
        _ => None,
    };
    let person = |id: String, user: &str, email: &str, name: &str| Owner {
        id,
        user_id: Some(user.to_owned()),
        email: Some(email.to_owned()),
        name: name.to_owned(),
        archived: false,
    };
    let seller = text(Field::Owner).unwrap_or_else(|| OWNER.to_owned());
    let (email, lead_email) = SELLER_AND_LEAD;
    let owners = vec![
        person(seller, OWNER_USER, email, "Sam Seller"),
        person("story-lead".to_owned(), LEAD_USER, lead_email, "Lee Lead"),
        person("story-colleague".to_owned(), COLLEAGUE_USER, "cy@example.com", "Cy Colleague"),
    ];
    Metadata {
        account_id: None,
        time_zone: None,
        currency: Some("EUR".into()),
        pipelines: vec![Pipeline {
            id: text(Field::Pipeline).unwrap_or_else(|| PIPELINE.into()),
            label: "Sales".into(),
            stages,
        }],
        owners,
        unmapped: Vec::new(),
    }
}

/// A story as it unfolds.
pub(super) struct Story<'a> {
    world: World<'a>,
    rule: &'a Rule,
    pub(super) state: DealState,
    pub(super) told: Told,
    seq: u32,
}

impl<'a> Story<'a> {
    pub(super) fn new(world: World<'a>, rule: &'a Rule) -> Self {
        let state = DealState::new(key());
        Story { world, rule, state, told: Told::default(), seq: 0 }
    }

    pub(super) fn begin(&mut self, given: &Given) {
        if given.new {
            let created = self.change(ChangeKind::Created, given.created_at);
            self.step(Stimulus::Change(&created), given.at);
        }
        let observation = record(given);
        self.step(Stimulus::Observation(&observation), given.at);
    }

    /// Takes one step and says what the clock then shows.
    pub(super) fn take(&mut self, step: &StoryStep, clock: UnixMs) -> UnixMs {
        let next = match (step.at, step.after) {
            (Some(at), _) => at,
            (None, Some(after)) => after.after(clock, self.world.calendar),
            (None, None) if matches!(step.story_move, StoryMove::Wait(_)) => clock,
            (None, None) => clock.plus_ms(step.step_ms),
        };
        match &step.story_move {
            StoryMove::Wait(period) => {
                let until = period.after(next, self.world.calendar);
                self.step(Stimulus::Timer, until);
                return until;
            }
            StoryMove::Set(values) => {
                // One `set` is one save.
                let mut save = Vec::new();
                for (field, to) in values {
                    let kind = ChangeKind::FieldSet { field: *field, to: to.clone() };
                    save.push(Change { actor: actor(step.by), ..self.change(kind, next) });
                }
                self.step(Stimulus::Save(&save), next.max(clock));
            }
            StoryMove::Activity(kind, direction) => {
                let activity = Activity {
                    people: Some(vec![contact(step.contact)]),
                    ..activity(&format!("step {}", self.seq), *kind, *direction, next)
                };
                let change = self.change(ChangeKind::Activity(activity), next);
                self.step(Stimulus::Change(&change), next.max(clock));
            }
        }
        next.max(clock)
    }

    fn change(&mut self, kind: ChangeKind, occurred_at: UnixMs) -> Change {
        self.seq += 1;
        Change {
            deal: key(),
            kind,
            occurred_at,
            actor: actor(ChangedBy::Owner),
            vendor_id: Some(format!("story-{}", self.seq)),
            vendor_seq: i64::from(self.seq),
        }
    }

    fn step(&mut self, stimulus: Stimulus<'_>, at: UnixMs) {
        let outcome = step(&mut self.state, stimulus, at, &self.world);
        self.told.look_for_outcomes(&self.state, self.rule, at, &self.world);
        let event = self.rule.event();
        let change = event.and_then(|event| outcome.applied.last()?.view(event));
        let spoke = outcome.firings.iter().any(|firing| firing.rule_id == self.rule.id);
        if let Some(change) = change.filter(|_| !spoke) {
            let why = explain_change(self.rule, &change, &self.state, at, &self.world);
            self.told.looked = Some((at, why));
        }
        self.told.note(outcome, &self.state, self.world.metadata, self.rule);
    }
}

fn activity(id: &str, kind: ActivityKind, direction: Direction, at: UnixMs) -> Activity {
    Activity { id: id.to_owned(), kind, direction, at, by_touchline: false, people: None }
}

/// A person of the buyer's, by number.
fn contact(number: u32) -> PersonMark {
    PersonMark::of(&format!("contact {number}"))
}

/// Who a vendor would say it was.
fn actor(by: ChangedBy) -> Actor {
    let (kind, user) = match by {
        ChangedBy::Owner => (ActorKind::Person, Some(OWNER_USER)),
        ChangedBy::Manager => (ActorKind::Person, Some(LEAD_USER)),
        ChangedBy::Colleague => (ActorKind::Person, Some(COLLEAGUE_USER)),
        ChangedBy::Integration => (ActorKind::Integration, None),
        ChangedBy::Import => (ActorKind::Import, None),
        ChangedBy::Touchline => (ActorKind::Touchline, None),
        ChangedBy::Unknown => (ActorKind::Unknown, None),
    };
    Actor { kind, user_id: user.map(str::to_owned) }
}

/// The record that a CRM shows as the story begins.
fn record(given: &Given) -> Observation {
    let mut fields = given.fields.clone();
    fields.insert(Field::CreatedAt, Fact::Known(Value::Time(given.created_at)));
    let known = fields.iter().filter(|(_, value)| value.known().is_some());
    let history = known.map(|(field, value)| HistoryItem {
        field: *field,
        value: value.clone(),
        at: if *field == Field::Stage { given.stage_since } else { given.created_at },
        actor: Actor::default(),
        vendor_seq: 0,
    });
    let history = history.collect();
    let listed = [
        ("in", ActivityKind::Email, Direction::Inbound, given.last_inbound_at),
        ("out", ActivityKind::Email, Direction::Outbound, given.last_outbound_at),
        ("call", ActivityKind::Call, Direction::Unknown, given.last_call_at),
        ("meeting", ActivityKind::Meeting, Direction::Unknown, given.last_meeting_at),
        ("next", ActivityKind::Meeting, Direction::Unknown, given.next_meeting_at),
    ];
    let listed = listed.into_iter().filter_map(|(id, kind, way, at)| {
        at.map(|at| activity(&format!("given {id}"), kind, way, at))
    });
    let mut listed: Vec<Activity> = listed.collect();
    if let Some(count) = given.contacts_engaged {
        let everybody: Vec<PersonMark> = (1..=count).map(contact).collect();
        // They were met where something was logged, a few in each.
        let mut met = everybody.chunks(PEOPLE_PER_ACTIVITY_MAX);
        for one in &mut listed {
            let is_past = one.at <= given.at;
            one.people =
                Some(if is_past { met.next().unwrap_or_default().to_vec() } else { Vec::new() });
        }
    }
    Observation {
        deal: key(),
        origin: if given.new { Origin::Hydrate } else { Origin::Backfill },
        observed_at: given.at,
        fields: fields.into_iter().collect(),
        history,
        activities: given.activities_known.then_some(listed),
        gone: false,
        url: None,
    }
}
