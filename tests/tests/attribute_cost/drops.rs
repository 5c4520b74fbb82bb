//! The values of a function are dropped as if it were not audited, and before its event is finished.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use audit_core::clock::{Clock, SystemClock};
use audit_core::store::MemoryStore;
use audit_core::{AuditContext, Recorder, audited};
use chrono::{DateTime, Utc};

/// What was dropped, and when the event was begun and finished.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    fn note(&self, name: &'static str) {
        self.0.lock().unwrap().push(name);
    }

    fn loud(&self, name: &'static str) -> Loud {
        Loud(name, self.clone())
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// An event reads this twice: when it begins, and when it is closed.
#[derive(Debug)]
struct Watch(SystemClock, Log);

impl Clock for Watch {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    fn elapsed(&self) -> Duration {
        self.1.note(EVENT);
        self.0.elapsed()
    }
}

const EVENT: &str = "(event)";

struct Loud(&'static str, Log);

impl Loud {
    fn look(&self) {
        assert!(!self.0.is_empty());
    }
}

impl Drop for Loud {
    fn drop(&mut self) {
        self.1.note(self.0);
    }
}

#[derive(Debug, Clone, Copy)]
enum End {
    Whole,
    Return,
    Panic,
    Left,
}

macro_rules! stop {
    ($end:ident) => {
        match $end {
            End::Whole => {}
            End::Return => return 1,
            End::Panic => panic!("stopped"),
            End::Left => pending().await,
        }
    };
    ($end:ident, at once) => {
        match $end {
            End::Whole | End::Left => {}
            End::Return => return 1,
            End::Panic => panic!("stopped"),
        }
    };
}

struct Pair {
    left: Loud,
    right: Loud,
}

impl Pair {
    fn new(log: &Log) -> Self {
        Self { left: log.loud("self.left"), right: log.loud("self.right") }
    }
}

type Started = Box<dyn FnOnce(&mut Context<'_>)>;
type Start = fn(&Log, End) -> Started;

/// A future that is polled once and then dropped, as it stands.
fn polled<F: Future<Output = u8> + 'static>(future: F) -> Started {
    let mut future = Box::pin(future);
    Box::new(move |cx| {
        let _ = future.as_mut().poll(cx);
    })
}

/// Functions, each plain and audited, with what they are called with.
macro_rules! cases {
    ($($name:ident: $kind:ident, fn($($args:tt)*) $body:block, |$log:ident| ($($value:expr),*);)*) => {
        mod plain {
            use super::*;
            $(define!($kind, [], $name, ($($args)*), $body);)*
        }
        mod recorded {
            use super::*;
            $(define!($kind, [#[audited(action = "drops.case")]], $name, ($($args)*), $body);)*
        }
        const CASES: &[(&str, Start, Start)] = &[$((
            stringify!($name),
            |$log, end| start!($kind, $log, plain::$name(end, $($value),*)),
            |$log, end| start!($kind, $log, recorded::$name(end, $($value),*)),
        )),*];
    };
}

macro_rules! define {
    (waits, [$($attribute:tt)*], $name:ident, ($end:ident, $($args:tt)*), $body:block) => {
        $($attribute)* pub(super) async fn $name($end: End, $($args)*) -> u8 $body
    };
    (at_once, [$($attribute:tt)*], $name:ident, ($end:ident, $($args:tt)*), $body:block) => {
        $($attribute)* pub(super) fn $name($end: End, $($args)*) -> u8 $body
    };
}

macro_rules! start {
    (waits, $log:ident, $call:expr) => {
        polled($call)
    };
    (at_once, $log:ident, $call:expr) => {{
        let log = $log.clone();
        Box::new(move |_| {
            let $log = &log;
            $call;
        })
    }};
}

cases! {
    used_in_their_order: waits, fn(end, a: Loud, b: Loud) {
        a.look();
        b.look();
        stop!(end);
        0
    }, |log| (log.loud("a"), log.loud("b"));

    used_in_another_order: waits, fn(end, a: Loud, b: Loud, c: Loud) {
        c.look();
        a.look();
        stop!(end);
        b.look();
        0
    }, |log| (log.loud("a"), log.loud("b"), log.loud("c"));

    with_a_local: waits, fn(end, a: Loud, log: Log) {
        let _local = log.loud("local");
        a.look();
        stop!(end);
        0
    }, |log| (log.loud("a"), log.clone());

    unused: waits, fn(end, _a: Loud, b: Loud, _c: Loud) {
        b.look();
        stop!(end);
        0
    }, |log| (log.loud("a"), log.loud("b"), log.loud("c"));

    ignored: waits, fn(end, a: Loud, _: Loud) {
        a.look();
        stop!(end);
        0
    }, |log| (log.loud("a"), log.loud("ignored"));

    of_a_pattern: waits, fn(end, (a, b): (Loud, Loud), c: Loud) {
        b.look();
        a.look();
        c.look();
        stop!(end);
        0
    }, |log| ((log.loud("a"), log.loud("b")), log.loud("c"));

    one_field_used: waits, fn(end, a: Loud, pair: Pair) {
        pair.right.look();
        a.look();
        stop!(end);
        0
    }, |log| (log.loud("a"), Pair::new(log));

    one_field_moved: waits, fn(end, a: Loud, pair: Pair) {
        drop(pair.right);
        a.look();
        stop!(end);
        0
    }, |log| (log.loud("a"), Pair::new(log));

    dropped_early: waits, fn(end, a: Loud, b: Loud) {
        b.look();
        drop(a);
        stop!(end);
        0
    }, |log| (log.loud("a"), log.loud("b"));

    set_anew: waits, fn(end, mut a: Loud, b: Loud, log: Log) {
        a.look();
        a = log.loud("a anew");
        b.look();
        stop!(end);
        a.look();
        0
    }, |log| (log.loud("a"), log.loud("b"), log.clone());

    at_once_in_another_order: at_once, fn(end, a: Loud, b: Loud) {
        b.look();
        a.look();
        stop!(end, at once);
        0
    }, |log| (log.loud("a"), log.loud("b"));

    at_once_unused: at_once, fn(end, _a: Loud, _: Loud, c: Loud) {
        c.look();
        stop!(end, at once);
        0
    }, |log| (log.loud("a"), log.loud("ignored"), log.loud("c"));

    at_once_of_a_pattern: at_once, fn(end, (a, b): (Loud, Loud), c: Loud) {
        a.look();
        c.look();
        b.look();
        stop!(end, at once);
        0
    }, |log| ((log.loud("a"), log.loud("b")), log.loud("c"));

    of_a_pattern_with_a_rest: waits, fn(end, a: Loud, Pair { left, .. }: Pair) {
        left.look();
        a.look();
        stop!(end);
        0
    }, |log| (log.loud("a"), Pair::new(log));

    at_once_of_a_pattern_with_a_rest: at_once, fn(end, a: Loud, (b, _): (Loud, Loud)) {
        b.look();
        a.look();
        stop!(end, at once);
        0
    }, |log| (log.loud("a"), (log.loud("b"), log.loud("rest")));
}

/// Methods that take `self`, plain or audited.
macro_rules! methods {
    ($of:ident, $(#[$attribute:meta])?) => {
        struct $of {
            left: Loud,
            right: Loud,
        }

        impl $of {
            fn new(log: &Log) -> Self {
                Self { left: log.loud("self.left"), right: log.loud("self.right") }
            }

            fn look(&self) {
                self.left.look();
            }

            $(#[$attribute])?
            async fn used(self, end: End, a: Loud) -> u8 {
                a.look();
                self.look();
                stop!(end);
                0
            }

            $(#[$attribute])?
            async fn unused(self, end: End, a: Loud) -> u8 {
                a.look();
                stop!(end);
                0
            }

            $(#[$attribute])?
            async fn field_used(self, end: End, a: Loud) -> u8 {
                self.right.look();
                a.look();
                stop!(end);
                0
            }

            $(#[$attribute])?
            async fn field_moved(mut self, end: End, a: Loud) -> u8 {
                self.left.look();
                self.left = Loud("self.left anew", a.1.clone());
                drop(self.right);
                stop!(end);
                self.left.look();
                0
            }

            $(#[$attribute])?
            fn field_used_at_once(self, end: End, a: Loud) -> u8 {
                self.right.look();
                a.look();
                stop!(end, at once);
                0
            }
        }
    };
}

methods!(Plain,);
methods!(Recorded, #[audited(action = "drops.case")]);

macro_rules! of_methods {
    ($($kind:ident $name:ident),*) => {
        &[$((
            concat!("self_", stringify!($name)),
            |log, end| start!($kind, log, Plain::new(log).$name(end, log.loud("a"))),
            |log, end| start!($kind, log, Recorded::new(log).$name(end, log.loud("a"))),
        )),*]
    };
}

const METHODS: &[(&str, Start, Start)] = of_methods![
    waits used, waits unused, waits field_used, waits field_moved, at_once field_used_at_once
];

/// What happens to a call that ends so.
fn happened(log: &Log, start: Start, end: End) -> Vec<&'static str> {
    let started = start(log, end);
    let mut cx = Context::from_waker(Waker::noop());
    // A panic drops the values, and so does the future's end.
    let _ = catch_unwind(AssertUnwindSafe(|| started(&mut cx)));
    log.take()
}

/// What a pattern leaves out of its parameter.
const REST: &str = "_with_a_rest";

type Names<'a> = &'a [&'static str];

/// Fails with all calls whose values are dropped otherwise than they should be.
async fn all_are(with_a_rest: bool, is_right: fn(plain: Names<'_>, recorded: Names<'_>) -> bool) {
    let log = Log::default();
    let recorder = Recorder::builder(MemoryStore::new()).origin("test.example/audit");
    let recorder = recorder.clock(Watch(SystemClock::new(), log.clone())).start().await.unwrap();
    let (mut all, mut wrong) = (0, Vec::new());
    log.take();
    let calls = async {
        let cases = CASES.iter().chain(METHODS);
        for &(name, plain, recorded) in cases.filter(|case| case.0.ends_with(REST) == with_a_rest) {
            for end in [End::Whole, End::Return, End::Panic, End::Left] {
                let (plain, recorded) = (happened(&log, plain, end), happened(&log, recorded, end));
                all += 1;
                if !is_right(&plain, &recorded) {
                    wrong.push(format!("{name} {end:?}: {plain:?} has become {recorded:?}"));
                }
            }
        }
    };
    AuditContext::system("test").scope(&recorder, calls).await;
    assert!(wrong.is_empty(), "{} of {all}:\n{}", wrong.len(), wrong.join("\n"));
}

fn in_order(plain: Names<'_>, recorded: Names<'_>) -> bool {
    recorded.iter().filter(|&&name| name != EVENT).eq(plain)
}

fn before_its_end(plain: Names<'_>, recorded: Names<'_>) -> bool {
    matches!(recorded, [EVENT, dropped @ .., EVENT] if dropped.len() == plain.len())
}

#[tokio::test]
async fn values_are_dropped_in_the_same_order() {
    all_are(false, in_order).await;
}

#[tokio::test]
async fn values_are_dropped_before_the_event_is_finished() {
    all_are(false, before_its_end).await;
}

#[tokio::test]
async fn what_a_pattern_leaves_out_is_dropped_last() {
    // It has no name by which the body could take it over, so it stays with the function around the body.
    all_are(true, |plain, recorded| {
        let mut dropped: Vec<_> = recorded.iter().filter(|&&name| name != EVENT).copied().collect();
        let last = dropped.pop();
        let rest: Vec<_> = plain.iter().filter(|&&name| Some(name) != last).copied().collect();
        matches!(last, Some("rest" | "self.right")) && dropped == rest
    })
    .await;
}
