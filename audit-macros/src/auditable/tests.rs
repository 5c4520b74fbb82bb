//! What the derive makes of each shape of type, as the reviewer of a change wants to see it.

use quote::quote;

use super::auditable;

/// Compares the expansion for `item` with the stored one of this name.
macro_rules! assert_expansion {
    ($name:literal, $($item:tt)*) => {
        let expansion = auditable(quote!($($item)*));
        let file = syn::parse2(expansion).expect("items");
        insta::assert_snapshot!($name, prettyplease::unparse(&file));
    };
}

#[test]
fn a_resource() {
    assert_expansion!(
        "resource",
        #[audit(resource = "invoice")]
        pub struct Invoice {
            #[audit(id)]
            id: InvoiceId,
            amount: Money,
            #[audit(personal)]
            iban: String,
            #[audit(redact)]
            token: String,
            #[audit(skip)]
            etag: u64,
            #[audit(rename = "type")]
            kind: Kind,
            #[audit(flatten)]
            address: Address,
        }
    );
}

#[test]
fn a_generic_value() {
    assert_expansion!(
        "generic",
        struct Page<'a, T: AuditValue, const N: usize>
        where
            T: Copy,
        {
            items: &'a [T; N],
        }
    );
}

#[test]
fn a_newtype() {
    assert_expansion!("newtype", struct Iban(#[audit(personal)] String););
}

#[test]
fn a_tuple_that_is_a_resource() {
    assert_expansion!(
        "tuple",
        #[audit(resource = "pair")]
        struct Pair(#[audit(id)] u64, #[audit(skip)] u64, #[audit(redact)] String);
    );
}

#[test]
fn a_unit() {
    assert_expansion!("unit", struct Unit;);
}

#[test]
fn an_enum() {
    assert_expansion!(
        "enumeration",
        enum State {
            Open,
            #[audit(rename = "settled")]
            Paid(Payment),
            Split(#[audit(redact)] u64, #[audit(skip)] u64),
            Void {
                by: String,
                #[audit(skip)]
                note: String,
            },
        }
    );
}

#[test]
fn an_enum_without_variants() {
    assert_expansion!("never", enum Never {});
}

#[test]
fn a_crate_under_another_path() {
    assert_expansion!(
        "path",
        #[audit(crate = crate::deps::audit)]
        struct Unit {}
    );
}

#[test]
fn mistakes_are_all_told() {
    assert_expansion!(
        "mistakes",
        #[audit(resource = "Invoice", colour)]
        struct Invoice {
            #[audit(redact, personal)]
            token: String,
        }
    );
}
