//! In place of Zipkin, where its feature is off.

use opentelemetry_sdk::{Resource, trace::SpanData};

use super::{
    batch::Exit,
    endpoint::Shown,
    error::SetupError,
    settings::Zipkin,
    transport::{Failure, Taken},
};

/// An exporter that there is none of.
pub(super) enum Absent {}

pub(super) fn spans(settings: &Zipkin) -> Result<Absent, SetupError> {
    Err(SetupError::new(format!(
        "OTEL_TRACES_EXPORTER names zipkin, for {}, which needs throughline's feature `zipkin`; this build is without",
        Shown(&settings.endpoint)
    )))
}

impl Exit for Absent {
    type Parcel = ();

    fn set_resource(&mut self, _resource: &Resource) {
        match *self {}
    }

    fn pack(&mut self, _spans: Vec<SpanData>) {
        match *self {}
    }

    async fn attempt(&mut self, _parcel: &mut ()) -> Result<Taken, Failure> {
        match *self {}
    }

    async fn close(&mut self) {
        match *self {}
    }
}
