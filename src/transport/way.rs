//! What the process environment says of the way to the gateway: a proxy, and certificates.

use std::env::{VarError, var};
#[cfg(all(unix, not(target_vendor = "apple"), not(target_os = "android")))]
use std::ffi::OsStr;
#[cfg(all(unix, not(target_vendor = "apple"), not(target_os = "android")))]
use std::path::Path;
use std::sync::Arc;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

/// Why the way that the environment names cannot be gone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WayError {
    #[error(
        "the proxy that {0} names cannot be read: it must be an address such as http://proxy.example:3128"
    )]
    Unreadable(&'static str),
    #[error(
        "the proxy that {0} names is of another kind than http:// and https://, which are what can be used"
    )]
    Kind(&'static str),
    #[cfg(all(unix, not(target_vendor = "apple"), not(target_os = "android")))]
    #[error("{0} names {1}, and {2}")]
    Certificates(&'static str, String, &'static str),
}

/// A proxy of the environment.
#[derive(Debug, Clone)]
pub(super) struct Proxy {
    pub(super) url: Url,
    /// Which it is and what names it, without its password.
    pub(super) told: Arc<str>,
}

impl Proxy {
    /// The proxy for a gateway on another machine.
    pub(super) fn of_environment(gateway: &Url) -> Result<Option<Self>, WayError> {
        Self::of(gateway, |name| match var(name) {
            Ok(value) => Ok(Some(value)),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(()),
        })
    }

    /// The same of any variables. They are those that reqwest reads, in its order; but of an empty one, and of one that
    /// cannot be read, it would make a direct connection.
    fn of(gateway: &Url, get: impl Fn(&str) -> Result<Option<String>, ()>) -> Result<Option<Self>, WayError> {
        let names: &[&'static str] = match gateway.scheme() {
            "https" => &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
            // In a CGI program HTTP_PROXY is a header of its client's request.
            _ if get("REQUEST_METHOD") != Ok(None) => &["http_proxy", "ALL_PROXY", "all_proxy"],
            _ => &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
        };
        for name in names.iter().copied() {
            let value = get(name).map_err(|()| WayError::Unreadable(name))?.unwrap_or_default();
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            let url = address(value).ok_or(WayError::Unreadable(name))?;
            if !matches!(url.scheme(), "http" | "https") {
                return Err(WayError::Kind(name));
            }
            let not = ["NO_PROXY", "no_proxy"]
                .into_iter()
                .find_map(|name| get(name).ok().flatten().filter(|value| !value.trim().is_empty()));
            let matcher = Matcher::builder().all(url.as_str()).no(not.unwrap_or_default()).build();
            let gateway = gateway.as_str().parse().map_err(|_| WayError::Unreadable(name))?;
            if matcher.intercept(&gateway).is_none() {
                return Ok(None);
            }
            let host = url.host_str().unwrap_or_default();
            let port = url.port_or_known_default().unwrap_or_default();
            let told = format!("the proxy {}://{host}:{port} that {name} names", url.scheme()).into();
            return Ok(Some(Self { url, told }));
        }
        Ok(None)
    }
}

/// An address of a proxy, with or without its scheme.
fn address(value: &str) -> Option<Url> {
    let with_scheme = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let url = Url::parse(&with_scheme).ok()?;
    // What stands behind the host was a part of the password, or is meant for something that is no proxy.
    let whole = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let plain = !value.contains(|c: char| c.is_control() || c.is_whitespace());
    (whole && plain && url.has_host()).then_some(url)
}

/// A connection that was to be made by a proxy, and was not.
#[derive(Debug, thiserror::Error)]
#[error("it was to be made by {proxy}")]
pub(super) struct ByProxy {
    pub(super) proxy: Arc<str>,
    #[source]
    pub(super) source: reqwest::Error,
}

/// Looks whether the certificates are there that `SSL_CERT_FILE` and `SSL_CERT_DIR` name: without them nobody would be
/// trusted, for a reason that nobody sees.
#[cfg(all(unix, not(target_vendor = "apple"), not(target_os = "android")))]
pub(super) fn named_certificates() -> Result<(), WayError> {
    let [file, folders] = ["SSL_CERT_FILE", "SSL_CERT_DIR"].map(std::env::var_os);
    certificates(file.as_deref(), folders.as_deref())
}

#[cfg(all(unix, not(target_vendor = "apple"), not(target_os = "android")))]
fn certificates(file: Option<&OsStr>, folders: Option<&OsStr>) -> Result<(), WayError> {
    if let Some(file) = file {
        let wrong =
            |why| Err(WayError::Certificates("SSL_CERT_FILE", Path::new(file).display().to_string(), why));
        match std::fs::read(file) {
            Ok(text) if text.windows(16).any(|part| part == b"CERTIFICATE-----") => {}
            Ok(_) => return wrong("it holds no certificate"),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return wrong("it is not there"),
            Err(_) => return wrong("it cannot be read"),
        }
    }
    let folders = folders.filter(|folders| !folders.is_empty());
    if file.is_none()
        && let Some(folders) = folders
        && !std::env::split_paths(folders).any(|folder| folder.is_dir())
    {
        let folders = Path::new(folders).display().to_string();
        return Err(WayError::Certificates("SSL_CERT_DIR", folders, "there is no such folder"));
    }
    Ok(())
}

/// Elsewhere the system has its own store, which no variable names.
#[cfg(not(all(unix, not(target_vendor = "apple"), not(target_os = "android"))))]
pub(super) fn named_certificates() -> Result<(), WayError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATEWAY: &str = "https://www.kwtsms.com/API/";

    fn of(gateway: &str, variables: &[(&str, &str)]) -> Result<Option<Proxy>, WayError> {
        Proxy::of(&Url::parse(gateway).unwrap(), |name| {
            Ok(variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        })
    }

    fn told(gateway: &str, variables: &[(&str, &str)]) -> Option<String> {
        of(gateway, variables).unwrap().map(|proxy| proxy.told.to_string())
    }

    #[test]
    fn the_variable_that_decides_is_named_with_the_proxy_and_without_its_password() {
        for (name, value, proxy) in [
            ("HTTPS_PROXY", "http://proxy.example:3128", "http://proxy.example:3128"),
            ("https_proxy", "http://user:s3cret@proxy.example:3128/", "http://proxy.example:3128"),
            ("ALL_PROXY", "proxy.example", "http://proxy.example:80"),
            ("all_proxy", " https://user:s3cr%23t@proxy.example ", "https://proxy.example:443"),
        ] {
            let told = told(GATEWAY, &[(name, value), ("HTTP_PROXY", "http://other:1")]);
            assert_eq!(told, Some(format!("the proxy {proxy} that {name} names")));
        }
        assert_eq!(told(GATEWAY, &[("HTTP_PROXY", "http://other:1")]), None);
        let both = [("HTTPS_PROXY", ""), ("https_proxy", "a:1"), ("ALL_PROXY", "b:1")];
        assert!(told(GATEWAY, &both).unwrap().contains("https_proxy"), "an empty one is none");
        let clear = "http://sandbox:4010/API/";
        assert!(told(clear, &[("HTTP_PROXY", "a:1")]).is_some());
        assert!(told(clear, &[("HTTP_PROXY", "a:1"), ("REQUEST_METHOD", "POST")]).is_none());
        assert!(told(clear, &[("HTTPS_PROXY", "a:1")]).is_none());
    }

    #[test]
    fn hosts_of_no_proxy_are_reached_directly() {
        let proxy = ("HTTPS_PROXY", "http://proxy.example:3128");
        for (name, not) in [
            ("NO_PROXY", "www.kwtsms.com"),
            ("no_proxy", "example.com, .kwtsms.com"),
            ("NO_PROXY", "kwtsms.com"),
            ("NO_PROXY", "*"),
        ] {
            assert_eq!(told(GATEWAY, &[proxy, (name, not)]), None, "{not}");
        }
        for not in ["", "tsms.com", "10.0.0.0/8", "example.com"] {
            assert!(told(GATEWAY, &[proxy, ("NO_PROXY", not)]).is_some(), "{not}");
        }
        assert_eq!(told("https://10.1.2.3/API/", &[proxy, ("NO_PROXY", "10.0.0.0/8")]), None);
    }

    #[test]
    fn a_proxy_that_cannot_be_read_is_an_error_and_no_direct_connection() {
        for value in [
            "http://",
            "://x",
            "http://user:s3c/ret@proxy.example:3128",
            "http://user:s3c#ret@proxy.example:3128",
            "http://user:1?ret@proxy.example:3128",
            "http://proxy.example:port",
            "http://proxy.example/proxy.pac",
            "http://proxy example",
            "socks5://proxy.example:1080",
            "ftp://proxy.example",
        ] {
            let variables = [("HTTPS_PROXY", value), ("ALL_PROXY", "http://good:1")];
            let error = of(GATEWAY, &variables).expect_err(value).to_string();
            assert!(error.contains("HTTPS_PROXY") && !error.contains("s3c"), "{error}");
        }
        let none = Proxy::of(&Url::parse(GATEWAY).unwrap(), |_| Err(()));
        assert!(matches!(none, Err(WayError::Unreadable("HTTPS_PROXY"))), "not UTF-8");
    }

    #[cfg(all(unix, not(target_vendor = "apple"), not(target_os = "android")))]
    #[test]
    fn certificates_that_are_not_there_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "").unwrap();
        let good = folder.path().join("good.pem");
        std::fs::write(&good, "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n").unwrap();
        let (empty, good, folder) = (empty.as_os_str(), good.as_os_str(), folder.path().as_os_str());
        let nowhere = OsStr::new("/nonexistent/ca.pem");
        for (file, folders, says) in [
            (Some(nowhere), None, "SSL_CERT_FILE names /nonexistent/ca.pem, and it is not there"),
            (Some(nowhere), Some(folder), "SSL_CERT_FILE"),
            (Some(empty), None, "it holds no certificate"),
            (Some(folder), None, "it cannot be read"),
            (Some(OsStr::new("")), None, "SSL_CERT_FILE"),
            (None, Some(nowhere), "SSL_CERT_DIR names /nonexistent/ca.pem, and there is no such folder"),
        ] {
            let error = certificates(file, folders).expect_err(says).to_string();
            assert!(error.contains(says), "{error}");
        }
        let several = std::env::join_paths([nowhere, folder]).unwrap();
        for (file, folders) in [
            (None, None),
            (Some(good), None),
            (Some(good), Some(nowhere)),
            (None, Some(folder)),
            (None, Some(&*several)),
            (None, Some(OsStr::new(""))),
        ] {
            assert!(certificates(file, folders).is_ok(), "{file:?} {folders:?}");
        }
    }
}
