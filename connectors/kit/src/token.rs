//! Tokens that do not change.

use async_trait::async_trait;
use secrecy::SecretString;

use crate::session::{CallError, TokenSource};

/// A token that is pasted into configuration and works until it is revoked.
#[derive(Clone, Debug)]
pub struct StaticToken(SecretString);

impl StaticToken {
    /// A source of this token.
    #[must_use]
    pub fn new(token: SecretString) -> Self {
        StaticToken(token)
    }
}

impl From<&str> for StaticToken {
    fn from(token: &str) -> Self {
        StaticToken(SecretString::from(token))
    }
}

#[async_trait]
impl TokenSource for StaticToken {
    async fn token(&self) -> Result<SecretString, CallError> {
        Ok(self.0.clone())
    }
}
