#![deny(warnings)]

use audit_core::audited;

macro_rules! operation {
    ($(#[$attribute:meta])* $visibility:vis $name:ident($argument:ident: $type:ty) -> $output:ty, $action:literal, $id:expr, $body:block) => {
        $(#[$attribute])*
        #[audited(action = $action, resource = "thing", resource_id = $id)]
        $visibility async fn $name($argument: $type) -> $output $body
    };
}

operation!(
    /// Documented.
    pub double(n: u8) -> u8, "double", n + 1, { n * 2 }
);

mod inner {
    macro_rules! with_crate {
        () => {
            #[::audit_core::audited(action = "with_crate")]
            pub async fn with_crate() -> Result<(), $crate::Refused> {
                Err($crate::Refused)
            }
        };
    }
    pub(crate) use with_crate;
}

// A type that a macro was given comes in a group of its own.
macro_rules! returning {
    ($name:ident -> $output:ty, $returned:expr) => {
        #[audited(action = "returning", durability = durable)]
        pub async fn $name() -> $output {
            $returned
        }
    };
}

returning!(result -> Result<u8, audit_core::NotRecorded>, Ok(7));

pub struct Refused;

inner::with_crate!();

fn main() {}
