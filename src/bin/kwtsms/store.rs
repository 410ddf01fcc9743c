//! The store that the settings name.

use kwtsms_async::Store;
use kwtsms_async::config;

use crate::exit::Failure;
use crate::options::Global;
use crate::settings;

/// Opens it. A URL may hold a password, and so it is no argument and is never printed.
pub(crate) async fn open(global: &Global) -> Result<Store, Failure> {
    let settings = settings::read(global).await?;
    let Some(at) = settings.confirmed(config::STORE)? else {
        return Err(Failure::usage(format!("{} is not set", config::STORE)).action(format!(
            "set it in the environment or in {}: the path of a file such as kwtsms.db, or postgres://…",
            settings::env_file(global).display()
        )));
    };
    Ok(Store::open(at).await?)
}
