//! What requests of one kind have in common, found once when one begins. The ends that they come to are few, and found
//! again without a look at the attributes.

use std::{
    collections::HashMap,
    hash::BuildHasherDefault,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use smallvec::SmallVec;

use super::{
    family::AsIs,
    key::{Key, Owned, same},
    labels::Labels,
};
use crate::semconv::measure::{Answer, Facts};

/// How many groups are kept before all are forgotten: strangers can ask anything.
const MOST_GROUPS: usize = 1024;

/// How many ends of a group are kept. Others are looked up by all of their attributes.
const MOST_ENDS: usize = 6;

/// Requests that differ by their ends alone. `S` is what a measurement of such an end is recorded by.
#[derive(Debug)]
pub(crate) struct Group<S> {
    asked: Owned,
    ends: [OnceLock<End<S>>; MOST_ENDS],
}

/// The groups of one instrument.
#[derive(Debug)]
pub(super) struct Groups<S>(RwLock<Table<S>>);

#[derive(Debug)]
struct End<S> {
    status: Option<u16>,
    version: Option<&'static str>,
    code: Option<&'static str>,
    error_type: Option<Box<str>>,
    series: Arc<S>,
}

/// The groups of each hash, and how many there are in all.
#[derive(Debug)]
struct Table<S> {
    rows: HashMap<u64, SmallVec<[Arc<Group<S>>; 1]>, BuildHasherDefault<AsIs>>,
    len: usize,
}

impl<S> Group<S> {
    fn of(key: &Key<'_>) -> Self {
        Self {
            asked: Owned::of(key),
            ends: [const { OnceLock::new() }; MOST_ENDS],
        }
    }

    pub(crate) fn asked(&self) -> Facts<'_> {
        self.asked.facts()
    }

    /// The series of an end that was [kept](Self::keep).
    #[inline]
    pub(super) fn find(&self, answer: &Answer<'_>) -> Option<&S> {
        let ends = self.ends.iter().map_while(OnceLock::get);
        let mut found = ends.filter(|end| end.is(answer));
        found.next().map(|end| &*end.series)
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
        Self(RwLock::new(Table {
            rows: HashMap::default(),
            len: 0,
        }))
    }

    /// The group of requests that begin like this.
    #[inline]
    pub(super) fn get(&self, facts: Facts<'_>) -> Arc<Group<S>> {
        let labels = &Labels::default();
        let key = Key { facts, labels };
        let hash = key.hash();
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = table.find(hash, &key);
        drop(table);
        found.unwrap_or_else(|| self.admit(hash, &key))
    }

    #[cold]
    fn admit(&self, hash: u64, key: &Key<'_>) -> Arc<Group<S>> {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = table.find(hash, key) {
            return group;
        }
        if table.len >= MOST_GROUPS {
            table.rows.clear();
            table.len = 0;
        }
        let group = Arc::new(Group::of(key));
        table.len += 1;
        table.rows.entry(hash).or_default().push(Arc::clone(&group));
        group
    }
}

impl<S> Table<S> {
    #[inline]
    fn find(&self, hash: u64, key: &Key<'_>) -> Option<Arc<Group<S>>> {
        let mut groups = self.rows.get(&hash)?.iter();
        groups.find(|group| group.asked.is(key)).map(Arc::clone)
    }
}

impl<S> End<S> {
    #[inline]
    fn is(&self, answer: &Answer<'_>) -> bool {
        self.status == answer.status
            && same(self.version, answer.version)
            && same(self.code, answer.code)
            && same(self.error_type.as_deref(), answer.error_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let group = groups.get(asked("/a"));
        assert!(Arc::ptr_eq(&group, &groups.get(asked("/a"))));
        assert!(!Arc::ptr_eq(&group, &groups.get(asked("/b"))));
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

    #[test]
    fn strangers_fill_no_memory() {
        let groups = Groups::<u16>::new();
        for number in 0..3 * MOST_GROUPS {
            let route = format!("/{number}");
            assert_eq!(groups.get(asked(&route)).asked().target, Some(&*route));
        }
        assert!(groups.0.read().unwrap().len <= MOST_GROUPS);
    }
}
