//! Zipkin's API, version 2, in JSON.

mod encode;

use bytes::Bytes;
use http::HeaderMap;
use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::{Resource, trace::SpanData};

use self::encode::Service;
use super::{
    batch::Exit,
    client::{Client, Destination},
    error::SetupError,
    settings::{Tls, Zipkin},
    status,
    transport::{Failure, Taken},
};

pub(super) struct Spans {
    client: Client,
    service: Service,
}

/// What a worker takes batches of spans to.
pub(super) fn spans(settings: &Zipkin) -> Result<Spans, SetupError> {
    let to = Destination {
        url: settings.endpoint.clone(),
        origin: "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
        headers: HeaderMap::new(),
        tls: &Tls::default(),
    };
    Ok(Spans {
        client: Client::new(to, "application/json", |builder| builder)?,
        service: Service::default(),
    })
}

impl Exit for Spans {
    type Parcel = Bytes;

    fn set_resource(&mut self, resource: &Resource) {
        let name = resource.get_ref(&Key::from_static_str("service.name"));
        self.service = Service {
            name: name.map(ToString::to_string).unwrap_or_default(),
            tags: resource
                .iter()
                .filter(|(key, _)| key.as_str() != "service.name")
                .map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
                .collect(),
        };
    }

    fn pack(&mut self, spans: Vec<SpanData>) -> Bytes {
        encode::spans(&spans, &self.service).into()
    }

    async fn attempt(&mut self, parcel: &mut Bytes) -> Result<Taken, Failure> {
        let (status, headers) = match self.client.post(parcel.clone(), &[]).await? {
            Ok(answer) => (answer.status, answer.headers),
            // Zipkin says all by its status.
            Err(cut) => (cut.status, cut.headers),
        };
        match status::failure(status, &headers) {
            None => Ok(Taken::default()),
            Some(failure) => Err(failure),
        }
    }

    async fn close(&mut self) {}
}
