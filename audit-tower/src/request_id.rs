//! The id of a request: taken from the client where it is sane, else made.

use audit_core::clock::{Clock as _, SystemClock};
use bytes::Bytes;
use http::HeaderValue;

use crate::headers::Only;

/// Longest id that is taken from a client, in bytes.
const MAX_LENGTH: usize = 128;

pub(crate) struct RequestId {
    pub(crate) value: HeaderValue,
    /// The client sent an id that was not taken.
    pub(crate) refused: bool,
}

/// Makes the id of a request that has come without one, or with one that is refused.
///
/// It is asked before there is a context. Functions without arguments are it. The default makes UUIDs of version 7: a time
/// in milliseconds, and 74 random bits.
///
/// ```
/// # use audit_core::{Recorder, store::MemoryStore};
/// # use audit_tower::AuditLayer;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// let count = AtomicU64::new(0);
/// let layer = AuditLayer::new(recorder)
///     .make_request_id(move || format!("node-1.{}", count.fetch_add(1, Ordering::Relaxed)).try_into().unwrap());
/// # Ok::<(), audit_core::StartError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait MakeRequestId: Send + Sync + 'static {
    /// An id that no other request has.
    fn make_request_id(&self) -> HeaderValue;
}

impl<F: Fn() -> HeaderValue + Send + Sync + 'static> MakeRequestId for F {
    fn make_request_id(&self) -> HeaderValue {
        self()
    }
}

/// The default of [`MakeRequestId`]. Ids that sort by time keep what is written together on the same pages of an index.
#[derive(Default)]
pub(crate) struct TimeOrdered(SystemClock);

impl MakeRequestId for TimeOrdered {
    fn make_request_id(&self) -> HeaderValue {
        let millis = self.0.now().timestamp_millis().try_into().unwrap_or(0);
        // As one number: of an array, each byte would be drawn by itself.
        let drawn: u128 = rand::random();
        let [_, _, _, _, _, _, drawn @ ..] = drawn.to_ne_bytes();
        let made = uuid::Builder::from_unix_timestamp_millis(millis, &drawn).into_uuid();
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        made.hyphenated().encode_lower(&mut text);
        // Of this, a clone is no copy. Hex digits and hyphens always are a header's value.
        HeaderValue::from_maybe_shared(Bytes::from_owner(text))
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"))
    }
}

impl RequestId {
    /// An inbound id is input like any other: only a short one of harmless characters is taken over.
    pub(crate) fn of(sent: Only<'_>, make: &dyn MakeRequestId) -> Self {
        // A copy, as the header's own value would keep the whole read buffer of its connection alive.
        let taken = sent.ok().flatten().and_then(sane);
        match taken.and_then(|sane| HeaderValue::from_str(sane).ok()) {
            Some(value) => Self { value, refused: false },
            None => Self { value: make.make_request_id(), refused: sent != Ok(None) },
        }
    }
}

/// An id that somebody else has made, if it is short and of harmless characters.
pub(crate) fn sane(id: &HeaderValue) -> Option<&str> {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&b);
    let id = id.to_str().ok()?;
    ((1..=MAX_LENGTH).contains(&id.len()) && id.bytes().all(harmless)).then_some(id)
}

#[cfg(test)]
mod tests {
    use uuid::{Uuid, Version};

    use super::*;

    fn sent(id: &str) -> RequestId {
        let sent = HeaderValue::from_bytes(id.as_bytes()).unwrap();
        RequestId::of(Ok(Some(&sent)), &TimeOrdered::default())
    }

    #[test]
    fn a_sane_id_is_taken_over() {
        for id in
            ["7", "req-1", "0af7651916cd43dd8448eb211c80319c", "a.b:c/d+e=f@g_h", &"x".repeat(128)]
        {
            let taken = sent(id);
            assert_eq!((taken.value.as_bytes(), taken.refused), (id.as_bytes(), false));
        }
    }

    #[test]
    fn any_other_id_is_replaced_and_that_is_said() {
        for id in ["", "a b", "ä", "a\"b", "a\tb", &"x".repeat(129)] {
            let made = sent(id);
            let uuid = Uuid::try_parse_ascii(made.value.as_bytes()).unwrap();
            assert_eq!(
                (made.refused, uuid.get_version()),
                (true, Some(Version::SortRand)),
                "{id:?}"
            );
            let (made_at, _) = uuid.get_timestamp().unwrap().to_unix();
            let now = u64::try_from(SystemClock::default().now().timestamp()).unwrap();
            assert!(made_at.abs_diff(now) < 60);
        }
        assert!(!RequestId::of(Ok(None), &TimeOrdered::default()).refused);
    }
}
