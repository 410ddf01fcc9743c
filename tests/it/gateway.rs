//! A sandbox with room for everything, so that only what a test scripts goes wrong.

use kwtsms_async::sandbox::{Sandbox, SandboxBuilder, SeenRequest};
use kwtsms_async::{Account, Client, ClientBuilder};
use tokio::time::Instant;

pub(crate) fn roomy() -> SandboxBuilder {
    Sandbox::builder().drain_per_second(1_000_000)
}

pub(crate) fn start(builder: SandboxBuilder) -> Sandbox {
    let sandbox = builder.in_process();
    sandbox.account("user").set_balance(1_000_000_000);
    sandbox
}

pub(crate) fn gateway() -> Sandbox {
    start(roomy())
}

/// A client's settings, paced as by default.
pub(crate) fn builder(sandbox: &Sandbox) -> ClientBuilder {
    Client::builder("user", "password").sender_id("KWT-TEST").transport(sandbox.transport())
}

pub(crate) fn client(sandbox: &Sandbox) -> Client {
    builder(sandbox).build().unwrap()
}

/// Kuwaiti mobile numbers, each once.
pub(crate) fn numbers(count: u64) -> Vec<String> {
    (0..count).map(|i| (96_550_000_000 + i).to_string()).collect()
}

pub(crate) fn sends(sandbox: &Sandbox) -> Vec<SeenRequest> {
    sandbox.requests().into_iter().filter(|request| request.endpoint() == "send").collect()
}

/// When the requests arrived, in milliseconds after `begin`.
pub(crate) fn arrivals(requests: &[SeenRequest], begin: Instant) -> Vec<u128> {
    requests.iter().map(|request| (request.at() - begin).as_millis()).collect()
}

/// The most requests in any sliding second.
pub(crate) fn most_in_a_second(requests: &[SeenRequest]) -> usize {
    let second = std::time::Duration::from_secs(1);
    let within = |from: Instant| {
        requests.iter().filter(|request| request.at() >= from && request.at() < from + second).count()
    };
    requests.iter().map(|request| within(request.at())).max().unwrap_or(0)
}

/// Accepted, refused, unknown, not attempted, invalid, duplicates.
pub(crate) fn parts(account: Account) -> [u64; 6] {
    [
        account.accepted(),
        account.refused(),
        account.unknown(),
        account.not_attempted(),
        account.invalid(),
        account.duplicates(),
    ]
}
