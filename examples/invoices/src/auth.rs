//! Who is logged in, and how the audit log learns of it.
//!
//! The sessions are as simple as can be: in memory, until logout or restart. See `tower-sessions` for
//! more.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use audit_core::{Actor, audited};
use audit_tower::Audit;
use axum::extract::{Request, State};
use axum::http::header::{COOKIE as COOKIE_HEADER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use axum::{Extension, Json};
use cookie::Cookie;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::db;
use crate::error::AppError;

/// The cookie that holds the session's id.
pub(crate) const COOKIE: &str = "sid";

/// Who may approve invoices.
pub(crate) const APPROVER: &str = "approver";
/// Who may read the audit log.
pub(crate) const AUDITOR: &str = "auditor";

/// A user who is logged in.
#[derive(Clone, Serialize)]
pub(crate) struct User {
    /// Stays the same, and is not given to another, for as long as the log is kept. Here it is the name
    /// to log in with; better is one that tells nothing about the person.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) role: String,
}

impl User {
    pub(crate) fn must_be(&self, role: &'static str) -> Result<(), AppError> {
        if self.role == role { Ok(()) } else { Err(AppError::OnlyFor(role)) }
    }

    pub(crate) fn actor(&self) -> Actor {
        Actor::user(&self.id).name(&self.name).role(&self.role)
    }
}

/// The sessions, by id.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<BTreeMap<String, User>>);

impl Sessions {
    fn begin(&self, user: User) -> String {
        let id = format!("{:032x}", rand::random::<u128>());
        self.all().insert(id.clone(), user);
        id
    }

    fn user(&self, id: &str) -> Option<User> {
        self.all().get(id).cloned()
    }

    fn end(&self, id: &str) {
        self.all().remove(id);
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, User>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets a request through if it belongs to a session, and tells the audit log whose it is.
pub(crate) async fn require_login(
    State(app): State<App>,
    audit: Audit,
    mut request: Request,
    next: Next,
) -> Result<Response, AppError> {
    let user = session_id(request.headers()).and_then(|id| app.sessions.user(&id));
    let user = user.ok_or(AppError::NotLoggedIn)?;
    audit.set_actor(user.actor());
    request.extensions_mut().insert(user);
    Ok(next.run(request).await)
}

/// What `POST /login` takes.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    user: String,
    password: String,
}

/// A failed login has no actor: all that is known is whose account was tried, which is the resource.
#[audited(action = "user.login", resource = "user", resource_id = body.user)]
pub(crate) async fn login(
    State(app): State<App>,
    audit: Audit,
    Json(body): Json<Credentials>,
) -> Result<([(HeaderName, String); 1], Json<User>), AppError> {
    let Some((user, hash)) = db::user(&app.db, &body.user).await? else {
        // As slow as for a user who exists, so that the time does not tell who does.
        tokio::task::spawn_blocking(move || hash_password(&body.password)).await??;
        return Err(AppError::WrongPassword);
    };
    if !verify_password(body.password, hash).await? {
        return Err(AppError::WrongPassword);
    }
    audit.set_actor(user.actor());
    let id = app.sessions.begin(user.clone());
    // Add `Secure` where the service is reached through TLS.
    let cookie = format!("{COOKIE}={id}; Path=/; HttpOnly; SameSite=Lax");
    Ok(([(SET_COOKIE, cookie)], Json(user)))
}

#[audited(action = "user.logout", resource = "user", resource_id = user.id)]
pub(crate) async fn logout(
    State(app): State<App>,
    Extension(user): Extension<User>,
    headers: HeaderMap,
) -> (StatusCode, [(HeaderName, String); 1]) {
    if let Some(id) = session_id(&headers) {
        app.sessions.end(&id);
    }
    let cookie = format!("{COOKIE}=; Path=/; Max-Age=0");
    (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)])
}

fn session_id(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(COOKIE_HEADER).iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(Cookie::split_parse).filter_map(Result::ok);
    cookies.find(|cookie| cookie.name() == COOKIE).map(|cookie| cookie.value().to_owned())
}

/// The salted hash of a password, as it is stored.
pub(crate) fn hash_password(password: &str) -> Result<String, argon2::password_hash::Error> {
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string())
}

/// Takes its time, so that passwords cannot be tried quickly: not on a thread that serves requests.
async fn verify_password(password: String, hash: String) -> Result<bool, AppError> {
    let verified = tokio::task::spawn_blocking(move || {
        let hash = PasswordHash::new(&hash)?;
        match Argon2::default().verify_password(password.as_bytes(), &hash) {
            Ok(()) => Ok(true),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(error),
        }
    });
    Ok(verified.await??)
}
