//! Who may call: this machine, the server's own page, and whom its owner allows.
//!
//! A server listens on the loopback address, which every page in its owner's browser can reach too. A page of another
//! site may neither read what it shows (by a name of its own that resolves to 127.0.0.1), nor change it, nor plant
//! messages through the gateway's paths. The page of campaigns of the command stands behind the same guard.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::{HOST, HeaderName, HeaderValue, ORIGIN};
use axum::http::uri::Authority;

/// The names and the origins that are allowed besides this machine's own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guard {
    hosts: Vec<String>,
    origins: Vec<String>,
}

/// Why a request is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stranger {
    /// It calls the server by a name that is none of its own.
    Host(String),
    /// It comes from a page of this origin.
    Origin(String),
    /// It comes from a page of another site.
    Site,
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The page itself, to which a link may stand anywhere.
    Page,
    /// The API behind the page.
    Inbox,
    /// The gateway, which applications call by whatever name it has in their network.
    Gateway,
}

impl Guard {
    pub(crate) fn new(hosts: Vec<String>, origins: Vec<String>) -> Self {
        Self { hosts, origins }
    }

    /// The origin to name in the answer, if it is one that the owner allows; an error says why a request is not taken.
    pub(crate) fn check(&self, headers: &HeaderMap, target: Target) -> Result<Option<HeaderValue>, Stranger> {
        let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
        let (host, origin) = (text(HOST).unwrap_or_default(), text(ORIGIN));
        // A page that was allowed is a client like any other. Clients that are no browsers send no origin.
        let allowed =
            origin.is_some_and(|origin| self.origins.iter().any(|own| own.eq_ignore_ascii_case(origin)));
        if !self.is_own(host) && (target != Target::Gateway || (origin.is_some() && !allowed)) {
            return Err(Stranger::Host(host.to_owned()));
        }
        if allowed {
            return Ok(headers.get(ORIGIN).cloned());
        }
        if let Some(origin) = origin {
            let own =
                origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
            if !own {
                return Err(Stranger::Origin(origin.to_owned()));
            }
        }
        let cross_site = text(HeaderName::from_static("sec-fetch-site")) == Some("cross-site");
        if cross_site && target != Target::Page {
            return Err(Stranger::Site);
        }
        Ok(None)
    }

    /// An address cannot be rebound by a name server, and `localhost` never asks one.
    fn is_own(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else { return false };
        let name = authority.host();
        let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
        address.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.hosts.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &str)], target: Target) -> Result<Option<HeaderValue>, Stranger> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let origins = vec!["http://localhost:3000".to_owned()];
        Guard::new(vec!["sandbox".to_owned()], origins).check(&headers, target)
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
            assert!(check(&[("host", host)], Target::Inbox).is_ok(), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example:80",
            "127.0.0.1.evil.example",
            "",
            "a b",
            "x@evil.example",
        ] {
            for target in [Target::Inbox, Target::Page] {
                assert!(check(&[("host", host)], target).is_err(), "{host} {target:?}");
            }
        }
        assert!(check(&[], Target::Inbox).is_err());
    }

    #[test]
    fn only_the_own_origin_is_taken() {
        let host = ("host", "127.0.0.1:8080");
        for target in [Target::Page, Target::Inbox, Target::Gateway] {
            assert_eq!(check(&[host, ("origin", "http://127.0.0.1:8080")], target), Ok(None));
            for origin in
                ["http://127.0.0.1:8081", "http://localhost:8080", "https://evil.example", "null", ""]
            {
                assert!(check(&[host, ("origin", origin)], target).is_err(), "{origin} {target:?}");
            }
        }
    }

    #[test]
    fn another_site_may_link_to_the_page_and_no_more() {
        let headers = [("host", "localhost"), ("sec-fetch-site", "cross-site")];
        assert!(check(&headers, Target::Page).is_ok());
        assert!(check(&headers, Target::Inbox).is_err());
        assert!(check(&headers, Target::Gateway).is_err());
        let own = [("host", "localhost"), ("sec-fetch-site", "same-origin")];
        assert!(check(&own, Target::Inbox).is_ok());
    }

    #[test]
    fn the_gateway_is_called_by_any_name_but_not_by_a_page_under_one() {
        // An application in another container, without a browser.
        assert!(check(&[("host", "gateway.test:80")], Target::Gateway).is_ok());
        assert!(check(&[], Target::Gateway).is_ok());
        // A page whose own name was made to resolve to this machine.
        let rebound = [("host", "evil.example"), ("origin", "http://evil.example")];
        assert!(check(&rebound, Target::Gateway).is_err());
    }

    #[test]
    fn an_allowed_origin_is_named_in_the_answer() {
        let headers = [
            ("host", "localhost:8080"),
            ("origin", "http://localhost:3000"),
            ("sec-fetch-site", "cross-site"),
        ];
        for target in [Target::Inbox, Target::Gateway] {
            assert_eq!(check(&headers, target).unwrap().unwrap(), "http://localhost:3000");
        }
        let rebound = [("host", "evil.example"), ("origin", "http://localhost:3000")];
        assert!(check(&rebound, Target::Inbox).is_err());
    }
}
