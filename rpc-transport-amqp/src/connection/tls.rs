//! TLS. The broker's certificate and host name are always verified.

use std::fs;
use std::io;
use std::path::Path;

use lapin::tcp::{RustlsConnector, RustlsConnectorConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Tls;

/// Returns what makes TLS connections. Reads the files for each attempt, so that renewed certificates are found.
pub(super) fn connector(tls: &Tls) -> io::Result<RustlsConnector> {
    let authorities = match &tls.ca_file {
        Some(file) => {
            let mut authorities = RustlsConnectorConfig::default();
            authorities.add_parsable_certificates(certificates(file)?);
            authorities
        }
        None => RustlsConnectorConfig::new_with_native_certs()?,
    };
    match &tls.identity {
        None => authorities.connector_with_no_client_auth(),
        Some(identity) => {
            let chain = certificates(&identity.certificate)?;
            let key = PrivateKeyDer::from_pem_slice(&read(&identity.key)?).map_err(|error| {
                file_error(&identity.key, "holds no private key in PEM", &error)
            })?;
            authorities.connector_with_single_cert(chain, key)
        }
    }
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
