//! What is stored of deals and of what happened to them, and the ids that follow.

use sha2::{Digest, Sha256};
use touchline_kit::signature::hex;
use touchline_rules::UnixMs;
use touchline_rules::engine::EpisodeEnd;
use touchline_rules::facts::{ChangeKind, DealKey, DealState, Fact, Field, Metadata, Value};

use super::DEAL;
use crate::store::{DealRow, EndedFiring, SubjectKey};

/// A deal as stored; `None`, with a word in the log, if that cannot be read.
#[must_use]
pub fn understand(row: &DealRow) -> Option<DealState> {
    let DealRow { connection, id, body, .. } = row;
    let understood = serde_json::from_slice(body).inspect_err(|error| {
        tracing::error!(
            connection,
            deal.id = id,
            %error,
            "what is stored of a deal cannot be read; it is read again at the CRM"
        );
    });
    understood.ok()
}

/// A deal with the columns that it is looked up by.
pub(super) fn deal_row(
    key: DealKey,
    state: &DealState,
    version: i64,
    metadata: &Metadata,
) -> Result<DealRow, serde_json::Error> {
    let text = |field| state.facts.text(field).unwrap_or_default().to_owned();
    Ok(DealRow {
        connection: key.connection,
        id: key.id,
        version,
        owner: text(Field::Owner),
        pipeline: text(Field::Pipeline),
        stage: text(Field::Stage),
        status: status_of(state, metadata).to_owned(),
        engine_at: state.last_engine_at.unwrap_or(UnixMs(0)),
        body: serde_json::to_vec(state)?,
    })
}

/// The status that a deal's row has.
pub(super) fn status_of(state: &DealState, metadata: &Metadata) -> &'static str {
    let facts = &state.facts;
    let stage = facts.text(Field::Stage);
    let kind = stage.and_then(|stage| metadata.stage(facts.text(Field::Pipeline), stage));
    match kind {
        _ if facts.is_gone() => "gone",
        Some((_, stage)) => stage.kind.name(),
        None => "unknown",
    }
}

/// The store's key of a deal.
#[must_use]
pub fn subject_key(deal: &DealKey) -> SubjectKey {
    SubjectKey { kind: DEAL.to_owned(), connection: deal.connection.clone(), id: deal.id.clone() }
}

/// What ended, firing by firing.
pub(in crate::roles) fn ended_rows(end: &EpisodeEnd) -> impl Iterator<Item = EndedFiring> {
    let reason = serde_json::to_value(end.cause).ok();
    let reason = reason.and_then(|word| word.as_str().map(str::to_owned));
    let reason = reason.unwrap_or_else(|| "reason_gone".to_owned());
    end.firing_ids.iter().map(move |id| EndedFiring {
        firing_id: id.clone(),
        at: end.at,
        reason: reason.clone(),
    })
}

/// The name of what a change is about.
pub(super) fn change_name(kind: &ChangeKind) -> String {
    match kind {
        ChangeKind::Created => "created".to_owned(),
        ChangeKind::FieldSet { field, .. } => field.name().to_owned(),
        ChangeKind::Activity(activity) => format!("activity:{}", activity.id),
        ChangeKind::Deleted => "deleted".to_owned(),
        ChangeKind::Restored => "restored".to_owned(),
        ChangeKind::MergedInto { .. } => "merged".to_owned(),
    }
}

/// The first 16 bytes of the SHA-256 of `bytes`.
#[must_use]
pub fn hash16(bytes: &[u8]) -> [u8; 16] {
    let digest = Sha256::digest(bytes);
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}

/// An id that follows from its cause.
#[must_use]
pub fn id_of(cause: &str) -> String {
    hex(&hash16(cause.as_bytes()))
}

/// What identifies the content of a change, however often and under whatever
/// event id it is delivered.
#[must_use]
pub fn content_hash(deal: &DealKey, kind: &ChangeKind, occurred_at: UnixMs) -> [u8; 16] {
    let value = match kind {
        ChangeKind::FieldSet { to: Fact::Known(Value::Text(text)), .. } => text.clone(),
        other => serde_json::to_string(other).unwrap_or_default(),
    };
    let parts = [deal.connection.as_str(), &deal.id, &change_name(kind), &value];
    let mut bytes = Vec::with_capacity(128);
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes.extend_from_slice(&occurred_at.0.to_le_bytes());
    hash16(&bytes)
}
