//! A campaign before it runs: its settings, its recipients, what it would cost.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::handle::Campaign;
use super::load::{Load, Loaded, Rows};
use super::row::CampaignRow;
use super::rows::CampaignState;
use super::template::Template;
use crate::error::Error;
use crate::guard::{KUWAIT, Window};
use crate::ids::SenderId;
use crate::limit::DEFAULT_RATE;
use crate::phone::PhoneRules;
use crate::recipients::{Recipients, only_to};
use crate::store::Store;

/// A campaign that is being set up.
///
/// Its key is the application's own: creating it twice makes one. Nothing is sent before it is approved.
#[must_use = "a campaign is not stored until load() is awaited"]
pub struct CampaignBuilder {
    store: Store,
    key: String,
    text: String,
    sender: Option<String>,
    test: bool,
    account: Option<String>,
    priority: i64,
    hours: Option<(String, String)>,
    not_before: Option<SystemTime>,
    not_after: Option<SystemTime>,
    rules: PhoneRules,
    only_to: Option<Recipients>,
    rows: Rows,
}

impl Store {
    /// Sets a campaign up under a key of the application's own, such as `eid-2027`.
    pub fn campaign(&self, key: impl Into<String>) -> CampaignBuilder {
        CampaignBuilder {
            store: self.clone(),
            key: key.into(),
            text: String::new(),
            sender: None,
            test: false,
            account: None,
            priority: 0,
            hours: None,
            not_before: None,
            not_after: None,
            rules: PhoneRules::default(),
            only_to: None,
            rows: Box::new(std::iter::empty()),
        }
    }
}

impl CampaignBuilder {
    /// The text, or a template: `{{ name }}` becomes what the row holds under `name`. A column that a row lacks is an
    /// error with its line, before anything is sent.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// The sender id; without it the worker's client's.
    pub fn sender(mut self, sender: impl Into<String>) -> Self {
        self.sender = Some(sender.into());
        self
    }

    /// Messages are queued and not delivered. Fixed when the campaign is created.
    pub fn test_mode(mut self, test: bool) -> Self {
        self.test = test;
        self
    }

    /// The API user whose workers may send it; without it the account of the first worker that meets it.
    pub fn account(mut self, username: impl Into<String>) -> Self {
        self.account = Some(username.into());
        self
    }

    /// A campaign of a higher priority goes before all of a lower one. Default: 0.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority.into();
        self
    }

    /// Messages leave only in these hours of a day, `09:00-21:00`, in a time zone such as `Asia/Kuwait`.
    pub fn window(mut self, hours: impl Into<String>, zone: impl Into<String>) -> Self {
        self.hours = Some((hours.into(), zone.into()));
        self
    }

    /// Like [`window`](Self::window), in Kuwait's time.
    pub fn hours(self, hours: impl Into<String>) -> Self {
        self.window(hours, KUWAIT)
    }

    /// Nothing leaves before this time. A start that was missed by over an hour, since no worker ran, pauses the
    /// campaign instead of sending.
    pub fn not_before(mut self, time: SystemTime) -> Self {
        self.not_before = Some(time);
        self
    }

    /// Nothing leaves from this time on: what was not sent until then ends not attempted.
    pub fn not_after(mut self, time: SystemTime) -> Self {
        self.not_after = Some(time);
        self
    }

    /// How numbers are read and checked, as by the client's [`country_check`](crate::ClientBuilder::country_check) and
    /// [`default_country`](crate::ClientBuilder::default_country).
    pub fn phone_rules(mut self, rules: impl Into<PhoneRules>) -> Self {
        self.rules = rules.into();
        self
    }

    /// Leaves out all recipients but these, as the client's [`only_to`](crate::ClientBuilder::only_to) does, whose
    /// workers do not send a batch with any other number in it.
    pub fn only_to(mut self, numbers: impl Into<Recipients>) -> Self {
        self.only_to = Some(numbers.into());
        self
    }

    /// The recipients: an iterator, which is read once, row by row, while it is loaded. It is asked on a thread for
    /// what blocks, so that it may read a file or a database.
    pub fn recipients<I>(mut self, rows: I) -> Self
    where
        I: IntoIterator<Item: Into<CampaignRow> + 'static>,
        I::IntoIter: Send + 'static,
    {
        self.rows = Box::new(rows.into_iter().map(|row| Ok(row.into())));
        self
    }

    /// Like [`recipients`](Self::recipients), from a source that may fail in its middle, such as a file or a query: its
    /// error ends the load, the campaign is never ready, and the same key begins anew.
    pub fn try_recipients<I, R, E>(mut self, rows: I) -> Self
    where
        I: IntoIterator<Item = Result<R, E>>,
        I::IntoIter: Send + 'static,
        R: Into<CampaignRow> + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        self.rows = Box::new(rows.into_iter().map(|row| {
            row.map(Into::into)
                .map_err(|error| Error::input_from("the campaign's recipients cannot be read", error))
        }));
        self
    }

    /// Checks, cleans, removes repeats, cuts into requests and stores the campaign, which is then ready to be
    /// approved. Memory does not grow with the input, but for the repeats (see [`Bulk`](crate::Bulk)).
    ///
    /// A campaign of that key which is there already is given back as it is, if its settings are the same; one whose
    /// loading broke off is loaded anew.
    ///
    /// # Errors
    ///
    /// Of kind `Config` or `InvalidInput`, with the row's line where a row is the reason: then nothing is stored that
    /// can be sent. Of kind `Stopped` if another process began to load the same key meanwhile: load it again when that
    /// one is ready. Of kind `Store` if the store fails.
    ///
    /// # Cancellation
    ///
    /// Dropped, the campaign stays as loading; the same key begins anew.
    pub async fn load(self) -> Result<Draft, Error> {
        let key = self.key.trim().to_owned();
        if key.is_empty() || key.chars().count() > 200 || key.chars().any(char::is_control) {
            return Err(Error::input(
                "a campaign needs a key of its own: 1 to 200 characters without line breaks",
            ));
        }
        let template = Template::new(&self.text)?;
        if let Some(sender) = &self.sender {
            SenderId::parse(sender)
                .map_err(|error| Error::input_from("the sender id is not usable", error))?;
        }
        let window = self.hours.as_ref().map(|(hours, zone)| Window::new(hours, zone)).transpose()?;
        let only_to = self.only_to.as_ref().map(|numbers| only_to(numbers, self.rules)).transpose()?;
        let at = |time: Option<SystemTime>| time.map(micros_of).transpose();
        let (not_before, not_after) = (at(self.not_before)?, at(self.not_after)?);
        if not_before.zip(not_after).is_some_and(|(before, after)| before >= after) {
            return Err(Error::config(
                "the campaign would end before it begins: not_after is before not_before",
            ));
        }
        let load = Load {
            store: self.store,
            key,
            text: self.text,
            template,
            sender: self.sender,
            test: self.test,
            account: self.account,
            priority: self.priority,
            window,
            not_before,
            not_after,
            rules: self.rules,
            only_to: only_to.unwrap_or_default(),
        };
        let Loaded { campaign, existed } = load.run(self.rows).await?;
        Draft::of(campaign, existed).await
    }
}

impl fmt::Debug for CampaignBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CampaignBuilder")
            .field("key", &self.key)
            .field("text_chars", &self.text.chars().count())
            .field("test", &self.test)
            .field("priority", &self.priority)
            .field("hours", &self.hours)
            .finish_non_exhaustive()
    }
}

/// Whole seconds since 1970.
pub(super) fn seconds_of(time: SystemTime) -> Result<i64, Error> {
    micros_of(time).map(|micros| micros / 1_000_000)
}

fn micros_of(time: SystemTime) -> Result<i64, Error> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok();
    since
        .and_then(|since| i64::try_from(since.as_micros()).ok())
        .ok_or_else(|| Error::config("a time is before 1970 or too far away"))
}

/// A loaded campaign: look at it, then approve it.
#[derive(Debug, Clone)]
#[must_use = "nothing is sent until approve() is awaited"]
pub struct Draft {
    campaign: Campaign,
    estimate: Estimate,
    existed: bool,
}

impl Draft {
    pub(super) async fn of(campaign: Campaign, existed: bool) -> Result<Self, Error> {
        let estimate = Estimate::of(&campaign).await?;
        Ok(Self { campaign, estimate, existed })
    }

    /// What it would take and cost.
    pub fn estimate(&self) -> &Estimate {
        &self.estimate
    }

    /// True if the key was loaded before: the recipients handed in now were not read.
    pub fn existed(&self) -> bool {
        self.existed
    }

    /// The campaign, which may be running already if it [`existed`](Self::existed).
    pub fn campaign(&self) -> &Campaign {
        &self.campaign
    }

    /// Lets it be sent. One that runs already stays as it is.
    ///
    /// # Errors
    ///
    /// Of kind `InvalidInput` if it was cancelled, of kind `Store` if the store fails.
    pub async fn approve(self) -> Result<Campaign, Error> {
        let store = &self.campaign.store;
        let from = [CampaignState::Ready];
        if !store.move_campaign(self.campaign.id, &from, CampaignState::Running, None).await? {
            let state = store.header(self.campaign.id).await?.state;
            if matches!(state, CampaignState::Cancelled | CampaignState::Loading) {
                return Err(Error::input(format!(
                    "the campaign cannot be approved: it is {}",
                    state.as_str()
                )));
            }
        }
        Ok(self.campaign)
    }
}

/// What a campaign takes and costs, as far as it can be known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Estimate {
    /// Distinct numbers that will be written to.
    pub numbers: u64,
    /// Rows that are no usable number.
    pub invalid: u64,
    /// Repeats, which are sent once.
    pub duplicates: u64,
    /// Requests: batches of at most 200 numbers of one text.
    pub requests: u64,
    /// Distinct texts.
    pub texts: u64,
    /// Pages of the longest text.
    pub longest_pages: u64,
    /// Credits at Kuwait's price, a credit a page a number; other countries cost other amounts.
    pub credits: u64,
}

impl Estimate {
    async fn of(campaign: &Campaign) -> Result<Self, Error> {
        let rows = campaign
            .store
            .select(
                "SELECT (SELECT CAST(coalesce(sum(size), 0) AS bigint) FROM kwtsms_batch WHERE campaign = $1),
                        (SELECT count(*) FROM kwtsms_batch WHERE campaign = $1),
                        (SELECT CAST(coalesce(sum(size * pages), 0) AS bigint) FROM kwtsms_batch WHERE campaign = $1),
                        (SELECT count(*) FROM kwtsms_text WHERE campaign = $1),
                        (SELECT coalesce(max(pages), 0) FROM kwtsms_text WHERE campaign = $1),
                        (SELECT count(*) FROM kwtsms_skipped WHERE campaign = $1 AND repeated = 0),
                        (SELECT count(*) FROM kwtsms_skipped WHERE campaign = $1 AND repeated = 1)",
                vec![campaign.id.into()],
            )
            .await?;
        let at = |column| rows.first().map_or(0, |row| row.int(column).unsigned_abs());
        Ok(Self {
            numbers: at(0),
            requests: at(1),
            credits: at(2),
            texts: at(3),
            longest_pages: at(4),
            invalid: at(5),
            duplicates: at(6),
        })
    }

    /// The time it takes at so many requests a second, hours in which it may not send not counted.
    pub fn duration_at(&self, requests_a_second: f64) -> Duration {
        Duration::try_from_secs_f64(self.requests as f64 / requests_a_second).unwrap_or(Duration::MAX)
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |count: u64| if count == 1 { "" } else { "s" };
        let Self { numbers, requests, credits, texts, longest_pages, invalid, duplicates } = *self;
        write!(
            f,
            "{numbers} number{} in {requests} request{}, {} at 2 requests a second; about {credits} credit{} at \
             Kuwait's price; {texts} text{}, the longest of {longest_pages} page{}; {invalid} invalid, {duplicates} \
             repeated",
            s(numbers),
            s(requests),
            Span(self.duration_at(DEFAULT_RATE)),
            s(credits),
            s(texts),
            s(longest_pages),
        )?;
        if requests > 10_000 && requests * 10 > numbers {
            write!(
                f,
                "; texts that differ from row to row cannot share a request: one text for all would take {} requests",
                numbers.div_ceil(200)
            )?;
        }
        Ok(())
    }
}

/// A duration for people: seconds, minutes, hours or days.
pub(super) struct Span(pub(super) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..120 => write!(f, "{} s", self.0.as_secs_f64().ceil()),
            120..7_200 => write!(f, "{} minutes", seconds.div_ceil(60)),
            7_200..172_800 => write!(f, "{} hours", (seconds + 1_800) / 3_600),
            _ => write!(f, "{} days", (seconds + 43_200) / 86_400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(numbers: u64, requests: u64) -> Estimate {
        Estimate {
            numbers,
            requests,
            credits: numbers,
            texts: 1,
            longest_pages: 1,
            invalid: 0,
            duplicates: 0,
        }
    }

    #[test]
    fn ten_million_of_one_text_take_seven_hours_and_of_different_texts_58_days() {
        assert!(estimate(10_000_000, 50_000).to_string().contains("7 hours"));
        let all = estimate(10_000_000, 10_000_000).to_string();
        assert!(all.contains("58 days") && all.contains("50000 requests"), "{all}");
        assert!(!estimate(2, 1).to_string().contains("share a request"));
    }
}
