//! Randomness, as everything else is told it: tests hand in their own.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chacha20poly1305::Key;
use chacha20poly1305::aead::Generate as _;

/// How many random bytes make something that nobody guesses.
pub const NONCE_BYTES: usize = 32;

/// Gives fresh random bytes at each call.
pub type Entropy = Arc<dyn Fn() -> [u8; NONCE_BYTES] + Send + Sync>;

/// The system's own random numbers.
#[must_use]
pub fn system() -> Entropy {
    Arc::new(|| Key::generate().into())
}

/// A nonce as it stands in links: 43 letters, digits, `-` and `_`.
#[must_use]
pub fn nonce(entropy: &Entropy) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(entropy())
}
