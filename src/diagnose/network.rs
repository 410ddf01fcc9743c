//! From this machine to the gateway: pace, name, connection, certificate, who answers, and its clock.

use std::error::Error as _;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, timeout};

use super::ask::Asker;
use super::check::{Check, few};
use super::names;

use super::watch::{End, Exchange};
use crate::clock::before;
use crate::core::{Core, Destination};
use crate::error::{Error, ErrorKind};
use crate::transport::TransportFailure;

/// How long the system may look a name up: a client's default for all of a connection.
const LOOK_UP: Duration = Duration::from_secs(5);
/// A clock that is further off is worth a word. Signed requests elsewhere bear five minutes; log lines are compared with
/// the gateway's own by the minute.
const CLOCK: Duration = Duration::from_secs(60);

const OWN_TRANSPORT: &str = "the application has a transport of its own";

pub(super) fn client(core: &Core) -> Check {
    let seconds = core.attempt_timeout.as_secs_f64();
    let to = match &core.destination {
        Some(Destination { host, is_https: true, .. }) => format!("requests go to {host} over TLS"),
        Some(Destination { host, .. }) => format!("requests go to {host}, without TLS"),
        None => format!("{OWN_TRANSPORT}, which requests go through"),
    };
    Check::ok(names::CLIENT, format!("{to}; each may take {seconds} s"))
}

pub(super) fn pace(core: &Core, asker: &Asker) -> Check {
    let Some(limiter) = &core.limiter else {
        return Check::ok(names::PACE, "no limiter, since the gateway is on this machine");
    };
    let (single, bulk, place) = limiter.pace();
    let (waiting, batches) = limiter.waiting();
    let mut seen =
        format!("a single request each {} ms and a batch each {} ms", single.as_millis(), bulk.as_millis());
    match &place {
        Some(place) => seen += &format!(", shared in {place}"),
        None => seen += ", by this process alone: others on this address count extra",
    }
    if waiting + batches > 0 {
        seen += &format!("; {waiting} calls and {batches} batches wait");
    }
    match &asker.failed {
        Some((_, error)) if error.kind() == ErrorKind::Store => {
            Check::failed(names::PACE, format!("{error:#}"), error.action())
        }
        Some((_, error)) if is_turnless(error.kind()) => {
            Check::failed(names::PACE, format!("{seen}: {error:#}"), error.action())
        }
        _ => Check::ok(names::PACE, seen),
    }
}

/// True for what ended a call before there was a turn.
fn is_turnless(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Deadline | ErrorKind::TooManyWaiting)
}

/// Looks the gateway's name up; says with it why nothing is asked without it.
pub(super) async fn name(core: &Core, until: Option<Instant>) -> (Check, Option<String>) {
    let Some(to) = &core.destination else { return (Check::skipped(names::NAME, OWN_TRANSPORT), None) };
    if to.proxy.is_some() {
        return (Check::skipped(names::NAME, "the proxy looks it up"), None);
    }
    let host = host_of(&to.host);
    if host.parse::<IpAddr>().is_ok() {
        return (Check::skipped(names::NAME, format!("{host} is an address, with no name to look up")), None);
    }
    let begin = Instant::now();
    let look_up = before(until, timeout(LOOK_UP, tokio::net::lookup_host((host, 0))));
    let why = match look_up.await {
        Some(Ok(Ok(found))) => {
            let mut addresses: Vec<_> = found.map(|address| address.ip().to_string()).collect();
            addresses.dedup();
            if !addresses.is_empty() {
                let (took, few) = (begin.elapsed().as_millis(), few(&addresses, 3));
                return (Check::ok(names::NAME, format!("{host} is {few}, found in {took} ms")), None);
            }
            "it has no address".to_owned()
        }
        Some(Ok(Err(error))) => error.to_string(),
        Some(Err(_)) => format!("no answer within {} s", LOOK_UP.as_secs()),
        None => "the deadline passed first".to_owned(),
    };
    let check = Check::failed(
        names::NAME,
        format!("{host} cannot be found: {why}"),
        "check this machine's name servers and its network; in a container, those of the container",
    );
    (check, Some(format!("not asked, since {host} cannot be found")))
}

/// Without the port, and an IPv6 address without its brackets.
fn host_of(authority: &str) -> &str {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    host.trim_matches(['[', ']'])
}

pub(super) fn proxy(core: &Core) -> Check {
    match &core.destination {
        None => Check::skipped(names::PROXY, OWN_TRANSPORT),
        Some(Destination { proxy: Some(proxy), .. }) => {
            Check::ok(names::PROXY, format!("requests go through {proxy}"))
        }
        Some(_) => Check::ok(names::PROXY, "none on the way, as far as the environment says"),
    }
}

pub(super) fn connection(core: &Core, asker: &Asker, first: Option<&Exchange>) -> Check {
    let Some(exchange) = first else { return not_tried(names::CONNECTION, asker) };
    match &exchange.end {
        Some(End { status: Err(TransportFailure::Connect), .. }) => match &asker.failed {
            Some((_, error)) => Check::failed(names::CONNECTION, cause(core, error), error.action()),
            None => not_tried(names::CONNECTION, asker),
        },
        Some(End { status: Ok(status), took, .. }) => Check::ok(
            names::CONNECTION,
            format!("the first answer came after {} ms, with HTTP status {status}", took.as_millis()),
        ),
        // The time-out of a connection is shorter than that of an attempt.
        None if core.destination.is_none() || is_out_of_time(asker) => not_tried(names::CONNECTION, asker),
        _ => Check::ok(names::CONNECTION, "it came about"),
    }
}

pub(super) fn certificate(core: &Core, asker: &Asker, first: Option<&Exchange>) -> Check {
    const NAME: &str = names::CERTIFICATE;
    let Some(Destination { host, is_https, .. }) = &core.destination else {
        return Check::skipped(NAME, OWN_TRANSPORT);
    };
    if !is_https {
        return Check::skipped(NAME, "without TLS there is none");
    }
    let Some(exchange) = first else { return not_tried(NAME, asker) };
    match &exchange.end {
        Some(End { status: Err(TransportFailure::Certificate), .. }) => match &asker.failed {
            Some((_, error)) => Check::failed(NAME, cause(core, error), error.action()),
            None => not_tried(NAME, asker),
        },
        Some(End { status: Err(TransportFailure::Connect), .. }) => not_tried(NAME, asker),
        None if is_out_of_time(asker) => not_tried(NAME, asker),
        _ => Check::ok(NAME, format!("that of {host} is good, and this machine trusts who issued it")),
    }
}

/// A check for which no connection was there.
fn not_tried(name: &'static str, asker: &Asker) -> Check {
    let why = asker.stop.as_deref().unwrap_or("not asked");
    Check::skipped(name, why)
}

/// True if a deadline ended the first call.
fn is_out_of_time(asker: &Asker) -> bool {
    asker.answered == 0 && asker.is_over()
}

pub(super) fn gateway(asker: &Asker) -> Check {
    const NAME: &str = names::GATEWAY;
    let unusable = asker.failed.as_ref().filter(|(_, error)| {
        matches!(error.kind(), ErrorKind::BadReply | ErrorKind::Timeout | ErrorKind::Interrupted)
    });
    let Some((endpoint, error)) = unusable else {
        return match asker.answered {
            0 => not_tried(NAME, asker),
            _ => Check::ok(NAME, "what answers is the gateway, in JSON"),
        };
    };
    let seen = format!("{}/: {error:#}", endpoint.name());
    let action = match error.kind() {
        ErrorKind::BadReply => {
            "see that the base URL ends in /API/; if it does, a page in the place of an answer comes of a proxy, of a \
             network's login page or of maintenance at kwtSMS: ask again later"
        }
        ErrorKind::Timeout => {
            "ask again later; if it works from other addresses, ask kwtSMS support whether their firewall blocked \
             this machine's public IP (over 5 requests in a second)"
        }
        _ => error.action(),
    };
    if asker.answered == 0 { Check::failed(NAME, seen, action) } else { Check::warning(NAME, seen, action) }
}

pub(super) fn clock(exchanges: &[Exchange]) -> Check {
    let ends = exchanges.iter().filter_map(|exchange| exchange.end.as_ref());
    match ends.filter_map(|end| Some((end.date?, end.took))).next() {
        Some(((theirs, ours), took)) => compared(theirs, ours, took),
        None => Check::skipped(names::CLOCK, "no answer told the time"),
    }
}

/// The server wrote its time somewhere between question and answer, in whole seconds.
fn compared(theirs: SystemTime, ours: SystemTime, took: Duration) -> Check {
    let (off, which) = match ours.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    let uncertain = took + Duration::from_secs(1);
    if off <= CLOCK.max(uncertain) {
        return Check::ok(names::CLOCK, "as the gateway's, within a minute");
    }
    let seconds = off.as_secs();
    let off = match (seconds / 86_400, seconds / 3_600, seconds / 60) {
        (days @ 2.., ..) => format!("{days} days"),
        (_, hours @ 2.., _) => format!("{hours} hours"),
        (.., minutes @ 2..) => format!("{minutes} minutes"),
        _ => format!("{seconds} s"),
    };
    Check::warning(
        names::CLOCK,
        format!("this machine's is {off} {which} the gateway's"),
        "set the clock by the network (NTP): certificates, sending hours, one-time codes and log stamps go by it",
    )
}

/// What lies at the bottom of a failed exchange.
fn cause(core: &Core, error: &Error) -> String {
    let (mut last, mut next) = (error.to_string(), error.source());
    while let Some(cause) = next {
        (last, next) = (cause.to_string(), cause.source());
    }
    match core.destination.as_ref().and_then(|to| to.proxy.as_ref()) {
        Some(proxy) => format!("{last}, by {proxy}"),
        None => last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::wall_now;
    use crate::diagnose::CheckStatus;

    #[test]
    fn a_host_is_told_from_its_port() {
        for (authority, host) in [
            ("www.kwtsms.com", "www.kwtsms.com"),
            ("www.kwtsms.com:8443", "www.kwtsms.com"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]:80", "::1"),
            ("[::1]", "::1"),
        ] {
            assert_eq!(host_of(authority), host, "{authority}");
        }
    }

    #[test]
    fn a_clock_may_be_off_by_a_minute_and_by_what_the_answer_took() {
        let (now, second) = (wall_now(), Duration::from_secs(1));
        for (ours, took, status, words) in [
            (now, second, CheckStatus::Ok, "within a minute"),
            (now + second * 59, second, CheckStatus::Ok, "within a minute"),
            (now + second * 61, second, CheckStatus::Warning, "61 s ahead"),
            (now + second * 61, second * 65, CheckStatus::Ok, "within a minute"),
            (now - second * 3_600, second, CheckStatus::Warning, "60 minutes behind"),
            (now - second * 3_600 * 3, second, CheckStatus::Warning, "3 hours behind"),
            (now + second * 86_400 * 400, second, CheckStatus::Warning, "400 days ahead"),
        ] {
            let check = compared(now, ours, took);
            assert_eq!(check.status(), status, "{check:?}");
            assert!(check.seen().contains(words), "{check:?}");
        }
    }
}
