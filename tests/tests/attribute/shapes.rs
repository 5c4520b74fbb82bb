//! Functions of every shape. Each is there once for each durability that it can have.

use std::iter::{Once, once};

use audit_core::{Event, Verdict, audited, audited_by};

use crate::body::{Body, Call, Ended, Failed, work};

/// What a shape can and cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Async,
    /// A function that does something before it gives its future away.
    GivesFuture,
    Sync,
    /// A future that is wrapped where it is awaited.
    Wrapper,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) call: fn(Body) -> Call,
}

const fn shape(name: &'static str, kind: Kind, call: fn(Body) -> Call) -> Shape {
    Shape { name, kind, call }
}

macro_rules! waiting {
    ($durability:ident) => {
        pub(crate) mod $durability {
            use std::fmt::Debug;
            use std::pin::Pin;

            use super::*;

            #[audited(action = "cell.async_fn", durability = $durability)]
            async fn async_fn(body: Body) -> Ended {
                work!(body)
            }

            #[audited(action = "cell.generic", resource = "things", resource_id = things.len(), durability = $durability)]
            async fn generic<'a, T, const N: usize>(
                things: &'a [T; N],
                body: &'a Body,
            ) -> Result<T, Failed>
            where
                T: Debug + From<u64>,
            {
                work!(body).map(T::from)
            }

            #[audited(action = "cell.opaque_success", durability = $durability)]
            async fn opaque_success(body: Body) -> Result<impl Iterator<Item = u64>, Failed> {
                work!(body).map(once)
            }

            struct Book {
                body: Body,
            }

            impl Book {
                #[audited(action = "cell.by_ref", durability = $durability)]
                async fn by_ref(&self) -> Ended {
                    work!(self.body)
                }

                #[audited(action = "cell.by_mut", durability = $durability)]
                async fn by_mut(&mut self) -> Ended {
                    let ended = work!(self.body);
                    self.body = Body::default();
                    ended
                }

                #[audited(action = "cell.given_by_mut", durability = $durability)]
                fn given_by_mut(&mut self) -> impl Future<Output = Ended> + '_ {
                    let body = &mut self.body;
                    body.before_its_future();
                    async move { work!(body) }
                }

                #[audited(action = "cell.by_value", durability = $durability)]
                async fn by_value(self) -> Ended {
                    work!(self.body)
                }
            }

            trait Native {
                async fn native(&self, body: Body) -> Ended;
            }

            impl Native for Book {
                #[audited(action = "cell.async_fn_in_trait", durability = $durability)]
                async fn native(&self, body: Body) -> Ended {
                    work!(body)
                }
            }

            #[async_trait::async_trait]
            trait Boxing {
                async fn boxing(&mut self, body: Body) -> Ended;

                #[audited(action = "cell.async_trait_default", durability = $durability)]
                async fn by_default(&self, body: Body) -> Ended {
                    work!(body)
                }
            }

            #[async_trait::async_trait]
            impl Boxing for Book {
                #[audited(action = "cell.async_trait", durability = $durability)]
                async fn boxing(&mut self, body: Body) -> Ended {
                    work!(body)
                }
            }

            #[audited(action = "cell.impl_future", durability = $durability)]
            fn impl_future(body: Body) -> impl Future<Output = Ended> {
                body.before_its_future();
                async move { work!(body) }
            }

            #[audited(action = "cell.boxed_future", durability = $durability)]
            fn boxed_future(body: Body) -> Pin<Box<dyn Future<Output = Ended> + Send>> {
                body.before_its_future();
                Box::pin(async move { work!(body) })
            }

            type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

            #[audited(action = "cell.alias_of_boxed_future", durability = $durability)]
            fn alias_of_boxed_future(body: &Body) -> BoxFuture<'_, Ended> {
                body.before_its_future();
                Box::pin(async move { work!(body) })
            }

            pub(crate) const SHAPES: [Shape; 13] = [
                shape("async_fn", Kind::Async, |body| Box::pin(async_fn(body))),
                shape("generic", Kind::Async, |body| {
                    Box::pin(async move { generic(&[3_u64, 4], &body).await })
                }),
                shape("opaque_success", Kind::Async, |body| {
                    Box::pin(async { Ok(opaque_success(body).await?.sum()) })
                }),
                shape("by_ref", Kind::Async, |body| Box::pin(async { Book { body }.by_ref().await })),
                shape("by_mut", Kind::Async, |body| Box::pin(async { Book { body }.by_mut().await })),
                shape("given_by_mut", Kind::GivesFuture, |body| {
                    Box::pin(async { Book { body }.given_by_mut().await })
                }),
                shape("by_value", Kind::Async, |body| Box::pin(Book { body }.by_value())),
                shape("async_fn_in_trait", Kind::Async, |body| {
                    Box::pin(async { Book { body: Body::default() }.native(body).await })
                }),
                shape("async_trait", Kind::Async, |body| {
                    Box::pin(async { Book { body: Body::default() }.boxing(body).await })
                }),
                shape("async_trait_default", Kind::Async, |body| {
                    Box::pin(async { Book { body: Body::default() }.by_default(body).await })
                }),
                shape("impl_future", Kind::GivesFuture, |body| Box::pin(impl_future(body))),
                shape("boxed_future", Kind::GivesFuture, |body| boxed_future(body)),
                shape("alias_of_boxed_future", Kind::GivesFuture, |body| {
                    Box::pin(async move { alias_of_boxed_future(&body).await })
                }),
            ];
        }
    };
}

waiting!(buffered);
waiting!(durable);
waiting!(strict);

/// What runs to its end when it is called.
fn at_once(body: &Body) -> Ended {
    body.begin();
    body.finish()
}

#[audited(action = "cell.sync_fn")]
fn sync_fn(body: Body) -> Ended {
    at_once(&body)
}

#[audited(action = "cell.sync_generic")]
fn sync_generic<T: From<u64>>(body: &Body) -> Result<T, Failed> {
    Ok(at_once(body)?.into())
}

#[audited(action = "cell.sync_impl_trait")]
fn sync_impl_trait(body: &Body) -> Result<impl Iterator<Item = u64> + use<>, Failed> {
    at_once(body).map(once)
}

struct Page {
    body: Body,
    read: Option<Once<u64>>,
}

impl Page {
    fn new(body: Body) -> Self {
        Self { body, read: None }
    }

    #[audited(action = "cell.sync_by_ref")]
    fn by_ref(&self) -> Ended {
        at_once(&self.body)
    }

    #[audited(action = "cell.sync_by_mut")]
    fn by_mut(&mut self) -> Result<&mut Once<u64>, Failed> {
        let read = at_once(&self.body)?;
        Ok(self.read.insert(once(read)))
    }

    #[audited(action = "cell.sync_by_value")]
    fn by_value(self) -> Ended {
        at_once(&self.body)
    }
}

async fn plain(body: Body) -> Ended {
    work!(body)
}

fn of_ended(ended: &Ended) -> Verdict {
    audit_core::Classify::classify(ended)
}

/// These are buffered only.
pub(crate) const SYNC: [Shape; 6] = [
    shape("sync_fn", Kind::Sync, |body| Box::pin(async { sync_fn(body) })),
    shape("sync_generic", Kind::Sync, |body| Box::pin(async move { sync_generic(&body) })),
    shape("sync_impl_trait", Kind::Sync, |body| {
        Box::pin(async move { Ok(sync_impl_trait(&body)?.sum()) })
    }),
    shape("sync_by_ref", Kind::Sync, |body| Box::pin(async { Page::new(body).by_ref() })),
    shape("sync_by_mut", Kind::Sync, |body| {
        Box::pin(async { Ok(Page::new(body).by_mut()?.sum()) })
    }),
    shape("sync_by_value", Kind::Sync, |body| Box::pin(async { Page::new(body).by_value() })),
];

/// These too.
pub(crate) const WRAPPERS: [Shape; 2] = [
    shape("audited", Kind::Wrapper, |body| {
        Box::pin(audit_core::audited(Event::builder("cell.audited"), plain(body)))
    }),
    shape("audited_by", Kind::Wrapper, |body| {
        Box::pin(audited_by(Event::builder("cell.audited_by"), plain(body), of_ended))
    }),
];
