//! What a layer around a request costs over the bare router: instructions, allocations, and nanoseconds.

use std::path::Path;

use super::counted::Program;
use super::median;
use crate::{Done, impossible};

const BUILD: &str = "bench -p audit-tower --locked --bench request";

/// Requests of a run that is timed, and how often all are run in turns.
const REQUESTS: u32 = 100_000;
const ROUNDS: usize = 5;

/// What is counted: for the reader, and for the program.
const ROWS: [(&str, &str); 7] = [
    (BARE, "bare"),
    ("a layer that does nothing", "idle"),
    (IDS, "ids"),
    ("TraceLayer, #[instrument], one JSON event", "traced"),
    ("the least that a layer like ours must do", "least"),
    ("AuditLayer, which records the request", "layer"),
    ("AuditLayer and an audited handler", "audited"),
];

/// The row that is taken off the others, and the one that they are compared with.
const BARE: &str = "(the bare router itself)";
const IDS: &str = "SetRequestId and PropagateRequestId";

#[derive(Clone, Copy)]
struct Cost {
    row: &'static str,
    instructions: f64,
    allocations: f64,
    nanoseconds: f64,
}

pub(crate) fn run(root: &Path) -> Done {
    let program = Program::build(root, BUILD)?;
    let mut times = vec![Vec::new(); ROWS.len()];
    for _ in 0..ROUNDS {
        for ((_, case), times) in ROWS.iter().zip(&mut times) {
            let text = program.print(REQUESTS, &[case])?;
            let time = text.split_whitespace().next().and_then(|number| number.parse().ok());
            times.push(time.ok_or_else(|| impossible(&format!("no time of `{case}`: {text}")))?);
        }
    }
    let mut costs = Vec::new();
    for ((row, case), times) in ROWS.into_iter().zip(times) {
        let (instructions, allocations) = program.count(&[case])?;
        costs.push(Cost { row, instructions, allocations, nanoseconds: median(&times) });
    }
    println!("\n{}", table(&costs));
    Ok(())
}

fn table(costs: &[Cost]) -> String {
    let of = |name: &str| costs.iter().find(|cost| cost.row == name);
    let (Some(bare), Some(ids)) = (of(BARE), of(IDS)) else {
        return String::new();
    };
    let mut lines = format!(
        "{:<44}{:>13}{:>7}{:>13}{:>8}{:>7}",
        "a request, over the bare router", "instructions", "ratio", "allocations", "ns", "ratio"
    );
    let over = |cost: &Cost| Cost {
        row: cost.row,
        instructions: cost.instructions - bare.instructions,
        allocations: cost.allocations - bare.allocations,
        nanoseconds: cost.nanoseconds - bare.nanoseconds,
    };
    let ids = over(ids);
    for cost in costs {
        let is_bare = cost.row == BARE;
        let Cost { row, instructions, allocations, nanoseconds } =
            if is_bare { *cost } else { over(cost) };
        let ratio = |ratio: f64| if is_bare { String::new() } else { format!("{ratio:.2}") };
        let of_instructions = ratio(instructions / ids.instructions);
        let of_time = ratio(nanoseconds / ids.nanoseconds);
        lines += &format!(
            "\n{row:<44}{instructions:>13.0}{of_instructions:>7}{allocations:>13.1}{nanoseconds:>8.0}{of_time:>7}"
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_over_the_bare_router_and_beside_the_ids() {
        let cost = |row, instructions, allocations, nanoseconds| Cost {
            row,
            instructions,
            allocations,
            nanoseconds,
        };
        let costs = [
            cost(BARE, 1000.0, 10.0, 500.0),
            cost(IDS, 1200.0, 14.0, 600.0),
            cost("x", 1100.0, 18.0, 800.0),
        ];
        let expected = "\
a request, over the bare router              instructions  ratio  allocations      ns  ratio
(the bare router itself)                             1000                10.0     500
SetRequestId and PropagateRequestId                   200   1.00          4.0     100   1.00
x                                                     100   0.50          8.0     300   3.00";
        let told: Vec<_> = table(&costs).lines().map(|line| line.trim_end().to_owned()).collect();
        assert_eq!(told.join("\n"), expected);
    }
}
