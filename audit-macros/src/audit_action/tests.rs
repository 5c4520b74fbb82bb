//! What the derive makes of each shape of enum, as the reviewer of a change wants to see it.

use quote::quote;

use super::audit_action;

/// Compares the expansion of the derive on an item with the stored one of this name.
macro_rules! assert_expansion {
    ($name:literal, $($item:tt)*) => {
        let file = syn::parse2(audit_action(quote!($($item)*))).expect("items");
        insta::assert_snapshot!($name, prettyplease::unparse(&file));
    };
}

#[test]
fn an_enum_without_attributes() {
    assert_expansion!(
        "bare",
        enum Session {
            LogIn,
            PasswordReset2,
            PDFShown,
            r#Move,
        }
    );
}

#[test]
fn facts_of_the_enum_and_of_its_variants() {
    assert_expansion!(
        "facts",
        /// Documented.
        #[audit(prefix = "invoice", category = "billing", severity = info, sensitivity = low)]
        pub(crate) enum InvoiceAction {
            #[audit(sensitivity = high, alert, security)]
            Approve,
            #[audit(name = "paid.in_full", severity = warning)]
            #[audit(category = "money")]
            Paid {
                amount: u64,
            },
            Sent(String, u64),
        }
    );
}

#[test]
fn a_generic_enum_of_another_crate_path() {
    assert_expansion!(
        "generic",
        #[audit(crate = crate::ours::audit_core)]
        enum Change<'a, T: Clone = u8, const N: usize = 1>
        where
            T: 'a,
        {
            Of(&'a [T; N]),
        }
    );
}

#[test]
fn mistakes_leave_an_implementation_that_nobody_runs() {
    assert_expansion!(
        "mistakes",
        #[audit(colour = 7)]
        enum Change<T> {
            Of(T),
        }
    );
}
