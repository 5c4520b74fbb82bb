//! Serving until a signal, and not longer than that.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// SIGTERM, as service managers send it, or SIGINT, as ctrl-c does.
pub(crate) struct StopSignal {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignal {
    /// From here on the signals do not end the process any more.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Serves until the signal; then takes no more requests, and waits for those that are running, up to
/// `grace` or a second signal: a client that never ends its request must not keep the log open.
pub(crate) async fn serve(
    listener: TcpListener,
    app: IntoMakeServiceWithConnectInfo<Router, SocketAddr>,
    mut stop: StopSignal,
    grace: Duration,
) -> io::Result<()> {
    let (go, told) = oneshot::channel::<()>();
    let server =
        axum::serve(listener, app).with_graceful_shutdown(async { told.await.unwrap_or_default() });
    let mut server = pin!(server.into_future());
    tokio::select! {
        ended = &mut server => return ended,
        () = stop.received() => tracing::info!("stopping"),
    }
    drop(go);
    tokio::select! {
        ended = timeout(grace, server) => ended.unwrap_or(Ok(())),
        () = stop.received() => Ok(()),
    }
}
