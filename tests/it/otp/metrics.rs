//! The metrics of one-time codes: each label that `otp::events` names is counted when it should be.

use kwtsms_async::otp::events::{self, COMPARED, LIMITED, SENT};
use kwtsms_async::otp::{Breaker, Budget, HumanCheck, Otp, OtpBuilder, Purpose};
use kwtsms_async::sandbox::Fault;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::world::*;

const OTHER: &str = "96551112222";
/// A neighbour of the first number.
const NEAR: &str = "96598760000";

fn value(page: &PrometheusHandle, metric: &str, label: &str, value: &str) -> u64 {
    let line = format!("{metric}{{{label}=\"{value}\"}} ");
    page.render().lines().find_map(|l| l.strip_prefix(&line)?.parse().ok()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_codes_is_counted_by_its_label() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    events::describe();
    let world = World::new(Place::memory().await.unwrap());
    let otp = world.builder().await.attempts(4).build().unwrap();

    let (challenge, before) = world.start(&otp, NUMBER).await;
    world.resend(&otp, &challenge).await.unwrap();
    let code = world.code(NUMBER);
    let words = tries(&otp, &challenge, ["12", &other_than(&code, 5), &before, &code, &code]).await;
    assert_eq!(words, ["malformed", "wrong 3", "superseded 2", "verified", "used"]);
    assert_eq!(tries(&otp, &"nonsense".into(), ["123456"]).await, ["notfound"]);
    for (fault, number) in [
        (Fault::drop_after_accepting(), "96550000000"),
        (Fault::refuse_connection().times(3), "96551000000"),
        (Fault::code("ERR013"), "96552000000"),
    ] {
        world.sandbox.faults().push(fault.on("send"));
        let _ = otp.start(number, Purpose::LOGIN, &caller()).await;
    }
    otp.decoy("96553000000", Purpose::LOGIN, &caller()).await.unwrap();
    let (challenge, code) = world.start(&otp, "96554000000").await;
    tries(&otp, &challenge, (0..5).map(|nth| other_than(&code, nth))).await;
    let (challenge, code) = world.start(&otp, "96555000000").await;
    world.place.pass(6 * MINUTE).await;
    assert_eq!(tries(&otp, &challenge, [&code]).await, ["expired"]);
    let strict = world.builder().await.namespace("strict").failures(1).build().unwrap();
    let (challenge, code) = world.start(&strict, NUMBER).await;
    assert_eq!(tries(&strict, &challenge, [&other_than(&code, 0), &code]).await, ["wrong 4", "limited"]);

    for (outcome, count) in [("accepted", 5), ("unknown", 1), ("not_sent", 1), ("refused", 1), ("unsent", 1)]
    {
        assert_eq!(value(&page, SENT, "outcome", outcome), count, "{outcome}");
    }
    for (result, count) in [
        ("verified", 1),
        ("wrong", 6),
        ("superseded", 1),
        ("malformed", 1),
        ("spent", 1),
        ("expired", 1),
        ("used", 1),
        ("not_found", 1),
        ("limited", 1),
    ] {
        assert_eq!(value(&page, COMPARED, "result", result), count, "{result}");
    }
    let text = page.render();
    assert!(text.contains(&format!("# HELP {SENT} Messages with one-time codes")), "{text}");
    for secret in ["9655", "98765432", &code, "MYAPP"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_limit_refused_is_counted_by_its_scope() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let world = World::new(Place::memory().await.unwrap());
    let limited = async |scope: &'static str, second: &str, set: fn(OtpBuilder) -> OtpBuilder| {
        let otp: Otp = set(world.builder().await.namespace(scope)).build().unwrap();
        let (challenge, code) = world.start(&otp, NUMBER).await;
        if scope == "failures" {
            tries(&otp, &challenge, [other_than(&code, 0)]).await;
        }
        if second == NUMBER && scope != "cooldown" {
            world.place.pass(PAUSE).await;
        }
        assert!(otp.start(second, Purpose::LOGIN, &caller()).await.is_err(), "{scope}");
        assert_eq!(value(&page, LIMITED, "scope", scope), 1, "{scope}");
    };
    limited("cooldown", NUMBER, |otp| otp).await;
    limited("number", NUMBER, |otp| otp.per_number(1, 6)).await;
    limited("failures", NUMBER, |otp| otp.failures(1)).await;
    limited("address", OTHER, |otp| otp.per_address(1)).await;
    limited("prefix", NEAR, |otp| otp.per_prefix(1)).await;
    limited("country", OTHER, |otp| otp.per_country(1)).await;
    limited("breaker", OTHER, |otp| otp.breaker(Breaker::unverified(1))).await;
    limited("human", OTHER, |otp| otp.human_check(HumanCheck::required_after(1))).await;
    limited("budget", OTHER, |otp| otp.budget(Budget::credits(1).per_hour())).await;
}
