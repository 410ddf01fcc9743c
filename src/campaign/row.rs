//! A row of a campaign's recipients.

use std::collections::BTreeMap;
use std::fmt;

use crate::phone::PhoneNumber;
use crate::recipients::Recipient;

/// One recipient, with what its text is filled in with.
#[derive(Clone)]
pub struct CampaignRow {
    pub(super) to: Recipient,
    pub(super) values: BTreeMap<String, String>,
    pub(super) line: Option<u64>,
}

impl CampaignRow {
    /// A recipient: a number, or a text that holds one or several.
    pub fn new(to: impl Into<Recipient>) -> Self {
        Self { to: to.into(), values: BTreeMap::new(), line: None }
    }

    /// What `{{ column }}` of the text becomes for it.
    pub fn value(mut self, column: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.insert(column.into(), value.into());
        self
    }

    /// Where it stands in its source, for errors and reports. Without it rows are counted from 1.
    pub fn line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }
}

impl fmt::Debug for CampaignRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CampaignRow")
            .field("to", &self.to)
            .field("columns", &self.values.len())
            .field("line", &self.line)
            .finish()
    }
}

impl From<&str> for CampaignRow {
    fn from(to: &str) -> Self {
        Self::new(to)
    }
}

impl From<String> for CampaignRow {
    fn from(to: String) -> Self {
        Self::new(to)
    }
}

impl From<PhoneNumber> for CampaignRow {
    fn from(to: PhoneNumber) -> Self {
        Self::new(to)
    }
}

impl<T: Into<Recipient>, K: Into<String>, V: Into<String>, const N: usize> From<(T, [(K, V); N])>
    for CampaignRow
{
    fn from((to, values): (T, [(K, V); N])) -> Self {
        values.into_iter().fold(Self::new(to), |row, (column, value)| row.value(column, value))
    }
}
