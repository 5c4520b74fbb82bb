//! One request to the API: who asks, and what they read.

use std::future::{Future, ready};
use std::sync::Arc;

use audit_core::clock::{Clock as _, SystemClock};
use audit_core::event::MAX_MESSAGE;
use audit_core::store::Reader;
use audit_core::{__private, AuditContext, audited};
use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;

use super::Shared;
use super::access::{Access, Right};
use super::parameters::invalid;
use crate::problem::Problem;

/// Somebody who was let in.
pub(super) struct Asker {
    pub(super) shared: Arc<Shared>,
    pub(super) access: Access,
    /// Whether there is an audit layer around, whose recorder and facts are there for what is recorded.
    is_in_layer: bool,
}

impl FromRequestParts<Arc<Shared>> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let access = shared.authorizer.ask(head).await?;
        let context = head.extensions.get::<AuditContext>();
        if let Some(context) = context {
            context.set_actor(access.actor.clone());
        }
        Ok(Self { shared: Arc::clone(shared), access, is_in_layer: context.is_some() })
    }
}

impl Asker {
    /// Reads the part of the log that there is for whoever asks, if they have this right. That they did, or tried, is an entry of the
    /// log's own: `action`, with what was asked for in its metadata, as a personal value. It is committed before anything is given out. Within a minute, the
    /// same is said once, if it came to be: else who fails first, or goes away, reads unseen.
    pub(super) async fn reads<T, F>(
        &self,
        right: Right,
        action: &'static str,
        what: &str,
        read: impl FnOnce(Reader) -> F,
    ) -> Result<T, Problem>
    where
        F: Future<Output = Result<T, Problem>>,
    {
        // Of what is longer, the entry would tell the beginning.
        if what.len() > MAX_MESSAGE {
            let why = format!("What is asked for is longer than {MAX_MESSAGE} bytes.");
            return Err(invalid(why));
        }
        let allowed = self.demand(right);
        let (actor, scope) = (&self.access.actor, self.access.scope.to_string());
        let tried = if allowed.is_err() { "denied" } else { "read" };
        let view = if self.sees_all() { "sensitive" } else { "public" };
        let reading = [actor.kind().as_str(), actor.id(), action, what, tried, view, &scope];
        let throttle = &self.shared.throttle;
        if throttle.was_said(&reading, SystemClock::new().now()) {
            allowed?;
            return read(self.reader()).await;
        }
        // Not in the message, which those see who may not ask for an address or a session.
        let event = __private::event_of_the_log(action).actor(actor.clone());
        let event = event.metadata("scope", scope.as_str()).metadata("view", view);
        let event = event.metadata("asked", what).personal("/metadata/asked");
        let recorder = &self.shared.recorder;
        if let Err(problem) = allowed {
            // The layer tells of refusals, too: it is left to that where there is one.
            let refused = audited(event, ready(Err(problem)));
            let refused = match self.is_in_layer {
                true => refused.await,
                false => AuditContext::new().scope(recorder, refused).await,
            };
            throttle.say(&reading, SystemClock::new().now());
            return refused;
        }
        let status = |read: &Result<T, Problem>| match read {
            Ok(_) => 200,
            Err(problem) => problem.status().as_u16(),
        };
        let read = __private::committed(recorder, event, read(self.reader()), status).await??;
        throttle.say(&reading, SystemClock::new().now());
        Ok(read)
    }

    fn reader(&self) -> Reader {
        let scope = self.access.scope.clone();
        let scope = if self.sees_all() { scope } else { scope.public() };
        self.shared.recorder.reader().within(scope)
    }

    /// Whether sensitive values are shown.
    pub(super) fn sees_all(&self) -> bool {
        self.access.may(Right::Sensitive)
    }

    /// That whoever asks has this right.
    pub(super) fn demand(&self, right: Right) -> Result<(), Problem> {
        let forbidden = |detail| Problem::new(StatusCode::FORBIDDEN, "Not allowed", detail);
        if !self.access.may(right) {
            return Err(forbidden(format!("This takes the right `{}`.", right.as_str())));
        }
        // What concerns the logs as a whole would tell something of what lies outside.
        let is_of_all = matches!(right, Right::Verify | Right::Manage);
        if is_of_all && !self.access.scope.is_everything() {
            return Err(forbidden("This is for those who may see the whole log.".to_owned()));
        }
        Ok(())
    }
}
