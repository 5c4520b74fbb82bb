//! An axum router that can say which routes it has.

use axum::Router;
use axum::handler::Handler;
use axum::routing;
use http::Method;

use crate::coverage::{Declared, Route};

/// A [`Router`] whose routes are declared: of each it is said what is recorded of it.
///
/// ```
/// use audit_core::audited;
/// use audit_tower::{Declared, Policy, Routes, assert_covered, coverage};
///
/// #[audited(action = "invoice.create")]
/// async fn create() {}
/// async fn health() {}
///
/// fn routes() -> Routes {
///     Routes::new()
///         .post("/invoices", create, Declared::Audited("invoice.create"))
///         .get("/health", health, Declared::Exempt("says only that it runs"))
/// }
///
/// // In a test:
/// assert_covered!(coverage(routes().list(), &Policy::default()));
/// // Where the application starts:
/// let routes = routes();
/// let (list, router) = (routes.list().to_vec(), routes.into_router());
/// # let _ = (list, router);
/// ```
#[derive(Debug)]
pub struct Routes<S = ()> {
    router: Router<S>,
    list: Vec<Route>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident $method:ident;)+) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $name<H: Handler<T, S>, T: 'static>(
                mut self,
                pattern: &str,
                handler: H,
                declared: Declared,
            ) -> Self {
                self.list.push(Route { method: Method::$method, pattern: pattern.to_owned(), declared });
                self.router = self.router.route(pattern, routing::$name(handler));
                self
            }
        )+
    };
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet.
    #[must_use]
    pub fn new() -> Self {
        Self { router: Router::new(), list: Vec::new() }
    }

    methods! {
        /// A route for GET, and with it HEAD. As [`Router::route`], it panics where the pattern is none, or taken.
        get GET;
        /// A route for POST. As [`Router::route`], it panics where the pattern is none, or taken.
        post POST;
        /// A route for PUT. As [`Router::route`], it panics where the pattern is none, or taken.
        put PUT;
        /// A route for PATCH. As [`Router::route`], it panics where the pattern is none, or taken.
        patch PATCH;
        /// A route for DELETE. As [`Router::route`], it panics where the pattern is none, or taken.
        delete DELETE;
    }

    /// Says of a route that [`map`](Self::map) adds what is recorded of it.
    #[must_use]
    pub fn declare(mut self, method: Method, pattern: &str, declared: Declared) -> Self {
        self.list.push(Route { method, pattern: pattern.to_owned(), declared });
        self
    }

    /// Does something else with the router: puts a layer around these routes, gives them their state.
    #[must_use]
    pub fn map<T>(self, change: impl FnOnce(Router<S>) -> Router<T>) -> Routes<T> {
        Routes { router: change(self.router), list: self.list }
    }

    /// Takes over other routes, below a path. As [`Router::nest`], it panics where that is none.
    #[must_use]
    pub fn nest(mut self, path: &str, routes: Self) -> Self {
        let below = path.trim_end_matches('/');
        self.list.extend(routes.list.into_iter().map(|route| {
            // The root of what is nested is the path itself.
            let pattern = match route.pattern.as_str() {
                "/" => path.to_owned(),
                pattern => format!("{below}{pattern}"),
            };
            Route { pattern, ..route }
        }));
        self.router = self.router.nest(path, routes.router);
        self
    }

    /// Takes over other routes. As [`Router::merge`], it panics where one of them is there already.
    #[must_use]
    pub fn merge(mut self, routes: Self) -> Self {
        self.list.extend(routes.list);
        self.router = self.router.merge(routes.router);
        self
    }

    /// The routes.
    #[must_use]
    pub fn list(&self) -> &[Route] {
        &self.list
    }

    /// The router, for layers and state. A route that is added to it is not declared.
    pub fn into_router(self) -> Router<S> {
        self.router
    }
}
