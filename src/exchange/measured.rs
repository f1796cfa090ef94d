//! What is measured of an exchange.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    config::Side,
    conventions::measured::{self, Answered, Asked},
    head::ResponseHead,
    metrics::{Active, Labels, Meters, Said},
    protocol::Protocol,
    semconv::{measure::Answer, protocol_version},
    value::Value,
};

/// The instruments, and what is known for them before the end.
#[derive(Debug)]
pub(crate) struct Measured {
    meters: Arc<Meters>,
    asked: Asked,
    active: Option<Active>,
    /// The version that a client's response came by.
    version: Mutex<Option<&'static str>>,
    labels: Mutex<Labels>,
}

/// An exchange as its end tells it to be measured.
#[derive(Debug)]
pub(super) struct Measurement<'a> {
    pub(super) side: &'a Side,
    pub(super) protocol: Protocol,
    pub(super) answered: Answered<'a>,
    pub(super) duration: Duration,
    /// How many bytes of a response's body passed, if there was a response.
    pub(super) response_size: Option<u64>,
}

impl Measured {
    pub(crate) fn new(meters: Arc<Meters>, asked: Asked) -> Self {
        Self {
            meters,
            asked,
            active: None,
            version: Mutex::new(None),
            labels: Mutex::default(),
        }
    }

    /// Counts the exchange as active, where the layer is to.
    pub(super) fn start(&mut self, side: &Side, protocol: Protocol) {
        let measure = &side.common().measure;
        if measure.active {
            let said = Said {
                facts: measured::active(side, &self.asked),
                labels: &Labels::default(),
                limit: measure.limit,
            };
            self.active = self.meters.active(measured::of(side, protocol), said);
        }
    }

    pub(super) fn answered(&self, head: &ResponseHead<'_>) {
        if let Some(version) = head.version().and_then(protocol_version) {
            let mut first = self.version.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(version);
        }
    }

    pub(super) fn label(&self, name: Cow<'static, str>, value: Value<'_>) {
        let mut labels = self.labels.lock().unwrap_or_else(PoisonError::into_inner);
        labels.set(name, value);
    }

    pub(super) fn labels(&self) -> &Mutex<Labels> {
        &self.labels
    }

    /// The labels of one exchange that is over have room for those of the next.
    pub(super) fn labels_mut(&mut self) -> &mut Labels {
        self.labels
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a context may be of use to whoever records.
    pub(super) fn sees_context(&self) -> bool {
        self.meters.sees_context()
    }

    #[inline]
    pub(super) fn end(&self, mut measurement: Measurement<'_>) {
        let Measurement { side, protocol, .. } = measurement;
        if let Side::Client(_) = side {
            let version = self.version.lock().unwrap_or_else(PoisonError::into_inner);
            measurement.answered.version = *version;
        }
        let answer = measured::answer(side, protocol, &self.asked, &measurement.answered);
        let labels = self.labels.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answer.filter(|_| labels.is_empty());
        let sizes = side.common().measure.body_sizes;
        let seconds = measurement.duration.as_secs_f64();
        let is_known = answer.is_some_and(|answer| self.asked.group.known(&answer, seconds));
        if sizes || !is_known {
            self.tell(&measurement, &labels, answer.as_ref(), !is_known);
        }
        if let Some(active) = &self.active {
            active.end();
        }
    }

    /// Measures the sizes of the bodies, and the duration where the group does not know its series.
    fn tell(
        &self,
        measurement: &Measurement<'_>,
        labels: &Labels,
        answer: Option<&Answer<'_>>,
        duration: bool,
    ) {
        let Measurement { side, protocol, .. } = *measurement;
        let measure = &side.common().measure;
        let said = Said {
            facts: measured::ended(side, protocol, &self.asked, &measurement.answered),
            labels,
            limit: measure.limit,
        };
        let of = measured::of(side, protocol);
        if measure.body_sizes {
            let said = Said {
                facts: measured::sized(side, &self.asked, said.facts),
                ..said
            };
            if let Some(size) = self.asked.size {
                self.meters.request_size(of, size, said);
            }
            if let Some(size) = measurement.response_size {
                self.meters.response_size(of, size, said);
            }
        }
        if duration {
            let kept = answer.map(|answer| (&*self.asked.group, answer));
            let seconds = measurement.duration.as_secs_f64();
            self.meters.duration(of, seconds, said, kept);
        }
    }
}
