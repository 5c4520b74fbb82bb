use audit_core::audited;

#[audited(
    actoin = "invoice.approve",
    resource = "Invoice",
    resource = "invoice",
    resource_id = id,
    resource_id_from = 7,
    durability = forever
)]
fn approve(_id: u64) {}

fn main() {
    approve(1);
}
