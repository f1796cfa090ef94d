//! A request's body: all of it, within limits of size and time.

use std::{io::Read, time::Duration};

use axum::body::{Body, Bytes};
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, header::CONTENT_ENCODING};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use super::refused::{Cause, Refused};

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
}

/// A body is no larger, in bytes: as it comes, and unpacked.
pub(super) const LARGEST_BODY: usize = 16 << 20;
pub(super) const LARGEST: usize = 64 << 20;
/// What is longer, or packed, is decoded where it holds nobody up; so many at a time, as each may take much memory.
const LONG: usize = 256 << 10;
static DECODERS: Semaphore = Semaphore::const_new(4);

/// Reads to the end.
pub(super) async fn receive(body: Body, patience: Duration) -> Result<Bytes, Refused> {
    let all = timeout(patience, Limited::new(body, LARGEST_BODY).collect())
        .await
        .map_err(|_| {
            let why = format!("the body took longer than {patience:?} to come in");
            Refused::new(Cause::TooSlow, why)
        })?
        .map_err(|error| {
            if error.is::<LengthLimitError>() {
                too_large(LARGEST_BODY)
            } else {
                Refused::malformed(format!("the body broke off: {error}"))
            }
        })?;
    Ok(all.to_bytes())
}

/// Unpacks a body and makes something of it.
pub(super) async fn open<T: Send + 'static>(
    coding: Coding,
    body: Bytes,
    decode: impl FnOnce(&[u8]) -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    if coding == Coding::Identity && body.len() <= LONG {
        return decode(&body);
    }
    let permit = DECODERS.acquire().await;
    let work = move || match coding {
        Coding::Identity => decode(&body),
        Coding::Gzip => decode(&gunzip(&body)?),
    };
    let done = spawn_blocking(work)
        .await
        .map_err(|error| Refused::new(Cause::Failed, error.to_string()))?;
    drop(permit);
    done
}

impl Coding {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        let name = headers.get(CONTENT_ENCODING).map(|name| name.to_str());
        match name {
            None | Some(Ok("" | "identity")) => Ok(Self::Identity),
            Some(Ok(name)) if name.eq_ignore_ascii_case("gzip") => Ok(Self::Gzip),
            _ => Err(Refused::new(
                Cause::Unsupported,
                "content-encoding is neither gzip nor identity",
            )),
        }
    }
}

fn gunzip(packed: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(packed)
        .take(LARGEST as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(|error| Refused::malformed(format!("the body is no gzip: {error}")))?;
    if plain.len() > LARGEST {
        return Err(too_large(LARGEST));
    }
    Ok(plain)
}

fn too_large(limit: usize) -> Refused {
    Refused::new(
        Cause::TooLarge,
        format!("the body is larger than {} MiB", limit >> 20),
    )
}
