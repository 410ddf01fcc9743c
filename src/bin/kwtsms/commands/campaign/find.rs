//! The campaign that a key names.

use kwtsms_async::{Campaign, Store};

use crate::exit::Failure;

/// A campaign that has to be there.
pub(super) async fn find(store: &Store, key: &str) -> Result<Campaign, Failure> {
    store.find_campaign(key).await?.ok_or_else(|| {
        Failure::usage("the store holds no campaign of this key").action("see 'kwtsms campaign list'")
    })
}
