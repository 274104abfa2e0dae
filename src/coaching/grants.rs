//! What vendors granted by OAuth, sealed in the store.
//!
//! The vault seals each grant under the name `{connection}/grant`, so a row that
//! is copied to another connection does not open there.

use std::fmt;
use std::sync::Arc;

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use touchline_kit::oauth::Grant;
use touchline_rules::UnixMs;
use touchline_rules::time::SECOND_MS;

use crate::store::{CredentialRow, Store, StoreError};
use crate::vault::Vault;

/// The name of a grant among a connection's credentials.
const GRANT: &str = "grant";
/// The part of an access token's life after which it is refreshed, in percent.
const REFRESH_AT_PERCENT: i64 = 80;

/// A grant with the times that follow from it.
#[derive(Clone)]
pub struct HeldGrant {
    /// The token for calls.
    pub access_token: SecretString,
    /// The token for the next refresh, where the vendor gave one.
    pub refresh_token: Option<SecretString>,
    /// When it was given.
    pub granted_at: UnixMs,
    /// When the access token stops working; `None` for never.
    pub expires_at: Option<UnixMs>,
    /// Until when a refresh that somebody began may be under way. Where a refresh
    /// token works once, two at a time would lose the grant.
    pub refreshing_until: Option<UnixMs>,
}

/// Times only.
impl fmt::Debug for HeldGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldGrant")
            .field("granted_at", &self.granted_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The form in which it is sealed.
#[derive(Serialize, Deserialize)]
struct Written {
    access_token: String,
    refresh_token: Option<String>,
    granted_at: UnixMs,
    expires_at: Option<UnixMs>,
    #[serde(default)]
    refreshing_until: Option<UnixMs>,
}

impl HeldGrant {
    /// A grant as the vendor gave it at `now`. Where it names no refresh token,
    /// the one before stays good.
    #[must_use]
    pub fn new(grant: Grant, before: Option<SecretString>, now: UnixMs) -> HeldGrant {
        let life_ms = grant
            .expires_in_s
            .map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(SECOND_MS));
        HeldGrant {
            access_token: grant.access_token,
            refresh_token: grant.refresh_token.or(before),
            granted_at: now,
            expires_at: life_ms.map(|life_ms| now.plus_ms(life_ms)),
            refreshing_until: None,
        }
    }

    /// Whether the access token has lived so long that it should be refreshed.
    #[must_use]
    pub fn is_ageing(&self, now: UnixMs) -> bool {
        self.expires_at.is_some_and(|expires_at| {
            let life_ms = expires_at.since_ms(self.granted_at);
            now >= self.granted_at.plus_ms(life_ms / 100 * REFRESH_AT_PERCENT)
        })
    }

    /// Whether the access token no longer works.
    #[must_use]
    pub fn has_expired(&self, now: UnixMs) -> bool {
        self.expires_at.is_some_and(|expires_at| now >= expires_at)
    }

    fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        let exposed = |token: &SecretString| token.expose_secret().to_owned();
        Ok(serde_json::to_vec(&Written {
            access_token: exposed(&self.access_token),
            refresh_token: self.refresh_token.as_ref().map(exposed),
            granted_at: self.granted_at,
            expires_at: self.expires_at,
            refreshing_until: self.refreshing_until,
        })?)
    }

    fn from_bytes(bytes: &[u8]) -> Option<HeldGrant> {
        let written: Written = serde_json::from_slice(bytes).ok()?;
        Some(HeldGrant {
            access_token: written.access_token.into(),
            refresh_token: written.refresh_token.map(SecretString::from),
            granted_at: written.granted_at,
            expires_at: written.expires_at,
            refreshing_until: written.refreshing_until,
        })
    }
}

/// What a write of a grant came to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is on the disk, as this version.
    As(i64),
    /// Somebody else wrote first: load theirs.
    Overtaken,
}

/// The grants of all connections.
#[derive(Clone)]
pub struct Grants {
    store: Store,
    vault: Arc<Vault>,
}

impl Grants {
    /// Those in `store`, sealed by `vault`.
    #[must_use]
    pub fn new(store: Store, vault: Arc<Vault>) -> Grants {
        Grants { store, vault }
    }

    /// The version of a connection's grant; 0 when there is none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn version(&self, connection: &str) -> anyhow::Result<i64> {
        Ok(self.row(connection).await?.map_or(0, |row| row.version))
    }

    /// A connection's grant with its version.
    ///
    /// # Errors
    /// When the store cannot be read, or the key that sealed it is gone.
    pub async fn load(&self, connection: &str) -> anyhow::Result<Option<(i64, HeldGrant)>> {
        let Some(row) = self.row(connection).await? else { return Ok(None) };
        let opened = self.vault.open_sealed(&sealed_as(connection), &row.body);
        let opened = opened.with_context(|| format!("the grant of {connection}"))?;
        let grant = HeldGrant::from_bytes(opened.expose_secret());
        let grant = grant.with_context(|| {
            format!("the grant of {connection} cannot be read\nhint: connect it again")
        })?;
        Ok(Some((row.version, grant)))
    }

    /// Writes a grant over the one of that version (0: over none). It is on the
    /// disk when this answers, so its tokens may be used then.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn keep(
        &self,
        connection: &str,
        version: i64,
        grant: &HeldGrant,
    ) -> anyhow::Result<Kept> {
        let body = self.vault.seal(&sealed_as(connection), &grant.to_bytes()?)?;
        let row = CredentialRow {
            connection: connection.to_owned(),
            name: GRANT.to_owned(),
            version,
            updated_at: grant.granted_at,
            body,
        };
        match self.store.put_credential(row).await {
            Ok(()) => Ok(Kept::As(version + 1)),
            Err(StoreError::Conflict { .. }) => Ok(Kept::Overtaken),
            Err(error) => Err(error.into()),
        }
    }

    async fn row(&self, connection: &str) -> anyhow::Result<Option<CredentialRow>> {
        Ok(self.store.credential(connection.to_owned(), GRANT.to_owned()).await?)
    }
}

fn sealed_as(connection: &str) -> String {
    format!("{connection}/{GRANT}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_795_420_800_000);

    fn grant(expires_in_s: Option<u64>) -> HeldGrant {
        let given = Grant {
            access_token: "fake-access".into(),
            refresh_token: None,
            expires_in_s,
            extra: serde_json::Map::new(),
        };
        HeldGrant::new(given, Some("fake-refresh".into()), NOW)
    }

    #[test]
    fn a_token_ages_at_four_fifths_of_its_life() {
        let held = grant(Some(1_800));
        assert!(!held.is_ageing(NOW.plus_ms(1_440_000 - 1)));
        assert!(held.is_ageing(NOW.plus_ms(1_440_000)));
        assert!(!held.has_expired(NOW.plus_ms(1_800_000 - 1)));
        assert!(held.has_expired(NOW.plus_ms(1_800_000)));
        assert!(!grant(None).is_ageing(UnixMs::MAX));
        assert!(!grant(Some(u64::MAX)).has_expired(NOW.plus_ms(1)));
    }

    #[tokio::test]
    async fn a_grant_opens_only_for_its_own_connection_and_shows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("t.db"), Default::default()).unwrap();
        let grants = Grants::new(store.clone(), Arc::new(Vault::ephemeral()));
        assert_eq!(grants.keep("hubspot", 0, &grant(Some(60))).await.unwrap(), Kept::As(1));
        assert_eq!(grants.keep("hubspot", 0, &grant(Some(60))).await.unwrap(), Kept::Overtaken);
        let (version, held) = grants.load("hubspot").await.unwrap().unwrap();
        assert_eq!(version, 1);
        assert_eq!(held.refresh_token.as_ref().unwrap().expose_secret(), "fake-refresh");
        assert!(!format!("{held:?}").contains("fake-"));
        let row = store.credential("hubspot".into(), "grant".into()).await.unwrap().unwrap();
        assert!(!row.body.windows(5).any(|part| part == b"fake-"));
        let moved = CredentialRow { connection: "other".into(), version: 0, ..row };
        store.put_credential(moved).await.unwrap();
        assert!(grants.load("other").await.is_err());
    }
}
