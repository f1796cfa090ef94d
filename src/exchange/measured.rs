//! What is measured of an exchange.

use std::{
    borrow::Cow,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{
    config::Side,
    conventions::measured::{self, Answered, Asked},
    head::ResponseHead,
    metrics::{Active, Labels, Said, SharedLabels},
    protocol::Protocol,
    semconv::{measure::Answer, protocol_version},
    value::Value,
};

/// What is known for the instruments before the end.
#[derive(Debug)]
pub(super) struct Measured {
    asked: Asked,
    active: Option<Active>,
    /// The version that a client's response came by.
    version: Mutex<Option<&'static str>>,
    labels: SharedLabels,
}

/// An exchange as its end tells it to be measured.
#[derive(Debug)]
pub(super) struct Measurement<'a> {
    pub(super) side: &'a Side,
    pub(super) protocol: Protocol,
    pub(super) answered: Answered<'a>,
    pub(super) duration: Duration,
}

/// What is seldom needed of it besides.
#[derive(Debug)]
pub(super) struct Rest<'a> {
    pub(super) route: Option<&'a str>,
    /// How many bytes of a response's body passed, if there was a response.
    pub(super) response_size: Option<u64>,
}

/// Counts the exchange as active, where the layer is to.
#[inline]
pub(super) fn start(asked: &Asked, side: &Side, protocol: Protocol) -> Option<Active> {
    let measure = &side.common().measure;
    if !measure.active {
        return None;
    }
    let said = Said {
        facts: measured::active(side, asked),
        labels: &Labels::default(),
        limit: measure.limit,
    };
    asked.meters.active(measured::of(side, protocol), said)
}

impl Measured {
    #[inline(always)]
    pub(super) fn new(asked: Asked, active: Option<Active>) -> Self {
        Self {
            asked,
            active,
            version: Mutex::new(None),
            labels: SharedLabels::default(),
        }
    }

    pub(super) fn answered(&self, head: &ResponseHead<'_>) {
        if let Some(version) = head.version().and_then(protocol_version) {
            let mut first = self.version.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(version);
        }
    }

    pub(super) fn label(&self, name: Cow<'static, str>, value: Value<'_>) {
        self.labels.set(name, value);
    }

    pub(super) fn labels(&self) -> &SharedLabels {
        &self.labels
    }

    /// The labels of one exchange that is over have room for those of the next.
    pub(super) fn labels_mut(&mut self) -> &mut Labels {
        self.labels.get_mut()
    }

    /// Whether a context may be of use to whoever records.
    pub(super) fn sees_context(&self) -> bool {
        self.asked.meters.sees_context()
    }

    #[inline]
    pub(super) fn end<'a>(
        &self,
        mut measurement: Measurement<'a>,
        rest: impl FnOnce() -> Rest<'a>,
    ) {
        let Measurement { side, protocol, .. } = measurement;
        if let Side::Client(_) = side {
            let version = self.version.lock().unwrap_or_else(PoisonError::into_inner);
            measurement.answered.version = *version;
        }
        let answer = measured::answer(side, protocol, &self.asked, &measurement.answered);
        let answer = answer.filter(|_| self.labels.is_empty());
        let sizes = side.common().measure.body_sizes;
        let seconds = measurement.duration.as_secs_f64();
        let is_known = answer.is_some_and(|answer| self.asked.group.known(&answer, seconds));
        if sizes || !is_known {
            self.tell(&measurement, rest(), answer.as_ref(), !is_known);
        }
        if let Some(active) = &self.active {
            active.end();
        }
    }

    /// Measures the sizes of the bodies, and the duration where the group does not know its series.
    fn tell(
        &self,
        measurement: &Measurement<'_>,
        rest: Rest<'_>,
        answer: Option<&Answer<'_>>,
        duration: bool,
    ) {
        let Measurement { side, protocol, .. } = *measurement;
        let measure = &side.common().measure;
        let labels = self.labels.lock();
        let said = Said {
            facts: measured::ended(
                side,
                protocol,
                &self.asked,
                &measurement.answered,
                rest.route,
            ),
            labels: &labels,
            limit: measure.limit,
        };
        let of = measured::of(side, protocol);
        if measure.body_sizes {
            let said = Said {
                facts: measured::sized(side, &self.asked, said.facts),
                ..said
            };
            if let Some(size) = self.asked.size {
                self.asked.meters.request_size(of, size, said);
            }
            if let Some(size) = rest.response_size {
                self.asked.meters.response_size(of, size, said);
            }
        }
        if duration {
            let seconds = measurement.duration.as_secs_f64();
            let group = &self.asked.group;
            self.asked.meters.duration(of, seconds, said, group, answer);
        }
    }
}
