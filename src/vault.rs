//! Credentials at rest: sealed with XChaCha20-Poly1305 under a key that is kept
//! outside the database.
//!
//! A sealed value is `version (1) || key id (4) || nonce (24) || ciphertext`. The key
//! id lets an old key keep opening what it sealed while new values use the new
//! one, so a rotation needs no downtime. The name of what is sealed is bound in
//! as associated data: a value copied to another row does not open there.

use std::path::Path;

use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::{Digest, Sha256};
use touchline_kit::signature::hex;

const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;
const KEY_ID_BYTES: usize = 4;
const NONCE_BYTES: usize = 24;
const HEADER_BYTES: usize = 1 + KEY_ID_BYTES + NONCE_BYTES;

/// Seals and opens credentials. Holds the newest key and those before it.
pub struct Vault {
    keys: Vec<VaultKey>,
}

struct VaultKey {
    id: [u8; KEY_ID_BYTES],
    secret: SecretSlice<u8>,
}

/// Why something sealed could not be opened, or the key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file cannot be read or made.
    #[error(
        "cannot use the key file {path}: {cause}\nhint: set `key_file` to a path that this user may read and write; it is made at the first start"
    )]
    KeyFile {
        /// Which file.
        path: String,
        /// What the system said. Not its source: it is said above.
        cause: std::io::Error,
    },
    /// A line of the key file is not a key.
    #[error(
        "line {line} of the key file {path} is not 64 hexadecimal digits\nhint: put back the file that touchline made; what was sealed opens with no other"
    )]
    BadKey {
        /// Which file.
        path: String,
        /// Which line, from 1.
        line: usize,
    },
    /// Sealed by a key that is not in the file.
    #[error(
        "sealed with a key that is not in the key file\nhint: put the old key back as a further line, or connect again"
    )]
    UnknownKey,
    /// Damaged, cut short, or moved here from elsewhere.
    #[error(
        "a sealed value is damaged\nhint: restore the database from a backup, or connect the account again"
    )]
    Damaged,
}

impl Vault {
    /// Reads the key file: one key a line as 64 hexadecimal digits, the newest
    /// first. Makes one with a fresh key, readable by its owner only, if there
    /// is none.
    ///
    /// # Errors
    /// [`VaultError::KeyFile`] or [`VaultError::BadKey`].
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        let failed = |cause| VaultError::KeyFile { path: path.display().to_string(), cause };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let text = fresh_key_line();
                write_private(path, &text).map_err(failed)?;
                text
            }
            Err(error) => return Err(failed(error)),
        };
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let keys = lines
            .map(|(index, line)| {
                let bad =
                    || VaultError::BadKey { path: path.display().to_string(), line: index + 1 };
                let bytes = from_hex(line.trim()).ok_or_else(bad)?;
                if bytes.len() == KEY_BYTES { Ok(VaultKey::new(bytes)) } else { Err(bad()) }
            })
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(VaultError::BadKey { path: path.display().to_string(), line: 1 });
        }
        Ok(Vault { keys })
    }

    /// A vault with one random key that is written nowhere, for demo and tests.
    #[must_use]
    pub fn ephemeral() -> Self {
        Vault { keys: vec![VaultKey::new(Key::generate().to_vec())] }
    }

    /// Seals `plain` under the newest key, bound to `name`.
    ///
    /// # Errors
    /// [`VaultError::Damaged`] if the cipher refuses, which takes more than 256 GiB.
    pub fn seal(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let key = self.keys.first().ok_or(VaultError::UnknownKey)?;
        let nonce = XNonce::generate();
        let payload = Payload { msg: plain, aad: name.as_bytes() };
        let sealed = key.cipher()?.encrypt(&nonce, payload).map_err(|_| VaultError::Damaged)?;
        let mut out = Vec::with_capacity(HEADER_BYTES + sealed.len());
        out.push(VERSION);
        out.extend_from_slice(&key.id);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Opens what [`Vault::seal`] made under the same `name`.
    ///
    /// # Errors
    /// [`VaultError::UnknownKey`] or [`VaultError::Damaged`].
    pub fn open_sealed(&self, name: &str, sealed: &[u8]) -> Result<SecretSlice<u8>, VaultError> {
        if sealed.len() < HEADER_BYTES || sealed[0] != VERSION {
            return Err(VaultError::Damaged);
        }
        let (header, msg) = sealed.split_at(HEADER_BYTES);
        let (id, nonce) = header[1..].split_at(KEY_ID_BYTES);
        let key = self.keys.iter().find(|key| key.id == id).ok_or(VaultError::UnknownKey)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| VaultError::Damaged)?;
        let payload = Payload { msg, aad: name.as_bytes() };
        let plain = key.cipher()?.decrypt(&nonce, payload).map_err(|_| VaultError::Damaged)?;
        Ok(SecretSlice::from(plain))
    }

    /// A key for one purpose (signing links), derived from the newest key.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> SecretSlice<u8> {
        let mut hash = Sha256::new();
        hash.update(b"touchline/derive/");
        hash.update(purpose.as_bytes());
        if let Some(key) = self.keys.first() {
            hash.update(key.secret.expose_secret());
        }
        SecretSlice::from(hash.finalize().to_vec())
    }
}

impl VaultKey {
    fn new(secret: Vec<u8>) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"touchline/key-id/");
        hash.update(&secret);
        let digest = hash.finalize();
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&digest[..KEY_ID_BYTES]);
        VaultKey { id, secret: SecretSlice::from(secret) }
    }

    fn cipher(&self) -> Result<XChaCha20Poly1305, VaultError> {
        XChaCha20Poly1305::new_from_slice(self.secret.expose_secret())
            .map_err(|_| VaultError::Damaged)
    }
}

fn fresh_key_line() -> String {
    let mut line = hex(&Key::generate());
    line.push('\n');
    line
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = (0..text.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_what_was_sealed_here_under_that_name() {
        let vault = Vault::ephemeral();
        let sealed = vault.seal("hubspot/refresh", b"fake-token").unwrap();
        assert_eq!(
            vault.open_sealed("hubspot/refresh", &sealed).unwrap().expose_secret(),
            b"fake-token"
        );
        assert!(matches!(vault.open_sealed("slack/bot", &sealed), Err(VaultError::Damaged)));
        let mut torn = sealed.clone();
        torn[HEADER_BYTES] ^= 1;
        assert!(matches!(vault.open_sealed("hubspot/refresh", &torn), Err(VaultError::Damaged)));
        assert!(matches!(vault.open_sealed("x", &sealed[..10]), Err(VaultError::Damaged)));
        let other = Vault::ephemeral();
        assert!(matches!(
            other.open_sealed("hubspot/refresh", &sealed),
            Err(VaultError::UnknownKey)
        ));
    }

    #[test]
    fn an_old_key_still_opens_after_a_new_line_is_put_above_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("touchline.key");
        let sealed = Vault::open(&path).unwrap().seal("a", b"b").unwrap();
        let old = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{}{old}", fresh_key_line())).unwrap();
        let rotated = Vault::open(&path).unwrap();
        assert_eq!(rotated.open_sealed("a", &sealed).unwrap().expose_secret(), b"b");
        assert_ne!(rotated.seal("a", b"b").unwrap()[1..5], sealed[1..5]);
    }

    #[test]
    fn a_key_file_that_is_no_key_file_names_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("touchline.key");
        std::fs::write(&path, "not a key\n").unwrap();
        assert!(matches!(Vault::open(&path), Err(VaultError::BadKey { line: 1, .. })));
    }
}
