//! What a worker takes batches to.

use opentelemetry_sdk::{Resource, trace::SpanData};

use crate::setup::transport::{Failure, Taken};

/// An exporter of spans that can be tried again.
pub(in crate::setup) trait Exit: Send + 'static {
    /// A batch as it is sent.
    type Parcel: Send;

    fn set_resource(&mut self, resource: &Resource);

    fn pack(&mut self, spans: Vec<SpanData>) -> Self::Parcel;

    /// One attempt.
    fn attempt(
        &mut self,
        parcel: &mut Self::Parcel,
    ) -> impl Future<Output = Result<Taken, Failure>> + Send;

    /// There will be no more.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}
