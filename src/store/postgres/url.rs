//! From a URL to the driver's settings. No error repeats a part of it: it may hold the password.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::tls::Tls;
use crate::error::Error;
use crate::transport::tls;

/// Longest time for DNS, TCP, TLS and log-in.
const CONNECT: Duration = Duration::from_secs(5);

/// Everything that a connection is made of.
pub(super) struct Settings {
    pub(super) config: Config,
    pub(super) tls: Tls,
    pub(super) schema: Option<String>,
    /// Host, port and database.
    pub(super) place: String,
}

pub(super) fn read(url: &str) -> Result<Settings, Error> {
    let (url, ours) = split(url);
    let unusable = || {
        Error::config(
            "the store's URL cannot be read: write postgres://user:password@host:5432/database, with %-escapes for \
             signs like @ / ? # % in the password",
        )
    };
    // The driver's error may repeat the URL, and is left out.
    let mut config: Config = url.parse().map_err(|_| unusable())?;
    // With an @ in the password, the driver takes its end for a host.
    let torn = |host: &Host| matches!(host, Host::Tcp(name) if name.contains('@'));
    if config.get_hosts().is_empty() || config.get_hosts().iter().any(torn) {
        return Err(unusable());
    }
    let (mut schema, mut mode, mut roots) = (None, None, None);
    for (key, value) in ours {
        match key.as_str() {
            "schema" => schema = Some(name_of_schema(value)?),
            "sslmode" => mode = Some(value),
            _ => roots = Some(value),
        }
    }
    if let Some(schema) = &schema {
        let options = match config.get_options() {
            Some(options) => format!("{options} -c search_path={schema}"),
            None => format!("-c search_path={schema}"),
        };
        config.options(options);
    }
    config.ssl_mode(match mode.as_deref() {
        Some("disable") => SslMode::Disable,
        Some("require" | "verify-ca" | "verify-full") => SslMode::Require,
        None if config.get_hosts().iter().all(is_local) => SslMode::Disable,
        None => SslMode::Require,
        Some(_) => {
            return Err(Error::config(
                "sslmode in the store's URL must be disable, require or verify-full: the others may send the \
                 password in clear",
            ));
        }
    });
    let place = place(&config);
    config
        .application_name(concat!("kwtsms-async/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .tcp_user_timeout(2 * CONNECT)
        .keepalives_idle(Duration::from_secs(30))
        // After a switch-over, never the server that only reads.
        .target_session_attrs(TargetSessionAttrs::ReadWrite);
    let tls = tls(config.get_ssl_mode() == SslMode::Require, roots.as_deref())?;
    Ok(Settings { config, tls, schema, place })
}

/// Takes the parameters out that the driver does not know, or that we read differently.
fn split(url: &str) -> (String, Vec<(String, String)>) {
    // A ? before the first @ is a part of the password.
    let from = url.find('@').unwrap_or(0);
    let Some(at) = url[from..].find('?').map(|at| from + at) else { return (url.to_owned(), Vec::new()) };
    let mut left = url[..at].to_owned();
    let mut ours = Vec::new();
    let mut sign = '?';
    for parameter in url[at + 1..].split('&') {
        match parameter.split_once('=') {
            Some((key @ ("schema" | "sslmode" | "sslrootcert"), value)) => {
                ours.push((key.to_owned(), unescape(value)));
            }
            _ => {
                left.push(sign);
                left.push_str(parameter);
                sign = '&';
            }
        }
    }
    (left, ours)
}

/// Undoes %-escapes.
fn unescape(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(escaped) if byte == b'%' => {
                bytes.push(escaped);
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn name_of_schema(name: String) -> Result<String, Error> {
    let plain = name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain {
        Ok(name)
    } else {
        Err(Error::config(
            "the schema in the store's URL must begin with a small letter and hold only small letters, digits and _",
        ))
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .trim_matches(['[', ']'])
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn place(config: &Config) -> String {
    let hosts: Vec<_> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(index, host)| {
            let ports = config.get_ports();
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                #[cfg(unix)]
                Host::Unix(path) => path.display().to_string(),
            }
        })
        .collect();
    match config.get_dbname() {
        Some(database) => format!("postgres://{}/{database}", hosts.join(",")),
        None => format!("postgres://{}", hosts.join(",")),
    }
}

fn tls(needed: bool, roots: Option<&str>) -> Result<Tls, Error> {
    let wrong = |error| Error::config_from("TLS to the store could not be set up", error);
    let config = match roots {
        Some(path) => {
            let unreadable = |error| {
                Error::config_from(format!("the certificates in {path} (sslrootcert) cannot be read"), error)
            };
            let mut store = rustls::RootCertStore::empty();
            for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
                store.add(certificate.map_err(unreadable)?).map_err(wrong)?;
            }
            if store.is_empty() {
                return Err(Error::config(format!("{path} (sslrootcert) holds no certificate")));
            }
            tls::builder().map(|config| config.with_root_certificates(store).with_no_client_auth())
        }
        None if needed => tls::trusted(),
        None => tls::builder().map(|config| {
            config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
        }),
    };
    Ok(Tls(Arc::new(config.map_err(wrong)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_its_place_shows_neither_user_nor_password() {
        let settings =
            read("postgres://user:p%40ss@db.example:6432/app?schema=sms&connect_timeout=3").unwrap();
        assert_eq!(settings.place, "postgres://db.example:6432/app");
        assert_eq!(settings.config.get_password(), Some(&b"p@ss"[..]));
        assert_eq!(settings.config.get_options(), Some("-c search_path=sms"));
        assert_eq!(settings.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(settings.schema.as_deref(), Some("sms"));
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_clear_unless_the_url_asks_for_it() {
        for (url, mode) in [
            ("postgres://u:p@127.0.0.1/d", SslMode::Disable),
            ("postgres://u:p@localhost/d", SslMode::Disable),
            ("postgres://u:p@[::1]/d", SslMode::Disable),
            ("postgres://u:p@%2Fvar%2Frun%2Fpostgresql/d", SslMode::Disable),
            ("postgres://u:p@10.0.0.1/d", SslMode::Require),
            ("postgres://u:p@localhost,db.example/d", SslMode::Require),
            ("postgres://u:p@localhost.example/d", SslMode::Require),
            ("postgres://u:p@db.example/d?sslmode=disable", SslMode::Disable),
            ("postgres://u:p@127.0.0.1/d?sslmode=verify-full", SslMode::Require),
        ] {
            assert_eq!(read(url).unwrap().config.get_ssl_mode(), mode, "{url}");
        }
    }

    #[test]
    fn no_error_repeats_the_url() {
        for url in [
            "postgres://user:hunter2",
            "postgres://user:hun@ter2@host/db",
            "postgres://user:hunter2@host:port/db",
            "postgres://user:hunter2@host/db?hunter2=hunter2",
            "postgres://user:hunter2@host/db?schema=hunter2;",
            "postgres://user:hunter2@host/db?sslmode=prefer",
            "postgres://user:hunter%zz2@host/db?sslmode=allow",
            "postgres://",
        ] {
            let Err(error) = read(url) else { panic!("{url} was read") };
            let text = format!("{error:#} {error:?}");
            assert!(!text.contains("hun") && !text.contains("ter2"), "{url}: {text}");
        }
    }
}
