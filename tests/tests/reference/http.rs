//! A request over a socket.

use std::net::SocketAddr;

use axum::Router;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The answer of an application to a request of these lines and this body.
pub(crate) async fn ask(routes: Router, lines: &str, body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async {
        let service = routes.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, service).await.unwrap();
    };
    let length = body.len();
    let request = format!(
        "{lines}\r\nHost: shop.example\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    let client = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    tokio::select! {
        answer = client => answer,
        () = serve => panic!("the server has ended"),
    }
}
