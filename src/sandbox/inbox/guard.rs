//! Who may use the inbox: this machine, and its own page.
//!
//! It listens on the loopback address, which every page in the developer's browser can reach too. A page of another
//! site may neither read the inbox (by a name of its own that resolves to 127.0.0.1) nor change it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;

pub(super) async fn check(State(hosts): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let mut response = match refusal(request.headers(), path, &hosts) {
        Some(reason) => Refusal(StatusCode::FORBIDDEN, reason).into_response(),
        None => next.run(request).await,
    };
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

/// Why a request is not taken, if it is not.
fn refusal(headers: &HeaderMap, path: &str, hosts: &[String]) -> Option<String> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    let host = text(header::HOST).unwrap_or_default();
    if !is_own(host, hosts) {
        return Some(format!(
            "the inbox is not called {host:?}: use an IP address or localhost, or allow the name \
             with SandboxBuilder::allow_host"
        ));
    }
    // Clients that are no browsers send none.
    if let Some(origin) = text(header::ORIGIN) {
        let own = origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
        if !own {
            return Some(format!(
                "the inbox answers its own page and clients that are no browsers, not a page of {origin:?}"
            ));
        }
    }
    // A link to the page may stand anywhere; the API has no business in another site's page.
    let cross_site = text(header::HeaderName::from_static("sec-fetch-site")) == Some("cross-site");
    (cross_site && path != "/").then(|| "the inbox does not answer pages of other sites".to_owned())
}

/// An address cannot be rebound by a name server, and `localhost` never asks one.
fn is_own(host: &str, hosts: &[String]) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    address.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || hosts.iter().any(|own| own.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(headers: &[(&'static str, &str)], path: &str) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        refusal(&headers, path, &["sandbox".to_owned()]).is_some()
    }

    #[test]
    fn addresses_localhost_and_allowed_names_are_taken_and_other_names_are_not() {
        for host in [
            "127.0.0.1:8080",
            "127.0.0.1",
            "localhost:1",
            "LOCALHOST",
            "[::1]:80",
            "192.168.1.7:80",
            "sandbox:80",
        ] {
            assert!(!refused(&[("host", host)], "/api/messages"), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example:80",
            "127.0.0.1.evil.example",
            "",
            "a b",
            "x@evil.example",
        ] {
            assert!(refused(&[("host", host)], "/api/messages"), "{host}");
            assert!(refused(&[("host", host)], "/"), "{host}");
        }
        assert!(refused(&[], "/api/messages"));
    }

    #[test]
    fn only_the_own_origin_is_taken() {
        let host = ("host", "127.0.0.1:8080");
        assert!(!refused(&[host, ("origin", "http://127.0.0.1:8080")], "/api/faults"));
        for origin in ["http://127.0.0.1:8081", "http://localhost:8080", "https://evil.example", "null", ""] {
            assert!(refused(&[host, ("origin", origin)], "/api/faults"), "{origin}");
        }
    }

    #[test]
    fn another_site_may_link_to_the_page_and_no_more() {
        let headers = [("host", "localhost"), ("sec-fetch-site", "cross-site")];
        assert!(!refused(&headers, "/"));
        assert!(refused(&headers, "/api/messages"));
        assert!(!refused(&[("host", "localhost"), ("sec-fetch-site", "same-origin")], "/api/messages"));
    }
}
