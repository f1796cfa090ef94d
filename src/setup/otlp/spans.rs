//! Spans by OTLP.

use opentelemetry_proto::{
    tonic::collector::trace::v1::ExportTraceServiceRequest,
    transform::{
        common::tonic::ResourceAttributesWithSchema,
        trace::tonic::group_spans_by_resource_and_scope,
    },
};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace,
};

use super::Line;
use crate::setup::{transport::delivery::Fate, watch::Cause};

#[derive(Debug)]
pub(in crate::setup) struct SpanExporter {
    line: Line,
    cause: Cause,
    resource: ResourceAttributesWithSchema,
}

impl SpanExporter {
    pub(super) fn new(line: Line, cause: Cause) -> Self {
        Self {
            line,
            cause,
            resource: ResourceAttributesWithSchema::default(),
        }
    }
}

impl trace::SpanExporter for SpanExporter {
    async fn export(&self, batch: Vec<trace::SpanData>) -> OTelSdkResult {
        let count = batch.len() as u64;
        let parcel = self.line.courier.pack(&ExportTraceServiceRequest {
            resource_spans: group_spans_by_resource_and_scope(batch, &self.resource),
        });
        match self.line.send(parcel, count).await {
            None | Some(Fate::Acknowledged(_)) => Ok(()),
            Some(
                Fate::Rejected(why) | Fate::Unserved(why) | Fate::Dropped(why) | Fate::Unknown(why),
            ) => {
                self.cause.set(why.clone());
                Err(OTelSdkError::InternalFailure(why))
            }
        }
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}
