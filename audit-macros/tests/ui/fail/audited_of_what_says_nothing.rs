use audit_core::{Event, audited};

struct Page;

async fn fetch() {
    audited(Event::builder("page.fetch"), async { Page }).await;
}

fn main() {}
