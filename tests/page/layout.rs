//! Where things stand: what stays in view, what is aligned, and on a telephone.

use kwtsms_async::Client;
use kwtsms_async::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::{NUMBER, cards, post, sdk};
use kwtsms_page_tests::{Window, open};

/// Which of these are within the window and covered by nothing.
async fn in_view(window: &Window, selectors: &[&str]) -> Vec<String> {
    let script = format!(
        "{}.filter((selector) => {{
          const box = document.querySelector(selector).getBoundingClientRect();
          const [x, y] = [box.left + Math.min(box.width, innerWidth) / 2, box.top + box.height / 2];
          const there = document.elementFromPoint(x, y);
          return there && document.querySelector(selector).contains(there);
        }})",
        json!(selectors)
    );
    serde_json::from_value(window.eval(&script).await).unwrap()
}

#[tokio::test]
async fn search_counts_and_controls_stay_in_view_while_200_messages_scroll() {
    let sandbox = Sandbox::builder().drain_per_second(1_000_000).start().await.unwrap();
    open(sandbox, async |window: Window| {
        let client = Client::builder("shop", "s3cret").transport(window.sandbox.transport()).unpaced();
        let client = client.sender_id("KWT-TEST").build().unwrap();
        for i in 0..210 {
            client.send(format!("9655{i:07}"), format!("message {i}")).await.unwrap();
        }
        cards(&window, 100).await;
        window.click("#more").await;
        cards(&window, 200).await;
        let desktop = ["#search", "#kind", "#count", "#account", "#clear", "#connection", "#fault-kind"];
        for scroll in [0, 5_000, 15_000] {
            window.eval(&format!("window.scrollTo(0, {scroll})")).await;
            assert_eq!(in_view(&window, &desktop).await, desktop, "{scroll}");
        }
        // What the controls have no room for is reached by scrolling them alone.
        window.eval("document.querySelector('#settings .primary').scrollIntoView()").await;
        assert_eq!(in_view(&window, &["#search", "#settings .primary"]).await.len(), 2);

        window.size(390, 844).await;
        let phone =
            ["#search", "#kind", "#count", "#connection", "[data-show=messages]", "[data-show=controls]"];
        for scroll in [0, 5_000, 15_000] {
            window.eval(&format!("window.scrollTo(0, {scroll})")).await;
            assert_eq!(in_view(&window, &phone).await, phone, "{scroll}");
        }
        let taken = window.eval("document.querySelector('.bar').getBoundingClientRect().bottom").await;
        assert!(taken.as_f64().unwrap() < 200.0, "{taken} of 844");
    })
    .await;
}

#[tokio::test]
async fn on_a_telephone_the_state_has_its_place_no_line_ends_in_a_dot_and_buttons_are_aligned() {
    open(Sandbox::start().await.unwrap(), async |window: Window| {
        let client = sdk(&window.sandbox, "a-rather-long-user-name");
        client.send(NUMBER, "Short").await.unwrap();
        let many: Vec<_> = (0..6).map(|i| format!("9655000000{i}")).collect();
        client.send(many, "A text of several words, so that it takes a line or two of the card").await.unwrap();
        client.send("96550000007", "رمز التحقق الخاص بك في MYAPP هو ١٢٣٤٥٦").await.unwrap();
        client.send("96550000008", "It’s “here”").await.unwrap();
        post(&window.sandbox, "shop", "12345", "Refused").await;
        post(&window.sandbox, "shop", "96550000009", "Party 🎉").await;
        cards(&window, 6).await;
        for width in [390, 320, 1280] {
            window.size(width, 844).await;
            let seen = window
                .eval(
                    "(() => {
                      const box = (e) => e.getBoundingClientRect();
                      const places = [...document.querySelectorAll('.message')].map((card) => {
                        const state = box(card.querySelector('.state'));
                        return [Math.round(box(card).right - state.right), Math.round(state.top - box(card).top)].join();
                      });
                      const ends = [...document.querySelectorAll('.dots')].flatMap((line) => {
                        const clipped = getComputedStyle(line).clipPath !== 'none';
                        const items = [...line.children].map(box);
                        // The dot of an item that begins a line stands in what is clipped.
                        return items.filter((item, i) => (i === 0 || item.top > items[i - 1].top + 5) && !(clipped && item.left < box(line).left + 1));
                      });
                      const row = (selector) => [...document.querySelectorAll(selector)].map(box);
                      const uneven = ['.actions > *', '.kinds > *', '.views > *'].filter((selector) => {
                        const boxes = row(selector).filter((item) => item.width > 0);
                        return boxes.some((item) => Math.abs(item.top - boxes[0].top) > 1 || Math.abs(item.height - boxes[0].height) > 1);
                      });
                      const right = ['.actions', '.kinds', '.search'].map((selector) => Math.round(box(document.querySelector(selector)).right));
                      return { places: [...new Set(places)], ends: ends.length, uneven, right: [...new Set(right)], list: Math.round(box(document.querySelector('#messages')).right) };
                    })()",
                )
                .await;
            // The border of a refused one is 2 pixels wider.
            assert!(seen["places"].as_array().unwrap().len() <= 2, "{width}: {seen}");
            assert_eq!((&seen["ends"], &seen["uneven"]), (&json!(0), &json!([])), "{width}: {seen}");
            if width < 600 {
                assert_eq!(seen["right"], json!([seen["list"]]), "{width}: {seen}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn on_a_telephone_the_controls_are_the_main_landmark_and_the_link_skips_to_them() {
    open(Sandbox::start().await.unwrap(), async |window: Window| {
        window.size(390, 844).await;
        let mains = "[...document.querySelectorAll('main, [role=main]')].filter((e) => e.checkVisibility()).map((e) => e.id || e.tagName)";
        assert_eq!(window.eval(mains).await, json!(["MAIN"]));
        for (view, link, target) in
            [("controls", "Skip to the controls", "controls"), ("messages", "Skip to the messages", "messages")]
        {
            window.click(&format!("[data-show={view}]")).await;
            assert_eq!(window.eval(mains).await, if view == "controls" { json!(["controls"]) } else { json!(["MAIN"]) });
            assert_eq!(window.text("#skip").await, link);
            window.eval("document.getElementById('skip').focus()").await;
            window.keys("\u{E007}").await; // Enter
            assert_eq!(window.focused().await, target);
        }
        window.size(1280, 900).await;
        window.until("document.getElementById('controls').getAttribute('role') === 'complementary'").await;
    })
    .await;
}

#[tokio::test]
async fn code_points_read_from_left_to_right_in_any_text() {
    open(Sandbox::start().await.unwrap(), async |window: Window| {
        post(&window.sandbox, "shop", NUMBER, "مرحبا\u{200F} بكم \u{200B}هنا 🎉").await;
        cards(&window, 1).await;
        let directions = window
            .eval("[...document.querySelectorAll('.char')].map((e) => getComputedStyle(e).direction + e.tagName)")
            .await;
        let directions: Vec<Value> = directions.as_array().unwrap().clone();
        assert!(directions.len() > 3 && directions.iter().all(|one| one == "ltrBDI"), "{directions:?}");
    })
    .await;
}
