//! The viewer inside a service: spans go from its SDK to the store without a network.

use opentelemetry_proto::{
    tonic::collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    transform::{
        common::tonic::ResourceAttributesWithSchema,
        trace::tonic::group_spans_by_resource_and_scope,
    },
};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{SpanData, SpanExporter},
};

use crate::{
    batch::Batch,
    store::{Store, StoreError},
};

/// An exporter of OpenTelemetry's SDK that stores spans here. [`Store::exporter`] makes it.
///
/// With throughline: `SetupExt::exporter(viewer.store().exporter())`.
#[derive(Debug)]
pub struct Exporter {
    store: Store,
    resource: ResourceAttributesWithSchema,
}

impl Store {
    /// An exporter for the SDK of this process.
    pub fn exporter(&self) -> Exporter {
        Exporter {
            store: self.clone(),
            resource: ResourceAttributesWithSchema::default(),
        }
    }

    /// Stores spans as OTLP has them; what is wrong with some of them is passed over. Returns when they are committed.
    ///
    /// # Errors
    ///
    /// When they were not stored; [`StoreError::Overloaded`] can be tried again, [`StoreError::TooLarge`] cannot.
    pub async fn accept(&self, request: ExportTraceServiceRequest) -> Result<(), StoreError> {
        self.write(Batch::of_spans(request.resource_spans)?).await
    }

    /// Stores log records as [`accept`](Self::accept) stores spans.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub async fn accept_logs(&self, request: ExportLogsServiceRequest) -> Result<(), StoreError> {
        self.write(Batch::of_logs(request.resource_logs)?).await
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let request = ExportTraceServiceRequest {
            resource_spans: group_spans_by_resource_and_scope(batch, &self.resource),
        };
        self.store
            .accept(request)
            .await
            .map_err(|error| OTelSdkError::InternalFailure(error.to_string()))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}
