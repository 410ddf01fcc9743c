//! TLS by rustls: one provider, one trust store, whoever connects.

use std::sync::Arc;

use rustls::{ClientConfig, ConfigBuilder, Error, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt;

/// With ring given explicitly and never installed process-wide: the application may have a provider of its own.
pub(crate) fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

/// Trusts whom the operating system trusts. Where it trusts nobody, since an image carries no CA certificates, the
/// feature `webpki-roots` puts Mozilla's roots in their place; it never takes a root from a system that has its own.
pub(crate) fn trusted() -> Result<ClientConfig, Error> {
    let system = builder()?.with_platform_verifier().map(|config| config.with_no_client_auth());
    #[cfg(feature = "webpki-roots")]
    let system = or_mozillas(system, chosen());
    system
}

/// Whoever names the certificates to trust gets those and no others, also if there are none: it is a mistake then.
#[cfg(feature = "webpki-roots")]
fn chosen() -> bool {
    ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().any(|name| std::env::var_os(name).is_some())
}

#[cfg(feature = "webpki-roots")]
fn or_mozillas(system: Result<ClientConfig, Error>, chosen: bool) -> Result<ClientConfig, Error> {
    if system.is_ok() || chosen {
        return system;
    }
    let roots = rustls::RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    Ok(builder()?.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(all(test, feature = "webpki-roots"))]
mod tests {
    use super::*;

    #[test]
    fn mozillas_roots_are_for_a_system_that_has_none_and_was_told_of_none() {
        let none = || Err(Error::General("no CA certificates".to_owned()));
        assert!(or_mozillas(none(), false).is_ok());
        assert!(or_mozillas(none(), true).is_err(), "a file that was named and is not there is a mistake");
        let empty = rustls::RootCertStore::empty();
        let mut system = builder().unwrap().with_root_certificates(empty).with_no_client_auth();
        system.alpn_protocols.push(b"the system's".to_vec());
        assert_eq!(or_mozillas(Ok(system), false).unwrap().alpn_protocols.len(), 1, "taken as it is");
    }
}
