//! The table of costs. `--check` fails if ours are above the budget; other arguments choose rows by a part of their name.

#![forbid(unsafe_code)]

mod callgrind;

use std::{collections::HashMap, env, process::Command, process::ExitCode};

use cost::{
    COUNTED,
    budget::{Budget, LEAST_TOLERANCE, TOLERANCE},
    variant::{VARIANTS, Variant},
};

/// A run's totals.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    instructions: u64,
    allocations: u64,
    bytes: u64,
}

type Allocations = HashMap<String, (Cost, u64)>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [flag, name] = &*arguments
        && flag == callgrind::MEASURED
        && let Some(variant) = Variant::named(name)
    {
        callgrind::measured(variant);
        return ExitCode::SUCCESS;
    }
    let (flags, parts): (Vec<_>, Vec<_>) =
        arguments.iter().partition(|word| word.starts_with("--"));
    if let Some(unknown) = flags.iter().find(|flag| **flag != "--check") {
        eprintln!("unknown argument {unknown}; there is --check, and parts of rows' names");
        return ExitCode::FAILURE;
    }
    match table(&parts) {
        Ok(exceeded) if exceeded.is_empty() => ExitCode::SUCCESS,
        Ok(exceeded) => {
            println!("\nAbove the budget of src/budget.rs:");
            exceeded.iter().for_each(|line| println!("  {line}"));
            if flags.is_empty() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the table, and returns what is above its budget.
fn table(parts: &[&String]) -> Result<Vec<String>, String> {
    if !callgrind::is_there() {
        return Err(
            "valgrind is not installed, and instructions are counted by its tool callgrind. \
             On Debian: apt-get install valgrind"
                .to_owned(),
        );
    }
    let allocations = allocations()?;
    println!("Above a layer that does nothing, a request ({COUNTED} counted):\n");
    println!("| variant | attributes | instructions | allocations | bytes |");
    println!("|---|--:|--:|--:|--:|");
    let mut baselines = HashMap::new();
    let mut exceeded = Vec::new();
    for variant in VARIANTS.iter().filter(|variant| is_chosen(variant, parts)) {
        let base = variant.baseline();
        if !baselines.contains_key(base.name) {
            let cost = cost(base, &allocations)?;
            print(
                &format!("{} (itself)", base.name),
                0,
                per_request(cost, Cost::default()),
            );
            baselines.insert(base.name, cost);
        }
        if variant.name == base.name {
            continue;
        }
        let above = per_request(cost(variant, &allocations)?, baselines[base.name]);
        let attributes = allocations.get(variant.name).map_or(0, |found| found.1);
        print(variant.name, attributes, above);
        let excess = variant
            .budget
            .and_then(|budget| excess(variant.name, above, budget));
        exceeded.extend(excess);
    }
    let profiles = callgrind::profiles();
    println!(
        "\nProfiles, for callgrind_annotate: {}/*.callgrind",
        profiles.display()
    );
    Ok(exceeded)
}

fn is_chosen(variant: &Variant, parts: &[&String]) -> bool {
    parts.is_empty()
        || parts
            .iter()
            .any(|part| variant.name.contains(part.as_str()))
}

fn print(name: &str, attributes: u64, [instructions, allocations, bytes]: [i64; 3]) {
    println!("| {name} | {attributes} | {instructions} | {allocations} | {bytes} |");
}

fn cost(variant: &Variant, allocations: &Allocations) -> Result<Cost, String> {
    let (cost, _) = allocations
        .get(variant.name)
        .ok_or_else(|| format!("no allocations were counted for {}", variant.name))?;
    Ok(Cost {
        instructions: callgrind::instructions(variant)?,
        ..*cost
    })
}

/// Builds and runs the program that counts allocations.
fn allocations() -> Result<Allocations, String> {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--release", "--bin", "counted"])
        .args([
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ])
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("cargo run --bin counted: {said}"));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| {
            let mut words = line.split(' ');
            let name = words.next()?.to_owned();
            let mut number = || words.next()?.parse::<u64>().ok();
            let cost = Cost {
                instructions: 0,
                allocations: number()?,
                bytes: number()?,
            };
            Some((name, (cost, number()?)))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| format!("cannot read what counted said: {text}"))
}

/// The mean of a request, rounded; below the baseline it is negative.
fn per_request(cost: Cost, below: Cost) -> [i64; 3] {
    [
        (cost.instructions, below.instructions),
        (cost.allocations, below.allocations),
        (cost.bytes, below.bytes),
    ]
    .map(|(cost, below)| {
        let above = cost as f64 - below as f64;
        (above / f64::from(COUNTED)).round() as i64
    })
}

fn excess(name: &str, [instructions, allocations, _]: [i64; 3], budget: Budget) -> Option<String> {
    let tolerance = (budget.instructions * TOLERANCE / 100).max(LEAST_TOLERANCE);
    let is_above = instructions > (budget.instructions + tolerance) as i64
        || allocations > budget.allocations as i64;
    is_above.then(|| {
        format!(
            "{name}: {instructions} instructions of {}, {allocations} allocations of {}",
            budget.instructions, budget.allocations
        )
    })
}
