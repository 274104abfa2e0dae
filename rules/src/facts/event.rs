//! What an applied change means to rules: the events they can wait for, and
//! the view of the change that they can read.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::deal::DealFacts;
use super::fold::Effect;
use super::{
    ActivityKind, Actor, ActorKind, Change, ChangedBy, Direction, Fact, Field, Metadata, Stage,
    StageKind, Value,
};
use crate::time::UnixMs;

/// An event that a rule can wait for in `on`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// `deal.created`
    Created,
    /// `deal.stage_changed`
    StageChanged,
    /// `deal.field_changed(close_date)`
    FieldChanged(Field),
    /// `deal.closed`: from an open stage to a closed one.
    Closed,
    /// `deal.reopened`: from a closed stage to an open one.
    Reopened,
    /// `deal.activity_logged`
    ActivityLogged,
}

impl EventKind {
    /// Every event, in the order in which messages list them.
    pub fn all() -> impl Iterator<Item = EventKind> {
        let plain = [
            EventKind::Created,
            EventKind::StageChanged,
            EventKind::Closed,
            EventKind::Reopened,
            EventKind::ActivityLogged,
        ];
        plain.into_iter().chain(Field::ALL.into_iter().map(EventKind::FieldChanged))
    }

    /// The event with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<EventKind> {
        EventKind::all().find(|event| event.to_string() == name)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventKind::Created => f.write_str("deal.created"),
            EventKind::StageChanged => f.write_str("deal.stage_changed"),
            EventKind::FieldChanged(field) => write!(f, "deal.field_changed({})", field.name()),
            EventKind::Closed => f.write_str("deal.closed"),
            EventKind::Reopened => f.write_str("deal.reopened"),
            EventKind::ActivityLogged => f.write_str("deal.activity_logged"),
        }
    }
}

/// An applied change as event rules read it, kept with the firing it caused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeView {
    /// The event.
    pub event: EventKind,
    /// The field that moved, for events of one.
    pub field: Option<Field>,
    /// The value before.
    pub from: Fact<Value>,
    /// The value after.
    pub to: Fact<Value>,
    /// The activity's sort and way, for `deal.activity_logged`.
    pub activity: Option<(ActivityKind, Direction)>,
    /// The vendor's id of the activity, for `deal.activity_logged`.
    pub activity_id: Option<String>,
    /// When it happened, by the vendor's clock.
    pub occurred_at: UnixMs,
    /// The vendor's ordering number.
    pub vendor_seq: i64,
    /// The vendor's id of the event.
    pub vendor_id: Option<String>,
    /// Who or what made it, as the vendor says.
    pub actor: Actor,
    /// Who made it, as seen from the deal.
    #[serde(default, skip_serializing_if = "ChangedBy::is_unknown")]
    pub by: ChangedBy,
}

impl ChangeView {
    /// The stages between `from` and `to`: positive forward, negative back.
    /// `None` unless both are open stages of the deal's pipeline: closing and
    /// reopening are no steps along it.
    #[must_use]
    pub fn stages_moved(&self, pipeline: Option<&str>, metadata: &Metadata) -> Option<i64> {
        let index = |value: &Fact<Value>| match value {
            Fact::Known(Value::Text(id)) => metadata.pipelines.iter().find_map(|one| {
                let ours = pipeline.is_none_or(|pipeline| pipeline == one.id);
                let open = |stage: &Stage| stage.id == *id && stage.kind == StageKind::Open;
                one.stages.iter().position(|stage| ours && open(stage))
            }),
            _ => None,
        };
        let (from, to) = (index(&self.from)?, index(&self.to)?);
        Some(i64::try_from(to).ok()? - i64::try_from(from).ok()?)
    }
}

impl ActorKind {
    /// Every sort of actor.
    pub const ALL: [ActorKind; 6] = [
        ActorKind::Person,
        ActorKind::Bulk,
        ActorKind::Import,
        ActorKind::Integration,
        ActorKind::Touchline,
        ActorKind::Unknown,
    ];

    /// The name conditions use in `change.source`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ActorKind::Person => "person",
            ActorKind::Bulk => "bulk",
            ActorKind::Import => "import",
            ActorKind::Integration => "integration",
            ActorKind::Touchline => "touchline",
            ActorKind::Unknown => "unknown",
        }
    }
}

impl ActivityKind {
    /// Every sort of activity.
    pub const ALL: [ActivityKind; 5] = [
        ActivityKind::Email,
        ActivityKind::Call,
        ActivityKind::Meeting,
        ActivityKind::Task,
        ActivityKind::Note,
    ];

    /// The name conditions use in `change.kind`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ActivityKind::Email => "email",
            ActivityKind::Call => "call",
            ActivityKind::Meeting => "meeting",
            ActivityKind::Task => "task",
            ActivityKind::Note => "note",
        }
    }
}

impl Direction {
    /// The name conditions use in `change.direction`; `None` where there is none.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Direction::Inbound => Some("inbound"),
            Direction::Outbound => Some("outbound"),
            Direction::Unknown => None,
        }
    }
}

/// The events that `effect` of `change`, made `by` somebody, means: each with
/// the view of it.
#[must_use]
pub fn events(
    change: &Change,
    effect: &Effect,
    by: ChangedBy,
    facts: &DealFacts,
    metadata: &Metadata,
) -> Vec<ChangeView> {
    let view = |event, field| ChangeView {
        event,
        field,
        from: Fact::Unknown,
        to: Fact::Unknown,
        activity: None,
        activity_id: None,
        occurred_at: change.occurred_at,
        vendor_seq: change.vendor_seq,
        vendor_id: change.vendor_id.clone(),
        actor: change.actor.clone(),
        by,
    };
    match effect {
        Effect::None | Effect::Noted(_) | Effect::Existence => Vec::new(),
        Effect::Created => vec![view(EventKind::Created, None)],
        Effect::Activity(activity) => vec![ChangeView {
            activity: Some((activity.kind, activity.direction)),
            activity_id: Some(activity.id.clone()),
            ..view(EventKind::ActivityLogged, None)
        }],
        Effect::Moved(moved) => {
            let mut kinds = vec![EventKind::FieldChanged(moved.field)];
            if moved.field == Field::Stage {
                kinds.push(EventKind::StageChanged);
                let pipeline = facts.text(Field::Pipeline);
                kinds.extend(closing(&moved.from, &moved.to, pipeline, metadata));
            }
            let of = |event| ChangeView {
                from: moved.from.clone(),
                to: moved.to.clone(),
                ..view(event, Some(moved.field))
            };
            kinds.into_iter().map(of).collect()
        }
    }
}

fn closing(
    from: &Fact<Value>,
    to: &Fact<Value>,
    pipeline: Option<&str>,
    metadata: &Metadata,
) -> Option<EventKind> {
    let kind = |value: &Fact<Value>| match value {
        Fact::Known(Value::Text(id)) => metadata.stage(pipeline, id).map(|(_, stage)| stage.kind),
        _ => None,
    };
    match (kind(from), kind(to)?) {
        (None | Some(StageKind::Open), StageKind::Won | StageKind::Lost) => Some(EventKind::Closed),
        (Some(StageKind::Won | StageKind::Lost), StageKind::Open) => Some(EventKind::Reopened),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_found_by_its_name() {
        for event in EventKind::all() {
            assert_eq!(EventKind::named(&event.to_string()), Some(event));
        }
        assert_eq!(EventKind::named("deal.field_changed(colour)"), None);
    }
}
