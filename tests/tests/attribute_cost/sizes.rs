//! How large the future of an audited function is, beside that of the same function as it is, and under
//! `tracing::instrument`.

use std::future::ready;

use audit_core::{NotRecorded, audited};

const PAGE: usize = 4096;

/// The same function three times, and its future's size each time.
macro_rules! sizes {
    ($name:literal, $(#[$arguments:meta])* fn($($args:tt)*) -> $output:ty $body:block, call($($values:tt)*)) => {{
        async fn plain($($args)*) -> $output $body

        #[tracing::instrument(skip_all)]
        async fn instrumented($($args)*) -> $output $body

        $(#[$arguments])*
        async fn recorded($($args)*) -> $output $body

        let size = |plain, instrumented, recorded| Sizes { name: $name, plain, instrumented, recorded };
        size(
            size_of_val(&plain($($values)*)),
            size_of_val(&instrumented($($values)*)),
            size_of_val(&recorded($($values)*)),
        )
    }};
}

struct Sizes {
    name: &'static str,
    plain: usize,
    instrumented: usize,
    recorded: usize,
}

/// What a call's own event takes, whatever the function is.
const BUFFERED: usize = 240;

/// The same of one that waits for its entry.
const DURABLE: usize = 352;

fn sum(page: &[u8]) -> u64 {
    page.iter().map(|&byte| u64::from(byte)).sum()
}

mod nested {
    use super::*;

    macro_rules! three_deep {
        ($module:ident, $(#[$attribute:meta])?) => {
            pub(super) mod $module {
                use super::*;

                $(#[$attribute])?
                pub(crate) async fn outer(n: u64) -> u64 {
                    middle(n + 1).await + 1
                }

                $(#[$attribute])?
                async fn middle(n: u64) -> u64 {
                    inner(n + 1).await + 1
                }

                $(#[$attribute])?
                async fn inner(n: u64) -> u64 {
                    ready(n).await
                }
            }
        };
    }

    three_deep!(plain,);
    three_deep!(instrumented, #[tracing::instrument(skip_all)]);
    three_deep!(recorded, #[audited(action = "size.nested")]);
}

/// All of them, with how much larger each may be.
fn all() -> Vec<(Sizes, usize)> {
    let nested = Sizes {
        name: "three within each other",
        plain: size_of_val(&nested::plain::outer(7)),
        instrumented: size_of_val(&nested::instrumented::outer(7)),
        recorded: size_of_val(&nested::recorded::outer(7)),
    };
    vec![
        (
            sizes!("nothing", #[audited(action = "size.nothing")] fn() -> u64 { 7 }, call()),
            BUFFERED,
        ),
        (
            sizes!(
                "one await",
                #[audited(action = "size.await")]
                fn() -> u64 { ready(7).await },
                call()
            ),
            BUFFERED,
        ),
        (
            sizes!(
                "eight awaits",
                #[audited(action = "size.awaits")]
                fn(n: u64) -> u64 {
                    let a = ready(n).await + ready(1).await + ready(2).await + ready(3).await;
                    a + ready(4).await + ready(5).await + ready(6).await + ready(a).await
                },
                call(7)
            ),
            BUFFERED,
        ),
        (
            // One copy more than the function itself has: its own, and that of the body.
            sizes!(
                "4 KiB argument, used after an await",
                #[audited(action = "size.large")]
                fn(page: [u8; PAGE]) -> u64 { ready(()).await; sum(&page) },
                call([7; PAGE])
            ),
            BUFFERED + PAGE,
        ),
        (
            sizes!(
                "4 KiB argument, unused",
                #[audited(action = "size.unused")]
                fn(_page: [u8; PAGE]) -> u64 { ready(7).await },
                call([7; PAGE])
            ),
            BUFFERED + PAGE,
        ),
        (
            // And one more for what is borrowed before the body.
            sizes!(
                "4 KiB argument, and facts of it",
                #[audited(action = "size.facts", resource = "page", resource_id = sum(&page), labels(first = page[0]))]
                fn(page: [u8; PAGE]) -> u64 { ready(()).await; sum(&page) },
                call([7; PAGE])
            ),
            BUFFERED + 2 * PAGE,
        ),
        (
            sizes!(
                "4 KiB local, across an await",
                #[audited(action = "size.local")]
                fn(n: u8) -> u64 { let page = [n; PAGE]; ready(()).await; sum(&page) },
                call(7)
            ),
            BUFFERED,
        ),
        (
            sizes!(
                "4 KiB returned",
                #[audited(action = "size.returned")]
                fn(n: u8) -> [u8; PAGE] { ready([n; PAGE]).await },
                call(7)
            ),
            BUFFERED,
        ),
        (
            sizes!(
                "durable",
                #[audited(action = "size.durable", durability = durable)]
                fn(n: u64) -> Result<u64, NotRecorded> { Ok(ready(n).await) },
                call(7)
            ),
            DURABLE,
        ),
        (
            sizes!(
                "strict",
                #[audited(action = "size.strict", durability = strict)]
                fn(n: u64) -> Result<u64, NotRecorded> { Ok(ready(n).await) },
                call(7)
            ),
            DURABLE,
        ),
        (
            // The value waits for the commit.
            sizes!(
                "durable, 4 KiB returned",
                #[audited(action = "size.durable_returned", durability = durable)]
                fn(n: u8) -> Result<[u8; PAGE], NotRecorded> { Ok(ready([n; PAGE]).await) },
                call(7)
            ),
            DURABLE + PAGE,
        ),
        (nested, 3 * BUFFERED),
    ]
}

#[test]
fn an_audited_future_is_not_much_larger() {
    println!("{:38}{:>7}{:>12}{:>9}", "bytes", "plain", "instrument", "audited");
    let mut wrong = Vec::new();
    for (Sizes { name, plain, instrumented, recorded }, more) in all() {
        println!("{name:38}{plain:7}{instrumented:12}{recorded:9}  + {}", recorded - plain);
        if recorded > plain + more {
            wrong.push(format!("{name}: {plain} has become {recorded}, over {more} more"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
