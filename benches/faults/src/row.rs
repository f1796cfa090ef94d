//! One run, and what came of it.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{
    Failure, Fault, Receiver, SERVICE,
    load::{self, Latencies},
    service::{QUEUE_BYTES, Told},
};

/// What the pipeline may take: the spans of its queue, the batch on its way, which is a quarter of that, and the same
/// again as a request; and half of it for what the allocator keeps of what was freed.
const MOST_MORE_KIB: u64 = {
    let queue = QUEUE_BYTES as u64;
    (queue + queue / 4 + queue / 4) * 3 / 2 / 1024
};

#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// Without telemetry.
    Bare,
    /// With a receiver that takes everything.
    Sound,
    Failing(Fault),
}

#[derive(Debug)]
pub struct Row {
    name: &'static str,
    run: Run,
    each: Duration,
    latencies: Latencies,
    told: Told,
    /// Spans that the receiver took.
    taken: u64,
}

/// It ends with the program, also with one that fails.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Row {
    pub fn measure(name: &'static str, run: Run, each: Duration) -> Result<Self, Failure> {
        let receiver = match run {
            Run::Bare => None,
            Run::Sound => Some(Receiver::start(None)),
            Run::Failing(fault) => Some(Receiver::start(fault)),
        };
        let mut command = Command::new(env::current_exe()?);
        command.arg(SERVICE);
        if let Some((_, address)) = &receiver {
            command.arg(format!("http://{address}"));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut service = Process(command.spawn()?);
        let out = service.0.stdout.take().ok_or("the service has no output")?;
        let mut lines = BufReader::new(out).lines();
        let mut line = || {
            lines
                .next()
                .ok_or("the service ended early")?
                .map_err(Failure::from)
        };
        let address = line()?.parse()?;
        let latencies = load::run(address, each)?;
        // Its input ends, and so does the service, while the fault lasts.
        drop(service.0.stdin.take());
        let told = line()?.parse()?;
        let taken = receiver.map_or(0, |(receiver, _)| {
            let taken = receiver.taken();
            // Whoever still hangs may go.
            receiver.change(|state| state.fault = None);
            taken
        });
        Ok(Self {
            name,
            run,
            each,
            latencies,
            told,
            taken,
        })
    }

    pub fn memory(&self) -> Option<u64> {
        Some(self.told.memory).filter(|memory| *memory > 0)
    }

    pub fn print_head() {
        println!(
            "| collector | requests/s | p50 ms | p99 ms | max ms | memory peak, MiB | its bound | made | acknowledged | rejected | dropped | unknown | sum |"
        );
        println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|");
    }

    pub fn print(&self, base: Option<u64>) {
        let rate = self.latencies.count() / self.each.as_secs();
        let [p50, p99, most] =
            [500, 990, 1000].map(|share| f64::from(self.latencies.of_thousand(share)) / 1000.0);
        let memory = mebibytes(self.memory());
        print!(
            "| {} | {rate} | {p50:.2} | {p99:.2} | {most:.1} | {memory} ",
            self.name
        );
        if let Run::Bare = self.run {
            return println!("| | | | | | | |");
        }
        let Told {
            made,
            acknowledged,
            rejected,
            dropped,
            unknown,
            ..
        } = self.told;
        let bound = mebibytes(base.map(|base| base + MOST_MORE_KIB));
        let sum = if self.wrong_sums().is_empty() {
            "exact"
        } else {
            "WRONG"
        };
        println!(
            "| {bound} | {made} | {acknowledged} | {rejected} | {dropped} | {unknown} | {sum} |"
        );
    }

    /// What is not as it must be.
    pub fn wrong(&self, base: Option<u64>) -> Vec<String> {
        let mut wrong = self.wrong_sums();
        let bound = base.map(|base| base + MOST_MORE_KIB);
        if let (Some(memory), Some(bound)) = (self.memory(), bound)
            && memory > bound
        {
            wrong.push(format!(
                "{}: {memory} KiB of memory, {bound} are the bound",
                self.name
            ));
        }
        wrong
    }

    fn wrong_sums(&self) -> Vec<String> {
        let (name, told, taken) = (self.name, &self.told, self.taken);
        let mut wrong = Vec::new();
        if told.wrong > 0 {
            wrong.push(format!("{name}: {} of {} sums", told.wrong, told.looks));
        }
        if told.made != self.latencies.count() {
            let asked = self.latencies.count();
            wrong.push(format!("{name}: {asked} requests, {} spans", told.made));
        }
        // What had no answer may have been taken, and nothing else.
        if !(told.acknowledged..=told.acknowledged + told.unknown).contains(&taken) {
            wrong.push(format!("{name}: the receiver took {taken} spans: {told:?}"));
        }
        wrong
    }
}

fn mebibytes(kibibytes: Option<u64>) -> String {
    kibibytes.map_or_else(
        || "not measured".to_owned(),
        |kibibytes| format!("{:.1}", kibibytes as f64 / 1024.0),
    )
}
