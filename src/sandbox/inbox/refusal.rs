//! A request that the inbox does not do.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// A status, and what is wrong and what to do.
pub(super) struct Refusal(pub(super) StatusCode, pub(super) String);

impl Refusal {
    pub(super) fn bad(reason: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, reason.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, axum::Json(serde_json::json!({ "error": self.1 }))).into_response()
    }
}

impl From<axum::extract::rejection::QueryRejection> for Refusal {
    fn from(rejection: axum::extract::rejection::QueryRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl From<axum::extract::rejection::JsonRejection> for Refusal {
    fn from(rejection: axum::extract::rejection::JsonRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}
