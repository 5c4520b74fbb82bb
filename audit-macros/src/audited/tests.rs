//! What the attribute makes of each shape of function, as the reviewer of a change wants to see it.

use quote::quote;

use super::audited;

/// Compares the expansion of `#[audited(..)] item` with the stored one of this name.
macro_rules! assert_expansion {
    ($name:literal, ($($args:tt)*) $($item:tt)*) => {
        let expansion = audited(quote!($($args)*), quote!($($item)*));
        let file = syn::parse2(expansion).expect("an item");
        insta::assert_snapshot!($name, prettyplease::unparse(&file));
    };
}

#[test]
fn a_plain_function() {
    assert_expansion!("plain", (action = "invoice.approve")
        /// Documented.
        #[must_use]
        pub(crate) async fn approve(id: u64) -> u64 {
            let twice = id * 2;
            twice
        }
    );
}

#[test]
fn a_handler_with_the_id_among_its_arguments() {
    assert_expansion!("handler", (action = "invoice.approve", resource = "invoice", resource_id = id + 1)
        async fn approve(Path(id): Path<u64>, Json(mut body): Json<Body>) -> Result<Json<u64>, AppError> {
            body.check()?;
            Ok(Json(id))
        }
    );
}

#[test]
fn a_durable_handler_with_the_id_in_its_answer() {
    assert_expansion!("durable", (
            action = "invoice.create",
            resource = "invoice",
            resource_id_from = |made: &Json<Invoice>| made.id,
            durability = durable,
        )
        async fn create(Json(new): Json<New>) -> Result<Json<Invoice>, AppError> {
            store(new).await.map(Json)
        }
    );
}

#[test]
fn a_generic_unsafe_method() {
    assert_expansion!("method", (action = "ledger.add", durability = buffered)
        async unsafe fn add<'a, T: Amount, const N: usize>(&'a mut self, amounts: [T; N]) -> &'a T
        where
            T: 'a,
        {
            #![allow(unused)]
            self.all.extend(amounts)
        }
    );
}

#[test]
fn a_function_in_a_transaction() {
    assert_expansion!("transaction", (action = "order.place", transaction = tx)
        async fn place(tx: &mut Transaction<'_, Sqlite>) -> Result<(), AppError> {
            insert(&mut *tx).await
        }
    );
}

#[test]
fn a_function_that_returns_nothing() {
    assert_expansion!("unit", (action = "ping") async fn ping() {});
}

#[test]
fn a_function_that_never_returns() {
    assert_expansion!("never", (action = "serve") async fn serve() -> ! { loop {} });
}

#[test]
fn a_function_that_is_not_async() {
    assert_expansion!("sync", (action = "book.first", resource = "book", resource_id = self.id)
        fn first(&self) -> Option<&str> {
            self.names.first()
        }
    );
}

#[test]
fn a_function_that_returns_a_boxed_future() {
    assert_expansion!("boxed", (action = "bank.pay", durability = strict)
        fn pay<'a>(&'a self, sum: u64) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>> {
            Box::pin(async move { self.take(sum).await })
        }
    );
}

#[test]
fn a_function_that_returns_an_opaque_future() {
    assert_expansion!("opaque", (action = "bank.look", outcome = judged)
        fn look(&self) -> impl Future<Output = u64> + use<'_> {
            async move { self.sum }
        }
    );
}

#[test]
fn a_function_with_every_argument() {
    assert_expansion!("arguments", (
            action = Invoice::Approve,
            resource = "invoice",
            resource_id = id,
            parent("customer", user.id),
            actor = user.actor,
            category = "billing",
            severity = warning,
            sensitivity = high,
            message = "approved {id}",
            tags("a", region),
            labels(region = region),
            metadata(user = user),
            reason = ticket,
            retention = "finance",
            sensitive,
            compliance,
            recorder = app.recorder,
            skip_if = id == 0,
            crate = app::audit_core,
        )
        fn approve(app: &App, user: &User, id: u64, region: &str, ticket: &str) {
            app.approve(id);
        }
    );
}

#[test]
fn mistakes_leave_the_function_as_it_was() {
    assert_expansion!("mistakes", (resource_id = id, colour = 7)
        pub fn approve(id: u64) -> u64 { id }
    );
}
