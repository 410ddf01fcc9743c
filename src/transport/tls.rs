//! TLS by rustls: one provider, one trust store, whoever connects.

use std::sync::Arc;

use rustls::{ClientConfig, ConfigBuilder, Error, WantsVerifier};

/// With ring given explicitly and never installed process-wide: the application may have a provider of its own.
pub(crate) fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

/// Trusts what the feature `webpki-roots` compiled in, or else the operating system's trust store.
pub(crate) fn trusted() -> Result<ClientConfig, Error> {
    #[cfg(feature = "webpki-roots")]
    let config = builder()?.with_root_certificates(rustls::RootCertStore::from_iter(
        webpki_roots::TLS_SERVER_ROOTS.iter().cloned(),
    ));
    #[cfg(not(feature = "webpki-roots"))]
    let config = {
        use rustls_platform_verifier::BuilderVerifierExt;
        builder()?.with_platform_verifier()?
    };
    Ok(config.with_no_client_auth())
}
