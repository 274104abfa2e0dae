//! An event rule and the newest change that it waits for: what it found, and why
//! it was silent if it was.

use serde::Serialize;
use touchline_rules::UnixMs;
use touchline_rules::condition::{Explanation, Truth};
use touchline_rules::engine::{AppliedChange, World, explain_change};
use touchline_rules::facts::{
    ActorKind, ChangeKind, ChangeView, DealState, EventKind, Fact, Field, Metadata, StageKind,
    Value,
};
use touchline_rules::ruleset::Rule;

use crate::store::{ChangeRow, Store};

/// Changes of one deal that are looked through.
const CHANGES_MAX: usize = 50_000;

/// A stored change, as an event rule reads it.
#[derive(Clone, Debug)]
pub(super) struct Newest {
    applied: AppliedChange,
    view: ChangeView,
}

/// The same for a reader.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ToldChange {
    event: String,
    /// When it happened, by the vendor's clock.
    occurred_at: String,
    /// When Touchline took it in and rules looked at it.
    taken_in_at: String,
    /// Who made it, as `change.source` says.
    source: &'static str,
    /// The values before and after, for a field.
    from: Option<String>,
    to: Option<String>,
}

impl Newest {
    /// The newest change of the deal that is such an event and came by `until`.
    pub(super) async fn load(
        store: &Store,
        state: &DealState,
        event: EventKind,
        metadata: &Metadata,
        until: UnixMs,
    ) -> anyhow::Result<Option<Newest>> {
        let rows = store.changes_of(state.facts.key.clone(), CHANGES_MAX).await?;
        let pipeline = state.facts.text(Field::Pipeline);
        let mut newest: Option<Newest> = None;
        for ChangeRow { body, .. } in rows {
            let applied: AppliedChange = serde_json::from_slice(&body)?;
            let Some(view) = view(&applied, event, pipeline, metadata) else { continue };
            let one = Newest { applied, view };
            let is_newer = newest.as_ref().is_none_or(|known| known.came_at() <= one.came_at());
            if one.came_at() <= until && is_newer {
                newest = Some(one);
            }
        }
        Ok(newest)
    }

    /// What was live came when it was taken in; the past came as it happened.
    fn came_at(&self) -> UnixMs {
        let AppliedChange { history, occurred_at, engine_at, .. } = self.applied;
        if history { occurred_at } else { engine_at }
    }

    /// For a reader.
    pub(super) fn told(&self) -> ToldChange {
        ToldChange {
            event: self.view.event.to_string(),
            occurred_at: self.applied.occurred_at.to_string(),
            taken_in_at: self.applied.engine_at.to_string(),
            source: self.applied.actor.kind.name(),
            from: shown(&self.view.from),
            to: shown(&self.view.to),
        }
    }

    /// What the rule finds on it, as of the instant at which it was taken in, with
    /// the facts that are known now.
    pub(super) fn explain(&self, rule: &Rule, deal: &DealState, world: &World<'_>) -> Explanation {
        explain_change(rule, &self.view, deal, self.applied.engine_at, world)
    }

    /// What came of it, in a word and a sentence. The reasons stand in the order in
    /// which the engine looks at them; `None` where a fact is unknown.
    pub(super) fn verdict(
        &self,
        rule: &Rule,
        deal: &DealState,
        truth: Truth,
        world: &World<'_>,
    ) -> Option<(&'static str, String)> {
        let AppliedChange { engine_at, history, late, ref actor, .. } = self.applied;
        let fired_at = deal.rules.get(&rule.id).and_then(|memory| memory.fired_at);
        if fired_at == Some(engine_at) {
            let since = match truth {
                Truth::True => "",
                _ => "; by what is known now it would not",
            };
            return Some(("fired", format!("it spoke of this change{since}")));
        }
        let silent = |because: &str| Some(("silent", because.to_owned()));
        if history {
            return silent("the change was read as the deal's past, and the past fires nothing");
        }
        if actor.kind == ActorKind::Touchline {
            return silent("Touchline made the change itself, and that fires nothing");
        }
        let cooling = rule.cooldown.zip(fired_at).filter(|(cooldown, fired)| {
            *fired < engine_at && cooldown.after(*fired, world.calendar) > engine_at
        });
        if let Some((_, fired)) = cooling {
            return Some((
                "silent",
                format!("it had spoken of this deal at {fired}, and its cooldown was not over"),
            ));
        }
        match truth {
            Truth::Unknown => None,
            Truth::False => Some(("not true", "a part that must be true of it is not".to_owned())),
            Truth::True if late => silent(
                "it came after a newer value of the field: what it would have said is recorded, never sent",
            ),
            Truth::True => silent(
                "it is true by what is known now; when the change came, the rule was not on or different, or the deal was",
            ),
        }
    }
}

impl std::fmt::Display for ToldChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { event, occurred_at, taken_in_at, source, from, to } = self;
        write!(f, "the newest {event}: {occurred_at}, source {source}")?;
        if from.is_some() || to.is_some() {
            let value = |value: &Option<String>| value.as_deref().unwrap_or("nothing").to_owned();
            write!(f, ", from {} to {}", value(from), value(to))?;
        }
        write!(f, "; taken in {taken_in_at}")
    }
}

/// The change as rules waiting for `event` read it, if it is such an event.
fn view(
    applied: &AppliedChange,
    event: EventKind,
    pipeline: Option<&str>,
    metadata: &Metadata,
) -> Option<ChangeView> {
    let plain = || ChangeView {
        event,
        field: None,
        from: Fact::Unknown,
        to: Fact::Unknown,
        activity: None,
        activity_id: None,
        occurred_at: applied.occurred_at,
        vendor_seq: applied.vendor_seq,
        vendor_id: applied.vendor_id.clone(),
        actor: applied.actor.clone(),
        by: applied.by,
    };
    match (event, &applied.kind) {
        (EventKind::Created, ChangeKind::Created) => Some(plain()),
        (EventKind::ActivityLogged, ChangeKind::Activity(activity)) => Some(ChangeView {
            activity: Some((activity.kind, activity.direction)),
            activity_id: Some(activity.id.clone()),
            ..plain()
        }),
        (EventKind::Closed | EventKind::Reopened, _) => {
            let view = applied.view(event)?;
            let is_open = |value: &Fact<Value>| match value {
                Fact::Known(Value::Text(id)) => {
                    metadata.stage(pipeline, id).map(|(_, stage)| stage.kind == StageKind::Open)
                }
                _ => None,
            };
            let (from, to) = (is_open(&view.from), is_open(&view.to)?);
            let fits = match event {
                EventKind::Closed => from != Some(false) && !to,
                _ => from == Some(false) && to,
            };
            fits.then_some(view)
        }
        _ => applied.view(event),
    }
}

fn shown(value: &Fact<Value>) -> Option<String> {
    match value {
        Fact::Known(Value::Text(text)) => Some(text.clone()),
        Fact::Known(Value::Number(number)) => Some(number.to_string()),
        Fact::Known(Value::Time(at)) => Some(at.to_string()),
        Fact::Empty | Fact::Unknown => None,
    }
}
