//! What proves who a collector is, and who asks it.

use std::path::PathBuf;

/// Certificates for the connection to a collector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::setup) struct Tls {
    /// Trusted authorities instead of the system's.
    pub(in crate::setup) authority: Option<Pem>,
    /// The client's certificate and its key.
    pub(in crate::setup) client: Option<(Pem, Pem)>,
}

/// A PEM file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::setup) struct Pem {
    pub(in crate::setup) path: PathBuf,
    /// Who named it: a variable, or a path in a file.
    pub(in crate::setup) origin: String,
}
