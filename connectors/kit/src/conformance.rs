//! What every connector must hold, as a suite its tests can call.
//!
//! A test builds a [`Suite`] with signed [`Sample`]s, calls [`Suite::check`] with
//! a seeded generator, and unwraps: a failure names each promise that is broken.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use touchline_rules::UnixMs;
use touchline_rules::time::DAY_MS;

use crate::contract::{ConnectionView, Connector};
use crate::manifest::{Capability, Manifest};
use crate::receive::{Accepted, RawRequest, Rejected, Secrets, StoredRequest};

/// Variations tried of each sample.
pub const VARIATIONS: usize = 300;
/// The longest random body, in bytes.
pub const RANDOM_BODY_MAX: usize = 2_048;
/// What one decoded piece may take beyond a multiple of its body, in bytes.
const PIECE_OVERHEAD: usize = 2_048;
/// How many times its body all decoded pieces together may take.
const GROWTH_MAX: usize = 16;
/// The longest part of a failing body that a report quotes, in bytes.
const QUOTE_MAX: usize = 200;

/// A connector, and what it needs to be tried.
pub struct Suite<'a> {
    /// The connector.
    pub connector: &'a dyn Connector,
    /// Secrets that the samples are signed with.
    pub secrets: Secrets,
    /// A connection.
    pub connection: ConnectionView,
    /// Requests that are accepted: one at least of each kind.
    pub samples: Vec<Sample>,
}

/// A request that is accepted when it arrives at `now`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The path part after the connection's slug.
    pub kind: String,
    /// Upper-case method.
    pub method: String,
    /// Path and query as on the wire.
    pub path_and_query: String,
    /// Headers; names lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// When it arrives.
    pub now: UnixMs,
    /// Whether it carries a signature over its body, so that a changed body
    /// must be refused. Off for reachability checks that vendors send unsigned.
    pub signed: bool,
    /// Whether the signature covers a time, so that it must be refused a day
    /// later or earlier.
    pub timed: bool,
}

/// What a connector does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures(pub Vec<String>);

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|failure| writeln!(f, "- {failure}"))
    }
}

impl std::error::Error for Failures {}

impl Suite<'_> {
    /// Checks everything. `random` gives any 64 bits: seeded, so that a failure
    /// can be had again.
    ///
    /// # Errors
    /// [`Failures`] with a line for each promise that is not kept.
    pub fn check(&self, mut random: impl FnMut() -> u64) -> Result<(), Failures> {
        let mut failures = manifest_faults(self.connector.manifest());
        failures.extend(self.capability_faults());
        if self.connector.manifest().capabilities.contains(&Capability::Webhooks) {
            if self.samples.is_empty() {
                failures.push("a connector that takes webhooks needs a sample request".into());
            }
            for sample in &self.samples {
                failures.extend(self.sample_faults(sample));
                failures.extend(self.variation_faults(sample, &mut random));
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(Failures(failures)) }
    }

    fn capability_faults(&self) -> Vec<String> {
        let declared = self.connector.manifest().capabilities;
        let sides = [
            (Capability::Crm, self.connector.crm().is_some()),
            (Capability::Channel, self.connector.channel().is_some()),
        ];
        sides
            .into_iter()
            .filter(|(capability, has)| declared.contains(capability) != *has)
            .map(|(capability, has)| {
                let (is, isnt) =
                    if has { ("there", "not declared") } else { ("declared", "not there") };
                format!("{capability:?} is {is}, but {isnt}")
            })
            .collect()
    }

    /// A sample is accepted as it is, and refused as soon as anything it
    /// proves is not so.
    fn sample_faults(&self, sample: &Sample) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |what: String| faults.push(format!("sample `{}`: {what}", sample.kind));
        match self.receive(sample, &self.secrets) {
            Err(panic) => fault(panic),
            Ok(Err(rejected)) => fault(format!("refused: {rejected}")),
            Ok(Ok(_)) => {}
        }
        let mut forgeries: Vec<(&str, Sample, Secrets)> = Vec::new();
        if sample.signed {
            forgeries.push(("without any secret configured", sample.clone(), Secrets::default()));
            let mut other = Secrets::default();
            for field in self.connector.manifest().secrets {
                other.insert(field.name, "fake-some-other-secret");
            }
            forgeries.push(("signed with another secret", sample.clone(), other));
            let mut bare = sample.clone();
            bare.headers.clear();
            forgeries.push(("without headers", bare, self.secrets.clone()));
            let mut longer = sample.clone();
            longer.body.push(b' ');
            forgeries.push(("with a longer body", longer, self.secrets.clone()));
            let mut flipped = sample.clone();
            if let Some(byte) = flipped.body.last_mut() {
                *byte ^= 1;
                forgeries.push(("with a changed body", flipped, self.secrets.clone()));
            }
        }
        if sample.timed {
            for (what, ms) in [("a day late", DAY_MS), ("a day early", -DAY_MS)] {
                let now = sample.now.plus_ms(ms);
                forgeries.push((what, Sample { now, ..sample.clone() }, self.secrets.clone()));
            }
        }
        for (what, forgery, secrets) in forgeries {
            match self.receive(&forgery, &secrets) {
                Err(panic) => fault(format!("{what}: {panic}")),
                Ok(Ok(_)) => fault(format!("accepted {what}")),
                Ok(Err(rejected)) => {
                    for leak in self.leaks(&rejected) {
                        fault(format!("the refusal {what} shows the secret `{leak}`"));
                    }
                }
            }
        }
        faults
    }

    /// Whatever arrives, both functions answer, and with a bounded answer.
    fn variation_faults(&self, sample: &Sample, random: &mut dyn FnMut() -> u64) -> Vec<String> {
        let mut faults = Vec::new();
        for _ in 0..VARIATIONS {
            let varied = vary(sample, random);
            if let Err(panic) = self.receive(&varied, &self.secrets) {
                faults.push(panic);
            }
            // A vendor may sign anything, so decode gets it whether or not it was accepted.
            faults.extend(self.decode_fault(&varied));
        }
        faults.extend(self.decode_fault(sample));
        faults.dedup();
        faults
    }

    fn decode_fault(&self, sample: &Sample) -> Option<String> {
        let stored = StoredRequest {
            headers: sample.headers.clone(),
            body: sample.body.clone(),
            received_at: sample.now,
        };
        let decode = || self.connector.decode(&sample.kind, &stored, &self.connection);
        let pieces = match catch_unwind(AssertUnwindSafe(decode)) {
            Ok(pieces) => pieces,
            Err(_) => return Some(format!("decode panicked on {}", quote(sample))),
        };
        let size = |piece: &Result<_, _>| match piece {
            Ok(inbound) => serde_json::to_vec(inbound).map_or(usize::MAX, |json| json.len()),
            Err(crate::Undecodable { reason, .. }) => reason.len(),
        };
        let total = pieces.iter().map(size).fold(0, usize::saturating_add);
        let body = sample.body.len();
        let is_many = pieces.len() > body + 1;
        let is_large = total > GROWTH_MAX * body + PIECE_OVERHEAD * (pieces.len() + 1);
        (is_many || is_large).then(|| {
            let count = pieces.len();
            format!("{body} bytes decode to {count} pieces of {total} bytes: {}", quote(sample))
        })
    }

    fn receive(
        &self,
        sample: &Sample,
        secrets: &Secrets,
    ) -> Result<Result<Accepted, Rejected>, String> {
        let request = RawRequest {
            method: &sample.method,
            path_and_query: &sample.path_and_query,
            headers: &sample.headers,
            body: &sample.body,
        };
        let receive = || {
            let connection = &self.connection;
            self.connector.receive(&sample.kind, &request, secrets, connection, sample.now)
        };
        catch_unwind(AssertUnwindSafe(receive))
            .map_err(|_| format!("receive panicked on {}", quote(sample)))
    }

    /// The names of the secrets that a refusal quotes.
    fn leaks(&self, rejected: &Rejected) -> Vec<&'static str> {
        let shown = format!("{rejected:?}");
        let fields = self.connector.manifest().secrets.iter();
        fields
            .filter(|field| self.secrets.expose(field.name).is_some_and(|s| shown.contains(s)))
            .map(|field| field.name)
            .collect()
    }
}

/// What is wrong with a manifest, one line each.
#[must_use]
pub fn manifest_faults(manifest: &Manifest) -> Vec<String> {
    let mut faults = Vec::new();
    let mut require = |holds: bool, fault: String| {
        if !holds {
            faults.push(fault);
        }
    };
    let name = manifest.name;
    require(is_slug(name), format!("the name `{name}` is no slug: use a-z, 0-9 and -"));
    require(!manifest.title.trim().is_empty(), "the title is empty".into());
    require(!manifest.capabilities.is_empty(), "no capability is declared".into());
    let base = url::Url::parse(manifest.base_url);
    let is_https = base.is_ok_and(|url| url.scheme() == "https");
    require(is_https, format!("the base URL `{}` is not https", manifest.base_url));
    require(!manifest.setup.is_empty(), "there are no setup steps".into());
    let has_text = manifest.setup.iter().all(|step| !step.trim().is_empty());
    require(has_text, "a setup step is empty".into());

    let secrets: Vec<&str> = manifest.secrets.iter().map(|secret| secret.name).collect();
    let limits: Vec<&str> = manifest.limits.iter().map(|limit| limit.name).collect();
    for (what, names) in [("secret", secrets), ("limit", limits)] {
        for (i, name) in names.iter().enumerate() {
            require(is_key(name), format!("the {what} `{name}` is no key: use a-z, 0-9 and _"));
            require(!names[..i].contains(name), format!("the {what} `{name}` is there twice"));
        }
    }
    for secret in manifest.secrets {
        let has_help = !secret.help.trim().is_empty();
        require(has_help, format!("the secret `{}` has no help", secret.name));
    }
    for limit in manifest.limits {
        let is_some = limit.calls > 0 && limit.period_ms > 0 && limit.burst > 0;
        require(is_some, format!("the limit `{}` lets nothing through", limit.name));
    }
    if let Some(daily) = &manifest.daily {
        let is_share = (1..=100).contains(&daily.share_percent) && daily.calls > 0;
        require(is_share, "the daily share is nothing, or more than all".into());
        let is_lower = daily.header.is_none_or(|name| name == name.to_ascii_lowercase());
        require(is_lower, "the name of the daily header is not lower case".into());
    }
    if let Some(oauth) = &manifest.oauth {
        let is_absolute = url::Url::parse(oauth.authorize_url).is_ok();
        require(is_absolute, "the authorize URL is not absolute".into());
        let is_path = !oauth.token_path.is_empty() && !oauth.token_path.contains("://");
        require(is_path, "the token path is not a path".into());
    }
    faults
}

fn is_slug(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(allowed)
}

fn is_key(name: &str) -> bool {
    is_slug(&name.replace('_', "-")) && !name.contains('-')
}

/// One step away from a sample, in a random direction.
fn vary(sample: &Sample, random: &mut dyn FnMut() -> u64) -> Sample {
    let mut varied = sample.clone();
    let mut below = |limit: usize| {
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        usize::try_from(random() % limit).unwrap_or_default()
    };
    match below(8) {
        0 => varied.body = (0..below(RANDOM_BODY_MAX)).map(|_| below(256) as u8).collect(),
        1 => varied.body.truncate(below(sample.body.len() + 1)),
        2 => {
            for _ in 0..=below(8) {
                let at = below(sample.body.len());
                if let Some(byte) = varied.body.get_mut(at) {
                    *byte = below(256) as u8;
                }
            }
        }
        3 if !sample.headers.is_empty() => {
            varied.headers.remove(below(sample.headers.len()));
        }
        4 if !sample.headers.is_empty() => {
            let at = below(sample.headers.len());
            let odd = ["", "0", "-1", "99999999999999999999", "NaN", "v0=", "\u{fffd}", "%", ",,,"];
            odd[below(odd.len())].clone_into(&mut varied.headers[at].1);
        }
        5 => varied.now = UnixMs([i64::MIN, -1, 0, i64::MAX][below(4)]),
        6 => {
            let odd = ["", "/", "?", "%", "/%zz?%00", "//", "/hooks/x?a=b&a=c#d"];
            odd[below(odd.len())].clone_into(&mut varied.path_and_query);
        }
        _ => odd_json(&mut varied.body, below),
    }
    varied
}

/// Puts an odd value in the place of one JSON value, if the body is JSON.
fn odd_json(body: &mut Vec<u8>, mut below: impl FnMut(usize) -> usize) {
    let Ok(mut root) = serde_json::from_slice::<serde_json::Value>(body) else { return };
    let odd = [
        "null",
        "true",
        "-1",
        "0",
        "1e300",
        "9223372036854775807",
        "18446744073709551615",
        "0.1",
        r#""""#,
        r#""\u0000""#,
        r#""99999999999999999999""#,
        r#""2026-02-30T25:61:61Z""#,
        "[]",
        "{}",
        "[[[[]]]]",
        r#"{"":{"":null}}"#,
    ];
    let chosen = odd[below(odd.len())];
    let mut at = &mut root;
    // Goes down a random way; as deep as serde_json nests at most.
    while below(4) > 0 {
        let children: Vec<&mut serde_json::Value> = match at {
            serde_json::Value::Array(items) => items.iter_mut().collect(),
            serde_json::Value::Object(fields) => fields.values_mut().collect(),
            _ => break,
        };
        let count = children.len();
        let Some(child) = children.into_iter().nth(below(count)) else { return };
        at = child;
    }
    *at = serde_json::from_str(chosen).unwrap_or_default();
    *body = root.to_string().into_bytes();
}

fn quote(sample: &Sample) -> String {
    let shown = &sample.body[..sample.body.len().min(QUOTE_MAX)];
    let text = String::from_utf8_lossy(shown);
    format!(
        "kind `{}`, now {}, headers {:?}, body {text:?}",
        sample.kind, sample.now.0, sample.headers
    )
}

#[cfg(test)]
#[path = "conformance_tests.rs"]
mod tests;
