//! What tests of audited code, and of stores, need and a service does not.

mod clock;
#[doc(hidden)]
#[macro_use]
pub mod conformance;
#[doc(hidden)]
pub mod fuzz;

pub use clock::ManualClock;
#[doc(inline)]
pub use store_conformance;
