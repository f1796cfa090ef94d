//! Log records by OTLP.

use std::time::Duration;

use opentelemetry_proto::{
    tonic::collector::logs::v1::ExportLogsServiceRequest,
    transform::{
        common::tonic::ResourceAttributesWithSchema, logs::tonic::group_logs_by_resource_and_scope,
    },
};
use opentelemetry_sdk::{Resource, error::OTelSdkResult, logs};

use super::Line;

/// The SDK's processor encodes, the export thread sends.
#[derive(Debug)]
pub(in crate::setup) struct LogExporter {
    line: Line,
    resource: ResourceAttributesWithSchema,
}

impl LogExporter {
    pub(super) fn new(line: Line) -> Self {
        Self {
            line,
            resource: ResourceAttributesWithSchema::default(),
        }
    }
}

impl logs::LogExporter for LogExporter {
    async fn export(&self, batch: logs::LogBatch<'_>) -> OTelSdkResult {
        let count = batch.iter().count() as u64;
        let parcel = self.line.courier.pack(&ExportLogsServiceRequest {
            resource_logs: group_logs_by_resource_and_scope(&batch, &self.resource),
        });
        self.line.send(parcel, count).await;
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}
