//! Certificates for the connection to a collector.

use std::fs;

use reqwest::{Certificate, Client, ClientBuilder, Identity};

use super::{
    error::SetupError,
    settings::{Pem, Tls},
};

pub(super) const IS_ON: bool = true;

const AUTHORITY: &str =
    "name a PEM file of the authorities to trust, or none to trust the system's";
const CERTIFICATE: &str =
    "name a PEM file of the certificate to show, or neither it nor a key to show none";
const BROKEN: &str = "holds a certificate that is none";
const KEY: &str = "name a PEM file of the certificate's private key, without a passphrase";

/// The system's authorities, unless there is one of the user's; and the client's own certificate. What cannot be used is
/// an error and not left out: without it the connection would not be the one that was asked for.
pub(super) fn apply(builder: ClientBuilder, tls: &Tls) -> Result<ClientBuilder, SetupError> {
    let mut builder = builder.tls_backend_rustls();
    if let Some(authority) = &tls.authority {
        let trusted = certificates(authority, AUTHORITY)?;
        let trial = trial().tls_certs_only(trusted.clone());
        if trial.build().is_err() {
            return Err(wrong(authority, BROKEN, AUTHORITY));
        }
        builder = builder.tls_certs_only(trusted);
    }
    if let Some((certificate, key)) = &tls.client {
        let identity = identity(certificate, key)?;
        // With no authority at all: only the identity can be wrong.
        let both = trial().tls_certs_only([]).identity(identity.clone());
        if both.build().is_err() {
            let alone = certificates(certificate, CERTIFICATE)?;
            if trial().tls_certs_only(alone).build().is_err() {
                return Err(wrong(certificate, BROKEN, CERTIFICATE));
            }
            let Pem { path, origin } = certificate;
            let why = format!(
                "does not fit the certificate that {origin} names, {}",
                path.display()
            );
            return Err(wrong(key, &why, "the two belong together"));
        }
        builder = builder.identity(identity);
    }
    Ok(builder)
}

/// What a wrong part is found by: a client without any other.
fn trial() -> ClientBuilder {
    Client::builder().tls_backend_rustls()
}

fn certificates(pem: &Pem, instead: &str) -> Result<Vec<Certificate>, SetupError> {
    let text = read(pem, instead)?;
    let certificates = Certificate::from_pem_bundle(&text).unwrap_or_default();
    if certificates.is_empty() {
        return Err(wrong(pem, "holds no PEM certificate", instead));
    }
    Ok(certificates)
}

fn identity(certificate: &Pem, key: &Pem) -> Result<Identity, SetupError> {
    certificates(certificate, CERTIFICATE)?;
    let mut pem = read(key, KEY)?;
    pem.push(b'\n');
    pem.extend(read(certificate, CERTIFICATE)?);
    // What is said of it may quote it.
    Identity::from_pem(&pem).map_err(|_| wrong(key, "holds no PEM private key", KEY))
}

fn read(pem: &Pem, instead: &str) -> Result<Vec<u8>, SetupError> {
    fs::read(&pem.path).map_err(|error| {
        let why = format!("cannot be read ({error})");
        wrong(pem, &why, instead)
    })
}

/// `why` says nothing of what the file holds.
fn wrong(pem: &Pem, why: &str, instead: &str) -> SetupError {
    let Pem { path, origin } = pem;
    let path = path.display().to_string();
    SetupError::new(format!("{origin}={path:?} {why}; {instead}"))
}
