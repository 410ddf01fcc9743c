//! A page of one answer, and what browsers are told about all answers.

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};

/// What is shown is private: no cache keeps it, and no page of another site embeds it.
pub(super) async fn kept_by_nobody(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The page with its style and its script. The script runs by a nonce of this one answer, so that no text in a message
/// can become one.
pub(super) fn show(page: &str, style: &str, script: &str) -> Response {
    let nonce = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; img-src data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let page = page.replace("{{nonce}}", &nonce).replace("{{style}}", style).replace("{{script}}", script);
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}
