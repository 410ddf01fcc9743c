//! A subscriber that remembers events, for tests of what leaves the process.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use kwtsms_async::events::{TARGET, field};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// Makes a subscriber this thread's until the guard goes.
///
/// A subscriber that comes while another test's thread meets an event for the first time can be left out of what that
/// event's place in the code remembers of its listeners (tokio-rs/tracing#3347). One that listens to everything and
/// stays keeps "nobody" from being remembered.
#[allow(clippy::disallowed_methods)] // once, in real time: what was under way when it came is over
pub(crate) fn listen(subscriber: impl Subscriber + Send + Sync + 'static) -> DefaultGuard {
    static EAR: OnceLock<Dispatch> = OnceLock::new();
    EAR.get_or_init(|| {
        let ear = Dispatch::new(tracing_subscriber::registry());
        std::thread::sleep(Duration::from_millis(20));
        tracing::callsite::rebuild_interest_cache();
        ear
    });
    tracing::subscriber::set_default(subscriber)
}

/// An event, with the names of the spans around it from the outermost on.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) target: String,
    pub(crate) level: Level,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) spans: Vec<String>,
}

impl Seen {
    pub(crate) fn get(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(String::as_str)
    }

    pub(crate) fn number(&self, field: &str) -> f64 {
        self.fields[field].parse().unwrap()
    }
}

/// Every event, and everything that was written into spans.
#[derive(Debug, Clone, Default)]
pub(crate) struct Capture(Arc<Mutex<(Vec<Seen>, String)>>);

struct Fields<'a>(&'a mut BTreeMap<String, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl Capture {
    /// Listens to this thread at TRACE until the guard goes.
    pub(crate) fn start() -> (Self, DefaultGuard) {
        let capture = Self::default();
        let guard = listen(tracing_subscriber::registry().with(capture.clone()));
        (capture, guard)
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut (Vec<Seen>, String)) -> T) -> T {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The events of this crate.
    pub(crate) fn ours(&self) -> Vec<Seen> {
        self.all().into_iter().filter(|seen| seen.target == TARGET).collect()
    }

    /// The events of this crate that have this name.
    pub(crate) fn named(&self, event: &str) -> Vec<Seen> {
        self.ours().into_iter().filter(|seen| seen.get(field::EVENT) == Some(event)).collect()
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.with(|(seen, _)| seen.clone())
    }

    /// All that was captured, as text.
    pub(crate) fn text(&self) -> String {
        self.with(|(seen, spans)| format!("{seen:?}{spans}"))
    }

    pub(crate) fn clear(&self) {
        self.with(|(seen, _)| seen.clear());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        let spans = ctx
            .event_scope(event)
            .map(|scope| scope.from_root().map(|span| span.name().to_owned()).collect())
            .unwrap_or_default();
        let meta = event.metadata();
        let seen = Seen { target: meta.target().to_owned(), level: *meta.level(), fields, spans };
        self.with(|(all, _)| all.push(seen));
    }

    fn on_new_span(&self, attrs: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        attrs.record(&mut Fields(&mut fields));
        self.with(|(_, spans)| writeln!(spans, "{} {fields:?}", attrs.metadata().name()).unwrap());
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        values.record(&mut Fields(&mut fields));
        self.with(|(_, spans)| writeln!(spans, "{fields:?}").unwrap());
    }
}
