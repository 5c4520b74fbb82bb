use audit_core::Auditable;

#[derive(Auditable)]
struct Page<T> {
    items: Vec<T>,
}

fn main() {}
