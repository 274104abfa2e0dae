//! HubSpot's answers, by what the caller should do next.
//!
//! Source for the retry classes: HubSpot's developer documentation, "Error
//! handling" and "API usage guidelines".

use jiff::tz::TimeZone;
use serde_json::Value;
use touchline_kit::{CallError, ConnectionView, Effect, VendorAnswer};
use touchline_rules::UnixMs;
use touchline_rules::time::{DAY_MS, HOUR_MS};

/// The wait after the rolling limit, when no header tells its interval.
const ROLLING_WAIT_MS: i64 = 10_000;
/// The wait after the limit of searches.
const SECONDLY_WAIT_MS: i64 = 1_000;
/// The wait after the daily limit where the account's zone is not known: it
/// is lifted at midnight there.
const DAILY_WAIT_MS: i64 = HOUR_MS;
/// The shortest wait for a locked record.
const LOCKED_WAIT_MS: i64 = 2_000;
/// The wait while an account is moved between data centres, when the answer
/// does not tell.
const MIGRATING_WAIT_MS: i64 = 60_000;
/// The longest wait that a vendor's header may ask for.
const RETRY_AFTER_MS_MAX: i64 = DAY_MS;
/// How much of a vendor's message is kept, in characters.
const MESSAGE_CHARS_MAX: usize = 300;
/// Names the daily limit in [`CallError::Limited`].
const DAILY: &str = "HubSpot's daily limit of this account";

/// Judges one answer.
///
/// # Errors
/// Every answer that is not a success.
pub(crate) fn classify(
    answer: &VendorAnswer,
    effect: Effect,
    now: UnixMs,
) -> Result<(), CallError> {
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    let problem = Problem::of(answer);
    let detail = problem.detail(answer.status);
    Err(match answer.status {
        400 if problem.grant_is_gone() => CallError::Unauthorized { detail },
        401 => CallError::Unauthorized { detail },
        403 => CallError::Forbidden { detail },
        404 | 410 => CallError::NotFound { detail },
        423 => {
            let wait_ms = retry_after_ms(answer).unwrap_or(0).max(LOCKED_WAIT_MS);
            CallError::Unavailable { retry_at: Some(now.plus_ms(wait_ms)), detail }
        }
        429 => limited(answer, &problem, now),
        477 => {
            let wait_ms = retry_after_ms(answer).unwrap_or(MIGRATING_WAIT_MS);
            CallError::Unavailable { retry_at: Some(now.plus_ms(wait_ms)), detail }
        }
        // Nothing reached HubSpot's own servers, or they said that they took nothing.
        503 | 521 | 523 | 525 | 526 => unavailable(answer, detail, now),
        // A gateway gave up waiting: what it waited for may have happened.
        408 | 500.. if effect == Effect::Creates => CallError::Ambiguous { detail },
        408 | 500.. => unavailable(answer, detail, now),
        _ => CallError::Refused { code: problem.code(answer.status), detail },
    })
}

/// HubSpot lifts the daily limit at midnight in the account's zone, which
/// [`classify`] cannot know.
pub(super) fn until_midnight(error: CallError, on: &ConnectionView, now: UnixMs) -> CallError {
    match error {
        CallError::Limited { retry_at, detail } if detail == DAILY => {
            let retry_at = next_midnight(on, now).unwrap_or(retry_at);
            CallError::Limited { retry_at, detail }
        }
        other => other,
    }
}

fn next_midnight(on: &ConnectionView, now: UnixMs) -> Option<UnixMs> {
    let zone = TimeZone::get(on.metadata.time_zone.as_deref()?).ok()?;
    let tomorrow = now.to_zoned(&zone).tomorrow().ok()?;
    Some(UnixMs::from(tomorrow.start_of_day().ok()?.timestamp()))
}

fn limited(answer: &VendorAnswer, problem: &Problem, now: UnixMs) -> CallError {
    let policy = problem.policy();
    let (wait_ms, detail) = match policy {
        Policy::Daily => (DAILY_WAIT_MS, DAILY),
        Policy::Secondly => (SECONDLY_WAIT_MS, "HubSpot's limit of searches per second"),
        Policy::Rolling => {
            let interval = header_number(answer, "x-hubspot-ratelimit-interval-milliseconds");
            let wait_ms = interval.unwrap_or(ROLLING_WAIT_MS).clamp(1, ROLLING_WAIT_MS);
            (wait_ms, "HubSpot's limit of calls in ten seconds")
        }
        Policy::Other => (ROLLING_WAIT_MS, "a limit of HubSpot that it did not name"),
    };
    // Not documented for ordinary limits, but obeyed if it comes.
    let wait_ms = retry_after_ms(answer).map_or(wait_ms, |asked| asked.max(SECONDLY_WAIT_MS));
    CallError::Limited { retry_at: now.plus_ms(wait_ms), detail: detail.to_owned() }
}

fn unavailable(answer: &VendorAnswer, detail: String, now: UnixMs) -> CallError {
    let retry_at = retry_after_ms(answer).map(|wait_ms| now.plus_ms(wait_ms));
    CallError::Unavailable { retry_at, detail }
}

fn retry_after_ms(answer: &VendorAnswer) -> Option<i64> {
    let seconds = header_number(answer, "retry-after")?;
    Some(seconds.saturating_mul(1_000).min(RETRY_AFTER_MS_MAX))
}

fn header_number(answer: &VendorAnswer, name: &str) -> Option<i64> {
    let (_, value) = answer.headers.iter().find(|(header, _)| header == name)?;
    value.trim().parse().ok().filter(|number| *number >= 0)
}

/// Which of HubSpot's limits was hit.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Policy {
    Rolling,
    Secondly,
    Daily,
    Other,
}

/// The vendor's error body. Every field may be missing.
struct Problem(Value);

impl Problem {
    fn of(answer: &VendorAnswer) -> Problem {
        Problem(serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// By name where it is told, else by the words of the message.
    fn policy(&self) -> Policy {
        let name = self.text("policyName").to_ascii_uppercase();
        let message = self.text("message").to_ascii_lowercase();
        if name.contains("DAILY") || (name.is_empty() && message.contains("daily limit")) {
            Policy::Daily
        } else if name.contains("TEN_SECONDLY") || message.contains("ten_secondly") {
            Policy::Rolling
        } else if name == "SECONDLY" || message.contains("secondly limit") {
            Policy::Secondly
        } else {
            Policy::Other
        }
    }

    /// OAuth's own word, or HubSpot's older one.
    fn grant_is_gone(&self) -> bool {
        self.text("error") == "invalid_grant"
            || matches!(self.text("status"), "BAD_REFRESH_TOKEN" | "BAD_AUTH_CODE")
    }

    fn code(&self, status: u16) -> String {
        let code = [self.text("category"), self.text("errorType"), self.text("error")]
            .into_iter()
            .find(|one| !one.is_empty());
        code.map_or_else(|| format!("HTTP {status}"), clip)
    }

    /// The message, the missing scopes, and the id HubSpot's support asks for.
    fn detail(&self, status: u16) -> String {
        let mut out = format!("HubSpot answered {status}");
        let category = self.text("category");
        if !category.is_empty() {
            out.push_str(&format!(" {}", clip(category)));
        }
        let message = [self.text("message"), self.text("error_description")]
            .into_iter()
            .find(|one| !one.is_empty());
        if let Some(message) = message {
            out.push_str(&format!(": {}", clip(message)));
        }
        let scopes = self.missing_scopes();
        if !scopes.is_empty() {
            out.push_str(&format!(" (missing scopes: {})", clip(&scopes.join(", "))));
        }
        let correlation = self.text("correlationId");
        if !correlation.is_empty() {
            out.push_str(&format!(" [correlation id {}]", clip(correlation)));
        }
        out
    }

    fn missing_scopes(&self) -> Vec<&str> {
        const KEYS: [&str; 3] = ["requiredGranularScopes", "requiredScopes", "missingScopes"];
        let errors = self.0.get("errors").and_then(Value::as_array);
        let contexts = errors.into_iter().flatten().filter_map(|one| one.get("context"));
        let lists = contexts.flat_map(|one| KEYS.iter().filter_map(|key| one.get(*key)));
        let mut scopes: Vec<_> =
            lists.filter_map(Value::as_array).flatten().filter_map(Value::as_str).collect();
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    }
}

fn clip(text: &str) -> String {
    text.chars().filter(|one| !one.is_control()).take(MESSAGE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests;
