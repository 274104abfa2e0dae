//! Whether the process lives, and whether it can take webhooks.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use super::hooks::Intake;

/// 200 while the process can answer at all.
pub async fn alive() -> StatusCode {
    StatusCode::OK
}

/// 200 once everything is open and migrated; 503 before, while stopping, and
/// after the store has failed.
pub async fn ready(State(intake): State<Arc<Intake>>) -> (StatusCode, &'static str) {
    if intake.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}
