//! Certificates of a node.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// The options of a second listener, for TLS. Certificates and keys are PEM.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The authority that signs the certificates of clients.
    pub ca: String,
    /// The node's certificate, followed by the intermediate certificates.
    pub certificate: String,
    /// The key of the node's certificate.
    pub key: String,
    /// Whether the certificate of a client that shows one is verified.
    pub verify_peer: bool,
    /// Whether a client without a certificate is rejected.
    pub require_client_certificate: bool,
}

impl Tls {
    /// Writes the files into `folder`; what the node's configuration says about them.
    pub(super) fn install(&self, folder: &Path, port: u16) -> io::Result<String> {
        let mut settings = format!("listeners.ssl.1 = 127.0.0.1:{port}\n");
        let files =
            [("cacertfile", &self.ca), ("certfile", &self.certificate), ("keyfile", &self.key)];
        for (setting, pem) in files {
            let path = folder.join(setting).with_extension("pem");
            fs::write(&path, pem)?;
            let _ = writeln!(settings, "ssl_options.{setting} = {}", path.display());
        }
        let verify = if self.verify_peer { "verify_peer" } else { "verify_none" };
        let required = self.require_client_certificate;
        let _ = writeln!(settings, "ssl_options.verify = {verify}");
        let _ = writeln!(settings, "ssl_options.fail_if_no_peer_cert = {required}");
        Ok(settings)
    }
}
