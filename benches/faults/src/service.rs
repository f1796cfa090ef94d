//! The service, which ends when its input does, and says then what became of its spans.

use std::{
    fmt::{self, Display},
    fs,
    str::FromStr,
    time::Duration,
};

use axum::{Router, routing::get};
use throughline::{ServerLayer, Setup, SpanCounts};
use tokio::{io::AsyncReadExt, net::TcpListener, sync::oneshot, time::interval};

use crate::Failure;

/// Of the spans that wait. It is the default, and the bound in force: there is room for far more spans than that holds.
pub const QUEUE_BYTES: usize = 16 << 20;
const MOST_SPANS: &str = "1000000";
/// What a collector that is down would cost at the end.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the sum is tried while there is load.
const LOOK: Duration = Duration::from_millis(20);

/// What a service says at its end, in one line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    pub made: u64,
    pub acknowledged: u64,
    pub rejected: u64,
    pub dropped: u64,
    pub unknown: u64,
    /// How often the sum was tried, and how often it was wrong.
    pub looks: u64,
    pub wrong: u64,
    /// The most memory that it ever had, in KiB; 0 where nothing tells it.
    pub memory: u64,
}

#[tokio::main]
pub async fn run(endpoint: Option<&str>) -> Result<(), Failure> {
    let app = Router::new().route("/orders/{id}", get(|| async { "order" }));
    let Some(endpoint) = endpoint else {
        serve(app).await?;
        println!("{}", Told::new(SpanCounts::default()));
        return Ok(());
    };
    let telemetry = Setup::new()
        .lookup(|name| match name {
            "OTEL_BSP_MAX_QUEUE_SIZE" => Some(MOST_SPANS.to_owned()),
            "OTEL_METRICS_EXPORTER" | "OTEL_LOGS_EXPORTER" => Some("none".to_owned()),
            _ => None,
        })
        .endpoint(endpoint)
        .span_queue_bytes(QUEUE_BYTES)
        .shutdown_timeout(PATIENCE)
        // The table says what was lost.
        .on_warning(|_| {})
        .init()?;
    let counts = telemetry.counts_reader();
    let (end, mut ended) = oneshot::channel::<()>();
    let looks = tokio::spawn(async move {
        let (mut looks, mut wrong, mut beat) = (0, 0, interval(LOOK));
        while ended
            .try_recv()
            .is_err_and(|error| error == oneshot::error::TryRecvError::Empty)
        {
            beat.tick().await;
            looks += 1;
            wrong += u64::from(!adds_up(&counts()));
        }
        (counts, looks, wrong)
    });
    serve(app.layer(ServerLayer::new())).await?;
    drop(end);
    // Its error is that spans were lost, which is counted.
    telemetry.shutdown().await.ok();
    let (counts, looks, wrong) = looks.await?;
    let counts = counts();
    let is_wrong = !adds_up(&counts) || counts.queued > 0;
    let told = Told {
        looks: looks + 1,
        wrong: wrong + u64::from(is_wrong),
        ..Told::new(counts)
    };
    println!("{told}");
    Ok(())
}

/// Says its address, and serves until its input ends.
async fn serve(app: Router) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let ended = async {
        let mut nothing = Vec::new();
        tokio::io::stdin().read_to_end(&mut nothing).await.ok();
    };
    axum::serve(listener, app)
        .with_graceful_shutdown(ended)
        .await?;
    Ok(())
}

fn adds_up(counts: &SpanCounts) -> bool {
    let rest = counts.rejected + counts.dropped + counts.unknown + counts.queued;
    counts.made == counts.acknowledged + rest
}

impl Told {
    fn new(counts: SpanCounts) -> Self {
        Self {
            made: counts.made,
            acknowledged: counts.acknowledged,
            rejected: counts.rejected,
            dropped: counts.dropped,
            unknown: counts.unknown,
            looks: 0,
            wrong: 0,
            memory: peak(),
        }
    }
}

impl Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            made,
            acknowledged,
            rejected,
            dropped,
            unknown,
            looks,
            wrong,
            memory,
        } = self;
        write!(
            f,
            "{made} {acknowledged} {rejected} {dropped} {unknown} {looks} {wrong} {memory}"
        )
    }
}

impl FromStr for Told {
    type Err = Failure;

    fn from_str(line: &str) -> Result<Self, Failure> {
        let numbers: Result<Vec<u64>, _> = line.split_whitespace().map(str::parse).collect();
        let [
            made,
            acknowledged,
            rejected,
            dropped,
            unknown,
            looks,
            wrong,
            memory,
        ] = *numbers?
        else {
            return Err(format!("the service said {line:?}").into());
        };
        Ok(Self {
            made,
            acknowledged,
            rejected,
            dropped,
            unknown,
            looks,
            wrong,
            memory,
        })
    }
}

/// The most memory that this process ever had, in KiB, as Linux tells it.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
