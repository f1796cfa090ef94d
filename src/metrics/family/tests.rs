//! What has room in a family of series, and what has not.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::*;

struct Series {
    family: Family<usize>,
    made: AtomicUsize,
}

impl Series {
    fn new() -> Self {
        Self {
            family: Family::new("http.request.method", "http.route"),
            made: AtomicUsize::new(0),
        }
    }

    /// The number of the series, and what was folded.
    fn get(&self, facts: Facts<'_>, labels: &Labels, limit: usize) -> (usize, Vec<String>) {
        let mut folded = Folded::new();
        let series = self.family.series(
            &Key {
                facts: &facts,
                labels,
            },
            limit,
            &mut folded,
            |_| self.made.fetch_add(1, SeqCst),
        );
        (*series, folded.into_vec())
    }

    fn route(&self, route: &str, limit: usize) -> (usize, Vec<String>) {
        let facts = Facts {
            method: "GET",
            target: Some(route),
            status: Some(200),
            ..Facts::default()
        };
        self.get(facts, &Labels::default(), limit)
    }

    fn label(&self, name: &str, value: i64, limit: usize) -> (usize, Vec<String>) {
        let facts = Facts {
            method: "GET",
            ..Facts::default()
        };
        let mut labels = Labels::default();
        labels.set(name.to_owned().into(), value.into());
        self.get(facts, &labels, limit)
    }
}

#[test]
fn a_series_is_made_once_and_found_again() {
    let series = Series::new();
    let (a, _) = series.route("/a", 10);
    let (b, _) = series.route("/b", 10);
    assert_ne!(a, b);
    assert_eq!(series.route("/a", 10), (a, vec![]));
    assert_eq!(series.route("/b", 10), (b, vec![]));
    assert_eq!(series.made.load(SeqCst), 2);
}

#[test]
fn values_beyond_the_limit_share_a_series() {
    let series = Series::new();
    let (a, _) = series.route("/a", 2);
    let (b, _) = series.route("/b", 2);
    let (c, folded) = series.route("/c", 2);
    assert_eq!(folded, ["http.route"]);
    assert_eq!(series.route("/d", 2), (c, vec!["http.route".to_owned()]));
    assert_eq!(series.route("/a", 2), (a, vec![]), "what had room keeps it");
    assert_eq!(series.route("/b", 2), (b, vec![]));
    let (higher, folded) = series.route("/c", 3);
    assert_ne!(higher, c, "a layer with a higher limit");
    assert_eq!(folded, Vec::<String>::new());
}

#[test]
fn every_open_attribute_has_its_limit() {
    let facts = |method, host, port, error_type| Facts {
        method,
        host: Some(host),
        port: Some(port),
        error_type: Some(error_type),
        ..Facts::default()
    };
    let series = Series::new();
    let labels = Labels::default();
    let (first, folded) = series.get(facts("GET", "a", 1, "x"), &labels, 1);
    assert!(folded.is_empty());
    let (other, folded) = series.get(facts("PUT", "b", 2, "y"), &labels, 1);
    assert_eq!(
        folded,
        [
            "http.request.method",
            "server.address",
            "error.type",
            "server.port"
        ]
    );
    assert_ne!(first, other);
    assert_eq!(series.get(facts("PATCH", "c", 3, "z"), &labels, 1).0, other);
    assert_eq!(series.made.load(SeqCst), 2);
}

#[test]
fn labels_have_their_limit_and_numbers_are_left_out() {
    let series = Series::new();
    let (first, _) = series.label("tier", 1, 1);
    let (without, folded) = series.label("tier", 2, 1);
    assert_eq!(folded, ["tier"]);
    assert_ne!(first, without);
    assert_eq!(series.label("tier", 3, 1).0, without);
    let none = Facts {
        method: "GET",
        ..Facts::default()
    };
    assert_eq!(series.get(none, &Labels::default(), 1).0, without);
}

#[test]
fn no_more_series_and_labels_are_kept_than_there_is_room_for() {
    let series = Series::new();
    for number in 0..3000 {
        series.route(&number.to_string(), usize::MAX);
    }
    assert_eq!(series.family.read().len, MOST_SERIES);
    let series = Series::new();
    for number in 0..100 {
        series.label(&format!("label.{number}"), 1, 10);
    }
    assert_eq!(series.family.read().values.of.len(), MOST_NAMES);
    assert!(series.made.load(SeqCst) <= MOST_NAMES);
}
