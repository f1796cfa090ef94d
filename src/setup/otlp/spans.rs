//! Spans by OTLP.

use opentelemetry_proto::{
    tonic::collector::trace::v1::ExportTraceServiceRequest,
    transform::{
        common::tonic::ResourceAttributesWithSchema,
        trace::tonic::group_spans_by_resource_and_scope,
    },
};
use opentelemetry_sdk::{Resource, trace::SpanData};

use super::courier::{Courier, Parcel};
use crate::setup::{
    batch::Exit,
    transport::{Failure, Taken},
};

pub(in crate::setup) struct Spans {
    courier: Courier,
    resource: ResourceAttributesWithSchema,
}

impl Spans {
    pub(super) fn new(courier: Courier) -> Self {
        Self {
            courier,
            resource: ResourceAttributesWithSchema::default(),
        }
    }
}

impl Exit for Spans {
    type Parcel = Parcel;

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }

    fn pack(&mut self, spans: Vec<SpanData>) -> Parcel {
        self.courier.pack(&ExportTraceServiceRequest {
            resource_spans: group_spans_by_resource_and_scope(spans, &self.resource),
        })
    }

    async fn attempt(&mut self, parcel: &mut Parcel) -> Result<Taken, Failure> {
        self.courier.attempt(parcel).await
    }

    async fn close(&mut self) {}
}
