//! Two traces side by side, or one beside the median of its route.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};

use super::{
    colours::Colours,
    difference::{Line, Sides, USUAL},
    format, row, show,
};
use crate::{
    api::params::Params,
    batch::{LONGEST_NAME, cut},
    ids::TraceId,
    ingest::weight::Room,
    store::{Search, Store, StoreError, Stored, Turn, Whole},
    trace::{Median, Tree, compare},
};

#[derive(Default, Template)]
#[template(path = "compare.html")]
struct Page {
    a: String,
    b: String,
    wrong: Option<String>,
    /// Of which less than all was read.
    parts: Vec<String>,
    sides: Sides,
    /// What they are.
    one: String,
    other: String,
    rows: Vec<Line>,
    /// How many there are.
    all_rows: usize,
    calls: usize,
    only_a: usize,
    only_b: usize,
    slower: usize,
}

/// A trace is compared with as many of its route.
const SAMPLE: usize = 50;
/// … and no more of them when these have as many spans.
const SAMPLE_SPANS: usize = 100_000;

/// What a trace is compared with.
enum Against {
    Trace(Whole, Whole),
    Median {
        median: Median,
        /// What the trace is called.
        title: String,
        part: Option<String>,
    },
}

pub(super) async fn page(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, StoreError> {
    let params = Params::of(pairs);
    let text = |name| params.text(name).unwrap_or_default().trim().to_owned();
    let mut page = Page {
        a: text("a"),
        b: text("b"),
        ..Page::default()
    };
    if page.a.is_empty() {
        return Ok(show(&page));
    }
    let colours = Colours::of(&store).await?;
    let turn = store.turn().await?;
    let (Some(one), room) = load(&store, &page.a, Room::ALL).await? else {
        page.wrong = Some(missing(&page.a));
        return Ok(show(&page));
    };
    let against = if page.b.is_empty() {
        of_its_like(&store, &turn, &page.a, one, Room::ALL).await?
    } else {
        match load(&store, &page.b, room).await?.0 {
            Some(other) => Against::Trace(one, other),
            None => {
                page.wrong = Some(missing(&page.b));
                return Ok(show(&page));
            }
        }
    };
    let compared = move || {
        page.fill(against, &colours);
        show(&page)
    };
    turn.make(compared).await
}

impl Page {
    fn fill(&mut self, against: Against, colours: &Colours) {
        let pairs = match against {
            Against::Median {
                median,
                title,
                part,
            } => {
                self.parts.extend(part);
                self.sides = USUAL;
                self.one = match median.others() {
                    0 => "no other trace of its route yet".to_owned(),
                    1 => "the one other of its route".to_owned(),
                    count => format!("the median of {count} others of its route"),
                };
                self.other = title;
                let mut pairs = median.pairs();
                for pair in &mut pairs {
                    std::mem::swap(&mut pair.one, &mut pair.other);
                }
                pairs
            }
            Against::Trace(one, other) => {
                self.parts.extend(part("The first trace", &one));
                self.parts.extend(part("The other trace", &other));
                self.one = title(&one);
                self.other = title(&other);
                compare(
                    (&Tree::of(&one.spans), &one.spans),
                    (&Tree::of(&other.spans), &other.spans),
                )
            }
        };
        let longest = pairs
            .iter()
            .flat_map(|pair| [pair.one, pair.other])
            .flatten()
            .map(|(took, _)| took)
            .max()
            .unwrap_or_default()
            .max(1);
        self.only_a = pairs.iter().filter(|pair| pair.other.is_none()).count();
        self.only_b = pairs.iter().filter(|pair| pair.one.is_none()).count();
        self.calls = pairs.len();
        self.rows = Line::all(&pairs, longest, &self.sides, colours);
        self.slower = self.rows.iter().filter(|row| row.is_slower).count();
        self.all_rows = self.rows.len();
        self.rows.truncate(row::MOST);
    }
}

fn missing(id: &str) -> String {
    format!("There is no trace {id}.")
}

/// And the room that it leaves.
async fn load(store: &Store, text: &str, room: Room) -> Result<(Option<Whole>, Room), StoreError> {
    match TraceId::parse(text) {
        Some(id) => store.trace_within(id, room).await,
        None => Ok((None, room)),
    }
}

fn part(which: &str, whole: &Whole) -> Option<String> {
    let (read, left_out) = (whole.spans.len(), whole.left_out.0);
    let all = read + left_out;
    (left_out > 0).then(|| {
        format!("{which} is larger than is read at once: of its {all} spans {read} are compared, and what it is said not to have may be among the others.")
    })
}

fn title(whole: &Whole) -> String {
    root(whole).map_or_else(String::new, |root| {
        format!("{} {}", root.service, format::short(&root.span.name))
    })
}

fn root(whole: &Whole) -> Option<&Stored> {
    whole.spans.get(Tree::of(&whole.spans).nodes.first()?.span)
}

/// What is usual for traces that begin with the same operation.
async fn of_its_like(
    store: &Store,
    turn: &Turn,
    id: &str,
    one: Whole,
    room: Room,
) -> Result<Against, StoreError> {
    // Of all the traces one is in memory at a time.
    let alone = move || {
        let begins = root(&one).map(|first| {
            let name = cut(&first.span.name, LONGEST_NAME).to_owned();
            (first.service.to_string(), name)
        });
        let median = Median::of(&Tree::of(&one.spans), &one.spans);
        (median, begins, title(&one), part("This trace", &one))
    };
    let (mut median, begins, title, part) = turn.make(alone).await?;
    let Some(begins) = begins else {
        return Ok(Against::Median {
            median,
            title,
            part,
        });
    };
    let search = Search {
        service: Some(begins.0.clone()),
        operation: Some(begins.1.clone()),
        limit: SAMPLE,
        ..Search::default()
    };
    let id = TraceId::parse(id);
    let mut spans = 0;
    for found in store.search(search).await? {
        if Some(found.id) == id || found.root != begins || spans >= SAMPLE_SPANS {
            continue;
        }
        if let (Some(whole), _) = store.trace_within(found.id, room).await? {
            spans += whole.spans.len();
            // What was not read would pass for what is not usual.
            if whole.left_out.0 > 0 {
                continue;
            }
            let add = move || {
                median.add(&Tree::of(&whole.spans), &whole.spans);
                median
            };
            median = turn.make(add).await?;
        }
    }
    Ok(Against::Median {
        median,
        title,
        part,
    })
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        collector::trace::v1::ExportTraceServiceRequest,
        trace::v1::{ResourceSpans, ScopeSpans, Span},
    };

    use super::*;
    use crate::store::Place;

    /// Two traces of one route, of two spans each.
    async fn filled() -> Store {
        let store = Store::open(&Place::default()).unwrap();
        let span = |trace, id, parent| Span {
            trace_id: vec![trace; 16],
            span_id: vec![id; 8],
            parent_span_id: vec![1; parent],
            name: "call".to_owned(),
            ..Span::default()
        };
        let spans = [1, 2].map(|trace| [span(trace, 1, 0), span(trace, 2, 8)]);
        let of_scope = ScopeSpans {
            spans: spans.concat(),
            ..ScopeSpans::default()
        };
        let resource_spans = vec![ResourceSpans {
            scope_spans: vec![of_scope],
            ..ResourceSpans::default()
        }];
        let request = ExportTraceServiceRequest { resource_spans };
        store.accept(request).await.unwrap();
        store
    }

    #[tokio::test]
    async fn what_was_not_read_is_told_and_is_not_unusual() {
        let store = filled().await;
        let turn = store.turn().await.unwrap();
        let ids = [1, 2].map(|id| TraceId([id; 16]));
        // In the last room that is too small for a trace, it is read in part.
        let (mut least, mut whole) = (1, Whole::default());
        while whole.left_out.0 > 0 || whole.spans.is_empty() {
            least += 1;
            let read = store.trace_within(ids[0], Room::of(least)).await.unwrap();
            whole = read.0.unwrap();
        }
        for (room, parts, others) in [(least, 0, 1), (least - 1, 1, 0)] {
            let room = Room::of(room);
            let read = async |id| store.trace_within(id, room).await.unwrap().0.unwrap();
            let text = |against| {
                let mut page = Page {
                    a: "1".to_owned(),
                    ..Page::default()
                };
                page.fill(against, &Colours::default());
                page.render().unwrap()
            };
            let told = |text: &str| text.matches("of its 2 spans 1 are compared").count();
            let pair = Against::Trace(read(ids[0]).await, read(ids[1]).await);
            let page = text(pair);
            assert_eq!(told(&page), 2 * parts, "{page}");
            let one = read(ids[0]).await;
            let id = ids[0].to_string();
            let median = of_its_like(&store, &turn, &id, one, room).await.unwrap();
            assert!(matches!(&median, Against::Median { median, .. } if median.others() == others));
            let page = text(median);
            assert_eq!(told(&page), parts, "{page}");
        }
    }
}
