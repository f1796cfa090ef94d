//! A request's body: all of it, within limits of size and time.

use std::{io::Read, time::Duration};

use axum::body::{Body, Bytes};
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, HeaderValue, header::CONTENT_ENCODING};
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
const LARGEST_BODY: usize = 16 << 20;
const LARGEST: usize = 64 << 20;
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
    let turn = DECODERS.acquire().await;
    // Whoever sent it may leave; the work goes on, and keeps its turn.
    let work = move || {
        let _turn = turn;
        match coding {
            Coding::Identity => decode(&body),
            Coding::Gzip => decode(&gunzip(&body)?),
        }
    };
    spawn_blocking(work)
        .await
        .map_err(|error| Refused::new(Cause::Failed, error.to_string()))?
}

impl Coding {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        Self::named(headers.get(CONTENT_ENCODING))
    }

    pub(super) fn named(name: Option<&HeaderValue>) -> Result<Self, Refused> {
        match name.map(HeaderValue::to_str) {
            None | Some(Ok("" | "identity")) => Ok(Self::Identity),
            Some(Ok(name)) if name.eq_ignore_ascii_case("gzip") => Ok(Self::Gzip),
            _ => Err(Refused::new(
                Cause::Unsupported,
                "the body's coding is neither gzip nor identity",
            )),
        }
    }
}

fn gunzip(packed: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(packed)
        .take(LARGEST as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(|error| Refused::new(Cause::Unpacked, format!("the body is no gzip: {error}")))?;
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

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use futures_util::FutureExt;
    use http::Request;
    use tokio::sync::oneshot;
    use tonic::codegen::Service;

    use super::*;
    use crate::store::{Place, Store};

    /// One test, as all share the turns.
    #[tokio::test]
    async fn four_decode_at_a_time() {
        let (begun, began) = oneshot::channel();
        let (go_on, wait) = mpsc::channel::<()>();
        let decode = move |_: &[u8]| {
            begun.send(()).ok();
            wait.recv().ok();
            Ok(())
        };
        let request = tokio::spawn(open(Coding::Identity, vec![0; LONG + 1].into(), decode));
        began.await.unwrap();
        request.abort();
        assert!(request.await.is_err());
        assert_eq!(DECODERS.available_permits(), 3, "it still decodes");
        go_on.send(()).unwrap();

        let all = DECODERS.acquire_many(4).await.unwrap();
        let store = Store::open(&Place::default()).unwrap();
        let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        let request = Request::post(path)
            .header("content-type", "application/grpc")
            .header("grpc-encoding", "gzip")
            .body(Body::from(&[1, 0, 0, 0, 1, 0][..]))
            .unwrap();
        let mut grpc = store.grpc_routes(Duration::from_secs(60));
        let mut answer = grpc.call(request);
        assert!((&mut answer).now_or_never().is_none(), "it has its turn");
        drop(all);
        let answer = answer.await.unwrap();
        assert_eq!(answer.headers()["grpc-status"], "13");
    }
}
