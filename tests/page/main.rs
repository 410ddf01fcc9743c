//! The inbox's page, that of campaigns and that of the login example in headless Chromium: what a person does with
//! them, over chromedriver.
//!
//! Where there is no chromium with chromedriver, each test says so and passes.

#![allow(clippy::unwrap_used)] // a helper of a test may panic like the test

mod axe;
mod campaigns;
mod controls;
mod layout;
mod login;
mod reading;
mod refused;

use std::time::Duration;

use kwtsms_async::Client;
use kwtsms_async::sandbox::{Fault, Sandbox};
use kwtsms_page_tests::{Window, open};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) const NUMBER: &str = "96598765432";
pub(crate) const FIRST: &str = "#messages > .message:first-child";

/// The SDK, as an application has it.
pub(crate) fn sdk(sandbox: &Sandbox, user: &str) -> Client {
    Client::builder(user, "s3cret").base_url(sandbox.base_url()).sender_id("KWT-TEST").build().unwrap()
}

/// What a client that checks nothing posts, and the code or `OK` that it gets.
pub(crate) async fn post(sandbox: &Sandbox, user: &str, number: &str, text: &str) -> String {
    let body = json!({
        "username": user, "password": "s3cret", "sender": "KWT-TEST", "mobile": number, "message": text
    })
    .to_string();
    let host = sandbox.inbox_url().trim_start_matches("http://").trim_end_matches('/');
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!(
        "POST /API/send/ HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         accept: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let reply: Value = serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap();
    reply["code"].as_str().unwrap_or("OK").to_owned()
}

pub(crate) async fn cards(window: &Window, count: usize) {
    window.until(&format!("document.querySelectorAll('#messages > .message').length === {count}")).await;
}

#[tokio::test]
async fn a_message_of_the_sdk_appears_without_reload_and_its_code_is_copied() {
    open(Sandbox::start().await.unwrap(), async |window: Window| {
        window.until("!document.getElementById('start').hidden").await;
        assert_eq!(window.text("#start-url").await, window.sandbox.base_url());
        window.eval("window.same = true").await;

        let report =
            sdk(&window.sandbox, "shop").send(NUMBER, "Your OTP for MYAPP is: 123456").await.unwrap();
        window.until(&format!("document.querySelector('{FIRST}')")).await;
        assert_eq!(window.text(&format!("{FIRST} .bubble")).await, "Your OTP for MYAPP is: 123456");
        assert_eq!(window.text(&format!("{FIRST} h3")).await, "KWT-TEST to 96598765432");
        let id = report.message_id().unwrap().to_string();
        assert!(window.text(&format!("{FIRST} .id")).await.ends_with(&id));
        let facts = window.text(&format!("{FIRST} .facts")).await;
        assert!(facts.starts_with("GSM-71 page29 characters1 credit"), "{facts}");
        assert!(window.eval("document.getElementById('start').hidden").await.as_bool().unwrap());
        window.until("document.getElementById('announce').textContent.endsWith('code 123456')").await;

        window.click(&format!("{FIRST} [data-part=copy]")).await;
        window
            .until(&format!(
                "document.querySelector('{FIRST} [data-part=copy]').textContent.startsWith('Copied')"
            ))
            .await;
        window.until("document.getElementById('announce').textContent === 'code 123456 copied'").await;
        // What was copied is what is pasted.
        window.click("#search").await;
        window.keys("\u{E009}v").await;
        window.until("document.getElementById('search').value === '123456'").await;

        // Under a host name without TLS there is no clipboard to write to, and it works all the same.
        sdk(&window.sandbox, "shop").send("96550000001", "Your OTP for MYAPP is: 778899").await.unwrap();
        window.fill("#search", "MYAPP").await;
        cards(&window, 2).await;
        // Said last, or it would be said over what is waited for below.
        window.until("document.getElementById('announce').textContent.startsWith('2 messages found')").await;
        window.eval("delete Navigator.prototype.clipboard && navigator.clipboard === undefined").await;
        window.click(&format!("{FIRST} [data-part=copy]")).await;
        window.until("document.getElementById('announce').textContent === 'code 778899 copied'").await;
        window.fill("#search", "\u{E009}v").await;
        window.until("document.getElementById('search').value === '778899'").await;
        cards(&window, 1).await;

        // The queue drains, and the page tells.
        window
            .until(&format!("document.querySelector('{FIRST} .state').textContent === 'State: Sent'"))
            .await;
        assert_eq!(window.eval("window.same").await, true);
    })
    .await;
}

#[tokio::test]
async fn what_a_message_went_through_is_shown_and_it_is_deleted_from_the_queue() {
    let sandbox = Sandbox::builder().reports_after(Duration::ZERO).start().await.unwrap();
    open(sandbox, async |window: Window| {
        post(&window.sandbox, "shop", NUMBER, "Par\u{200B}ty 🎉").await;
        cards(&window, 1).await;
        assert_eq!(window.text(".bubble").await, "Party 🎉");
        assert_eq!(window.text(".posted").await, "Parzero-width spacety 🎉");
        assert!(window.text(".note.bad").await.contains("🎉 U+1F389"));
        assert!(
            window
                .text(".facts")
                .await
                .starts_with("UCS-2 because of zero-width space U+200B as character 4, 🎉")
        );
        assert_eq!(window.text(".state").await, "State: Stuck");

        window.click(".message summary").await;
        window.until("document.querySelector('[data-part=reply]')").await;
        let request = window.text("[data-part=request]").await;
        assert!(request.contains("\"password\":\"***\"") && !request.contains("s3cret"), "{request}");
        assert!(window.text("[data-part=reply]").await.contains("\"msg-id\""));

        assert_eq!(window.sandbox.account("shop").balance(), 999);
        window.click("[data-part=delete]").await;
        window.until("document.querySelector('.state').textContent === 'State: Deleted'").await;
        assert_eq!(window.sandbox.account("shop").balance(), 1000);
        // It stays as it was left: open, with the keyboard in it.
        assert_eq!(window.eval("document.querySelector('.message details').open").await, true);
        assert_eq!(window.eval("document.querySelectorAll('[data-part=delete]').length").await, 0);

        sdk(&window.sandbox, "shop").send("971501234567", "Hello").await.unwrap();
        cards(&window, 2).await;
        window.until("document.querySelector('.state').textContent === 'State: Delivered abroad'").await;
    })
    .await;
}

#[tokio::test]
async fn the_search_filters_by_text_number_sender_and_id_and_clearing_takes_what_matches() {
    open(Sandbox::start().await.unwrap(), async |window: Window| {
        let client = sdk(&window.sandbox, "shop");
        let report = client.send(NUMBER, "Hello one").await.unwrap();
        client.send("96550000002", "Hello two").sender("KWT-SMS").await.unwrap();
        sdk(&window.sandbox, "bank").send("96550000003", "مرحبا").await.unwrap();
        cards(&window, 3).await;
        let id = report.message_id().unwrap().to_string();
        for (words, count, first) in [
            ("hello", 2, "Hello two"),
            ("HELLO one", 1, "Hello one"),
            ("+965 9876 5432", 1, "Hello one"),
            ("50000003", 1, "مرحبا"),
            ("مرح", 1, "مرحبا"),
            ("kwt-sms", 1, "Hello two"),
            (id.as_str(), 1, "Hello one"),
            (&id.to_uppercase(), 1, "Hello one"),
        ] {
            window.fill("#search", words).await;
            let shown = json!([count, first]);
            window.until(&format!("(() => {{ const shown = document.querySelectorAll('.bubble'); return JSON.stringify([shown.length, shown[0]?.textContent]) === '{shown}' }})()")).await;
        }
        // A piece of an id finds nothing, neither there nor in what arrives meanwhile.
        window.fill("#search", &id[..6]).await;
        cards(&window, 0).await;
        let other = client.send("96550000005", "Hello four").await.unwrap().message_id().unwrap().to_string();
        window.fill("#search", &other[..6]).await;
        window.until("document.getElementById('count').textContent === '0 of 4 messages'").await;
        let live = client.send("96550000006", format!("about {}", &other[..6])).await.unwrap();
        cards(&window, 1).await;
        assert!(window.text(".message .id").await.ends_with(live.message_id().unwrap().as_str()));
        window.sandbox.inbox().clear();
        let report = client.send("96550000007", "Hello one").await.unwrap();
        client.send("96550000008", "Hello two").sender("KWT-SMS").await.unwrap();
        sdk(&window.sandbox, "bank").send("96550000009", "مرحبا").await.unwrap();
        drop(report);
        window.fill("#search", "\u{E00C}").await; // Escape
        cards(&window, 3).await;
        window.keys("nothing like it").await;
        window.until("!document.getElementById('nothing').hidden").await;
        window.click("#all").await;
        cards(&window, 3).await;

        window.choose("#account", "bank").await;
        cards(&window, 1).await;
        assert!(
            window
                .eval("document.getElementById('export-csv').href")
                .await
                .as_str()
                .unwrap()
                .ends_with("/api/messages.csv?user=bank")
        );
        // Of another account, so it is not among what is shown.
        client.send("96550000004", "Hello three").await.unwrap();
        window.until("document.getElementById('count').textContent === '1 of 4 messages'").await;
        window.click("#clear").await;
        window.click("#confirm [value=no]").await;
        assert_eq!(window.sandbox.messages().len(), 4);
        window.click("#clear").await;
        window.click("#confirm [value=yes]").await;
        cards(&window, 0).await;
        assert_eq!(window.sandbox.messages().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn strangers_words_stay_words() {
    open(Sandbox::start().await.unwrap(), async |window: Window| {
        let hostile = "<img src=x onerror=\"window.owned = true\">";
        let text = format!("&lt;img src=x onerror=alert(1)&gt; < {}", &hostile[1..]);
        // The gateway takes no tags in a text, but anything in a user name.
        assert_eq!(post(&window.sandbox, hostile, NUMBER, hostile).await, "ERR027");
        assert_eq!(post(&window.sandbox, hostile, NUMBER, &text).await, "OK");
        window.sandbox.account(hostile).set_sender_ids([hostile]);
        window.sandbox.faults().push(Fault::code(hostile).for_user(hostile));
        // The one that was refused, and the one that was not.
        cards(&window, 2).await;
        window.until("document.querySelector('#faults li') && document.querySelector('#accounts li')").await;
        let bubbles =
            window.eval("[...document.querySelectorAll('.bubble')].map((e) => e.textContent)").await;
        assert_eq!(bubbles, json!([text, hostile]));
        assert_eq!(window.text(".facts .user").await, hostile);
        window.click(".message summary").await;
        window.until("document.querySelector('[data-part=reply]')").await;
        window.click("#requests-box summary").await;
        window.click("#accounts button").await;
        window.until("document.getElementById('sender-ids').value.startsWith('<img')").await;
        assert_eq!(window.text("#account-title bdi").await, hostile);
        assert_eq!(
            window
                .eval("document.querySelectorAll('img, iframe, [onerror], script:not([nonce])').length")
                .await,
            0
        );
        assert_eq!(window.eval("window.owned === undefined && document.scripts.length === 1").await, true);
    })
    .await;
}

#[tokio::test]
async fn thousands_of_messages_are_shown_a_hundred_at_a_time() {
    let sandbox = Sandbox::builder().drain_per_second(1_000_000).start().await.unwrap();
    open(sandbox, async |window: Window| {
        window.sandbox.account("shop").set_balance(3001);
        let client = Client::builder("shop", "s3cret").transport(window.sandbox.transport()).unpaced();
        let client = client.sender_id("KWT-TEST").build().unwrap();
        window.until("document.getElementById('connection').dataset.state === 'live'").await;
        for i in 0..3000 {
            client.send(format!("9655{i:07}"), format!("message {i}")).await.unwrap();
        }
        window.until("document.querySelector('.bubble')?.textContent === 'message 2999'").await;
        window
            .until("document.getElementById('count').textContent === '3,000 messagesthe newest 100 shown'")
            .await;
        cards(&window, 100).await;
        client.send("96598765432", "one more").await.unwrap();
        window.until("document.querySelector('.bubble').textContent === 'one more'").await;
        assert_eq!(window.eval("document.querySelectorAll('.message').length").await, 100);
        window.click("#more").await;
        cards(&window, 200).await;
        let order = window.eval("[...document.querySelectorAll('.bubble')].map((e) => e.textContent)").await;
        let expected: Vec<_> = ["one more".to_owned()]
            .into_iter()
            .chain((2801..3000).rev().map(|i| format!("message {i}")))
            .collect();
        assert_eq!(order, json!(expected));
    })
    .await;
}

#[tokio::test]
async fn a_sandbox_that_comes_back_is_found_again() {
    let sandbox = Sandbox::start().await.unwrap();
    let address: std::net::SocketAddr =
        sandbox.inbox_url().trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    open(sandbox, async move |window: Window| {
        sdk(&window.sandbox, "shop").send(NUMBER, "before").await.unwrap();
        cards(&window, 1).await;
        let Window { client, sandbox } = window;
        drop(sandbox);
        let lost = Window { client: client.clone(), sandbox: Sandbox::in_process() };
        lost.until("document.getElementById('connection').dataset.state === 'lost'").await;
        // What is tried meanwhile says that it cannot be.
        lost.click("#settings .primary").await;
        lost.until("document.querySelector('#settings [role=alert]').textContent.includes('does not answer')").await;
        lost.click("[data-kind=messages]").await;
        lost.until("document.getElementById('trouble').textContent.includes('does not answer')").await;
        let window = Window { client, sandbox: Sandbox::builder().bind(address).start().await.unwrap() };
        window.until("document.getElementById('connection').dataset.state === 'live'").await;
        cards(&window, 0).await;
        // And no longer when it can.
        window.until("document.getElementById('trouble').hidden && !document.getElementById('trouble').textContent").await;
        assert_eq!(window.text("#settings [role=alert]").await, "");
        sdk(&window.sandbox, "shop").send(NUMBER, "after").await.unwrap();
        window.until("document.querySelector('.bubble')?.textContent === 'after'").await;
    })
    .await;
}

/// `cargo test -p kwtsms-page-tests -- --ignored` draws the README's picture anew.
#[tokio::test]
#[ignore = "writes docs/inbox.png"]
async fn the_picture_of_the_readme() {
    let sandbox = Sandbox::builder().drain_per_second(1).start().await.unwrap();
    open(sandbox, async |window: Window| {
        window.scheme("light").await;
        window.size(1280, 860).await;
        let shop = sdk(&window.sandbox, "myapp");
        let texts = [
            ("96550000003", "Your order is ready for pickup."),
            ("96598765432", "Your OTP for MYAPP is: 123456"),
            ("96551234567", "رمز التحقق الخاص بك في MYAPP هو ٤٨٢٩١٣\nصالح لمدة 5 دقائق، لا تشاركه مع أحد."),
        ];
        for (number, text) in texts {
            shop.send(number, text).await.unwrap();
        }
        assert_eq!(
            post(&window.sandbox, "myapp", "98765432", "Your order is ready for pickup.").await,
            "ERR006"
        );
        cards(&window, 4).await;
        window.until("document.querySelectorAll('.state[data-look=sent]').length === 2").await;
        window.until("document.querySelectorAll('#graph rect').length > 0").await;
        std::fs::write(
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/inbox.png"),
            window.client.screenshot().await.unwrap(),
        )
        .unwrap();
    })
    .await;
}
