//! TLS as the real gateway is reached by it: with whom the SDK speaks, and that nobody else hears a word.
//!
//! The machine's trust store is read from where `SSL_CERT_FILE` says, so each client runs in a process of its own.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use kwtsms_async::{Client, Error};
use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion, crypto, version};

use crate::raw_server::{BALANCE, PASSWORD, USER, reply};

/// A server whose certificate nobody vouches for.
pub(crate) async fn unknown_issuer() -> TlsServer {
    TlsServer::start(|_| (), ALL).await
}

/// An HTTPS server with a certificate of its own.
pub(crate) struct TlsServer {
    port: u16,
    certificate: String,
    /// What it read, from everybody.
    heard: Arc<Mutex<String>>,
}

impl TlsServer {
    async fn start(
        change: impl FnOnce(&mut CertificateParams),
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let config = ServerConfig::builder_with_provider(crypto::ring::default_provider().into())
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::<Mutex<String>>::default();
        let ears = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(answer(acceptor.clone(), socket, Arc::clone(&ears)));
            }
        });
        Self { port, certificate: certificate.pem(), heard }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What it read so far.
    pub(crate) fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }

    /// What a client says that asks for its balance, and trusts this certificate and no other.
    async fn asked_by_one_that_trusts(&self, certificate: &str) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), certificate).unwrap();
        self.asked(file.path(), false).await
    }

    /// The same with the certificates in a file, and by the system's library if that is asked for.
    async fn asked(&self, trusted: &Path, native: bool) -> String {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tls::helper_that_asks_for_the_balance", "--ignored", "--nocapture"])
            .env("SSL_CERT_FILE", trusted)
            .env_remove("SSL_CERT_DIR")
            .env(NATIVE, if native { "1" } else { "" })
            .env(BASE_URL, format!("https://localhost:{}/API/", self.port))
            .stderr(Stdio::inherit())
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        let line = said.lines().find_map(|line| line.split_once(SAID)).expect("it said something");
        line.1.to_owned()
    }

    async fn refused_by_one_that_trusts(&self, certificate: &str, why: &str) {
        let said = self.asked_by_one_that_trusts(certificate).await;
        assert!(said.starts_with("Connect NotSent 3: "), "{said}");
        assert!(
            said.contains("certificate of the gateway's server was refused") && said.contains(why),
            "{said}"
        );
        assert!(said.contains("clock and CA certificates") && !said.contains("firewall"), "{said}");
        assert_eq!(*self.heard.lock().unwrap(), "", "no word was said");
    }
}

async fn answer(acceptor: TlsAcceptor, socket: TcpStream, heard: Arc<Mutex<String>>) {
    let Ok(mut stream) = acceptor.accept(socket).await else { return };
    let mut buffer = [0; 4_096];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        let whole = {
            let mut heard = heard.lock().unwrap();
            heard.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
            heard.ends_with('}')
        };
        if whole && stream.write_all(&reply(200, BALANCE)).await.is_err() {
            return;
        }
    }
}

const BASE_URL: &str = "KWTSMS_TEST_BASE_URL";
const NATIVE: &str = "KWTSMS_TEST_NATIVE_TLS";
const SAID: &str = "the client said: ";

#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn helper_that_asks_for_the_balance() {
    let builder = Client::builder(USER, PASSWORD).base_url(std::env::var(BASE_URL).unwrap());
    #[cfg(feature = "native-tls")]
    let builder = if std::env::var(NATIVE).unwrap().is_empty() { builder } else { builder.native_tls() };
    let balance = match builder.build() {
        Ok(client) => client.balance().await,
        Err(error) => Err(error),
    };
    match balance {
        Ok(balance) => println!("{SAID}{}", balance.available()),
        Err(error) => println!("{SAID}{}", told(&error)),
    }
}

fn told(error: &Error) -> String {
    format!("{:?} {:?} {}: {error:#}; {}", error.kind(), error.delivery(), error.attempts(), error.action())
        .replace('\n', " ")
}

const ALL: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_gets_no_word() {
    let server = TlsServer::start(|_| (), ALL).await;
    let other = TlsServer::start(|_| (), ALL).await;
    server.refused_by_one_that_trusts(&other.certificate, "").await;
}

#[tokio::test]
async fn the_gateway_is_asked_over_tls_1_3_and_1_2() {
    for version in ALL {
        let server = TlsServer::start(|_| (), &[version]).await;
        assert_eq!(server.asked_by_one_that_trusts(&server.certificate).await, "150");
        let heard = server.heard.lock().unwrap();
        assert!(heard.starts_with("POST /API/balance/ HTTP/1.1\r\n"), "{heard}");
        assert!(heard.contains(&format!("\r\nhost: localhost:{}\r\n", server.port)), "{heard}");
        assert!(heard.contains(r#"{"username":"api_user","password":"#), "{heard}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_or_of_another_time_gets_no_word() {
    let elsewhere = TlsServer::start(
        |params| {
            *params = CertificateParams::new(["www.kwtsms.example".to_owned()]).unwrap();
        },
        ALL,
    )
    .await;
    let expired = TlsServer::start(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1), ALL).await;
    for (server, why) in [(elsewhere, "name"), (expired, "expired")] {
        server.refused_by_one_that_trusts(&server.certificate, why).await;
    }
}

#[tokio::test]
async fn whoever_names_certificates_that_are_not_there_gets_no_others() {
    let server = TlsServer::start(|_| (), ALL).await;
    let said = server.asked(Path::new("/nowhere/certificates.pem"), false).await;
    assert!(said.starts_with("Config NotSent "), "{said}");
    assert_eq!(*server.heard.lock().unwrap(), "");
}

/// Only rustls tells a certificate that it refuses from another failure.
#[cfg(feature = "native-tls")]
#[tokio::test]
async fn the_systems_library_makes_tls_only_where_it_is_asked_for() {
    let (server, other) = (TlsServer::start(|_| (), ALL).await, TlsServer::start(|_| (), ALL).await);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &other.certificate).unwrap();
    for (native, by_rustls) in [(false, true), (true, false)] {
        let said = server.asked(file.path(), native).await;
        assert!(said.starts_with("Connect NotSent 3: "), "{said}");
        assert_eq!(said.contains("certificate of the gateway's server was refused"), by_rustls, "{said}");
        assert_eq!(*server.heard.lock().unwrap(), "");
        assert_eq!(other.asked(file.path(), native).await, "150");
    }
}
