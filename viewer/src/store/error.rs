//! Why the store does not do what it was asked.

use std::{fmt, path::PathBuf};

use http::StatusCode;
use rusqlite::ErrorCode;

use super::PATIENCE;

/// Why something was not stored or not found out.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// More came in than could be written. It may be sent again later.
    Overloaded,
    /// What came in is more than is taken at once.
    TooLarge,
    /// The question took longer than it may.
    Timeout,
    /// The writer has stopped.
    Closed,
    /// The limit is more than memory can hold: as many MiB.
    TooMuch(u64),
    /// This file cannot be the store, and why.
    File(PathBuf, String),
    /// The disk is full, or the file cannot be written: nothing is stored until that is mended.
    Disk(rusqlite::Error),
    /// SQLite's own.
    Sqlite(rusqlite::Error),
}

impl StoreError {
    /// What to answer over HTTP.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Overloaded => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout | Self::Closed | Self::Disk(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooMuch(_) | Self::File(..) | Self::Sqlite(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Self::Timeout,
            Some(ErrorCode::DatabaseBusy) => Self::Overloaded,
            Some(
                ErrorCode::DiskFull
                | ErrorCode::ReadOnly
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen,
            ) => Self::Disk(error),
            _ => Self::Sqlite(error),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overloaded => {
                f.write_str("more comes in than can be stored; send it again later")
            }
            Self::TooLarge => f.write_str(
                "the scopes of a request would take more than 64 MiB with their resources",
            ),
            Self::Timeout => write!(f, "the search took longer than {} s", PATIENCE.as_secs()),
            Self::Closed => f.write_str("the store is closed"),
            Self::TooMuch(most) => write!(
                f,
                "memory holds at most {most} MiB of traces; a file (--data) holds more"
            ),
            Self::File(file, why) => write!(f, "{} cannot keep traces: {why}", file.display()),
            Self::Disk(error) => write!(f, "the file cannot be written: {error}"),
            Self::Sqlite(error) => write!(f, "the store failed: {error}"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Sqlite(error) | Self::Disk(error) => Some(error),
            _ => None,
        }
    }
}
