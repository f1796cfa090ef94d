//! What an exchange tells its instruments.

use std::{borrow::Cow, time::Duration};

use http::StatusCode;

use super::State;
use crate::{
    conventions::measured::Answered,
    exchange::measured::{Measured, Measurement, Rest},
    metrics::Labels,
    outcome::Verdict,
    value::Value,
};

impl State {
    pub(in crate::exchange) fn labels_mut(&mut self) -> Option<&mut Labels> {
        self.measured.as_mut().map(Measured::labels_mut)
    }

    /// Adds an attribute to what is measured, if it is.
    pub(crate) fn label(&self, name: Cow<'static, str>, value: Value<'_>) {
        if let Some(measured) = &self.measured {
            measured.label(name, value);
        }
    }

    /// Measures what has ended, by the very duration and error of the span.
    #[inline]
    pub(super) fn measure(
        &self,
        status: Option<StatusCode>,
        duration: Duration,
        verdict: &Verdict,
    ) {
        let Some(measured) = &self.measured else {
            return;
        };
        let _context = measured.sees_context().then(|| self.span.enter());
        let measurement = Measurement {
            side: &self.side,
            protocol: self.protocol,
            answered: Answered {
                is_late: self.route.is_late(),
                status,
                version: None,
                early: self.early.get(),
                verdict,
            },
            duration,
        };
        measured.end(measurement, || Rest {
            route: self.route.latest(),
            response_size: status.map(|_| self.progress.size()),
        });
    }
}
