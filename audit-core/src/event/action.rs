//! What is done, and the facts that are the same each time it is done.

use std::borrow::Cow;

use super::words::{Sensitivity, Severity};

/// The tag of an event whose action asks for an alert. It stands in the event's `tags`, so that whoever
/// reads the log finds it there, and stays where other tags are left out for want of room.
pub const ALERT_TAG: &str = "alert";

/// The tag of an event whose action is security-relevant; it stays where [`ALERT_TAG`] does. So what is security-relevant is
/// found by `tag:security`.
pub const SECURITY_TAG: &str = "security";

/// Whether a tag stays where others are left out for want of room: it was not the event's to say.
pub(crate) fn is_mark(tag: &str) -> bool {
    [ALERT_TAG, SECURITY_TAG].contains(&tag)
}

/// An action: its name, and what each of its events says unless the event itself says otherwise.
///
/// [`Event::builder`](super::Event::builder) takes one, or a bare name, or a value of a type that
/// is an [`AuditAction`].
///
/// ```
/// use audit_core::{Action, Event, Sensitivity, Severity};
///
/// static APPROVE: Action =
///     Action::new("invoice.approve").category("billing").sensitivity(Sensitivity::High).alert();
///
/// let event = Event::builder(APPROVE.clone()).severity(Severity::Info).build()?;
/// assert_eq!(event.action(), "invoice.approve");
/// # Ok::<(), audit_core::EventError>(())
/// ```
#[must_use = "an action is handed to `Event::builder`"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub(crate) name: Cow<'static, str>,
    pub(crate) category: Option<&'static str>,
    pub(crate) severity: Option<Severity>,
    pub(crate) sensitivity: Option<Sensitivity>,
    pub(crate) alert: bool,
    pub(crate) security: bool,
}

impl Action {
    /// An action of this name, dotted and lower-case, as in `invoice.approve`. It is checked with the event.
    pub const fn new(name: &'static str) -> Self {
        Self::named(Cow::Borrowed(name))
    }

    const fn named(name: Cow<'static, str>) -> Self {
        let (category, severity, sensitivity) = (None, None, None);
        Self { name, category, severity, sensitivity, alert: false, security: false }
    }

    /// The coarse group that it belongs to: `security`, `workflow`.
    pub const fn category(mut self, category: &'static str) -> Self {
        self.category = Some(category);
        self
    }

    /// How serious it is for those who operate the system.
    pub const fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// How delicate it is.
    pub const fn sensitivity(mut self, sensitivity: Sensitivity) -> Self {
        self.sensitivity = Some(sensitivity);
        self
    }

    /// Asks for an alert: each of its events gets the tag `alert` ([`ALERT_TAG`]).
    pub const fn alert(mut self) -> Self {
        self.alert = true;
        self
    }

    /// Says that it is security-relevant: each of its events gets the tag `security` ([`SECURITY_TAG`]).
    pub const fn security(mut self) -> Self {
        self.security = true;
        self
    }

    /// Whether it is security-relevant.
    #[must_use]
    pub const fn is_security_relevant(&self) -> bool {
        self.security
    }

    /// The action's name, as a search takes it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl From<&'static str> for Action {
    fn from(name: &'static str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Action {
    fn from(name: String) -> Self {
        Self::named(Cow::Owned(name))
    }
}

impl From<Cow<'static, str>> for Action {
    fn from(name: Cow<'static, str>) -> Self {
        Self::named(name)
    }
}

impl From<&Self> for Action {
    fn from(action: &Self) -> Self {
        action.clone()
    }
}

impl<T: AuditAction> From<T> for Action {
    fn from(action: T) -> Self {
        action.action()
    }
}

/// A type whose values are actions: mostly an enum with `#[derive(AuditAction)]`.
///
/// By hand it is for names that are known only at run time:
///
/// ```
/// use audit_core::{Action, AuditAction, Event, Severity};
///
/// struct Imported {
///     from: &'static str,
/// }
///
/// impl AuditAction for Imported {
///     fn action(&self) -> Action {
///         Action::from(format!("import.{}", self.from)).severity(Severity::Info)
///     }
/// }
///
/// let event = Event::builder(Imported { from: "ledger" }).build()?;
/// assert_eq!(event.action(), "import.ledger");
/// # Ok::<(), audit_core::EventError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no action",
    label = "its values do not name an action",
    note = "write `#[derive(AuditAction)]` on the enum, or give `Event::builder` a name as in `\"invoice.approve\"`"
)]
pub trait AuditAction {
    /// The action that this value stands for.
    fn action(&self) -> Action;

    /// All actions of the type, for a [catalogue](crate::actions), as far as they are known before there is a value: all with the
    /// derive, and none without, unless it is said here.
    fn actions() -> &'static [Action]
    where
        Self: Sized,
    {
        &[]
    }
}

#[diagnostic::do_not_recommend]
impl<T: AuditAction + ?Sized> AuditAction for &T {
    fn action(&self) -> Action {
        (**self).action()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Event, EventBuilder};
    use super::*;

    enum Invoice {
        Approve,
        Export(&'static str),
    }

    static APPROVE: Action = Action::new("invoice.approve")
        .category("billing")
        .severity(Severity::Warning)
        .sensitivity(Sensitivity::High)
        .alert();

    impl AuditAction for Invoice {
        fn action(&self) -> Action {
            match self {
                Self::Approve => APPROVE.clone(),
                Self::Export(to) => Action::from(format!("invoice.export.{to}")),
            }
        }
    }

    fn name(event: EventBuilder) -> String {
        event.build().unwrap().action().to_owned()
    }

    #[test]
    fn an_event_begins_with_a_name_an_action_or_a_value_that_is_one() {
        assert_eq!(name(Event::builder("a.b")), "a.b");
        assert_eq!(name(Event::builder("a.b".to_owned())), "a.b");
        assert_eq!(name(Event::builder(Cow::Borrowed("a.b"))), "a.b");
        assert_eq!(name(Event::builder(Action::new("a.b"))), "a.b");
        assert_eq!(name(Event::builder(Invoice::Export("pdf"))), "invoice.export.pdf");
        assert_eq!(name(Event::builder(&Invoice::Approve)), "invoice.approve");
        assert_eq!(Invoice::Approve.action().name(), "invoice.approve");
    }

    #[test]
    fn an_event_says_what_its_action_says() {
        let fields = Event::builder(Invoice::Approve).build().unwrap().fields;
        assert_eq!(fields.category.as_deref(), Some("billing"));
        assert_eq!(fields.severity, Some(Severity::Warning));
        assert_eq!(fields.sensitivity, Some(Sensitivity::High));
        assert_eq!(fields.tags, [ALERT_TAG]);

        let fields = Event::builder("invoice.approve").build().unwrap().fields;
        assert_eq!((fields.category, fields.severity, fields.sensitivity), (None, None, None));
        assert_eq!(fields.tags, [""; 0]);
    }

    #[test]
    fn what_an_event_says_itself_has_the_last_word() {
        let event = Event::builder(Invoice::Approve)
            .category("money")
            .severity(Severity::Debug)
            .sensitivity(Sensitivity::Low)
            .tag("quarterly");
        let fields = event.build().unwrap().fields;
        assert_eq!(fields.category.as_deref(), Some("money"));
        assert_eq!(fields.severity, Some(Severity::Debug));
        assert_eq!(fields.sensitivity, Some(Sensitivity::Low));
        assert_eq!(fields.tags, [ALERT_TAG, "quarterly"]);
    }

    #[test]
    fn a_category_is_scrubbed_and_cut_as_any_other() {
        let event = Event::builder(Action::new("a.b").category("a\0b"));
        let fields = event.build().unwrap().fields;
        assert_eq!(fields.category.as_deref(), Some("a\u{fffd}b"));
        assert_eq!(fields.truncated(), ["/category"]);
    }
}
