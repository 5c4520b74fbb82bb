#![deny(warnings)]

mod deps {
    pub use audit_core as trail;
}

#[derive(deps::trail::Auditable)]
#[audit(crate = crate::deps::trail, resource = "page")]
struct Page {
    #[audit(id, rename = "number")]
    id: u8,
}

fn main() {
    let page = Page { id: 1 };
    drop(deps::trail::Auditable::snapshot(&page));
}
