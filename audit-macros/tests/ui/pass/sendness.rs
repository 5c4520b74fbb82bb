#![deny(warnings)]

use std::cell::Cell;
use std::rc::Rc;

use audit_core::{NotRecorded, audited};

#[audited(action = "sends", resource = "text", resource_id = text)]
async fn sends(text: String) -> Result<String, NotRecorded> {
    std::future::ready(()).await;
    Ok(text)
}

#[audited(action = "durable", resource = "text", resource_id_from = String::len, durability = durable)]
async fn durable(text: String) -> Result<String, NotRecorded> {
    std::future::ready(()).await;
    Ok(text)
}

// What is not Sync can be the id; what is not Send can be returned.
#[audited(action = "not_sync", resource = "cell", resource_id = cell.get())]
async fn not_sync(cell: Cell<u8>) -> Rc<u8> {
    Rc::new(cell.get())
}

fn send<T: Send>(_: T) {}

pub fn all() {
    send(sends(String::new()));
    send(durable(String::new()));
    send(not_sync(Cell::new(1)));
}

fn main() {}
