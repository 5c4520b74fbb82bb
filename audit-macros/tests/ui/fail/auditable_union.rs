use audit_core::Auditable;

#[derive(Auditable)]
union Either {
    small: u8,
    large: u64,
}

fn main() {}
