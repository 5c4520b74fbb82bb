#![deny(warnings)]

use std::fmt::Debug;

use audit_core::{AuditAction, Event};

#[derive(AuditAction)]
#[audit(prefix = "change")]
pub enum Change<'a, T: Debug + ?Sized, const N: usize = 2>
where
    T: 'a,
{
    Of(&'a T),
    Many { all: [&'a T; N] },
}

fn main() {
    let text = "a";
    assert_eq!(Change::<str>::Of(text).action().name(), "change.of");
    let many: Change<'_, str, 3> = Change::Many { all: [text; 3] };
    assert_eq!(Event::builder(&many).build().unwrap().action(), "change.many");
}
