//! What an exchange tells its instruments.

use std::time::Duration;

use super::State;
use crate::{
    conventions::{Ended, measured::Answered},
    exchange::{
        course::Course,
        measured::{Measurement, Rest},
    },
    outcome::Verdict,
};

impl State<'_> {
    /// Measures what has ended, by the very duration and error of the span.
    #[inline(always)]
    pub(super) fn measure(self, ended: &Ended<'_>, duration: Duration, verdict: &Verdict) {
        let Some(measured) = &self.course.measured else {
            return;
        };
        let _context = measured.sees_context().then(|| self.span().enter());
        let Course {
            routes,
            remarks,
            progress,
            ..
        } = self.course;
        let measurement = Measurement {
            side: &self.begun.side,
            protocol: self.begun.protocol,
            answered: Answered {
                is_late: routes.is_late(),
                status: ended.status,
                version: None,
                early: ended.early,
                verdict,
            },
            duration,
        };
        measured.end(measurement, remarks, || Rest {
            route: routes.latest(),
            response_size: ended.status.map(|_| progress.size()),
        });
    }
}
