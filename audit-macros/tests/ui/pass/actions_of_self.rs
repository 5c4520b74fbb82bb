#![deny(warnings)]

use audit_core::{AuditAction, audited};

pub struct Invoice;

impl Invoice {
    const APPROVE: &'static str = "invoice.approve";

    #[audited(action = Self::APPROVE)]
    pub fn approve(&self) {}
}

pub trait Named {
    const READ: &'static str;

    #[audited(action = Self::READ)]
    fn read(&self) {}
}

impl Named for Invoice {
    const READ: &'static str = "invoice.read";
}

#[derive(AuditAction)]
#[audit(prefix = "job")]
pub enum Job {
    Run,
}

impl Job {
    #[audited(action = Self::Run)]
    pub async fn run(&self) {}
}

fn main() {}
