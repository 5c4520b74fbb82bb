use std::rc::Rc;

use audit_core::audited;

#[audited(action = "invoice.approve")]
async fn approve(id: u64) -> u64 {
    let id = Rc::new(id);
    std::future::ready(()).await;
    *id
}

fn send<T: Send>(_: T) {}

fn main() {
    send(approve(1));
}
