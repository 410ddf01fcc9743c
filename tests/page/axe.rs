//! axe-core over every view, where `KWTSMS_AXE` names its script; elsewhere the test says so and passes.

use std::io::Write;

use kwtsms_async::sandbox::{Fault, Sandbox};
use serde_json::{Value, json};

use crate::{NUMBER, cards, post, sdk};
use kwtsms_page_tests::{Window, open};

const VIOLATIONS: &str = "const done = arguments[arguments.length - 1];
  axe.run().then(({ violations }) => done(violations.map(({ impact, id, nodes }) => [impact, id, nodes.map((node) => node.html.slice(0, 200))])));";

/// Lets axe look at what the page shows, where there is an axe.
pub(crate) async fn check(window: &Window, view: &str) {
    let Some(script) = std::env::var_os("KWTSMS_AXE") else { return };
    let script = std::fs::read_to_string(script).unwrap();
    window.client.execute(&script, vec![]).await.unwrap();
    let found = window.client.execute_async(VIOLATIONS, vec![]).await.unwrap();
    let serious: Vec<&Value> = found
        .as_array()
        .unwrap()
        .iter()
        .filter(|violation| ["serious", "critical"].iter().any(|impact| violation[0] == *impact))
        .collect();
    assert!(serious.is_empty(), "{view}: {serious:?}");
}

#[tokio::test]
async fn no_view_has_a_serious_violation() {
    if std::env::var_os("KWTSMS_AXE").is_none() {
        let _ = writeln!(std::io::stderr(), "skipped: KWTSMS_AXE names no axe.min.js");
        return;
    }
    open(Sandbox::start().await.unwrap(), async move |window: Window| {
        let check = async |view: &str| check(&window, view).await;
        window.until("!document.getElementById('start').hidden").await;
        check("empty").await;
        let client = sdk(&window.sandbox, "shop");
        client.send(NUMBER, "Your OTP for MYAPP is: 123456").await.unwrap();
        client.send("96550000001", "رمز التحقق ١٢٣٤").test_mode(true).await.unwrap();
        post(&window.sandbox, "shop", "96550000002", "Par\u{200B}ty 🎉").await;
        post(&window.sandbox, "shop", "12345", "Refused").await;
        window.sandbox.faults().push(Fault::code("ERR013").on("dlr").for_user("shop"));
        cards(&window, 4).await;
        window.until("document.querySelector('#faults li') && document.querySelector('#accounts li')").await;
        window.eval("document.querySelectorAll('.message summary, #requests-box summary').forEach((e) => e.click())").await;
        for scheme in ["light", "dark"] {
            window.scheme(scheme).await;
            check(&format!("all, {scheme}")).await;
        }
        window.click("[data-kind=refused]").await;
        cards(&window, 1).await;
        check("refused").await;
        window.choose("#account", "shop").await;
        window.until("!document.getElementById('account-form').hidden").await;
        window.eval("document.querySelector('#account-form details').open = true").await;
        check("an account").await;
        window.click("#clear").await;
        check("the question").await;
        window.click("#confirm [value=no]").await;
        window.fill("#search", "nothing like it").await;
        window.until("!document.getElementById('nothing').hidden").await;
        check("nothing").await;
        window.size(390, 844).await;
        check("telephone").await;
        window.click("[data-show=controls]").await;
        check("telephone, controls").await;
        assert_eq!(json!(window.focused().await.is_empty()), json!(true));
    })
    .await;
}
