//! The gateway of a verb, with the wizard's help where there are no credentials yet.

use kwtsms_async::config::Environment;

use crate::exit::{Exit, Failure};
use crate::gateway::{ClientOptions, Gateway};
use crate::options::Global;
use crate::output::{Out, is_interactive, note};
use crate::{prompt, settings, wizard};

/// Makes the client that the options ask for.
///
/// Without credentials it offers the wizard on a terminal, and names what is missing elsewhere.
pub(crate) async fn connect(
    global: &Global,
    options: &ClientOptions,
    out: &mut Out,
) -> Result<Gateway, Failure> {
    if global.sandbox {
        Gateway::sandbox(global, options).await
    } else {
        let settings = credentials(global, out).await?;
        if let Some(other) = settings::other_gateway(global, &settings)? {
            out.note(other);
        }
        Gateway::open(&settings, global, options).await
    }
}

async fn credentials(global: &Global, out: &Out) -> Result<Environment, Failure> {
    let found = settings::read(global).await?;
    let missing = found.missing_credentials();
    if missing.is_empty() {
        return Ok(found);
    }
    let failure = Failure::new(Exit::Account, format!("{} not set", missing.join(" and "))).action(format!(
        "run 'kwtsms setup', set {} in the environment or in {}, or try things out with --sandbox",
        if missing.len() == 1 { "it" } else { "them" },
        settings::env_file(global).display()
    ));
    if out.is_json() || !is_interactive() {
        return Err(failure);
    }
    note(format_args!("{} not set.", missing.join(" and ")));
    if !prompt::yes("Start the setup now?", true).await? {
        return Err(failure);
    }
    wizard::run(global).await?;
    settings::forget();
    let found = settings::read(global).await?;
    if found.missing_credentials().is_empty() { Ok(found) } else { Err(failure) }
}
