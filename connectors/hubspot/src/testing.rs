//! What the tests of this crate share.

use std::sync::Arc;

use touchline_kit::ConnectionView;
use touchline_rules::facts::Metadata;

/// A connection named `hubspot`, of this account if one is given.
pub(crate) fn connection(account_id: Option<&str>) -> ConnectionView {
    let account_id = account_id.map(str::to_owned);
    ConnectionView {
        name: "hubspot".into(),
        public_url: "https://tl.example.test".into(),
        metadata: Arc::new(Metadata { account_id, ..Metadata::default() }),
        settings: serde_json::Map::new(),
    }
}
