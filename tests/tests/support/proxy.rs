//! A network that can be bad: TCP on one side, a PostgreSQL server's Unix socket on the other.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What it does to what passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Hands it on.
    Open,
    /// Closes all connections, and nothing listens.
    Cut,
    /// Holds each piece back for so long, either way.
    Delayed(Duration),
    /// Lets so many bytes through in a second, of each connection and either way.
    Throttled(u32),
    /// Takes connections and bytes, and hands on neither.
    Swallowed,
}

/// Most bytes of a piece.
const PIECE: usize = 8 << 10;

/// Is closed, with all of its connections, when dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    way: watch::Sender<Way>,
    _work: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn to(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (way, changed) = watch::channel(Way::Open);
        let mut work = JoinSet::new();
        work.spawn(serve(listener, address, socket, changed));
        Self { address, way, _work: work }
    }

    pub(crate) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn serve(
    listener: TcpListener,
    address: SocketAddr,
    socket: PathBuf,
    mut way: watch::Receiver<Way>,
) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        if *way.borrow_and_update() == Way::Cut {
            // Without a listener the system itself refuses.
            listener = None;
            connections.shutdown().await;
            if way.changed().await.is_err() {
                return;
            }
            continue;
        }
        let bound = match listener.take() {
            Some(bound) => bound,
            None => again(address).await,
        };
        tokio::select! {
            accepted = bound.accept() => {
                let (client, _) = accepted.unwrap();
                connections.spawn(connection(client, socket.clone(), way.clone()));
            }
            changed = way.changed() => if changed.is_err() { return },
        }
        listener = Some(bound);
    }
}

/// Listens where it did before.
async fn again(address: SocketAddr) -> TcpListener {
    let bound = async {
        loop {
            match TcpListener::bind(address).await {
                Ok(listener) => return listener,
                // Somebody's connection may have got the port for a moment.
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), bound).await.unwrap()
}

async fn connection(client: TcpStream, socket: PathBuf, mut way: watch::Receiver<Way>) {
    if way.wait_for(|way| *way != Way::Swallowed).await.is_err() {
        return;
    }
    // A server that is away closes the connection.
    let Ok(server) = UnixStream::connect(socket).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        pass(from_client, to_server, way.clone()),
        pass(from_server, to_client, way.clone())
    );
}

/// Hands on until there is no more, which is handed on as well.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut way: watch::Receiver<Way>,
) {
    let mut piece = vec![0; PIECE];
    while let Ok(read) = from.read(&mut piece).await {
        let now = *way.borrow_and_update();
        match now {
            Way::Open | Way::Cut | Way::Swallowed => {}
            Way::Delayed(time) => tokio::time::sleep(time).await,
            Way::Throttled(rate) => {
                let share = f64::from(u32::try_from(read).unwrap()) / f64::from(rate);
                tokio::time::sleep(Duration::from_secs_f64(share)).await;
            }
        }
        // Also what came before it swallowed, and was held back until then.
        if way.wait_for(|way| *way != Way::Swallowed).await.is_err() {
            return;
        }
        if read == 0 || to.write_all(&piece[..read]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
