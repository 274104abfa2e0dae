//! The way of a connection through the admin's browser: a signed link that
//! works once, and the state that the vendor brings back.
//!
//! The link proves that who opens it was given it by `touchline connect`. Opening
//! it uses nothing up, for mail scanners and chat previews open links too; only
//! what its page sends back does. The state proves that the browser coming back is on a way begun by such a link.
//! Both are random, work once, and die after ten minutes. Of both the store
//! holds only a hash.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use touchline_kit::signature::{constant_time_eq, hmac_sha256_hex};
use touchline_rules::UnixMs;
use touchline_rules::time::MINUTE_MS;

use secrecy::ExposeSecret as _;

use crate::entropy::{Entropy, nonce};
use crate::store::{self, NewLink, Store};
use crate::vault::Vault;

/// How long a link works, and how long the vendor's page may take.
pub const LIFE_MS: i64 = 10 * MINUTE_MS;
/// The purpose of a link's row, and of the key that signs links.
const LINK: &str = "connect-link";
/// The purpose of a state's row.
const STATE: &str = "oauth-state";

/// Which account is to be connected, and on whose word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// Slug of the connection.
    pub connection: String,
    /// Name of its connector.
    pub connector: String,
    /// Who asked for it: an e-mail, or `admin`.
    pub by: String,
}

/// Why a link or a state opens nothing.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum NotGood {
    /// Not made here, or changed on the way.
    Forged,
    /// Its time is over.
    Expired,
    /// It was used before.
    Used,
}

/// What stands in the link besides its connector.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct LinkQuery {
    /// Slug of the connection.
    #[serde(default)]
    pub connection: String,
    /// Makes it work once.
    #[serde(default)]
    pub nonce: String,
    /// Until when, in Unix milliseconds.
    #[serde(default)]
    pub expires: String,
    /// Covers all of it.
    #[serde(default)]
    pub signature: String,
}

/// Makes a link for this errand and remembers it.
///
/// # Errors
/// When the store cannot be written.
pub async fn make_link(
    store: &Store,
    vault: &Vault,
    entropy: &Entropy,
    public_url: &str,
    errand: &Errand,
    now: UnixMs,
) -> anyhow::Result<(String, UnixMs)> {
    let (nonce, expires_at) = (nonce(entropy), now.plus_ms(LIFE_MS));
    let expires = expires_at.0.to_string();
    let Errand { connection, connector, .. } = errand;
    let signature = sign(vault, connector, connection, &nonce, &expires);
    let body = serde_json::to_vec(errand)?;
    store
        .add_link(NewLink { nonce_hash: hash(&nonce), purpose: LINK.into(), expires_at, body })
        .await?;
    // Slug, connector and nonce need no escapes: they hold letters, digits, - and _.
    let link = format!(
        "{public_url}/connect/{connector}/start?connection={connection}&nonce={nonce}&expires={expires}&signature={signature}"
    );
    Ok((link, expires_at))
}

/// Looks at a link as often as somebody likes, without using it up: what it
/// would do, as long as [`use_link`] would do it.
///
/// # Errors
/// When the store cannot be read; the inner error is the link's own fault.
pub async fn look_at_link(
    store: &Store,
    vault: &Vault,
    connector: &str,
    query: &LinkQuery,
    now: UnixMs,
) -> store::Result<Result<Errand, NotGood>> {
    if let Err(why) = judge(vault, connector, query, now) {
        return Ok(Err(why));
    }
    let found = store.look_at_link(hash(&query.nonce), LINK.to_owned(), now).await?;
    Ok(match found {
        Some((_, true)) | None => Err(NotGood::Used),
        Some((body, false)) => serde_json::from_slice(&body).map_err(|_| NotGood::Forged),
    })
}

/// Uses a link up. The signature is judged first, so that nobody learns by
/// guessing which links there are.
///
/// # Errors
/// When the store cannot be written; the inner error is the link's own fault.
pub async fn use_link(
    store: &Store,
    vault: &Vault,
    connector: &str,
    query: &LinkQuery,
    now: UnixMs,
) -> store::Result<Result<Errand, NotGood>> {
    if let Err(why) = judge(vault, connector, query, now) {
        return Ok(Err(why));
    }
    let used = store.use_link(hash(&query.nonce), LINK.to_owned(), now).await?;
    Ok(match used.map(|body| serde_json::from_slice(&body)) {
        Some(Ok(errand)) => Ok(errand),
        Some(Err(_)) => Err(NotGood::Forged),
        None => Err(NotGood::Used),
    })
}

/// Whether the link was made here, as it is, and its time is not over.
fn judge(vault: &Vault, connector: &str, query: &LinkQuery, now: UnixMs) -> Result<(), NotGood> {
    let LinkQuery { connection, nonce, expires, signature } = query;
    let expected = sign(vault, connector, connection, nonce, expires);
    let expires_at = expires.parse().map(UnixMs).map_err(|_| NotGood::Forged)?;
    if !constant_time_eq(&expected, signature) {
        return Err(NotGood::Forged);
    }
    if now >= expires_at { Err(NotGood::Expired) } else { Ok(()) }
}

/// What the way back must know of the way there.
#[derive(Clone, Serialize, Deserialize)]
pub struct Journey {
    /// What it is for.
    pub errand: Errand,
    /// The PKCE verifier, where PKCE is used.
    pub verifier: Option<String>,
}

/// Makes the `state` for the vendor's page and remembers the journey, sealed.
///
/// # Errors
/// When the store cannot be written.
pub async fn make_state(
    store: &Store,
    vault: &Vault,
    entropy: &Entropy,
    journey: &Journey,
    now: UnixMs,
) -> anyhow::Result<String> {
    let state = nonce(entropy);
    let body = vault.seal(STATE, &serde_json::to_vec(journey)?)?;
    let expires_at = now.plus_ms(LIFE_MS);
    store
        .add_link(NewLink { nonce_hash: hash(&state), purpose: STATE.into(), expires_at, body })
        .await?;
    Ok(state)
}

/// Uses a state up: the journey it belongs to, the first time and in time.
///
/// # Errors
/// When the store cannot be written.
pub async fn use_state(
    store: &Store,
    vault: &Vault,
    state: &str,
    now: UnixMs,
) -> store::Result<Option<Journey>> {
    let sealed = store.use_link(hash(state), STATE.to_owned(), now).await?;
    let opened = sealed.and_then(|sealed| vault.open_sealed(STATE, &sealed).ok());
    Ok(opened.and_then(|opened| serde_json::from_slice(opened.expose_secret()).ok()))
}

/// Names are slugs and numbers, so a line break cannot stand inside of one.
fn sign(vault: &Vault, connector: &str, connection: &str, nonce: &str, expires: &str) -> String {
    let key = vault.derive(LINK);
    let text = [connector, connection, nonce, expires].join("\n");
    hmac_sha256_hex(key.expose_secret(), &[text.as_bytes()])
}

fn hash(nonce: &str) -> [u8; 32] {
    Sha256::digest(nonce).into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const NOW: UnixMs = UnixMs(1_795_420_800_000);

    fn query(link: &str) -> LinkQuery {
        let url = url::Url::parse(link).unwrap();
        let value = |name: &str| {
            let found = url.query_pairs().find(|(key, _)| key == name);
            found.map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        LinkQuery {
            connection: value("connection"),
            nonce: value("nonce"),
            expires: value("expires"),
            signature: value("signature"),
        }
    }

    #[tokio::test]
    async fn a_link_works_once_in_time_and_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("t.db"), Default::default()).unwrap();
        let vault = Vault::ephemeral();
        let entropy: Entropy = Arc::new(|| [7; 32]);
        let errand = Errand {
            connection: "crm".into(),
            connector: "hubspot".into(),
            by: "admin@example.com".into(),
        };
        let made = make_link(&store, &vault, &entropy, "https://t.example.com", &errand, NOW).await;
        let (link, expires_at) = made.unwrap();
        assert!(link.starts_with("https://t.example.com/connect/hubspot/start?connection=crm&"));
        assert_eq!(expires_at, NOW.plus_ms(600_000));
        let good = query(&link);
        let tried = async |connector: &str, query: LinkQuery, at: UnixMs| {
            use_link(&store, &vault, connector, &query, at).await.unwrap()
        };
        let forged = [
            LinkQuery { connection: "other".into(), ..good.clone() },
            LinkQuery { expires: NOW.plus_ms(900_000).0.to_string(), ..good.clone() },
            LinkQuery { expires: "soon".into(), ..good.clone() },
            LinkQuery { nonce: "x".into(), ..good.clone() },
            LinkQuery { signature: String::new(), ..good.clone() },
            LinkQuery::default(),
        ];
        for query in forged {
            assert_eq!(tried("hubspot", query, NOW).await, Err(NotGood::Forged));
        }
        assert_eq!(tried("slack", good.clone(), NOW).await, Err(NotGood::Forged));
        assert_eq!(tried("hubspot", good.clone(), expires_at).await, Err(NotGood::Expired));
        let last = expires_at.plus_ms(-1);
        let looked = async || look_at_link(&store, &vault, "hubspot", &good, last).await.unwrap();
        for _ in 0..3 {
            assert_eq!(looked().await.as_ref(), Ok(&errand), "looking uses nothing up");
        }
        assert_eq!(tried("hubspot", good.clone(), last).await, Ok(errand));
        assert_eq!(looked().await, Err(NotGood::Used));
        assert_eq!(tried("hubspot", good.clone(), last).await, Err(NotGood::Used));
    }
}
