//! The made-up company plays its season on a stage: sellers work in the CRM, read
//! what they get in chat, and answer some of it.

use std::collections::{BTreeMap, HashMap};

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use sha2::{Digest as _, Sha256};
use touchline_hubspot::fake::{Actor, FakeHubSpot};
use touchline_rules::UnixMs;
use touchline_rules::time::MINUTE_MS;
use touchline_slack::fake::{FakeMessage, FakeSlack};

use super::company::{Act, Company, Member, STAGES, What};

/// What somebody will do about a message, and when.
#[derive(Clone, Debug)]
struct Click {
    action: &'static str,
    choice: Option<&'static str>,
}

/// When somebody will click, and on what: one click after the other, in an order
/// in which messages that came at one instant may have come in any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ClickAt {
    at: UnixMs,
    user: String,
    ts: String,
}

/// When an agreed next step is due.
const STEP_TAKES_MS: i64 = 6 * touchline_rules::time::DAY_MS;

/// What a seller writes down when a deal reaches a stage. Some ask more than
/// others, so that rules about what nobody asked have something to say.
fn learnt<'a>(deal: usize, stage: usize, now: &'a str) -> Vec<(&'static str, &'a str)> {
    let mut values = vec![("dealstage", STAGES[stage])];
    let mut note = |every: usize, name: &'static str, value: &'a str| {
        if deal.is_multiple_of(every) {
            values.push((name, value));
        }
    };
    match stage {
        1 => note(2, "problem", "Orders are typed twice"),
        2 => {
            note(3, "impact", "Two days a week saved");
            note(4, "competitor", "Acme");
        }
        3 => {
            note(3, "economic_buyer", "Head of finance");
            note(2, "champion", "Head of operations");
        }
        4 => {
            note(1, "proposal_sent_at", now);
            note(4, "discount", "15");
            note(5, "paper_process", "Legal reads it, finance signs");
        }
        _ => {}
    }
    values
}

/// How the season stands.
pub struct Season {
    company: Company,
    seed: u64,
    /// Index of the next act.
    next: usize,
    /// HubSpot's ids of the deals, by their index.
    deals: HashMap<usize, u64>,
    owners: Vec<u64>,
    clicks: BTreeMap<ClickAt, Click>,
}

/// What somebody clicked.
pub struct Clicked {
    /// The message's time stamp.
    pub ts: String,
    /// What the control, or the choice in it, is called.
    pub label: String,
}

impl Season {
    /// Puts the company's people into the CRM.
    #[must_use]
    pub fn new(company: Company, seed: u64, hubspot: &FakeHubSpot) -> Season {
        let owners = company.members.iter().enumerate().map(|(index, member)| {
            let (first, last) = member.name.split_once(' ').unwrap_or((&member.name, ""));
            hubspot.add_owner(&member.email, first, last, user_id(index))
        });
        let owners = owners.collect();
        Season { company, seed, next: 0, deals: HashMap::new(), owners, clicks: BTreeMap::new() }
    }

    /// When somebody next does something.
    #[must_use]
    pub fn next_at(&self) -> Option<UnixMs> {
        let act = self.company.acts.get(self.next).map(|act| act.at);
        let click = self.clicks.keys().next().map(|click| click.at);
        [act, click].into_iter().flatten().min()
    }

    /// Does in the CRM what is due by `now`, with the instants of the acts.
    ///
    /// # Errors
    /// When the fake refuses an act, which would be a mistake in the season.
    pub fn act_until(&mut self, now: UnixMs, hubspot: &FakeHubSpot) -> anyhow::Result<()> {
        while let Some(act) = self.company.acts.get(self.next).filter(|act| act.at <= now) {
            let act = act.clone();
            self.next += 1;
            self.act(&act, hubspot)?;
        }
        Ok(())
    }

    fn act(&mut self, act: &Act, hubspot: &FakeHubSpot) -> anyhow::Result<()> {
        let by = Actor::user(user_id(act.seller)).at(act.at);
        if let What::Create { name, amount, close } = &act.what {
            let amount = amount.map(|amount| amount.to_string()).unwrap_or_default();
            let close = close.map(|close| close.0.to_string()).unwrap_or_default();
            let owner = self.owners[act.seller].to_string();
            let values = [
                ("dealname", name.as_str()),
                ("pipeline", "default"),
                ("dealstage", STAGES[0]),
                ("amount", &amount),
                ("closedate", &close),
                ("hubspot_owner_id", &owner),
            ];
            let told: Vec<_> = values.into_iter().filter(|(_, value)| !value.is_empty()).collect();
            self.deals.insert(act.deal, hubspot.create_deal(&told, &by)?);
            return Ok(());
        }
        let Some(deal) = self.deals.get(&act.deal).copied() else { return Ok(()) };
        let close_now = act.at.0.to_string();
        match &act.what {
            What::Create { .. } => {}
            What::Stage(stage) => {
                let values = learnt(act.deal, *stage, &close_now);
                hubspot.set_many(&[deal], &values, &by)?;
            }
            What::Win => {
                hubspot.set_many(
                    &[deal],
                    &[("dealstage", "closedwon"), ("closedate", &close_now)],
                    &by,
                )?;
            }
            What::Lose(reason) => {
                let mut values = vec![("closedate", close_now.as_str())];
                values.extend(reason.map(|reason| ("closed_lost_reason", reason)));
                values.push(("dealstage", "closedlost"));
                hubspot.set_many(&[deal], &values, &by)?;
            }
            What::CloseDate(close) => hubspot.set(deal, "closedate", &close.0.to_string(), &by)?,
            What::NextStep(step) => {
                let due = act.at.plus_ms(STEP_TAKES_MS).0.to_string();
                let values = [("hs_next_step", *step), ("next_step_date", due.as_str())];
                hubspot.set_many(&[deal], &values, &by)?;
            }
            What::Email(direction) => drop(hubspot.log_email(deal, *direction, act.at, &by)?),
            What::Call(direction) => drop(hubspot.log_call(deal, *direction, act.at, &by)?),
            What::Meeting(starts) => drop(hubspot.log_meeting(deal, *starts, &by)?),
            What::Amount(amount) => hubspot.set(deal, "amount", &amount.to_string(), &by)?,
        }
        Ok(())
    }

    /// Lets the reader of a message decide what to do about it.
    pub fn reads(&mut self, message: &FakeMessage, slack: &FakeSlack) {
        let controls = slack.controls(&message.ts);
        if !controls.iter().any(|control| control.action_id.starts_with("nudge.done")) {
            return;
        }
        let mut luck = luck(self.seed, message);
        let read_at = message.posted_at.plus_ms(luck.random_range(4..90) * MINUTE_MS);
        let mut plan = |after_ms: i64, action: &'static str, choice: Option<&'static str>| {
            let (user, ts) = (message.user.clone(), message.ts.clone());
            let at = ClickAt { at: read_at.plus_ms(after_ms), user, ts };
            self.clicks.insert(at, Click { action, choice });
        };
        match luck.random_range(0..100) {
            0..44 => plan(0, "nudge.done", None),
            44..52 => {
                plan(0, "nudge.why", None);
                plan(MINUTE_MS, "nudge.back", None);
                plan(2 * MINUTE_MS, "nudge.done", None);
            }
            52..64 => plan(0, "nudge.snooze", Some("1")),
            64..68 => plan(0, "nudge.snooze", Some("7")),
            68..76 => {
                plan(0, "nudge.not_helpful", None);
                plan(MINUTE_MS, "nudge.already_done", None);
            }
            76..80 => {
                plan(0, "nudge.not_helpful", None);
                plan(MINUTE_MS, "nudge.not_true_here", None);
            }
            80..82 => plan(0, "nudge.more", Some("mute")),
            82..84 => plan(0, "nudge.more", Some("pause_today")),
            _ => {}
        }
    }

    /// Clicks what is due by `now`. A control that an edit took away meanwhile
    /// is not clicked, as it would not be by a person.
    ///
    /// # Errors
    /// When the service does not take a click.
    pub async fn click_until(
        &mut self,
        now: UnixMs,
        slack: &FakeSlack,
    ) -> anyhow::Result<Vec<Clicked>> {
        let mut clicked = Vec::new();
        while let Some(entry) = self.clicks.first_entry() {
            if entry.key().at > now {
                break;
            }
            let (ClickAt { user, ts, .. }, click) = entry.remove_entry();
            let controls = slack.controls(&ts);
            let wanted = format!("{}:", click.action);
            let control = controls.iter().find(|control| control.action_id.starts_with(&wanted));
            let Some(control) = control else { continue };
            let sent = slack.click(&user, &ts, &control.action_id, click.choice).await?;
            anyhow::ensure!(sent.status == 200, "a click was answered {}", sent.status);
            let choices = control.choices.iter();
            let chosen = choices.filter(|(value, _)| Some(value.as_str()) == click.choice);
            let label = chosen.map(|(_, label)| label).next().unwrap_or(&control.label).clone();
            clicked.push(Clicked { ts, label });
        }
        Ok(clicked)
    }

    /// The company that plays.
    #[must_use]
    pub fn company(&self) -> &Company {
        &self.company
    }

    /// Who is called that.
    #[must_use]
    pub fn member_named(&self, name: &str) -> Option<&Member> {
        self.company.members.iter().find(|member| member.name == name)
    }

    /// Who has that owner id in the CRM.
    #[must_use]
    pub fn member_owning(&self, owner: &str) -> Option<&Member> {
        let place = self.owners.iter().position(|id| id.to_string() == owner)?;
        self.company.members.get(place)
    }
}

/// What is left to chance about one message. It follows from the message alone,
/// not from which others were read before it: messages to several people at one
/// instant come in no fixed order.
fn luck(seed: u64, message: &FakeMessage) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(message.posted_at.0.to_le_bytes());
    for text in [&message.user, &message.reads()] {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    ChaCha8Rng::from_seed(hash.finalize().into())
}

fn user_id(member: usize) -> i64 {
    7_000 + i64::try_from(member).unwrap_or_default()
}
