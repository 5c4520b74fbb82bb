//! Short texts from and to others, over HTTP.

use std::error::Error;
use std::time::Duration;

use audit_core::note::SignedNote;
use tokio::task::spawn_blocking;
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::output::Failure;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// No checkpoint is so large.
const MAX_NOTE: u64 = 1 << 20;

/// One that says what was answered, whatever it was, and goes nowhere else.
pub(crate) fn agent(deadline: Duration) -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(deadline))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false);
    config.build().into()
}

pub(crate) fn is_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// A URL without what may be a secret in it: user, password, query.
pub(crate) fn public(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').map_or((rest, None), |(h, p)| (h, Some(p)));
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            path.map_or_else(
                || format!("{scheme}://{host}"),
                |path| format!("{scheme}://{host}/{path}"),
            )
        }
        None => url.to_owned(),
    }
}

/// The signed note that stands at a URL.
pub(crate) async fn note(url: &str) -> Result<SignedNote, Failure> {
    let asked = url.to_owned();
    asking(url, move || {
        let mut response = accepted(agent(DEADLINE).get(asked).call()?)?;
        let body = response.body_mut().with_config().limit(MAX_NOTE).read_to_string()?;
        Ok(body.parse()?)
    })
    .await
}

/// Posts a text.
pub(crate) async fn post(url: &str, text: String, deadline: Duration) -> Result<(), Failure> {
    let asked = url.to_owned();
    asking(url, move || {
        let request = agent(deadline).post(asked).content_type("text/plain; charset=utf-8");
        accepted(request.send(text)?).map(drop)
    })
    .await
}

type Refusal = Box<dyn Error + Send + Sync>;

fn accepted(response: Response<Body>) -> Result<Response<Body>, Refusal> {
    match response.status() {
        status if status.is_success() => Ok(response),
        status => Err(format!("the answer is {status}").into()),
    }
}

async fn asking<T: Send + 'static>(
    url: &str,
    ask: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Failure> {
    let failed = |why| Failure::Web(public(url), why);
    spawn_blocking(ask).await.map_err(|why| failed(why.into()))?.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::public;

    #[test]
    fn what_is_said_of_a_url_holds_no_secret() {
        for (url, said) in [
            ("https://log.example/checkpoint", "https://log.example/checkpoint"),
            ("https://u:p@log.example:8443/a/b?token=t#x", "https://log.example:8443/a/b"),
            ("http://u:p@log.example", "http://log.example"),
            ("http://log.example?token=t", "http://log.example"),
            ("https://log.example/a@b", "https://log.example/a@b"),
        ] {
            assert_eq!(public(url), said);
        }
    }
}
