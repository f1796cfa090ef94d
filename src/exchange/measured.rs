//! What is measured of an exchange.

use std::{sync::OnceLock, time::Duration};

use crate::{
    config::Side,
    conventions::measured::{self, Answered, Asked},
    head::ResponseHead,
    metrics::{Active, Labels, Said},
    protocol::Protocol,
    remarks::Remarks,
    semconv::{measure::Answer, protocol_version},
};

/// What is known for the instruments before the end.
#[derive(Debug)]
pub(super) struct Measured {
    asked: Asked,
    active: Option<Active>,
    /// The version that a client's response came by.
    version: OnceLock<&'static str>,
}

/// An exchange as its end tells it to be measured.
#[derive(Clone, Copy, Debug)]
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

impl Measured {
    /// Counts the exchange as active, where the layer is to.
    #[inline(always)]
    pub(super) fn new(asked: Asked, side: &Side, protocol: Protocol) -> Self {
        Self {
            active: match side.common().measure.active {
                true => active(&asked, side, protocol),
                false => None,
            },
            asked,
            version: OnceLock::new(),
        }
    }

    pub(super) fn answered(&self, head: &ResponseHead<'_>) {
        if let Some(version) = head.version().and_then(protocol_version) {
            let _first = self.version.set(version);
        }
    }

    /// Whether a context may be of use to whoever records.
    pub(super) fn sees_context(&self) -> bool {
        self.asked.meters.sees_context()
    }

    /// What is seldom needed is made then, of copies: the rest stays in registers.
    #[inline(always)]
    pub(super) fn end<'a>(
        &self,
        mut measurement: Measurement<'a>,
        remarks: &Remarks,
        rest: impl FnOnce() -> Rest<'a>,
    ) {
        let Measurement {
            side,
            protocol,
            duration,
            ..
        } = measurement;
        if let Side::Client(_) = side {
            measurement.answered.version = self.version.get().copied();
        }
        let answer = match remarks.has_labels() {
            true => None,
            false => measured::answer(side, protocol, &self.asked, &measurement.answered),
        };
        let is_known = match &answer {
            Some(answer) => self.asked.group.known(answer, duration.as_secs_f64()),
            None => false,
        };
        if !is_known || side.common().measure.body_sizes {
            remarks.with_labels(|labels| {
                self.tell(measurement, rest(), labels, answer, !is_known);
            });
        }
        if let Some(active) = &self.active {
            active.end();
        }
    }

    /// Measures the sizes of the bodies, and the duration where the group does not know its series.
    #[inline(never)]
    fn tell(
        &self,
        measurement: Measurement<'_>,
        rest: Rest<'_>,
        labels: &Labels,
        answer: Option<Answer<'_>>,
        duration: bool,
    ) {
        let Measurement { side, protocol, .. } = measurement;
        let measure = &side.common().measure;
        let said = Said {
            facts: measured::ended(
                side,
                protocol,
                &self.asked,
                &measurement.answered,
                rest.route,
            ),
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
                self.asked.meters.request_size(of, size, said);
            }
            if let Some(size) = rest.response_size {
                self.asked.meters.response_size(of, size, said);
            }
        }
        if duration {
            let seconds = measurement.duration.as_secs_f64();
            let group = &self.asked.group;
            let meters = &self.asked.meters;
            meters.duration(of, seconds, said, group, answer.as_ref());
        }
    }
}

fn active(asked: &Asked, side: &Side, protocol: Protocol) -> Option<Active> {
    let said = Said {
        facts: measured::active(side, asked),
        labels: &Labels::default(),
        limit: side.common().measure.limit,
    };
    asked.meters.active(measured::of(side, protocol), said)
}
