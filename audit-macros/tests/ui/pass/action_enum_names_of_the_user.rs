#![deny(warnings)]

/// Names like ours, in scope where the derive stands.
mod theirs {
    pub mod audit_core {}
    pub mod core {}
    pub trait AuditAction {
        fn action(&self) -> u8 {
            7
        }
        fn severity(self, _: u8) -> Self
        where
            Self: Sized,
        {
            self
        }
    }
    impl<T: ?Sized> AuditAction for T {}
    pub struct Action;
    pub struct Severity;
}

mod again {
    pub use ::audit_core as ours;
}

#[allow(unused_imports)]
mod here {
    use super::theirs::{Action, AuditAction, Severity, audit_core, core};

    #[derive(::audit_core::AuditAction)]
    #[audit(severity = info)]
    pub enum Mine {
        Action,
        Severity,
        #[audit(name = "own")]
        Self_,
    }

    #[derive(::audit_core::AuditAction)]
    #[audit(crate = super::again::ours)]
    pub enum Elsewhere {
        Some,
        None,
    }
}

fn main() {
    use audit_core::AuditAction;
    assert_eq!(here::Mine::Action.action().name(), "action");
    assert_eq!(here::Mine::Severity.action().name(), "severity");
    assert_eq!(here::Mine::Self_.action().name(), "own");
    assert_eq!(here::Elsewhere::Some.action().name(), "some");
    assert_eq!(here::Elsewhere::None.action().name(), "none");
}
