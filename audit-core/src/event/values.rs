//! The standard library's values and containers in a snapshot.
//!
//! A container that is missing here would fall back to `Serialize`, which knows nothing of the rules of
//! what is in it.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, LinkedList, VecDeque};
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroIsize, NonZeroU8, NonZeroU16, NonZeroU32,
    NonZeroU64, NonZeroUsize,
};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Month, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Weekday};
use serde_json::Value;
use uuid::Uuid;

use super::snapshot::{AuditValue, Members, Snapshot};
use super::text::shown;

macro_rules! scalars {
    ($($scalar:ty)*) => {
        $(impl AuditValue for $scalar {
            fn audit_value(&self) -> Snapshot {
                Value::from(*self).into()
            }
        })*
    };
}

scalars!(bool u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64);

/// What JSON numbers of `serde_json` cannot hold stands as text, as in an event's bytes.
macro_rules! wide {
    ($($wide:ty as $narrow:ty)*) => {
        $(impl AuditValue for $wide {
            fn audit_value(&self) -> Snapshot {
                <$narrow>::try_from(*self)
                    .map_or_else(|_| Value::from(self.to_string()), Value::from)
                    .into()
            }
        })*
    };
}

wide!(u128 as u64 i128 as i64);

impl AuditValue for str {
    fn audit_value(&self) -> Snapshot {
        Value::from(self).into()
    }
}

impl AuditValue for String {
    fn audit_value(&self) -> Snapshot {
        self.as_str().audit_value()
    }
}

impl AuditValue for char {
    fn audit_value(&self) -> Snapshot {
        Value::from(self.to_string()).into()
    }
}

impl AuditValue for () {
    fn audit_value(&self) -> Snapshot {
        Value::Null.into()
    }
}

impl AuditValue for Value {
    fn audit_value(&self) -> Snapshot {
        self.clone().into()
    }
}

/// Values in which nothing can be that has rules, as `serde` has them: so that a tuple or map of one of these and of something that has rules
/// is seen by these.
macro_rules! plain {
    ($($plain:ty)*) => {
        $(impl AuditValue for $plain {
            fn audit_value(&self) -> Snapshot {
                Snapshot::of(self)
            }
        })*
    };
}

plain! {
    Uuid NaiveDate NaiveTime NaiveDateTime Weekday Month Duration SystemTime
    IpAddr Ipv4Addr Ipv6Addr SocketAddr SocketAddrV4 SocketAddrV6 Path PathBuf
    NonZeroU8 NonZeroU16 NonZeroU32 NonZeroU64 NonZeroUsize NonZeroI8 NonZeroI16 NonZeroI32 NonZeroI64 NonZeroIsize
}

impl<Z: TimeZone> AuditValue for DateTime<Z> {
    fn audit_value(&self) -> Snapshot {
        Snapshot::of(self)
    }
}

impl<T: AuditValue> AuditValue for Option<T> {
    fn audit_value(&self) -> Snapshot {
        self.as_ref().map_or_else(|| Value::Null.into(), T::audit_value)
    }
}

macro_rules! pointers {
    ($($pointer:ty)*) => {
        $(impl<T: AuditValue + ?Sized> AuditValue for $pointer {
            fn audit_value(&self) -> Snapshot {
                T::audit_value(self)
            }
        })*
    };
}

pointers!(&T &mut T Box<T> Rc<T> Arc<T>);

impl<T: AuditValue + ToOwned + ?Sized> AuditValue for Cow<'_, T> {
    fn audit_value(&self) -> Snapshot {
        T::audit_value(self)
    }
}

macro_rules! guarded {
    ($($cell:ident $read:ident)*) => {
        $(impl<T: AuditValue + ?Sized> AuditValue for $cell<T> {
            /// Never waits: what somebody else has in hand is left out.
            fn audit_value(&self) -> Snapshot {
                self.$read().map_or_else(|_| Snapshot::unreadable(), |value| value.audit_value())
            }
        })*
    };
}

guarded!(Mutex try_lock RwLock try_read RefCell try_borrow);

impl<T: AuditValue + Copy> AuditValue for Cell<T> {
    fn audit_value(&self) -> Snapshot {
        self.get().audit_value()
    }
}

impl<T: AuditValue> AuditValue for Reverse<T> {
    fn audit_value(&self) -> Snapshot {
        self.0.audit_value()
    }
}

/// As `serde` has it: an object with the name of the variant.
impl<T: AuditValue, E: AuditValue> AuditValue for Result<T, E> {
    fn audit_value(&self) -> Snapshot {
        let mut members = Members::default();
        match self {
            Ok(value) => members.add("Ok", value.audit_value()),
            Err(error) => members.add("Err", error.audit_value()),
        }
        members.into()
    }
}

macro_rules! sequences {
    ($($sequence:ty)*) => {
        $(impl<T: AuditValue> AuditValue for $sequence {
            fn audit_value(&self) -> Snapshot {
                Snapshot::array(self.iter().map(T::audit_value))
            }
        })*
    };
}

sequences!([T] Vec<T> VecDeque<T> LinkedList<T> BTreeSet<T>);

impl<T: AuditValue, const N: usize> AuditValue for [T; N] {
    fn audit_value(&self) -> Snapshot {
        self.as_slice().audit_value()
    }
}

impl<K: Display, V: AuditValue> AuditValue for BTreeMap<K, V> {
    fn audit_value(&self) -> Snapshot {
        object(self)
    }
}

#[expect(clippy::disallowed_types, reason = "the user's own; its keys are sorted here")]
impl<K: Display, V: AuditValue, S> AuditValue for std::collections::HashMap<K, V, S> {
    fn audit_value(&self) -> Snapshot {
        object(self)
    }
}

/// Those without an order of their own stand in that of their texts.
#[expect(clippy::disallowed_types, reason = "the user's own; its items are sorted here")]
impl<T: AuditValue, S> AuditValue for std::collections::HashSet<T, S> {
    fn audit_value(&self) -> Snapshot {
        unordered(self)
    }
}

impl<T: AuditValue> AuditValue for BinaryHeap<T> {
    fn audit_value(&self) -> Snapshot {
        unordered(self)
    }
}

fn unordered<'a, T: AuditValue + 'a>(items: impl IntoIterator<Item = &'a T>) -> Snapshot {
    let mut items: Vec<_> = items.into_iter().map(T::audit_value).collect();
    items.sort_by_cached_key(|item| item.value().to_string());
    Snapshot::array(items)
}

fn object<'a, K: Display + 'a, V: AuditValue + 'a>(
    entries: impl IntoIterator<Item = (&'a K, &'a V)>,
) -> Snapshot {
    let mut entries: Vec<_> = entries.into_iter().map(|(key, value)| (shown(key), value)).collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut members = Members::default();
    entries.into_iter().for_each(|(name, value)| members.add(&name, value.audit_value()));
    members.into()
}

macro_rules! tuples {
    ($(($($item:ident)+))*) => {
        $(impl<$($item: AuditValue),+> AuditValue for ($($item,)+) {
            fn audit_value(&self) -> Snapshot {
                #[expect(non_snake_case, reason = "each item is named after its type")]
                let ($($item,)+) = self;
                Snapshot::array([$($item.audit_value()),+])
            }
        })*
    };
}

tuples! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
    (A B C D E F G H I) (A B C D E F G H I J) (A B C D E F G H I J K) (A B C D E F G H I J K L)
    (A B C D E F G H I J K L M) (A B C D E F G H I J K L M N) (A B C D E F G H I J K L M N O)
    (A B C D E F G H I J K L M N O P)
}
