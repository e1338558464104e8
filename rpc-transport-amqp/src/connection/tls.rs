//! TLS: the broker is verified, host name included; there is no switch to turn that off.

use std::fs;
use std::io;
use std::path::Path;

use lapin::tcp::{RustlsConnector, RustlsConnectorConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Tls;

/// What makes TLS connections. Files are read anew for each attempt, so that renewed certificates are found.
pub(crate) fn connector(tls: &Tls) -> io::Result<RustlsConnector> {
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
            let key = PrivateKeyDer::from_pem_slice(&read(&identity.key)?)
                .map_err(|error| named(&identity.key, "holds no private key in PEM", &error))?;
            authorities.connector_with_single_cert(chain, key)
        }
    }
}

fn certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let pem = read(file)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let read = read.map_err(|error| named(file, "holds no certificates in PEM", &error))?;
    if read.is_empty() {
        return Err(named(file, "holds no certificates in PEM", &"there is none"));
    }
    Ok(read)
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    fs::read(file).map_err(|error| named(file, "cannot be read", &error))
}

fn named(file: &Path, what: &str, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("the certificate file `{}` {what}: {error}", file.display()))
}
