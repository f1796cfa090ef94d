//! Certificates for the connection to a collector.

use std::{fs, path::Path};

use reqwest::{Certificate, ClientBuilder, Identity};

use super::{error::SetupError, settings::Tls};

pub(super) const IS_ON: bool = true;

/// The system's authorities, unless there is one of the user's; and the client's own certificate.
pub(super) fn apply(builder: ClientBuilder, tls: &Tls) -> Result<ClientBuilder, SetupError> {
    let mut builder = builder.tls_backend_rustls();
    if let Some(path) = &tls.authority {
        let pem = read(path, "the collector's authority")?;
        let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
        if certificates.is_empty() {
            let path = path.display();
            return Err(SetupError::new(format!(
                "{path}, the collector's authority, holds no PEM certificate"
            )));
        }
        builder = builder.tls_certs_only(certificates);
    }
    if let Some((certificate, key)) = &tls.client {
        let mut pem = read(key, "the client's key")?;
        pem.push(b'\n');
        pem.extend(read(certificate, "the client's certificate")?);
        // What reqwest says of it may quote it.
        let identity = Identity::from_pem(&pem).map_err(|_| {
            SetupError::new(format!(
                "{} and {} are no PEM certificate and its PEM key",
                certificate.display(),
                key.display()
            ))
        })?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>, SetupError> {
    fs::read(path).map_err(|error| {
        SetupError::new(format!("{}, {what}, cannot be read", path.display())).with_source(error)
    })
}
