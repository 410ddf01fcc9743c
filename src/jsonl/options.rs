//! What a log writes and what it shows.

/// What the log shows of numbers and texts. The password it never shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bodies {
    /// Numbers masked (`965****432`), the text replaced by its length and pages, and of the reply only what the
    /// API document names, in the shape that it has there: codes, ids, credits, counts. Free text of the gateway is
    /// replaced by its length, since it may repeat the text or a number.
    #[default]
    Masked,
    /// Numbers, texts and replies as they travelled, one-time codes included: the Python client's lines. Who may
    /// read the file may read the messages.
    Full,
}

/// What a log writes: the answers only, or each request before it leaves too.
///
/// ```
/// use kwtsms_async::jsonl::{Bodies, Options};
///
/// let options = Options::from(Bodies::Masked).sending(true); // where `Bodies` alone is taken, so is this
/// # let _ = kwtsms_async::jsonl::to_writer::<tracing_subscriber::Registry>(std::io::sink(), options);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "options do nothing until a log is opened with them"]
pub struct Options {
    pub(super) bodies: Bodies,
    pub(super) sending: bool,
}

impl Options {
    /// Writes a line before each request leaves too, so that after a kill of the process it is known what was in
    /// flight: requests whose `request_id` has a line with `"event":"sending"` and none after it.
    ///
    /// A request then leaves only when its line is in the file: written, not forced to the disk, which outlasts the
    /// process and not a loss of power. A line that cannot be written is counted and the request leaves all the same; a
    /// disk that hangs holds requests up, and with them the thread that they run on.
    pub fn sending(self, sending: bool) -> Self {
        Self { sending, ..self }
    }
}

impl From<Bodies> for Options {
    fn from(bodies: Bodies) -> Self {
        Self { bodies, sending: false }
    }
}
