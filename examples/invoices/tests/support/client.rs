//! Who uses the application, and keeps account of what ought to be in its log.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;

use serde_json::json;

use super::http::{Answer, Connection, Request};
use super::line::Line;

/// Sends requests, each with an id of its own, and notes the line that each must leave in the log.
pub(crate) struct Client {
    address: SocketAddr,
    sent: u32,
    pub(crate) expected: Vec<Line>,
}

/// A session: the value of the cookie header.
pub(crate) type Session = String;

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, sent: 0, expected: Vec::new() }
    }

    /// Sends a request on a connection of its own; the line must be in the log, with the status that is
    /// answered, which must be this one.
    pub(crate) fn send(&mut self, request: Request, status: u16, line: Line) -> Answer {
        let line = line.status(status);
        let (answer, id) = self.exchange(request);
        assert_eq!(answer.status, status, "{line:?}: {answer:?}");
        assert_eq!(answer.header("x-request-id"), Some(&*id), "{line:?}");
        self.expected.push(line.request(id));
        answer
    }

    /// Sends a request of which nothing is recorded.
    pub(crate) fn look(&mut self, request: Request, status: u16) -> Answer {
        let (answer, _) = self.exchange(request);
        assert_eq!(answer.status, status, "{answer:?}");
        answer
    }

    /// Sends a request whose entry knows of no status.
    pub(crate) fn send_to_panic(&mut self, request: Request, line: Line) -> Answer {
        let (answer, id) = self.exchange(request);
        self.expected.push(line.request(id));
        answer
    }

    /// Sends a request with an id that is not taken, so that one is made.
    pub(crate) fn send_with_id(
        &mut self,
        request: Request,
        id: &str,
        status: u16,
        line: Line,
    ) -> Answer {
        let answer = exchange(self.address, &request.header("x-request-id", id));
        let made = answer.header("x-request-id").unwrap().to_owned();
        assert_eq!((answer.status, made.len()), (status, 36), "{answer:?}");
        self.expected.push(line.status(status).request(made));
        answer
    }

    /// Sends many requests, each on a connection of its own, all at the same time.
    pub(crate) fn send_at_once(
        &mut self,
        requests: Vec<(Request, u16)>,
        line: impl Fn(&Answer, usize) -> Line,
    ) {
        let address = self.address;
        let requests: Vec<_> = requests
            .into_iter()
            .map(|(request, status)| (self.numbered(request), status))
            .collect();
        let start = Barrier::new(requests.len());
        let answers: Vec<_> = thread::scope(|scope| {
            let senders = requests.iter().map(|((request, _), _)| {
                scope.spawn(|| {
                    let mut connection = Connection::open(address);
                    start.wait();
                    connection.send(request);
                    connection.answer()
                })
            });
            let senders: Vec<_> = senders.collect();
            senders.into_iter().map(|sender| sender.join().unwrap()).collect()
        });
        for (i, (answer, ((_, id), status))) in answers.iter().zip(requests).enumerate() {
            assert_eq!(answer.status, status, "{answer:?}");
            self.expected.push(line(answer, i).status(status).request(id));
        }
    }

    /// Sends a request and leaves its answer to the caller, as it is still being worked on when this
    /// returns: requests that were sent later have been answered.
    pub(crate) fn begin(&mut self, session: &Session, request: Request, line: Line) -> Connection {
        let mut connection = Connection::open(self.address);
        // A connection that has answered before is one that the application has accepted.
        connection.send(&Request::get("/nowhere"));
        assert_eq!(connection.answer().status, 404);
        let (request, id) = self.numbered(request);
        connection.send(&request);
        self.expected.push(line.request(id));
        for _ in 0..3 {
            let list = Request::get("/invoices").header("cookie", session);
            self.send(
                list,
                200,
                Line::new("invoice.list", "success").by("alice").on_all("invoice"),
            );
        }
        connection
    }

    pub(crate) fn login(&mut self, user: &str) -> Session {
        let request = Request::post("/login").json(json!({"user": user, "password": "demo"}));
        let answer =
            self.send(request, 200, Line::new("user.login", "success").by(user).on("user", user));
        let cookie = answer.header("set-cookie").expect("no cookie");
        assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax"), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    }

    fn exchange(&mut self, request: Request) -> (Answer, String) {
        let (request, id) = self.numbered(request);
        (exchange(self.address, &request), id)
    }

    fn numbered(&mut self, request: Request) -> (Request, String) {
        self.sent += 1;
        let id = format!("flow-{}", self.sent);
        (request.header("x-request-id", &id), id)
    }
}

/// One request on a connection of its own.
pub(crate) fn exchange(address: SocketAddr, request: &Request) -> Answer {
    let mut connection = Connection::open(address);
    connection.send(request);
    connection.answer()
}
