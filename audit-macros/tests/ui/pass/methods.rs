#![deny(warnings)]

use audit_core::audited;

use std::pin::Pin;
use std::sync::Arc;

pub struct Ledger {
    name: String,
}

impl Ledger {
    #[audited(action = "new")]
    pub async fn new(name: String) -> Self {
        Self { name }
    }

    #[audited(action = "by_ref", resource = "ledger", resource_id = self.name)]
    pub async fn by_ref(&self) -> &str {
        &self.name
    }

    #[audited(action = "by_mut", resource = "ledger", resource_id = self.name)]
    pub async fn by_mut(&mut self, name: &str) -> &mut String {
        self.name.push_str(name);
        &mut self.name
    }

    #[audited(action = "by_value", resource = "ledger", resource_id = &self.name)]
    pub async fn by_value(mut self) -> String {
        self.name.push('!');
        self.name
    }

    #[audited(action = "by_arc", resource = "ledger", resource_id = self.name)]
    pub async fn by_arc(self: Arc<Self>) -> Arc<Self> {
        self
    }

    #[audited(action = "by_pin")]
    pub async fn by_pin(self: Pin<&mut Self>) {
        self.get_mut().name.clear();
    }
}

fn main() {}
