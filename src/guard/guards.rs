//! All guards of a client, and what a request holds of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::floor::{Floor, Short};
use super::price::Prices;
#[cfg(feature = "quiet-hours")]
use super::quiet::QuietHours;
use super::spend::{Reserved, Spending};
use crate::credits::Credits;
use crate::error::{Delivery, Error};
use crate::events::Facts;
use crate::limit::Lane;
use crate::phone::OnlyTo;
use crate::wire::RawReply;

/// The guards of a client and its clones.
#[derive(Debug, Default)]
pub(crate) struct Guards {
    pub(crate) only_to: OnlyTo,
    money: Option<Arc<Money>>,
    #[cfg(feature = "quiet-hours")]
    quiet: Option<QuietHours>,
}

#[derive(Debug)]
struct Money {
    prices: Prices,
    spending: Option<Arc<Spending>>,
    floor: Option<Floor>,
}

impl Guards {
    pub(crate) fn new(only_to: OnlyTo, spending: Option<Spending>, floor: Option<Credits>) -> Self {
        let money = (spending.is_some() || floor.is_some()).then(|| {
            Arc::new(Money {
                prices: Prices::default(),
                spending: spending.map(Arc::new),
                floor: floor.map(Floor::new),
            })
        });
        Self {
            only_to,
            money,
            #[cfg(feature = "quiet-hours")]
            quiet: None,
        }
    }

    #[cfg(feature = "quiet-hours")]
    pub(crate) fn with_quiet_hours(mut self, quiet: Option<QuietHours>) -> Self {
        self.quiet = quiet;
        self
    }

    /// True if there is a guard that a request has to pass.
    #[inline]
    pub(crate) fn are_any(&self) -> bool {
        self.money.is_some() || !self.only_to.is_everybody() || self.has_quiet_hours()
    }

    /// True if requests cost nothing that has to be counted.
    #[inline]
    pub(crate) fn count_nothing(&self) -> bool {
        self.money.is_none()
    }

    #[cfg(feature = "quiet-hours")]
    #[inline]
    fn has_quiet_hours(&self) -> bool {
        self.quiet.is_some()
    }

    #[cfg(not(feature = "quiet-hours"))]
    #[inline]
    #[allow(clippy::unused_self)]
    fn has_quiet_hours(&self) -> bool {
        false
    }

    /// How long no bulk message may leave, if none may now.
    #[cfg(feature = "quiet-hours")]
    #[inline]
    pub(crate) fn quiet(&self) -> Option<Duration> {
        self.quiet.as_ref()?.left()
    }

    /// Without the feature there are no quiet hours.
    #[cfg(not(feature = "quiet-hours"))]
    #[inline]
    #[allow(clippy::unused_self)]
    pub(crate) fn quiet(&self) -> Option<Duration> {
        None
    }

    fn floor(&self) -> Option<&Floor> {
        self.money.as_ref()?.floor.as_ref()
    }

    /// The spend limit, if there is one.
    #[cfg(feature = "diagnose")]
    pub(crate) fn spending(&self) -> Option<&Spending> {
        self.money.as_ref()?.spending.as_deref()
    }

    /// The floor of the balance, if there is one.
    #[cfg(feature = "diagnose")]
    pub(crate) fn floor_credits(&self) -> Option<Credits> {
        self.floor().map(Floor::credits)
    }

    /// The quiet hours, if there are any.
    #[cfg(all(feature = "diagnose", feature = "quiet-hours"))]
    pub(crate) fn quiet_hours(&self) -> Option<&QuietHours> {
        self.quiet.as_ref()
    }

    /// A run begins: the balance is asked for anew before its first request.
    pub(crate) fn ask_the_balance(&self) {
        if let Some(floor) = self.floor() {
            floor.forget();
        }
    }

    /// The gateway told the balance.
    pub(crate) fn heard_the_balance(&self, balance: Credits) {
        if let Some(floor) = self.floor() {
            floor.learn(balance);
        }
    }

    /// Waits until another request has ended, if one is on its way.
    pub(crate) async fn landed(&self) {
        if let Some(floor) = self.floor() {
            floor.landed().await;
        }
    }

    /// Counts a request before it leaves, or says why a bulk request may not leave for the sake of the balance.
    pub(crate) fn count(&self, lane: Lane, facts: &Facts) -> Result<Option<Box<Hold>>, Short> {
        let (Some(money), Some(message)) = (&self.money, &facts.message) else { return Ok(None) };
        let pages = message.text.pages();
        let cost = money.prices.estimate(pages, &facts.numbers);
        if let Some(floor) = &money.floor {
            match lane {
                Lane::Single => floor.count(cost),
                Lane::Bulk => floor.take(cost)?,
            }
        }
        Ok(Some(Box::new(Hold {
            money: Arc::clone(money),
            facts: facts.clone(),
            pages,
            cost,
            live: !message.test,
            spent: None,
            left: false,
            ended: false,
        })))
    }
}

/// What a request holds of the guards. Dropped before it left, all is given back; after it, without an end, its cost
/// counts as spent.
pub(crate) struct Hold {
    money: Arc<Money>,
    facts: Facts,
    pages: usize,
    cost: Credits,
    live: bool,
    spent: Option<Reserved>,
    left: bool,
    ended: bool,
}

impl Hold {
    /// Takes the cost from the spend limit. Messages in test mode cost nothing in the end.
    ///
    /// # Errors
    ///
    /// Of kind `SpendLimit`, or `Store` where the limit is kept in one that fails.
    pub(crate) async fn spend(mut self: Box<Self>, deadline: Option<Instant>) -> Result<Box<Self>, Error> {
        if let Some(spending) = self.money.spending.as_ref().filter(|_| self.live) {
            self.spent = Some(spending.reserve(self.cost, deadline).await?);
        }
        Ok(self)
    }

    /// The request leaves now.
    pub(crate) fn leave(&mut self) {
        self.left = true;
    }

    /// The request has ended.
    pub(crate) fn end<T>(mut self, result: &Result<(RawReply, T), Error>) {
        let told = result.as_ref().ok().map(|(raw, _)| raw);
        let charged = told.and_then(RawReply::points_charged);
        if let Some(charged) = charged {
            self.money.prices.learn(self.pages, &self.facts.numbers, charged);
        }
        let nothing = result.as_ref().is_err_and(|error| error.delivery() != Delivery::Unknown);
        let cost = if nothing { Credits::ZERO } else { charged.unwrap_or(self.cost) };
        self.settle(cost, told.and_then(RawReply::balance));
    }

    fn settle(&mut self, cost: Credits, balance: Option<Credits>) {
        self.ended = true;
        if let Some(spent) = self.spent.take() {
            spent.settle(cost);
        }
        if let Some(floor) = &self.money.floor {
            floor.ended(self.cost, cost, balance);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.ended {
            let cost = if self.left { self.cost } else { Credits::ZERO };
            self.settle(cost, None);
        }
    }
}
