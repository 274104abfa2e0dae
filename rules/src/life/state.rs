//! Where a rule stands, and the steps between.

use serde::{Deserialize, Serialize};

/// Where a rule stands in its life.
#[derive(
    Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum RuleState {
    /// Written, and waiting for somebody who may put it on. Nothing of it fires.
    Draft,
    /// Watching: everything is worked out and recorded, and nothing is sent.
    Shadow,
    /// Sent to some and not to others, to measure whether it helps. It has its
    /// place here; no rule can be put into it yet.
    Trial,
    /// It speaks.
    #[default]
    On,
    /// Nothing of it fires until somebody puts it on again.
    Paused,
    /// Out of use; kept for what it said.
    Retired,
}

/// What somebody does with a rule that is known.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Works it out and sends nothing.
    Watch,
    /// Lets it rest.
    Pause,
    /// Puts it on (again); one that was paused goes back to where it stood.
    Resume,
    /// Takes it out of use.
    Retire,
    /// Measures whether it helps.
    Try,
}

/// Why a step cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}\nhint: {hint}")]
pub struct StepRefused {
    /// What stands in the way.
    pub problem: String,
    /// What to do instead.
    pub hint: &'static str,
}

impl RuleState {
    /// Every state, in the order of a life.
    pub const ALL: [RuleState; 6] = [
        RuleState::Draft,
        RuleState::Shadow,
        RuleState::Trial,
        RuleState::On,
        RuleState::Paused,
        RuleState::Retired,
    ];

    /// The stable name, for rows and commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RuleState::Draft => "draft",
            RuleState::Shadow => "shadow",
            RuleState::Trial => "trial",
            RuleState::On => "on",
            RuleState::Paused => "paused",
            RuleState::Retired => "retired",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<RuleState> {
        RuleState::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The name people read.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            RuleState::Shadow => "watching",
            other => other.name(),
        }
    }

    /// Whether the rule looks at deals at all.
    #[must_use]
    pub fn looks(self) -> bool {
        matches!(self, RuleState::Shadow | RuleState::Trial | RuleState::On)
    }

    /// Whether what it finds may be said to anybody.
    #[must_use]
    pub fn speaks(self) -> bool {
        self == RuleState::On
    }

    /// Where `step` leads from here. `before` is where a paused rule stood.
    ///
    /// # Errors
    /// [`StepRefused`] when there is no such step from here, with what to do.
    pub fn after(self, step: Step, before: RuleState) -> Result<RuleState, StepRefused> {
        use RuleState::{Draft, On, Paused, Retired, Shadow, Trial};
        let refused = |problem: &str, hint| Err(StepRefused { problem: problem.to_owned(), hint });
        match (step, self) {
            (Step::Try, _) => refused(
                "no rule can be put on trial yet",
                "`touchline rules watch` works it out and sends nothing",
            ),
            (_, Draft) => refused(
                "the rule is a draft: it waits for a second person",
                "`touchline rules requests` lists what waits, `touchline rules approve` puts it on",
            ),
            (Step::Watch, Shadow) => refused("the rule is being watched already", "nothing to do"),
            (Step::Watch, _) => Ok(Shadow),
            (Step::Pause, Shadow | Trial | On) => Ok(Paused),
            (Step::Pause, Paused) => refused("the rule is paused already", "nothing to do"),
            (Step::Pause, Retired) => {
                refused("the rule is retired: nothing of it fires", "nothing to do")
            }
            (Step::Resume, Paused) => Ok(if before.looks() { before } else { On }),
            (Step::Resume, Shadow | Trial) => Ok(On),
            (Step::Resume, On) => refused("the rule is on already", "nothing to do"),
            (Step::Resume, Retired) => refused(
                "the rule is retired",
                "`touchline rules watch` lets it begin anew, in silence; or publish a new version of it",
            ),
            (Step::Retire, Retired) => refused("the rule is retired already", "nothing to do"),
            (Step::Retire, _) => Ok(Retired),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_written() {
        for state in RuleState::ALL {
            assert_eq!(RuleState::named(state.name()), Some(state));
        }
        assert_eq!(RuleState::named("running"), None);
    }

    #[test]
    fn steps_lead_where_a_person_expects() {
        let shown = |from: RuleState, step| match from.after(step, RuleState::Shadow) {
            Ok(to) => to.name().to_owned(),
            Err(refused) => format!("({})", refused.problem),
        };
        let mut table = String::new();
        for from in RuleState::ALL {
            for step in [Step::Watch, Step::Pause, Step::Resume, Step::Retire] {
                table += &format!("{:<8}{step:?}: {}\n", from.name(), shown(from, step));
            }
        }
        insta::assert_snapshot!(table, @"
        draft   Watch: (the rule is a draft: it waits for a second person)
        draft   Pause: (the rule is a draft: it waits for a second person)
        draft   Resume: (the rule is a draft: it waits for a second person)
        draft   Retire: (the rule is a draft: it waits for a second person)
        shadow  Watch: (the rule is being watched already)
        shadow  Pause: paused
        shadow  Resume: on
        shadow  Retire: retired
        trial   Watch: shadow
        trial   Pause: paused
        trial   Resume: on
        trial   Retire: retired
        on      Watch: shadow
        on      Pause: paused
        on      Resume: (the rule is on already)
        on      Retire: retired
        paused  Watch: shadow
        paused  Pause: (the rule is paused already)
        paused  Resume: shadow
        paused  Retire: retired
        retired Watch: shadow
        retired Pause: (the rule is retired: nothing of it fires)
        retired Resume: (the rule is retired)
        retired Retire: (the rule is retired already)
        ");
    }

    #[test]
    fn nobody_is_put_on_trial_yet() {
        for from in RuleState::ALL {
            let refused = from.after(Step::Try, RuleState::On).unwrap_err();
            assert!(refused.to_string().contains("trial yet"), "{refused}");
        }
    }

    #[test]
    fn a_pause_ends_where_it_began() {
        for before in [RuleState::Shadow, RuleState::On] {
            assert_eq!(before.after(Step::Pause, before), Ok(RuleState::Paused));
            assert_eq!(RuleState::Paused.after(Step::Resume, before), Ok(before));
        }
    }
}
