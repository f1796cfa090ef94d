//! OTLP over gRPC, on port 4317 unless said.

use opentelemetry_proto::tonic::collector::{
    logs::v1::{
        ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
        logs_service_server::{LogsService, LogsServiceServer},
    },
    trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
};
use tonic::{Request, Response, Status, codec::CompressionEncoding, service::Routes};

use crate::{
    batch::Batch,
    store::{Store, StoreError},
};

/// A request is no larger, decompressed.
const LARGEST: usize = 64 << 20;

struct Otlp(Store);

/// The services, for any server.
pub(crate) fn routes(store: &Store) -> Routes {
    let traces = TraceServiceServer::new(Otlp(store.clone()))
        .max_decoding_message_size(LARGEST)
        .accept_compressed(CompressionEncoding::Gzip);
    let logs = LogsServiceServer::new(Otlp(store.clone()))
        .max_decoding_message_size(LARGEST)
        .accept_compressed(CompressionEncoding::Gzip);
    Routes::new(traces).add_service(logs)
}

#[tonic::async_trait]
impl TraceService for Otlp {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut batch = Batch::of_spans(request.into_inner().resource_spans);
        let rejected = std::mem::take(&mut batch.rejected);
        self.0.write(batch).await?;
        let partial_success = rejected.why.map(|why| ExportTracePartialSuccess {
            rejected_spans: rejected.count,
            error_message: why.to_owned(),
        });
        Ok(Response::new(ExportTraceServiceResponse {
            partial_success,
        }))
    }
}

#[tonic::async_trait]
impl LogsService for Otlp {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let mut batch = Batch::of_logs(request.into_inner().resource_logs);
        let rejected = std::mem::take(&mut batch.rejected);
        self.0.write(batch).await?;
        let partial_success = rejected.why.map(|why| ExportLogsPartialSuccess {
            rejected_log_records: rejected.count,
            error_message: why.to_owned(),
        });
        Ok(Response::new(ExportLogsServiceResponse { partial_success }))
    }
}

impl From<StoreError> for Status {
    /// `UNAVAILABLE` is what a sender tries again.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overloaded
            | StoreError::Timeout
            | StoreError::Closed
            | StoreError::Disk(_) => Self::unavailable(error.to_string()),
            _ => Self::internal(error.to_string()),
        }
    }
}
