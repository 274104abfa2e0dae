//! HubSpot's answers, by what the caller should do next.
//!
//! Source for the retry classes: HubSpot's developer documentation, "Error
//! handling" and "API usage guidelines".

use jiff::tz::TimeZone;
use serde_json::Value;
use touchline_kit::retry::{retry_after, short_detail};
use touchline_kit::{CallError, ConnectionView, Effect, VendorAnswer};
use touchline_rules::UnixMs;
use touchline_rules::time::HOUR_MS;

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
/// The most names of scopes that an error lists.
const SCOPES_MAX: usize = 20;
/// The longest word of HubSpot's (a scope, a category) that an error quotes,
/// in bytes.
const WORD_BYTES_MAX: usize = 64;
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
            let soonest = now.plus_ms(LOCKED_WAIT_MS);
            let retry_at = retry_after(answer, now).map_or(soonest, |told| told.max(soonest));
            CallError::Unavailable { retry_at: Some(retry_at), detail }
        }
        429 => limited(answer, &problem, now),
        477 => {
            let told = retry_after(answer, now).unwrap_or(now.plus_ms(MIGRATING_WAIT_MS));
            CallError::Unavailable { retry_at: Some(told), detail }
        }
        // Nothing reached HubSpot's own servers, or they said that they took nothing.
        408 | 425 | 503 | 521 | 523 | 525 | 526 => unavailable(answer, detail, now),
        501 | 505 => CallError::Refused { code: problem.code(answer.status), detail },
        // A gateway gave up waiting: what it waited for may have happened.
        500.. if effect == Effect::Creates => CallError::Ambiguous { detail },
        500.. => unavailable(answer, detail, now),
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
    let soonest = now.plus_ms(SECONDLY_WAIT_MS);
    let told = retry_after(answer, now).map(|told| told.max(soonest));
    CallError::Limited { retry_at: told.unwrap_or(now.plus_ms(wait_ms)), detail: detail.to_owned() }
}

fn unavailable(answer: &VendorAnswer, detail: String, now: UnixMs) -> CallError {
    CallError::Unavailable { retry_at: retry_after(answer, now), detail }
}

fn header_number(answer: &VendorAnswer, name: &str) -> Option<i64> {
    answer.header(name)?.trim().parse().ok().filter(|number| *number >= 0)
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
        code.map_or_else(|| format!("HTTP {status}"), word)
    }

    /// The message, the missing scopes, and the id HubSpot's support asks for.
    fn detail(&self, status: u16) -> String {
        let mut out = format!("HubSpot answered {status}");
        let category = self.text("category");
        if !category.is_empty() {
            out.push_str(&format!(" {}", word(category)));
        }
        let message = [self.text("message"), self.text("error_description")]
            .into_iter()
            .find(|one| !one.is_empty());
        if let Some(message) = message {
            out.push_str(&format!(": {}", short_detail(message)));
        }
        let scopes = self.missing_scopes();
        if !scopes.is_empty() {
            out.push_str(&format!(" (missing scopes: {})", scopes.join(", ")));
        }
        let correlation = self.text("correlationId");
        if !correlation.is_empty() {
            out.push_str(&format!(" [correlation id {}]", word(correlation)));
        }
        out
    }

    fn missing_scopes(&self) -> Vec<String> {
        const KEYS: [&str; 3] = ["requiredGranularScopes", "requiredScopes", "missingScopes"];
        let errors = self.0.get("errors").and_then(Value::as_array);
        let contexts = errors.into_iter().flatten().filter_map(|one| one.get("context"));
        let lists = contexts.flat_map(|one| KEYS.iter().filter_map(|key| one.get(*key)));
        let mut scopes: Vec<_> =
            lists.filter_map(Value::as_array).flatten().filter_map(Value::as_str).collect();
        scopes.sort_unstable();
        scopes.dedup();
        scopes.into_iter().take(SCOPES_MAX).map(word).collect()
    }
}

/// A name of HubSpot's: letters, digits and what joins them, nothing else.
fn word(text: &str) -> String {
    let plain = |one: &char| one.is_ascii_alphanumeric() || matches!(one, '.' | '-' | '_');
    text.chars().filter(plain).take(WORD_BYTES_MAX).collect()
}

#[cfg(test)]
mod tests;
