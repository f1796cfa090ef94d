//! What requests of one kind have in common, found once when one begins. The ends that they come to are few, and found
//! again without a look at the attributes.

use std::sync::{Arc, OnceLock};

use super::{
    key::{Key, Owned, begun, same},
    labels::Labels,
};
use crate::semconv::measure::{Answer, Facts};

/// How many places there are for groups: more than twice as many as an attribute has values by default.
const PLACES: usize = 512;

/// How many places are looked at for one group. Without one it is made anew each time.
const TRIES: usize = 8;

/// How many ends of a group are kept. Others are looked up by all of their attributes.
const MOST_ENDS: usize = 6;

/// Requests that differ by their ends alone. `S` is what a measurement of such an end is recorded by.
#[derive(Debug)]
pub(crate) struct Group<S> {
    asked: Owned,
    ends: [OnceLock<End<S>>; MOST_ENDS],
}

/// The groups of one instrument that were measured by their own names. These are never forgotten; what strangers make up
/// takes no place. A look at them takes no lock.
#[derive(Debug)]
pub(super) struct Groups<S>(OnceLock<Box<[Place<S>]>>);

type Place<S> = OnceLock<Arc<Group<S>>>;

#[derive(Debug)]
struct End<S> {
    status: Option<u16>,
    version: Option<&'static str>,
    code: Option<&'static str>,
    error_type: Option<Box<str>>,
    series: Arc<S>,
}

impl<S> Group<S> {
    #[cold]
    fn of(facts: &Facts<'_>) -> Self {
        let labels = &Labels::default();
        Self {
            asked: Owned::of(&Key { facts, labels }),
            ends: [const { OnceLock::new() }; MOST_ENDS],
        }
    }

    pub(crate) fn asked(&self) -> Facts<'_> {
        self.asked.facts()
    }

    /// The series of an end that was [kept](Self::keep).
    #[inline(always)]
    pub(super) fn find(&self, answer: &Answer<'_>) -> Option<&S> {
        for room in &self.ends {
            let end = room.get()?;
            if end.is(answer) {
                return Some(&end.series);
            }
        }
        None
    }

    /// Keeps the series of an end, if there is room.
    #[cold]
    pub(super) fn keep(&self, answer: &Answer<'_>, series: &Arc<S>) {
        for room in &self.ends {
            let kept = room.get_or_init(|| End {
                status: answer.status,
                version: answer.version,
                code: answer.code,
                error_type: answer.error_type.map(Into::into),
                series: Arc::clone(series),
            });
            if kept.is(answer) {
                return;
            }
        }
    }
}

impl<S> Groups<S> {
    pub(super) fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The group of requests that begin like this. Unless it was [placed](Self::place) it is made anew.
    #[inline]
    pub(super) fn get(&self, facts: &Facts<'_>) -> Arc<Group<S>> {
        for place in self.places(facts) {
            match place.get() {
                Some(group) if group.asked.begins_like(facts) => return Arc::clone(group),
                Some(_) => {}
                None => break,
            }
        }
        Arc::new(Group::of(facts))
    }

    /// Has a group found by requests to come, if there is room. It is the one that another thread has placed if that was
    /// quicker.
    pub(super) fn place<'a>(&'a self, group: &'a Arc<Group<S>>) -> &'a Arc<Group<S>> {
        let facts = group.asked();
        let mut placed = self
            .places(&facts)
            .map(|place| place.get_or_init(|| Arc::clone(group)));
        placed
            .find(|placed| placed.asked.begins_like(&facts))
            .unwrap_or(group)
    }

    /// Where a group that begins like this may be.
    #[inline]
    fn places(&self, facts: &Facts<'_>) -> impl Iterator<Item = &Place<S>> {
        let places = self
            .0
            .get_or_init(|| (0..PLACES).map(|_| OnceLock::new()).collect());
        let hash = begun(facts) as usize;
        (0..TRIES).filter_map(move |at| places.get(hash.wrapping_add(at) % PLACES))
    }
}

impl<S> End<S> {
    #[inline(always)]
    fn is(&self, answer: &Answer<'_>) -> bool {
        self.status == answer.status
            && same(self.version, answer.version)
            && same(self.code, answer.code)
            && same(self.error_type.as_deref(), answer.error_type)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::{InstrumentationScope, metrics::noop::NoopMeterProvider};

    use super::*;
    use crate::{
        metrics::{Metering, Meters, Of, Said},
        value::Value,
    };

    fn asked(route: &str) -> Facts<'_> {
        Facts {
            method: "GET",
            target: Some(route),
            ..Facts::default()
        }
    }

    #[test]
    fn a_group_is_found_again_and_its_ends_with_it() {
        let groups = Groups::<u16>::new();
        let group = groups.get(&asked("/a"));
        assert!(!Arc::ptr_eq(&group, &groups.get(&asked("/a"))));
        assert!(Arc::ptr_eq(&group, groups.place(&group)));
        assert!(Arc::ptr_eq(&group, &groups.get(&asked("/a"))));
        assert!(!Arc::ptr_eq(&group, &groups.get(&asked("/b"))));
        let slower = Arc::new(Group::of(&asked("/a")));
        assert!(Arc::ptr_eq(&group, groups.place(&slower)));
        assert_eq!(group.asked().target, Some("/a"));
        let answers = (0..).map(|status| Answer {
            status: Some(status),
            ..Answer::default()
        });
        for (number, answer) in (0..20).zip(answers) {
            assert_eq!(group.find(&answer), None);
            group.keep(&answer, &Arc::new(number));
            group.keep(&answer, &Arc::new(99));
            let kept = (usize::from(number) < MOST_ENDS).then_some(&number);
            assert_eq!(group.find(&answer), kept);
        }
        let error = Answer {
            status: Some(0),
            error_type: Some("timeout"),
            ..Answer::default()
        };
        assert_eq!(group.find(&error), None);
    }

    /// A label may come after the end has looked for one.
    #[test]
    fn an_end_with_labels_is_not_kept_for_those_without() {
        let scope = InstrumentationScope::builder("test").build();
        let meters = Meters::new(Metering::of(&NoopMeterProvider::new(), scope));
        let facts = asked("/a");
        let group = meters.group(Of::Server, &facts);
        let answer = Answer {
            status: Some(200),
            ..Answer::default()
        };
        let mut labels = Labels::default();
        labels.set("plan".into(), Value::Static("free"));
        for (labels, is_kept) in [(&labels, false), (&Labels::default(), true)] {
            let said = Said {
                facts,
                labels,
                limit: 10,
            };
            meters.duration(Of::Server, 0.1, said, &group, Some(&answer));
            assert_eq!(group.known(&answer, 0.1), is_kept);
        }
    }

    #[test]
    fn strangers_fill_no_memory() {
        let groups = Groups::<u16>::new();
        let mut kept = 0;
        for number in 0..4 * PLACES {
            let route = format!("/{number}");
            let group = groups.get(&asked(&route));
            assert_eq!(group.asked().target, Some(&*route));
            groups.place(&group);
            kept += usize::from(Arc::strong_count(&group) > 1);
        }
        assert!((PLACES / 2..=PLACES).contains(&kept), "{kept}");
    }

    #[test]
    fn strangers_that_are_only_asked_for_take_no_place() {
        let groups = Groups::<u16>::new();
        for number in 0..10_000 {
            let group = groups.get(&asked(&format!("/{number}")));
            assert_eq!(Arc::strong_count(&group), 1);
        }
        let group = groups.get(&asked("/real"));
        groups.place(&group);
        assert!(Arc::ptr_eq(&group, &groups.get(&asked("/real"))));
    }
}
