use audit_core::Auditable;

#[derive(Auditable)]
struct Pair(u8, #[audit(flatten)] Vec<u8>);

fn main() {}
