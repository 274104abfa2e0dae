//! What connectors need to check a vendor's signature: pure, and in constant
//! time wherever a secret is involved.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use touchline_rules::UnixMs;
use touchline_rules::time::SECOND_MS;

use crate::receive::Rejected;

/// The HMAC-SHA256 of `parts`, one after the other, without separators.
#[must_use]
pub fn hmac_sha256(secret: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC pads or hashes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any key length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// [`hmac_sha256`] as lower-case hexadecimal.
#[must_use]
pub fn hmac_sha256_hex(secret: &[u8], parts: &[&[u8]]) -> String {
    hex(&hmac_sha256(secret, parts))
}

/// [`hmac_sha256`] as base64 with padding.
#[must_use]
pub fn hmac_sha256_base64(secret: &[u8], parts: &[&[u8]]) -> String {
    BASE64_STANDARD.encode(hmac_sha256(secret, parts))
}

/// The SHA-256 of `parts`, one after the other, as lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    hex(&digest.finalize())
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0xf)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// Whether both are the same, in a time that tells nothing about where they
/// differ. The length is no secret.
#[must_use]
pub fn constant_time_eq(a: impl AsRef<[u8]>, b: impl AsRef<[u8]>) -> bool {
    a.as_ref().ct_eq(b.as_ref()).into()
}

/// A short hash by which an admin can compare two texts without seeing either:
/// the first 48 bits of the SHA-256, for example `sha256:ba7816bf8f01`.
///
/// For bodies, URLs and signatures. Never for a secret: one that people chose
/// could be guessed from it.
#[must_use]
pub fn fingerprint(bytes: impl AsRef<[u8]>) -> String {
    let hash = sha256_hex(&[bytes.as_ref()]);
    format!("sha256:{}", hash.get(..12).unwrap_or_default())
}

/// What a vendor's timestamp counts.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
}

/// Checks that a signed timestamp is within `window_ms` of now, before or
/// after, and returns it.
///
/// # Errors
/// [`Rejected`] with code `bad_timestamp`, `stale` or `future`.
pub fn check_timestamp(
    text: &str,
    unit: TimeUnit,
    now: UnixMs,
    window_ms: i64,
) -> Result<UnixMs, Rejected> {
    let unit_ms = match unit {
        TimeUnit::Seconds => SECOND_MS,
        TimeUnit::Milliseconds => 1,
    };
    // Digits alone: Rust would also read "+5", which no vendor signs.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let count = digits.then(|| text.parse::<i64>().ok()).flatten();
    let Some(at) = count.and_then(|count| count.checked_mul(unit_ms)).map(UnixMs) else {
        let reason = "the signature's timestamp is not a number of seconds or milliseconds";
        return Err(Rejected {
            code: "bad_timestamp",
            reason: reason.into(),
            diagnosis: Vec::new(),
        });
    };
    let age_ms = now.since_ms(at);
    let (code, direction) = match age_ms {
        _ if age_ms > window_ms => ("stale", "old"),
        _ if age_ms < window_ms.saturating_neg() => ("future", "in the future"),
        _ => return Ok(at),
    };
    let seconds = age_ms.unsigned_abs() / 1_000;
    let allowed = window_ms / SECOND_MS;
    Err(Rejected {
        code,
        reason: format!(
            "the request was signed {seconds} s {direction}, allowed are {allowed} s: \
             is this machine's clock right, or is a proxy holding requests back?"
        ),
        diagnosis: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixMs = UnixMs(1_800_000_000_000);
    const WINDOW_MS: i64 = 300_000;

    fn code(text: &str, unit: TimeUnit) -> &'static str {
        check_timestamp(text, unit, NOW, WINDOW_MS).map_or_else(|rejected| rejected.code, |_| "ok")
    }

    /// RFC 4231, test case 2.
    #[test]
    fn hmac_agrees_with_the_standards_vector() {
        let parts: &[&[u8]] = &[b"what do ya want ", b"for nothing?"];
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hmac_sha256_hex(b"Jefe", parts), expected);
    }

    /// The published vector of Standard Webhooks 1.0.0.
    #[test]
    fn hmac_agrees_with_standard_webhooks() {
        let secret = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        let expected = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(hmac_sha256_base64(&secret, &[signed]), expected);
    }

    #[test]
    fn fingerprints_are_short_hashes() {
        assert_eq!(fingerprint("abc"), "sha256:ba7816bf8f01");
        assert_eq!(hex(&[0x00, 0xff, 0x1a]), "00ff1a");
    }

    #[test]
    fn comparison_sees_every_byte_and_the_length() {
        assert!(constant_time_eq("abc", b"abc"));
        assert!(!constant_time_eq("abc", "abd"));
        assert!(!constant_time_eq("abc", "ab"));
        assert!(constant_time_eq("", ""));
    }

    #[test]
    fn timestamps_must_be_near_now_on_both_sides() {
        let seconds = |offset: i64| (NOW.0 / 1_000 + offset).to_string();
        assert_eq!(code(&seconds(-300), TimeUnit::Seconds), "ok");
        assert_eq!(code(&seconds(-301), TimeUnit::Seconds), "stale");
        assert_eq!(code(&seconds(300), TimeUnit::Seconds), "ok");
        assert_eq!(code(&seconds(301), TimeUnit::Seconds), "future");
        assert_eq!(code(&NOW.0.to_string(), TimeUnit::Milliseconds), "ok");
        assert_eq!(code(&NOW.0.to_string(), TimeUnit::Seconds), "future");
        assert_eq!(code("0", TimeUnit::Seconds), "stale");
        for nonsense in ["", " 1", "1 ", "+1", "-1", "1.5", "1e9", "٣", "x", "99999999999999999999"]
        {
            assert_eq!(code(nonsense, TimeUnit::Seconds), "bad_timestamp", "{nonsense}");
        }
        assert_eq!(code(&i64::MAX.to_string(), TimeUnit::Seconds), "bad_timestamp");
        assert_eq!(code(&i64::MAX.to_string(), TimeUnit::Milliseconds), "future");
    }

    #[test]
    fn a_stale_timestamp_says_what_to_look_at() {
        let rejected =
            check_timestamp("1799999000", TimeUnit::Seconds, NOW, WINDOW_MS).unwrap_err();
        assert_eq!(
            rejected.reason,
            "the request was signed 1000 s old, allowed are 300 s: \
             is this machine's clock right, or is a proxy holding requests back?"
        );
    }

    proptest! {
        #[test]
        fn any_text_and_any_now_get_a_verdict(text in ".{0,25}", now in any::<i64>()) {
            _ = check_timestamp(&text, TimeUnit::Seconds, UnixMs(now), WINDOW_MS);
        }

        #[test]
        fn any_number_and_any_now_get_the_right_verdict(at in 0..i64::MAX, now in any::<i64>()) {
            let verdict = check_timestamp(
                &at.to_string(), TimeUnit::Milliseconds, UnixMs(now), WINDOW_MS,
            );
            let distance = (i128::from(now) - i128::from(at)).abs();
            prop_assert_eq!(verdict.is_ok(), distance <= i128::from(WINDOW_MS));
        }
    }
}
