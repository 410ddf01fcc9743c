//! What the page shows.

use axum::http::StatusCode;
use kwtsms_async::{Campaign, Client, Error, ErrorKind, Store};

use super::refusal::Refusal;

/// The campaigns of a store, and the gateway that tells the balance, if there is one.
pub(super) struct Watched {
    pub(super) store: Store,
    pub(super) client: Option<Client>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::InvalidInput => StatusCode::CONFLICT,
            ErrorKind::Store => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY,
        };
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(reason) = cause {
            text = format!("{text}: {reason}");
            cause = reason.source();
        }
        Self(status, text)
    }
}

impl Watched {
    /// The campaign of a key.
    pub(super) async fn find(&self, key: &str) -> Result<Campaign, Refusal> {
        let none = || Refusal(StatusCode::NOT_FOUND, "the store holds no campaign of this key".to_owned());
        self.store.find_campaign(key).await?.ok_or_else(none)
    }
}
