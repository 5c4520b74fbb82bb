#![deny(warnings)]

use audit_core::audited;

#[expect(async_fn_in_trait, reason = "the trait stays in this crate")]
pub trait Approve {
    async fn approve(&self, id: u64) -> bool;

    #[audited(action = "approve.all")]
    async fn approve_all(&self, ids: &[u64]) -> bool {
        for id in ids {
            if !self.approve(*id).await {
                return false;
            }
        }
        true
    }
}

impl Approve for u64 {
    #[audited(action = "approve", resource = "invoice", resource_id = id)]
    async fn approve(&self, id: u64) -> bool {
        *self > id
    }
}

fn main() {}
