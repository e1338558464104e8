//! TLS by rustls.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::config::Tls;

/// Makes TLS connections.
pub(in crate::connection) struct Connector(TlsConnector);

impl Connector {
    /// Reads the files for each attempt, so that renewed certificates are found.
    pub(in crate::connection) fn new(tls: &Tls) -> io::Result<Self> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(authorities(tls)?);
        let config = match &tls.identity {
            None => config.with_no_client_auth(),
            Some(identity) => {
                let chain = certificates(&identity.certificate)?;
                let key =
                    PrivateKeyDer::from_pem_slice(&read(&identity.key)?).map_err(|error| {
                        file_error(&identity.key, "holds no private key in PEM", &error)
                    })?;
                config.with_client_auth_cert(chain, key).map_err(io::Error::other)?
            }
        };
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Performs the TLS handshake. The broker's certificate must be for `name`.
    pub(in crate::connection) async fn connect(
        self,
        name: &str,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        self.0.connect(name, stream).await
    }
}

/// Returns the cryptography that the program has chosen for the whole process, otherwise that of the feature.
fn provider() -> Arc<CryptoProvider> {
    use tokio_rustls::rustls::crypto;
    #[cfg(feature = "tls-aws-lc-rs")]
    let of_feature = crypto::aws_lc_rs::default_provider;
    #[cfg(not(feature = "tls-aws-lc-rs"))]
    let of_feature = crypto::ring::default_provider;
    CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(of_feature()))
}

/// Returns the authorities whose certificates are trusted: those of the file, otherwise the system's.
fn authorities(tls: &Tls) -> io::Result<RootCertStore> {
    let mut authorities = RootCertStore::empty();
    match &tls.ca_file {
        Some(file) => {
            authorities.add_parsable_certificates(certificates(file)?);
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            if found.certs.is_empty() {
                let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
                let reason = format!("the system has no root certificates: {}", errors.join("; "));
                return Err(io::Error::other(reason));
            }
            authorities.add_parsable_certificates(found.certs);
        }
    }
    Ok(authorities)
}

fn certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let pem = read(file)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let read = read.map_err(|error| file_error(file, "holds no certificates in PEM", &error))?;
    if read.is_empty() {
        return Err(file_error(file, "holds no certificates in PEM", &"there is none"));
    }
    Ok(read)
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    fs::read(file).map_err(|error| file_error(file, "cannot be read", &error))
}

fn file_error(file: &Path, what: &str, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("the certificate file `{}` {what}: {error}", file.display()))
}
