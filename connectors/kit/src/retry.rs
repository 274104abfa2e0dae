//! When and whether to try again: the vendor's word, a vendor's status, a
//! back-off. Pure.

use jiff::fmt::rfc2822::DateTimeParser;
use touchline_rules::UnixMs;
use touchline_rules::time::{DAY_MS, SECOND_MS};

use crate::session::{CallError, Effect, VendorAnswer};

/// The longest `Retry-After` that is believed, in milliseconds.
pub const RETRY_AFTER_MAX_MS: i64 = DAY_MS;
/// The wait after a 429 that does not say how long, in milliseconds.
pub const RETRY_AFTER_DEFAULT_MS: i64 = 10 * SECOND_MS;
/// The longest text of a vendor that an error quotes, in characters.
pub const DETAIL_MAX_CHARS: usize = 200;
/// Words this long, in bytes, are left out of quoted texts: tokens are long,
/// words of people's languages are not.
pub const DETAIL_WORD_MAX_BYTES: usize = 24;

/// The instant that a `Retry-After` header names, as seconds or as an HTTP
/// date (RFC 9110 section 10.2.3). Never before `now`, and at most
/// [`RETRY_AFTER_MAX_MS`] after it; `None` when there is none or it makes no sense.
#[must_use]
pub fn retry_after(answer: &VendorAnswer, now: UnixMs) -> Option<UnixMs> {
    let text = answer.header("retry-after")?.trim();
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let at = if all_digits {
        // More digits than fit is a long time, not nonsense.
        let seconds: i64 = text.parse().unwrap_or(i64::MAX);
        now.plus_ms(seconds.saturating_mul(SECOND_MS))
    } else {
        UnixMs::from(DateTimeParser::new().parse_timestamp(text).ok()?)
    };
    Some(at.clamp(now, now.plus_ms(RETRY_AFTER_MAX_MS)))
}

/// Judges an answer by its status alone, for vendors who mean what HTTP says.
///
/// | status | means |
/// |---|---|
/// | 2xx | an answer |
/// | 401 | [`CallError::Unauthorized`] |
/// | 403 | [`CallError::Forbidden`] |
/// | 404, 410 | [`CallError::NotFound`] |
/// | 429 | [`CallError::Limited`], 10 s unless `Retry-After` says otherwise |
/// | 408, 423, 425 | [`CallError::Unavailable`]: the vendor says it did nothing |
/// | 503, 521, 523 | [`CallError::Unavailable`]: nobody was there to do it |
/// | 501, 505 | [`CallError::Refused`]: it never will |
/// | other 5xx | the answer is lost: [`Effect::lost`], because a gateway that gave up waiting (502, 504) or a fault half-way (500) may come after the work |
/// | 3xx, other 4xx | [`CallError::Refused`] |
///
/// # Errors
/// As in the table.
pub fn classify_by_status(
    answer: &VendorAnswer,
    effect: Effect,
    now: UnixMs,
) -> Result<(), CallError> {
    let status = answer.status;
    let detail = || detail_of(answer);
    let told = retry_after(answer, now);
    Err(match status {
        200..=299 => return Ok(()),
        401 => CallError::Unauthorized { detail: detail() },
        403 => CallError::Forbidden { detail: detail() },
        404 | 410 => CallError::NotFound { detail: detail() },
        429 => CallError::Limited {
            retry_at: told.unwrap_or(now.plus_ms(RETRY_AFTER_DEFAULT_MS)),
            detail: detail(),
        },
        408 | 423 | 425 | 503 | 521 | 523 => {
            CallError::Unavailable { retry_at: told, detail: detail() }
        }
        501 | 505 => CallError::Refused { code: status.to_string(), detail: detail() },
        500..=599 => match effect.lost(detail()) {
            CallError::Unavailable { detail, .. } => {
                CallError::Unavailable { retry_at: told, detail }
            }
            lost => lost,
        },
        300..=399 => CallError::Refused {
            code: status.to_string(),
            detail: "the vendor redirects, and redirects are not followed: check base_url".into(),
        },
        _ => CallError::Refused { code: status.to_string(), detail: detail() },
    })
}

/// "HTTP 400: what the vendor said", from the usual JSON fields of an error.
fn detail_of(answer: &VendorAnswer) -> String {
    let said = serde_json::from_slice::<serde_json::Value>(&answer.body).ok().and_then(|body| {
        let fields = ["message", "error_description", "detail", "title", "error"];
        let text = fields.iter().find_map(|field| body.get(field)?.as_str());
        text.map(short_detail)
    });
    match said {
        Some(said) if !said.is_empty() => format!("HTTP {}: {said}", answer.status),
        _ => format!("HTTP {}", answer.status),
    }
}

/// A vendor's text made fit for an error: one line, at most
/// [`DETAIL_MAX_CHARS`], and without any word that could be a token or is an
/// e-mail address.
#[must_use]
pub fn short_detail(text: &str) -> String {
    let mut out = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        let is_shown = word.len() < DETAIL_WORD_MAX_BYTES && !word.contains('@');
        let word = if is_shown { word } else { "[…]" };
        if out.chars().count() + word.chars().count() + 1 >= DETAIL_MAX_CHARS {
            out.push('…');
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// How long to wait before try number `attempt` (from 0), in milliseconds:
/// between half and the whole of `base_ms` doubled so many times, at most
/// `cap_ms`. `jitter01` is a random number from 0 to 1, so that those who failed
/// together do not come back together.
#[must_use]
pub fn backoff_ms(attempt: u32, base_ms: i64, cap_ms: i64, jitter01: f64) -> i64 {
    let doubled = 1_i64.checked_shl(attempt.min(62)).unwrap_or(i64::MAX);
    let whole = base_ms.max(0).saturating_mul(doubled).min(cap_ms.max(0));
    let half = whole / 2;
    // NaN counts as 0. The product is at most `whole - half`, so it fits.
    let jitter = if jitter01 > 0.0 { jitter01.min(1.0) } else { 0.0 };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a wait need not be exact to the millisecond"
    )]
    let random = ((whole - half) as f64 * jitter) as i64;
    half + random.min(whole - half)
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
