//! Attributes that wait for the end of their span, because someone may replace one and a span cannot.

use std::sync::{Mutex, OnceLock, PoisonError};

use opentelemetry::Key;

use super::State;
use crate::{semconv::names, span::Attributes, span_mut::SpanMut};

/// The attributes of a recorded span that has hooks, or that a handler has had its hands on.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) attributes: Attributes,
    /// What a sampler had to see is on the span already, and stays.
    pub(crate) fixed: Vec<Key>,
}

/// Where they are held, once there is need to.
pub(super) type Hold = OnceLock<Box<Mutex<Held>>>;

impl Held {
    #[cold]
    pub(super) fn with(fixed: Vec<Key>) -> Hold {
        let attributes = Attributes::default();
        Box::new(Mutex::new(Self { attributes, fixed })).into()
    }
}

impl<'a> State<'a> {
    /// Shows the span to the handler, until the exchange ends.
    pub(crate) fn show<T>(self, show: impl FnOnce(&mut SpanMut<'_>) -> T) -> Option<T> {
        if !self.is_live() {
            return None;
        }
        let mut attributes = Attributes::default();
        let shown = show(&mut self.span_mut(&mut attributes));
        if let Some(told) = self.course.told.as_ref().filter(|_| self.span().recording) {
            // Without hooks, what is known from the start has been set.
            if !self.begun.side.common().has_hooks() {
                attributes.retain(|key| !names::is_set_early(key));
            }
            let held = told.hold.get_or_init(Box::default);
            let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
            attributes.fill(&mut held.attributes);
            std::mem::swap(&mut attributes, &mut held.attributes);
        }
        Some(shown)
    }

    /// Adds the attributes of a phase to those of the phases before, which a hook may have set: they stay.
    pub(super) fn unhold(self, attributes: &mut Attributes) {
        if let Some(held) = self.held() {
            let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(attributes, &mut held.attributes);
            attributes.fill(&mut held.attributes);
        }
    }

    /// Sets the attributes of a phase, or holds them for the next one.
    pub(super) fn set(self, attributes: &mut Attributes) {
        match self.held() {
            Some(held) => {
                let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                attributes.fill(&mut held.attributes);
                std::mem::swap(attributes, &mut held.attributes);
            }
            None => self.span().set(attributes),
        }
    }

    pub(super) fn span_mut<'s>(self, attributes: &'s mut Attributes) -> SpanMut<'s>
    where
        'a: 's,
    {
        let remarks = &self.course.remarks;
        SpanMut::new(self.span(), attributes, remarks, self.is_measured())
    }

    fn held(self) -> Option<&'a Mutex<Held>> {
        Some(self.course.told.as_ref()?.hold.get()?)
    }
}
