//! An audited function can go to another thread if and only if it could before.

use std::cell::Cell;
use std::future::ready;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Mutex;

use audit_core::store::MemoryStore;
use audit_core::{Actor, Event, NotRecorded, Recorder, Verdict, audited, audited_by};

struct Probe<'a, T>(#[expect(dead_code, reason = "only its type is asked")] &'a T);

impl<T: Send> Probe<'_, T> {
    /// Found before the one below, where it is there.
    fn sends(&self) -> bool {
        true
    }
}

trait Fallback {
    fn sends(&self) -> bool {
        false
    }
}

impl<T> Fallback for Probe<'_, T> {}

/// What is neither Send nor Sync.
type Local = Rc<u8>;

/// What is Send and not Sync.
#[derive(Debug)]
struct Desk {
    number: Cell<u8>,
    recorder: Recorder,
}

/// Functions as they are and audited, with the answer whether they can be sent.
macro_rules! cases {
    ($(
        $name:ident $is_send:literal: [$($argument:tt)*]
        ($($args:tt)*) -> $output:ty $body:block, |$desk:ident| ($($value:expr),*);
    )*) => {
        mod plain {
            use super::*;
            $(pub(super) async fn $name($($args)*) -> $output $body)*
        }
        mod recorded {
            use super::*;
            $(#[audited(action = "sends.case", $($argument)*)]
              pub(super) async fn $name($($args)*) -> $output $body)*
        }

        /// Name; whether it is to be, is, and is when audited, Send.
        fn functions(desk: impl Fn() -> Desk) -> Vec<(&'static str, bool, bool, bool)> {
            vec![$({
                let $desk = &desk;
                let _ = $desk;
                (
                    stringify!($name),
                    $is_send,
                    Probe(&plain::$name($($value),*)).sends(),
                    Probe(&recorded::$name($($value),*)).sends(),
                )
            }),*]
        }
    };
}

cases! {
    argument true: [] (text: String) -> usize { ready(()).await; text.len() }, |_desk| (String::new());

    local_argument false: [] (local: Local) -> u8 { ready(()).await; *local }, |_desk| (Rc::new(7));

    local_argument_unused false: [] (_local: Local) -> u8 { 7 }, |_desk| (Rc::new(7));

    local_across_an_await false: [] () -> u8 {
        let local: Local = Rc::new(7);
        ready(()).await;
        *local
    }, |_desk| ();

    local_between_awaits true: [] () -> u8 {
        ready(()).await;
        let number = *Rc::new(7);
        ready(number).await
    }, |_desk| ();

    local_returned true: [] () -> Local { ready(()).await; Rc::new(7) }, |_desk| ();

    local_error true: [] () -> Result<u8, Local> { ready(()).await; Err(Rc::new(7)) }, |_desk| ();

    current_across_an_await true: [] () -> u8 {
        let audit = audit_core::current();
        ready(()).await;
        audit.deny();
        7
    }, |_desk| ();

    guard_across_an_await false: [] () -> u8 {
        let mutex = Mutex::new(7);
        let number = mutex.lock();
        ready(()).await;
        *number.unwrap()
    }, |_desk| ();

    shared_cell false: [resource = "cell", resource_id = cell.get()] (cell: &Cell<u8>) -> u8 {
        ready(()).await;
        cell.get()
    }, |_desk| (&Cell::new(7));

    own_cell true: [resource = "cell", resource_id = cell.get()] (cell: Cell<u8>) -> u8 {
        ready(()).await;
        cell.get()
    }, |_desk| (Cell::new(7));

    all_facts_of_a_cell true: [
        resource = "desk",
        resource_id = desk.number.get(),
        parent("room", &desk.number.get()),
        actor = Actor::user(desk.number.get().to_string()),
        message = "at {desk:?}",
        reason = Rc::new(7),
        tags("desk", Rc::new(&desk).number.get()),
        labels(desk = desk.number.get(), local = *Rc::new(7)),
        metadata(number = desk.number),
        recorder = desk.recorder,
        skip_if = desk.number.get() == 0,
        outcome = |number: &u8| match *Rc::new(*number) {
            0 => Verdict::success(),
            _ => Verdict::success(),
        },
    ] (desk: Desk) -> u8 { ready(()).await; desk.number.get() }, |desk| (desk());

    id_from_a_local true: [resource = "cell", resource_id_from = |made: &Cell<u8>| Rc::new(made.get())]
        () -> Result<Cell<u8>, String> { ready(()).await; Ok(Cell::new(7)) }, |_desk| ();

    durable true: [durability = durable, resource = "desk", resource_id = desk.number.get()]
        (desk: Desk) -> Result<Cell<u8>, NotRecorded> { ready(()).await; Ok(desk.number) }, |desk| (desk());

    strict true: [durability = strict, recorder = desk.recorder, labels(number = desk.number.get())]
        (desk: Desk) -> Result<Cell<u8>, NotRecorded> { ready(()).await; Ok(desk.number) }, |desk| (desk());

    durable_local false: [durability = durable]
        (local: Local) -> Result<u8, NotRecorded> { ready(()).await; Ok(*local) }, |_desk| (Rc::new(7));
}

/// Of a value that is not Send, which it holds while it waits for its entry: the documentation says so.
#[audited(action = "sends.case", durability = durable)]
async fn durable_and_returned() -> Result<Local, NotRecorded> {
    ready(()).await;
    Ok(Rc::new(7))
}

struct Shelf(Desk);

impl Shelf {
    #[audited(action = "sends.case", recorder = self.0.recorder, labels(desk = self.0.number.get()))]
    async fn by_value(self) -> u8 {
        ready(()).await;
        self.0.number.get()
    }

    #[audited(action = "sends.case", labels(desk = self.0.number.get()))]
    async fn by_mut(&mut self) -> u8 {
        ready(()).await;
        self.0.number.get()
    }

    #[audited(action = "sends.case", labels(desk = self.0.number.get()))]
    async fn by_ref(&self) -> u8 {
        ready(()).await;
        self.0.number.get()
    }
}

#[audited(action = "sends.case", metadata(thing = 7))]
async fn generic<T>(thing: T) -> T {
    ready(()).await;
    thing
}

#[audited(action = "sends.case", labels(desk = desk.number.get()))]
fn opaque(desk: Desk) -> impl Future<Output = u8> {
    async move {
        ready(()).await;
        desk.number.get()
    }
}

#[audited(action = "sends.case")]
fn opaque_local(local: Local) -> impl Future<Output = u8> {
    async move {
        ready(()).await;
        *local
    }
}

/// What is there before its future need not be sent.
#[audited(action = "sends.case", labels(local = local))]
fn opaque_after_a_local(local: &Local) -> impl Future<Output = u8> + use<> {
    let number = **local;
    async move { ready(number).await }
}

#[audited(action = "sends.case")]
fn boxed(number: u8) -> Pin<Box<dyn Future<Output = u8> + Send>> {
    Box::pin(ready(number))
}

#[audited(action = "sends.case")]
fn boxed_local(local: Local) -> Pin<Box<dyn Future<Output = u8>>> {
    Box::pin(async move { *local })
}

async fn of(local: impl Sized) -> u8 {
    ready(()).await;
    drop(local);
    7
}

#[tokio::test]
async fn an_audited_future_is_send_if_and_only_if_the_plain_one_is() {
    let recorder = Recorder::builder(MemoryStore::new()).origin("test.example/audit");
    let recorder = recorder.start().await.unwrap();
    let desk = || Desk { number: Cell::new(7), recorder: recorder.clone() };
    let by_seven = |_: &u8| Verdict::success();
    let event = || Event::builder("sends.case");
    let others = [
        ("by_value", true, Probe(&Shelf(desk()).by_value()).sends()),
        ("by_mut", true, Probe(&Shelf(desk()).by_mut()).sends()),
        ("by_ref, of what is not Sync", false, Probe(&Shelf(desk()).by_ref()).sends()),
        ("generic, Send", true, Probe(&generic(7)).sends()),
        ("generic, not Send", false, Probe(&generic(Rc::new(7))).sends()),
        ("opaque", true, Probe(&opaque(desk())).sends()),
        ("opaque_local", false, Probe(&opaque_local(Rc::new(7))).sends()),
        ("opaque_after_a_local", true, Probe(&opaque_after_a_local(&Rc::new(7))).sends()),
        ("boxed", true, Probe(&boxed(7)).sends()),
        ("boxed_local", false, Probe(&boxed_local(Rc::new(7))).sends()),
        ("durable_and_returned", false, Probe(&durable_and_returned()).sends()),
        ("wrapped", true, Probe(&audit_core::audited(event(), of(7))).sends()),
        ("wrapped, not Send", false, Probe(&audit_core::audited(event(), of(Rc::new(7)))).sends()),
        ("wrapped and judged", true, Probe(&audited_by(event(), of(7), by_seven)).sends()),
    ];
    let mut wrong = Vec::new();
    for (name, expected, plain, recorded) in functions(desk) {
        if (plain, recorded) != (expected, expected) {
            wrong.push(format!("{name}: plain {plain}, audited {recorded}, not {expected}"));
        }
    }
    for (name, expected, recorded) in others {
        if recorded != expected {
            wrong.push(format!("{name}: {recorded}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
