//! A vendor account while the service runs: its connector, secrets, session and
//! what is known of the account.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use touchline_kit::{Channel, ConnectionView, Connector, Crm, Secrets, Session};
use touchline_rules::facts::Metadata;

/// One configured vendor account.
pub struct Connection {
    /// Its slug.
    pub slug: String,
    /// What speaks to the vendor.
    pub connector: &'static dyn Connector,
    /// Secrets as configured: for signatures; calls take theirs through the session.
    pub secrets: Secrets,
    /// The line to the vendor.
    pub session: Session,
    view: RwLock<Arc<ConnectionView>>,
    renewals: Arc<AtomicU64>,
}

impl Connection {
    /// Puts a connection together.
    #[must_use]
    pub fn new(
        connector: &'static dyn Connector,
        secrets: Secrets,
        session: Session,
        view: ConnectionView,
    ) -> Self {
        let slug = view.name.clone();
        Connection {
            slug,
            connector,
            secrets,
            session,
            view: RwLock::new(Arc::new(view)),
            renewals: Arc::default(),
        }
    }

    /// What its connector may know of it, as of now.
    #[must_use]
    pub fn view(&self) -> Arc<ConnectionView> {
        // A poisoned lock still holds a whole value: it is only ever replaced.
        Arc::clone(&self.view.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Replaces what is known of the account.
    pub fn set_metadata(&self, metadata: Arc<Metadata>) {
        let mut view = self.view.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let fresh = ConnectionView { metadata, ..ConnectionView::clone(&view) };
        *view = Arc::new(fresh);
    }

    /// Notes that it was connected anew: who left it alone need not wait longer.
    pub fn renew(&self) {
        self.renewals.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it was connected anew since the start.
    #[must_use]
    pub fn renewals(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.renewals)
    }

    /// Its CRM side with what a call needs.
    #[must_use]
    pub fn crm(&self) -> Option<&dyn Crm> {
        self.connector.crm()
    }

    /// Its chat side with what a call needs.
    #[must_use]
    pub fn channel(&self) -> Option<&dyn Channel> {
        self.connector.channel()
    }
}

/// All configured connections by slug.
#[derive(Default)]
pub struct Connections(BTreeMap<String, Arc<Connection>>);

impl Connections {
    /// Adds one.
    pub fn insert(&mut self, connection: Connection) {
        self.0.insert(connection.slug.clone(), Arc::new(connection));
    }

    /// The one of that slug.
    #[must_use]
    pub fn get(&self, slug: &str) -> Option<&Arc<Connection>> {
        self.0.get(slug)
    }

    /// All of them, by slug.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.0.values()
    }

    /// Those with a CRM side.
    pub fn crms(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.iter().filter(|one| one.crm().is_some())
    }

    /// The connection that shows messages: the first with a chat side.
    #[must_use]
    pub fn chat(&self) -> Option<&Arc<Connection>> {
        self.iter().find(|one| one.channel().is_some())
    }
}
