//! The store that the settings name.

use kwtsms_async::Store;
use kwtsms_async::config;

use crate::exit::Failure;
use crate::interrupt::on_a_thread;
use crate::options::Global;
use crate::settings;

/// Opens it. A URL may hold a password, and so it is no argument and is never printed.
pub(crate) async fn open(global: &Global) -> Result<Store, Failure> {
    let read = global.clone();
    let settings = on_a_thread(move || settings::read(&read)).await?;
    let Some(at) = settings.get(config::STORE) else {
        return Err(Failure::usage(format!("{} is not set", config::STORE)).action(format!(
            "set it in the environment or in {}: the path of a file such as kwtsms.db, or postgres://…",
            settings::env_file(global).display()
        )));
    };
    Ok(Store::open(at).await?)
}
