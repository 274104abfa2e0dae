//! What the owner of a rule is told of it: a chat message on the ordinary road,
//! which is no nudge and counts against no budget.

use touchline_rules::UnixMs;
use touchline_rules::engine::delivery_id;
use touchline_rules::ruleset::Rule;
use touchline_rules::time::DAY_MS;

use crate::coaching::deliveries::{DeliveryBody, Letter, RULE_NOTICE};
use crate::store::{NOTICE_ASKED, NOTICE_UNTOLD, NewDelivery, RuleNoticeRow};

/// After that nobody needs to be told any more.
const NOTICE_LIFE_MS: i64 = 7 * DAY_MS;
/// Before what is told to sellers.
const NOTICE_PRIORITY: i64 = 1;
/// How a title begins for the rule's owner …
const YOURS: &str = "Your rule ";
/// … and for an admin.
const SOMEBODYS: &str = "The rule ";
/// The work that quietens it: there is none, it says what was.
const NEVER_ENDS: &str = "edit";

/// What came up.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// It pauses itself soon unless it is confirmed.
    ExpiresSoon,
    /// It has paused itself: nobody confirmed it.
    Expired,
    /// It has paused itself: it did not help.
    Unhealthy,
}

impl NoticeKind {
    /// The name stored rows use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            NoticeKind::ExpiresSoon => "expires_soon",
            NoticeKind::Expired => "expired",
            NoticeKind::Unhealthy => "unhealthy",
        }
    }
}

/// Something that came up about a rule.
pub struct Notice<'a> {
    /// What.
    pub kind: NoticeKind,
    /// The rule.
    pub rule: &'a Rule,
    /// The instant that it follows from: the same cause is told once.
    pub cause: UnixMs,
    /// What happened, in words.
    pub what: String,
}

impl Notice<'_> {
    /// Its id, which is that of the delivery that tells it.
    #[must_use]
    pub fn id(&self) -> String {
        let cause = format!("{} {}", self.rule.id, self.cause.0);
        delivery_id(&cause, self.kind.name(), RULE_NOTICE)
    }

    /// The rows that tell it at `now` by the chat connection of that slug.
    ///
    /// # Errors
    /// When it cannot be put into words to be stored.
    pub fn rows(
        &self,
        chat: Option<&str>,
        now: UnixMs,
    ) -> Result<(RuleNoticeRow, Option<NewDelivery>), serde_json::Error> {
        let person = self.rule.owner.as_ref().map(|owner| owner.to_lowercase());
        let (state, why) = match (&person, chat) {
            (None, _) => (NOTICE_UNTOLD, "the rule names no owner"),
            (_, None) => (NOTICE_UNTOLD, "no chat is connected"),
            (Some(_), Some(_)) => (NOTICE_ASKED, ""),
        };
        let notice = RuleNoticeRow {
            id: self.id(),
            rule_id: self.rule.id.clone(),
            kind: self.kind.name().to_owned(),
            person: person.clone().unwrap_or_default(),
            at: now,
            state: state.to_owned(),
            why: why.to_owned(),
        };
        let Some(chat) = chat.filter(|_| person.is_some()) else { return Ok((notice, None)) };
        let letter = Letter { title: self.title(), lines: self.lines() };
        let body = DeliveryBody { letter: Some(letter), ..DeliveryBody::default() };
        let delivery = message(&notice, chat, body.bytes()?, now);
        Ok((notice, Some(delivery)))
    }

    /// The rows that tell an admin instead of the owner.
    ///
    /// # Errors
    /// When it cannot be put into words to be stored.
    pub fn rows_for(
        &self,
        admin: &str,
        chat: &str,
        now: UnixMs,
    ) -> Result<(RuleNoticeRow, NewDelivery), serde_json::Error> {
        let letter = Letter { title: self.title(), lines: self.lines() };
        let notice = RuleNoticeRow {
            id: self.id(),
            rule_id: self.rule.id.clone(),
            kind: self.kind.name().to_owned(),
            person: String::new(),
            at: now,
            state: NOTICE_UNTOLD.to_owned(),
            why: "the rule names no owner".to_owned(),
        };
        instead(&notice, admin, chat, letter, now)
    }

    fn title(&self) -> String {
        let title = &self.rule.title;
        match self.kind {
            NoticeKind::ExpiresSoon => format!("{YOURS}“{title}” is about to pause itself"),
            NoticeKind::Expired | NoticeKind::Unhealthy => {
                format!("{YOURS}“{title}” has paused itself")
            }
        }
    }

    fn lines(&self) -> Vec<String> {
        let id = &self.rule.id;
        let what_to_do = match self.kind {
            NoticeKind::ExpiresSoon => {
                format!("If it is still right, confirm it: touchline rules confirm {id}")
            }
            NoticeKind::Expired => {
                format!("If it is still right, put it on again: touchline rules resume {id}")
            }
            NoticeKind::Unhealthy => format!(
                "Look at what it says and to whom, and publish a better version; or put it on as it is: touchline rules resume {id}"
            ),
        };
        vec![self.what.clone(), what_to_do]
    }
}

/// The message that tells a notice to its person.
fn message(notice: &RuleNoticeRow, chat: &str, body: Vec<u8>, now: UnixMs) -> NewDelivery {
    NewDelivery {
        id: notice.id.clone(),
        connection: chat.to_owned(),
        channel: RULE_NOTICE.to_owned(),
        person: notice.person.clone(),
        attention: RULE_NOTICE.to_owned(),
        subject: String::new(),
        on_end: NEVER_ENDS.to_owned(),
        priority: NOTICE_PRIORITY,
        created_at: now,
        expires_at: now.plus_ms(NOTICE_LIFE_MS),
        until: now,
        nudges: Vec::new(),
        body,
    }
}

/// A notice that its person cannot be told, and why, for an admin instead.
///
/// # Errors
/// When it cannot be put into words to be stored.
pub(super) fn instead(
    notice: &RuleNoticeRow,
    admin: &str,
    chat: &str,
    mut letter: Letter,
    now: UnixMs,
) -> Result<(RuleNoticeRow, NewDelivery), serde_json::Error> {
    if let Some(rest) = letter.title.strip_prefix(YOURS) {
        letter.title = format!("{SOMEBODYS}{rest}");
    }
    letter.lines.push(match notice.person.as_str() {
        "" => format!("You are told as an admin: {}.", notice.why),
        owner => format!("You are told as an admin: its owner {owner} was not. {}", notice.why),
    });
    let body = DeliveryBody { letter: Some(letter), ..DeliveryBody::default() }.bytes()?;
    let told = RuleNoticeRow {
        id: delivery_id(&notice.id, admin, RULE_NOTICE),
        person: admin.to_owned(),
        at: now,
        state: NOTICE_ASKED.to_owned(),
        why: String::new(),
        ..notice.clone()
    };
    let message = message(&told, chat, body, now);
    Ok((told, message))
}

/// Whether a notice is the one to the rule's owner, or to nobody where it names none;
/// the others are to admins instead.
pub(super) fn is_to_owner(notice: &RuleNoticeRow, rule: &Rule) -> bool {
    notice.person == rule.owner.as_ref().map(|owner| owner.to_lowercase()).unwrap_or_default()
}
