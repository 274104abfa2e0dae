//! `touchline doctor signature`: one captured request, judged again offline.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use touchline_kit::{ConnectionView, RawRequest, Rejected};
use touchline_rules::UnixMs;
use touchline_rules::time::SECOND_MS;

use super::super::open;
use super::findings::Findings;
use crate::coaching::opening::{Declared, declared};
use crate::config::Config;
use crate::file_errors::{open_file, unreadable};

#[derive(Args)]
#[command(after_help = "\
Capture the request where it arrives, for example at the proxy, with the raw body
byte for byte. Header values are never printed.

  touchline doctor signature --connection hubspot --path /hooks/hubspot --body body.json \\
    --header 'X-HubSpot-Signature-v3: …' --header 'X-HubSpot-Request-Timestamp: …'")]
pub(super) struct SignatureArgs {
    /// Whose secret it was signed with.
    #[arg(long, value_name = "SLUG")]
    connection: String,
    /// Method of the request.
    #[arg(long, default_value = "POST")]
    method: String,
    /// Path and query exactly as they arrived, for example /hooks/hubspot.
    #[arg(long, value_name = "PATH")]
    path: String,
    /// The raw body; without it, an empty one.
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// A header as it arrived; repeat it for each.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write it as 'name: value'")?;
    Ok((name.trim().to_lowercase(), value.trim().to_owned()))
}

/// A request that arrived, and may be judged as if it had arrived otherwise.
#[derive(Clone)]
pub(super) struct Captured {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// The largest body that is read, in bytes.
const BODY_MAX: u64 = 64 << 20;

pub(super) fn run(config: &Config, args: &SignatureArgs) -> anyhow::Result<ExitCode> {
    let declared = declared(config, &args.connection)?;
    let body = match &args.body {
        None => Vec::new(),
        Some(path) => {
            let size = open_file("the body", path)?.metadata()?.len();
            anyhow::ensure!(
                size <= BODY_MAX,
                "the body {} is larger than {BODY_MAX} bytes\nhint: give the one request, byte for byte",
                path.display()
            );
            std::fs::read(path).map_err(|error| unreadable("the body", path, &error))?
        }
    };
    let captured = Captured {
        method: args.method.to_uppercase(),
        path: args.path.clone(),
        headers: args.headers.clone(),
        body,
    };
    let mut findings = Findings::default();
    findings.about(&format!("connection {}", args.connection));
    let fits = explain(config, &declared, &captured, open::clock().now(), &mut findings);
    print!("{findings}");
    Ok(if fits { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Judges the request as it is, and if it is refused, as it might have been
/// meant. Answers whether its signature fits.
pub(super) fn explain(
    config: &Config,
    declared: &Declared<'_>,
    captured: &Captured,
    now: UnixMs,
    findings: &mut Findings,
) -> bool {
    let judge = |captured: &Captured, public_url: &str, at: UnixMs| {
        judged(declared, captured, public_url, at)
    };
    let public_url = config.public_url.as_str();
    let rejected = match judge(captured, public_url, now) {
        Ok(()) => {
            findings.ok("the signature fits: this request would be taken");
            return true;
        }
        Err(rejected) => rejected,
    };
    // A captured request is old by the time it is looked at.
    let signed_at = signed_at(captured).filter(|_| matches!(rejected.code, "stale" | "future"));
    let (rejected, at) = match signed_at.map(|at| (judge(captured, public_url, at), at)) {
        Some((Ok(()), at)) => {
            findings
                .ok(format!("the signature fits, as of {at}, when it was signed"))
                .detail(format!("now it would be refused: {}", rejected.reason));
            return true;
        }
        Some((Err(rejected), at)) => (rejected, at),
        None => (rejected, now),
    };
    let finding = findings.bad(format!("{}: {}", rejected.code, rejected.reason));
    finding.detail(format!("judged as {} {public_url}{}", captured.method, captured.path));
    finding.detail(format!("with a body of {} bytes", captured.body.len()));
    for (name, hash) in &rejected.diagnosis {
        finding.detail(format!("{name} {hash}"));
    }
    let meant = variants(captured, public_url)
        .into_iter()
        .find(|one| judge(&one.captured, &one.public_url, at).is_ok());
    if let Some(one) = meant {
        finding.hint(format!("the signature fits {}", one.said));
    } else if rejected.code == "bad_signature" {
        finding.hint(
            "no usual change of address or body makes it fit: compare the secret with the vendor's",
        );
    }
    false
}

fn judged(
    declared: &Declared<'_>,
    captured: &Captured,
    public_url: &str,
    at: UnixMs,
) -> Result<(), Rejected> {
    let Captured { method, path, headers, body } = captured;
    let request = RawRequest { method, path_and_query: path, headers, body };
    let view = ConnectionView {
        name: declared.slug.to_owned(),
        public_url: public_url.to_owned(),
        metadata: Arc::default(),
        settings: declared.settings.clone(),
    };
    // `/hooks/{connection}/{kind}`
    let kind = path.split('?').next().unwrap_or_default().split('/').nth(3).unwrap_or_default();
    let Declared { connector, secrets, .. } = declared;
    connector.receive(kind, &request, secrets, &view, at).map(drop)
}

/// When it says it was signed: the vendors' headers differ in name, but each
/// says `timestamp`, in seconds or milliseconds.
fn signed_at(captured: &Captured) -> Option<UnixMs> {
    /// In seconds this is far in the future, in milliseconds long ago.
    const MILLISECONDS_FROM: i64 = 100_000_000_000;
    let mut stamps = captured.headers.iter().filter(|(name, _)| name.contains("timestamp"));
    stamps.find_map(|(_, value)| value.parse::<i64>().ok()).map(|count| match count {
        MILLISECONDS_FROM.. => UnixMs(count),
        _ => UnixMs(count.saturating_mul(SECOND_MS)),
    })
}

struct Variant {
    captured: Captured,
    public_url: String,
    said: String,
}

/// What proxies and settings usually change.
fn variants(captured: &Captured, public_url: &str) -> Vec<Variant> {
    let mut variants = Vec::new();
    let (secure, plain) = (
        public_url.replacen("http://", "https://", 1),
        public_url.replacen("https://", "http://", 1),
    );
    let mut urls = vec![secure, plain];
    // A host as some proxies pass it on.
    for (name, host) in &captured.headers {
        if matches!(name.as_str(), "host" | "x-forwarded-host") {
            urls.extend([format!("https://{host}"), format!("http://{host}")]);
        }
    }
    for url in urls {
        let said = format!("if public_url were {url}");
        variants.push(Variant { captured: captured.clone(), public_url: url, said });
    }
    let path = captured.path.as_str();
    let bare = path.split('?').next().unwrap_or_default();
    let paths = [
        (format!("{path}/"), "with a slash at the end of the path"),
        (path.trim_end_matches('/').to_owned(), "without the slash at the end of the path"),
        (bare.to_owned(), "without the query"),
    ];
    for (path, said) in paths {
        let captured = Captured { path, ..captured.clone() };
        let said = format!("{said}: a proxy or the vendor's target URL differs");
        variants.push(Variant { captured, public_url: public_url.to_owned(), said });
    }
    let mut longer = captured.body.clone();
    longer.push(b'\n');
    let trimmed = captured.body.trim_ascii_end().to_vec();
    let bodies = [
        (
            trimmed,
            "without the line end at the end of the body: was it added when it was captured?",
        ),
        (longer, "with a line end at the end of the body: was it lost when it was captured?"),
    ];
    for (body, said) in bodies {
        let captured = Captured { body, ..captured.clone() };
        variants.push(Variant {
            captured,
            public_url: public_url.to_owned(),
            said: said.to_owned(),
        });
    }
    variants
}
