//! The HTTP side: webhooks in, accounts connected, health out. Handlers take
//! proofs (a [`hooks::Signed`] delivery, an [`oauth::ConnectLink`]) as arguments,
//! so none can forget to check.

pub mod health;
pub mod hooks;
pub mod intake_days;
pub mod oauth;
mod page;
pub mod refusals;
pub mod server;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use hooks::Intake;

/// The routes of webhooks and health; [`oauth::routes`] are those of connecting.
pub fn router(intake: Arc<Intake>) -> Router {
    Router::new()
        .route("/hooks/{connection}", post(hooks::accept))
        .route("/hooks/{connection}/{kind}", post(hooks::accept))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .with_state(intake)
}
