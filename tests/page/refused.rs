//! What was refused, beside what was not.

use kwtsms_async::ApiCode;
use kwtsms_async::sandbox::{Fault, Sandbox};
use serde_json::json;

use crate::{FIRST, NUMBER, cards, post, sdk};
use kwtsms_page_tests::{Window, open};

/// What stands beside "All", "Messages" and "Refused".
async fn counts(window: &Window) -> Vec<String> {
    let counts = window.eval("[...document.querySelectorAll('#kind button')].map((e) => e.querySelector('span')?.textContent ?? '')");
    serde_json::from_value(counts.await).unwrap()
}

#[tokio::test]
async fn a_refused_request_is_as_visible_as_a_message_and_says_what_to_do() {
    open(Sandbox::start().await.unwrap(), async |window: Window| {
        window.until("document.getElementById('connection').dataset.state === 'live'").await;
        sdk(&window.sandbox, "shop").send(NUMBER, "Hello").await.unwrap();
        window.until("document.getElementById('announce').textContent.startsWith('New message')").await;
        assert_eq!(post(&window.sandbox, "shop", "12345", "مرحبا بكم").await, "ERR006");
        cards(&window, 2).await;
        window.until("document.getElementById('announce').textContent === 'Refused: send ERR006'").await;
        for reloaded in [false, true] {
            if reloaded {
                window.client.refresh().await.unwrap();
                cards(&window, 2).await;
            }
            assert_eq!(window.text(&format!("{FIRST} h3")).await, "KWT-TEST to 12345");
            assert_eq!(window.text(&format!("{FIRST} .state")).await, "State: Refused: ERR006");
            assert_eq!(window.text(&format!("{FIRST} .bubble")).await, "مرحبا بكم");
            let reason = window.text(&format!("{FIRST} [data-part=reason]")).await;
            let code = ApiCode::new("ERR006");
            assert_eq!(reason, format!("ERR006: {}. What to do: {}", code.meaning(), code.action()));
            window.click(&format!("{FIRST} summary")).await;
            let request = window.until("document.querySelector('[data-part=request]')?.textContent").await;
            let request = request.as_str().unwrap();
            assert!(request.contains("\"12345\"") && !request.contains("s3cret"), "{request}");
            assert!(window.text("[data-part=reply]").await.contains("\"ERR006\""));
        }
        // Only the one, only the other, and found by what they say.
        for (kind, first, count) in [("messages", "Hello", 1), ("refused", "مرحبا بكم", 1), ("", "مرحبا بكم", 2)] {
            window.click(&format!("[data-kind='{kind}']")).await;
            let shown = json!([count, first]);
            window.until(&format!("(() => {{ const shown = document.querySelectorAll('.bubble'); return JSON.stringify([shown.length, shown[0]?.textContent]) === '{shown}' }})()")).await;
            assert_eq!(counts(&window).await, ["", " 1", " 1"]);
        }
        window.fill("#search", "err006").await;
        cards(&window, 1).await;
        assert_eq!(post(&window.sandbox, "shop", "123456", "again").await, "ERR006");
        cards(&window, 2).await;
        assert_eq!(counts(&window).await, ["", " 0", " 2"]);
        // What is looked at has an address.
        window.click("[data-kind=refused]").await;
        window.client.refresh().await.unwrap();
        cards(&window, 2).await;
        assert_eq!(window.eval("document.getElementById('search').value").await, "err006");
        assert_eq!(window.eval("document.querySelector('[data-kind=refused]').ariaPressed").await, "true");
        window.click("[data-kind='']").await;
        window.fill("#search", "\u{E00C}").await;
        cards(&window, 3).await;

        window.sandbox.faults().push(Fault::drop_before_reading());
        let _ = sdk(&window.sandbox, "shop").balance().await;
        cards(&window, 4).await;
        assert_eq!(window.text(&format!("{FIRST} .state")).await, "State: Cut");
        assert!(window.text(&format!("{FIRST} [data-part=fault]")).await.contains("never saw the request"));

        // What is cleared is what is shown.
        window.click("[data-kind=refused]").await;
        cards(&window, 3).await;
        window.click("#clear").await;
        assert_eq!(window.text("#confirm-title").await, "Take all 3 refused requests out of the inbox?");
        window.click("#confirm [value=yes]").await;
        cards(&window, 0).await;
        assert_eq!(window.sandbox.messages().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_of_a_request_could_not_be_read_is_shown() {
    open(Sandbox::start().await.unwrap(), async |window: Window| {
        // Posted by the page itself, whose origin the sandbox takes.
        let posted = |body: &str| {
            format!("fetch('/API/send/', {{ method: 'POST', headers: {{ 'Content-Type': 'application/json' }}, body: {} }})", json!(body))
        };
        for (body, said) in [
            ("{\"username\":\"shop\",\"password\":\"s3cret\",\"message\":\"\\ud83c\"}", "half of a character"),
            ("\u{FEFF}{\"username\":\"shop\",\"password\":\"s3cret\"}", "byte order mark"),
            ("{\"username\":\"shop\",\"password\":\"s3cret\",\"sender\":\"A\",\"mobile\":96598765432}", "mobile is a number"),
            ("--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\ns3cret\r\n--B--", "the body is multipart"),
        ] {
            let before = window.eval("document.querySelectorAll('.message').length").await.as_u64().unwrap();
            window.eval(&format!("void {}", posted(body))).await;
            cards(&window, usize::try_from(before).unwrap() + 1).await;
            let problems = window.text(&format!("{FIRST} [data-part=problems]")).await;
            assert!(problems.contains(said), "{said}: {problems}");
            window.click(&format!("{FIRST} summary")).await;
            window.until(&format!("document.querySelector('{FIRST} [data-part=request]')")).await;
            assert_eq!(window.eval("document.body.textContent.includes('s3cret')").await, false, "{said}");
        }
    })
    .await;
}
