use audit_core::{Auditable, Event};

#[derive(Auditable)]
struct Line {
    number: u64,
}

fn main() {
    let _event = Event::builder("line.create").created(&Line { number: 1 });
}
