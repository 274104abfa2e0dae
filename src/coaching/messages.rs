//! What is said: messages for chat and tasks for the CRM, composed from stored
//! nudges. The same function writes a message and, later, its edits.

use jiff::civil::Time;
use touchline_kit::{Card, CrmWrite, CrmWriteKind, Message};
use touchline_rules::UnixMs;
use touchline_rules::attention::{Policy, Recipient};
use touchline_rules::listing;

use super::deliveries::{DIGEST, NOTE};
use super::looks::{Look, Settled};
use super::nudges::NudgeBody;
use crate::store::{DeliveryRow, NudgeRow, NudgeState};

/// When the task of a nudge is due, on the next working day of its reader.
const TASK_DUE: Time = Time::constant(9, 0, 0, 0);

/// A nudge as it is to be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The nudge.
    pub nudge: NudgeRow,
    /// What it says.
    pub body: NudgeBody,
    /// How it looks now.
    pub look: Look,
}

impl Shown {
    /// A nudge that nobody has answered yet; `None` if what is stored cannot be
    /// read.
    #[must_use]
    pub fn fresh(nudge: NudgeRow) -> Option<Shown> {
        let body = serde_json::from_slice(&nudge.body).ok()?;
        Some(Shown { nudge, body, look: Look::Open })
    }

    /// The same after what happened since: `answered` is the newest look that an
    /// answer gave it. Once the reason is gone, only an answer that settled it
    /// says more.
    #[must_use]
    pub fn since(mut self, answered: Option<Look>) -> Shown {
        let is_settled = matches!(answered, Some(Look::Settled(_)));
        self.look = if self.nudge.state == NudgeState::Ended && !is_settled {
            Look::Settled(Settled::NoLongerNeeded)
        } else {
            answered.unwrap_or_default()
        };
        self
    }

    fn card(&self) -> Card {
        self.body.card(&self.nudge.id, &self.look)
    }
}

/// The message of a delivery in chat with these nudges, most important first.
/// `None` when there is nothing to say.
#[must_use]
pub fn message(delivery: &DeliveryRow, shown: &[Shown]) -> Option<Message> {
    let cards: Vec<Card> = shown.iter().map(Shown::card).collect();
    if delivery.attention == DIGEST {
        let title = match cards.len() {
            0 => return None,
            1 => "One thing worth your time".to_owned(),
            several => format!("{several} things worth your time"),
        };
        return Some(Message::Digest { title, cards });
    }
    cards.into_iter().next().map(Message::Nudge)
}

/// The task or note of a delivery in a CRM.
#[must_use]
pub fn crm_write(
    delivery: &DeliveryRow,
    shown: &Shown,
    reader: &Recipient,
    now: UnixMs,
) -> CrmWrite {
    let body = &shown.body;
    let kind = if delivery.channel == NOTE { CrmWriteKind::Note } else { CrmWriteKind::Task };
    CrmWrite {
        kind,
        deal: body.firing.deal.clone(),
        owner_id: body.owner_id.clone(),
        subject: body.headline.clone(),
        body: format!("{}\n\nFrom Touchline: {}", body.body, body.rule_title),
        due_at: task_due(reader, now),
        marker: delivery.id.clone(),
    }
}

/// The next working morning: the CRM's reminder then is a second word to who
/// did not act on the first, and never comes at night.
fn task_due(reader: &Recipient, now: UnixMs) -> UnixMs {
    let calendar = &reader.calendar;
    let day = calendar.add_working_days(calendar.local_date(now), 1);
    let local = calendar.zone.to_ambiguous_timestamp(day.to_datetime(TASK_DUE)).compatible();
    local.map_or_else(|_| calendar.start_of(day), UnixMs::from)
}

/// The introduction before a person's first nudge.
#[must_use]
pub fn hello(switched_on_by: Option<&str>, reads: &[&str], policy: &Policy) -> Message {
    let who = switched_on_by.unwrap_or("The administrator of your CRM");
    let from = if reads.is_empty() { "your CRM".to_owned() } else { reads.join(" and ") };
    Message::Hello {
        title: "Hello from Touchline".to_owned(),
        lines: vec![
            format!("{who} switched on coaching for your deals: short tips at the right moment, each with its reason."),
            format!("It reads your deals in {from}: stages, amounts, dates, and when an e-mail, call or meeting took place. It does not read what your e-mails say."),
            how_much(policy),
            "To stop it, choose Mute or Pause in the menu of any message. Or type /touchline pause today, /touchline pause week or /touchline pause 2026-12-01.".to_owned(),
            "Your answers stay with you: nobody sees them under your name, not even your manager.".to_owned(),
        ],
    }
}

fn how_much(policy: &Policy) -> String {
    let often = match (policy.interruptions_per_day, policy.interruptions_per_day_new) {
        (Some(most), Some(first)) if first < most => {
            let days = policy.new_person_working_days;
            format!("At most {most} messages a day ({first} in your first {days} working days)")
        }
        (Some(1), _) => "At most 1 message a day".to_owned(),
        (Some(most), _) => format!("At most {most} messages a day"),
        (None, _) => "A message when something needs you".to_owned(),
    };
    let at: Vec<String> = policy.digest_at.iter().map(clock).collect();
    let digest = match at.as_slice() {
        [] => String::new(),
        times => format!(", and a digest at {}", listing::and(times)),
    };
    let quiet = policy.quiet_hours.as_ref().filter(|(from, to)| from != to);
    let quiet = quiet.map_or_else(String::new, |(from, to)| {
        format!(" Nothing between {} and {}.", clock(from), clock(to))
    });
    format!("{often}{digest}.{quiet}")
}

fn clock(time: &Time) -> String {
    time.strftime("%H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn the_hello_says_who_what_how_much_how_to_stop_and_who_sees_it() {
        let Message::Hello { title, lines } =
            hello(Some("admin@example.com"), &["HubSpot"], &Policy::default())
        else {
            panic!("a hello is a hello")
        };
        assert_snapshot!(format!("{title}\n{}", lines.join("\n")), @"
        Hello from Touchline
        admin@example.com switched on coaching for your deals: short tips at the right moment, each with its reason.
        It reads your deals in HubSpot: stages, amounts, dates, and when an e-mail, call or meeting took place. It does not read what your e-mails say.
        At most 2 messages a day (1 in your first 10 working days), and a digest at 09:00. Nothing between 18:00 and 08:00.
        To stop it, choose Mute or Pause in the menu of any message. Or type /touchline pause today, /touchline pause week or /touchline pause 2026-12-01.
        Your answers stay with you: nobody sees them under your name, not even your manager.
        ");
        let open = Policy {
            interruptions_per_day: None,
            digest_at: Vec::new(),
            quiet_hours: None,
            ..Policy::default()
        };
        assert_snapshot!(how_much(&open), @"A message when something needs you.");
        let digest_at = [(0, 20), (0, 40), (9, 0)];
        let digest_at = digest_at.map(|(hour, minute)| Time::constant(hour, minute, 0, 0)).to_vec();
        let often = Policy { digest_at, ..open };
        assert_snapshot!(how_much(&often), @"A message when something needs you, and a digest at 00:20, 00:40 and 09:00.");
        let one = Policy { interruptions_per_day: Some(1), ..Policy::default() };
        assert_snapshot!(how_much(&one), @"At most 1 message a day, and a digest at 09:00. Nothing between 18:00 and 08:00.");
    }
}
