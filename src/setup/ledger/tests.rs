use super::*;
use crate::setup::transport::Taken;

/// A ledger whose lines are kept.
struct Told {
    ledger: Ledger,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Told {
    fn of(signal: Signal, collector: &Arc<Collector>) -> Self {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&lines);
        let report = Report::to(move |text| kept.lock().unwrap().push(text.to_owned()));
        let collector = Arc::clone(collector);
        Self {
            ledger: Ledger::new(signal, "there".to_owned(), report, collector),
            lines,
        }
    }

    fn spans() -> Self {
        Self::of(Signal::Spans, &Arc::default())
    }

    fn fails(&self) {
        self.ledger.failed(&Failure::unreachable("refused"));
    }

    fn taken(&self, count: u64) {
        self.ledger
            .settle(count, Fate::Acknowledged(Taken::default()));
    }

    fn rejects(&self, count: u64, rejected: u64, message: &str) {
        let taken = Taken {
            rejected,
            message: message.to_owned(),
        };
        self.ledger.settle(count, Fate::Acknowledged(taken));
    }

    /// The beginnings of what was told.
    #[track_caller]
    fn said(&self, want: &[&str]) {
        let lines = self.lines.lock().unwrap();
        assert_eq!(lines.len(), want.len(), "{lines:#?}");
        for (line, want) in lines.iter().zip(want) {
            assert!(line.starts_with(want), "{line:?} is not {want:?}");
        }
    }
}

const GONE: &str = "cannot send spans to there: ";
const BACK: &str = "spans reach there again; ";

fn why() -> String {
    "why".to_owned()
}

#[test]
fn one_line_when_it_goes_and_one_when_it_returns_whatever_happens_in_between() {
    let told = Told::spans();
    told.fails();
    told.said(&[]);
    told.fails();
    told.said(&[GONE]);
    for _ in 0..100 {
        told.fails();
        told.ledger.settle(1, Fate::Dropped(why()));
        told.ledger.settle(1, Fate::Unknown(why()));
        told.ledger.queue_full(7);
    }
    told.said(&[GONE]);
    told.taken(1);
    told.taken(1);
    told.said(&[GONE, "spans reach there again; 207 spans were lost"]);
    assert_eq!(told.ledger.untold().0, 0);
}

/// What the queue has lost until now is part of what was lost in between.
#[test]
fn what_had_no_room_is_in_the_number() {
    let told = Told::spans();
    told.ledger.settle_beside(1, Fate::Unknown(why()), 5);
    told.said(&[GONE]);
    let taken = Fate::Acknowledged(Taken::default());
    told.ledger.settle_beside(1, taken, 9);
    told.ledger.queue_full(9);
    told.said(&[GONE, "spans reach there again; 10 spans were lost"]);
}

#[test]
fn a_restart_is_not_worth_a_word() {
    let told = Told::spans();
    for _ in 0..10 {
        told.fails();
        told.taken(1);
    }
    told.said(&[]);
}

#[test]
fn one_that_comes_and_goes_is_told_of_once_a_minute() {
    let told = Told::spans();
    for _ in 0..10 {
        told.fails();
        told.ledger.settle(1, Fate::Dropped(why()));
        told.taken(1);
    }
    told.said(&[GONE, BACK]);
    // Nobody was told of these.
    assert_eq!(told.ledger.untold().0, 9);
}

#[test]
fn a_refusal_is_no_absence() {
    let told = Told::spans();
    told.ledger.settle(2, Fate::Rejected(why()));
    told.ledger.settle(3, Fate::Rejected(why()));
    let refused = "there refuses spans: why; 2 spans were lost";
    told.said(&[refused]);
    told.fails();
    told.fails();
    told.said(&[refused, GONE]);
    told.taken(1);
    told.said(&[refused, GONE, "spans reach there again; 5 spans were lost"]);
}

#[test]
fn what_is_left_out_of_a_batch_is_told_once_for_each_message_and_not_too_often() {
    let told = Told::spans();
    let partial = "there rejected some spans, at first 2, and says: \"too old\"";
    for _ in 0..10 {
        told.rejects(5, 2, "too old");
        told.rejects(5, 1, "too long");
    }
    told.said(&[partial]);
    // Nor does it hide that the collector goes.
    told.ledger.settle(1, Fate::Dropped(why()));
    told.rejects(5, 2, "too old");
    told.said(&[partial, GONE, BACK]);
}

#[test]
fn one_signal_tells_for_all_and_each_what_it_has_lost() {
    let collector = Arc::default();
    let signals = [Signal::Spans, Signal::LogRecords, Signal::DataPoints];
    let [spans, logs, points] = signals.map(|signal| Told::of(signal, &collector));
    for told in [&spans, &logs, &points] {
        told.fails();
        told.fails();
    }
    logs.ledger.settle(3, Fate::Dropped(why()));
    for told in [&spans, &logs, &points] {
        told.taken(1);
    }
    spans.said(&[GONE, "spans reach there again; 0 spans were lost"]);
    logs.said(&["log records reach there again; 3 log records were lost"]);
    points.said(&[]);
}

/// It is no matter of the collector's then, but of one path.
#[test]
fn who_stays_behind_speaks_for_itself() {
    let collector = Arc::default();
    let [spans, logs] = [Signal::Spans, Signal::LogRecords].map(|one| Told::of(one, &collector));
    for _ in 0..2 {
        spans.fails();
    }
    for _ in 0..2 {
        logs.fails();
    }
    spans.taken(1);
    logs.said(&[]);
    for _ in 0..3 {
        logs.fails();
    }
    logs.said(&["cannot send log records to there: refused"]);
}

/// Nobody else knows of them, even where it never spoke of the outage.
#[test]
fn who_stays_behind_says_what_it_has_lost_even_if_it_is_well_again_at_once() {
    let collector = Arc::default();
    let [logs, spans] = [Signal::LogRecords, Signal::Spans].map(|one| Told::of(one, &collector));
    logs.ledger.settle(1, Fate::Unknown(why()));
    spans.ledger.settle(512, Fate::Unknown(why()));
    logs.taken(1);
    spans.ledger.settle(512, Fate::Unknown(why()));
    spans.said(&[]);
    spans.taken(1);
    spans.said(&["spans reach there again; 1024 spans were lost"]);
    assert_eq!(spans.ledger.untold().0, 0);
}

#[test]
fn a_full_queue_is_blamed_for_nothing_else() {
    let told = Told::spans();
    let partial = "there rejected some spans, at first 2";
    told.rejects(5, 2, "too old");
    told.ledger.queue_full(3);
    let full = "more spans end than are sent to there: 3 spans were lost for want of room";
    told.said(&[partial, full]);
    assert_eq!(told.ledger.untold().0, 2);
}
