//! The side of the page: faults, accounts, settings.

use kwtsms_async::ApiCode;
use kwtsms_async::sandbox::{Fault, Sandbox};

use crate::{NUMBER, cards, sdk};
use kwtsms_page_tests::{Window, open};

#[tokio::test]
async fn a_fault_switched_on_hits_the_next_send_and_one_switched_off_hits_none() {
    open(Sandbox::start().await.unwrap(), async |window: Window| {
        let client = sdk(&window.sandbox, "shop");
        // Codes are chosen from the table, with what they mean.
        window.until("document.getElementById('fault-code').value === 'ERR013'").await;
        let codes =
            window.eval("[...document.getElementById('fault-code').options].map((o) => o.text)").await;
        let table: Vec<_> =
            ApiCode::known().map(|code| format!("{}: {}", code.as_str(), code.meaning())).collect();
        assert_eq!(codes, serde_json::json!(table));
        window.click("#fault .primary").await;
        let shown = window.until("document.querySelector('#faults li')?.textContent").await;
        assert!(shown.as_str().unwrap().starts_with("ERR013next requestto send"), "{shown}");
        assert!(
            window
                .client
                .find(fantoccini::Locator::Css("#faults-active"))
                .await
                .unwrap()
                .is_displayed()
                .await
                .unwrap()
        );

        let error = client.send(NUMBER, "Hello").await.unwrap_err();
        assert_eq!(error.code().unwrap().as_str(), "ERR013");
        window
            .until("document.getElementById('faults-active').hidden && !document.querySelector('#faults li')")
            .await;
        client.send(NUMBER, "Hello").await.unwrap();
        // The one that the fault refused is there too.
        cards(&window, 2).await;

        window.choose("#fault-kind", "slow_body").await;
        assert_eq!(window.eval("document.getElementById('fault-code').disabled").await, true);
        window.click("#fault-delay").await;
        window.keys("1500").await;
        window.click("#fault-always").await;
        window.click("#fault .primary").await;
        let shown = window.until("document.querySelector('#faults li')?.textContent").await;
        assert!(shown.as_str().unwrap().contains("until switched offto send1500 ms"), "{shown}");
        window.click("#faults li button").await;
        window.until("!document.querySelector('#faults li')").await;
        assert_eq!(window.sandbox.faults().pending(), 0);
        // Each kind is one that the API takes.
        let kinds =
            window.eval("[...document.getElementById('fault-kind').options].map((o) => o.value)").await;
        let kinds: Vec<String> = serde_json::from_value(kinds).unwrap();
        assert_eq!(kinds.len(), 11);
        window.click("#fault-always").await;
        for (count, kind) in kinds.iter().enumerate() {
            window.choose("#fault-kind", kind).await;
            for (field, value) in
                [("#fault-delay", "10"), ("#fault-location", "/x/"), ("#fault-status", "403")]
            {
                if window.eval(&format!("!document.querySelector('{field}').disabled")).await == true {
                    window.fill(field, value).await;
                }
            }
            window.click("#fault .primary").await;
            window.until(&format!("document.querySelectorAll('#faults li').length === {}", count + 1)).await;
        }
        window.click("#faults-clear").await;
        window.until("!document.querySelector('#faults li')").await;
        assert_eq!(window.sandbox.faults().pending(), 0);
        // One that is pushed elsewhere is seen here.
        window.sandbox.faults().push(Fault::html_502().times(3));
        window.until("document.querySelector('#faults li')?.textContent.includes('next 3 requests')").await;
    })
    .await;
}

#[tokio::test]
async fn an_account_is_chosen_and_changed() {
    open(Sandbox::start().await.unwrap(), async |window: Window| {
        let client = sdk(&window.sandbox, "shop");
        client.send(NUMBER, "Hello").await.unwrap();
        window.until("document.querySelector('#accounts li')?.textContent.includes('999 credits')").await;
        window.click("#accounts button").await;
        window.until("document.getElementById('balance').value === '999'").await;
        for (field, value) in
            [("#balance", "7"), ("#sender-ids", "MY-APP\nKWT-TEST"), ("#coverage", "965, 971")]
        {
            window.fill(field, value).await;
        }
        // News do not take away what is being typed.
        window.sandbox.account("shop").set_purchased(5);
        client.send("96550000001", "Hello").await.unwrap();
        window.until("document.getElementById('purchased').value === '5'").await;
        window.click("#account-form .primary").await;
        window.until("document.querySelector('#account-form [role=alert]').textContent === 'Saved'").await;
        let account = window.sandbox.account("shop");
        assert_eq!(
            (account.balance(), account.sender_ids()),
            (7, vec!["MY-APP".to_owned(), "KWT-TEST".to_owned()])
        );
        assert_eq!(account.coverage(), ["965", "971"]);
        assert_eq!(client.balance().await.unwrap().available().to_string(), "7");

        window.fill("#latency", "5").await;
        window.click("#settings .primary").await;
        window.until("document.querySelector('#settings [role=alert]').textContent === 'Saved'").await;

        window.click("#any-password").await;
        window.click("#password").await;
        window.keys("other").await;
        window.click("#account-form .primary").await;
        window.until("document.getElementById('password-note').textContent.startsWith('One is set')").await;
        assert_eq!(client.balance().await.unwrap_err().code().unwrap().as_str(), "ERR003");
        // What was set is there for whoever comes next, and so is what was chosen.
        window.client.refresh().await.unwrap();
        window.until("document.getElementById('balance').value === '7'").await;
        window.until("document.getElementById('latency').value === '5'").await;
    })
    .await;
}
