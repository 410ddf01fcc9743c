//! The page for whoever reads it: from right to left, by keyboard, in the dark, on a telephone.

use kwtsms_async::sandbox::{Fault, Sandbox};
use serde_json::json;

use crate::{NUMBER, cards, post, sdk};
use kwtsms_page_tests::{Window, open};

const ARABIC: &str = "رمز التحقق الخاص بك في MYAPP هو ١٢٣٤٥٦\nصالح لمدة 5 دقائق";

#[tokio::test]
async fn arabic_runs_from_right_to_left_and_its_numbers_do_not() {
    open(Sandbox::start().await.unwrap(), async |window: Window| {
        sdk(&window.sandbox, "shop").send(NUMBER, ARABIC).await.unwrap();
        cards(&window, 1).await;
        let seen = window
            .eval(
                "(() => {
                  const bubble = document.querySelector('.bubble');
                  const words = bubble.firstChild;
                  const left = (at) => {
                    const range = document.createRange();
                    range.setStart(words, at);
                    range.setEnd(words, at + 1);
                    return range.getBoundingClientRect().left;
                  };
                  const text = words.data;
                  const box = bubble.getBoundingClientRect();
                  const card = bubble.closest('article').getBoundingClientRect();
                  return {
                    direction: getComputedStyle(bubble).direction,
                    right: card.right - box.right, left: box.left - card.left,
                    letters: [left(0), left(4)],
                    name: [left(text.indexOf('M')), left(text.indexOf('P'))],
                    // The sandbox gets what the SDK cleaned: Latin digits.
                    digits: [left(text.indexOf('1')), left(text.indexOf('6'))],
                    lines: [left(0), left(text.indexOf('\\n') + 1)],
                  };
                })()",
            )
            .await;
        let pair = |name: &str| (seen[name][0].as_f64().unwrap(), seen[name][1].as_f64().unwrap());
        assert_eq!(seen["direction"], "rtl");
        assert!(seen["right"].as_f64().unwrap() < 1.0 && seen["left"].as_f64().unwrap() > 100.0, "{seen}");
        assert!(pair("letters").0 > pair("letters").1, "{seen}");
        assert!(pair("name").0 < pair("name").1 && pair("digits").0 < pair("digits").1, "{seen}");
        // Both lines begin at the right.
        assert!((pair("lines").0 - pair("lines").1).abs() < 10.0, "{seen}");
        assert_eq!(window.text(".otp code").await, "123456");
        assert!(window.text(".facts").await.starts_with("UCS-2: Arabic text1 page"));

        post(&window.sandbox, "shop", "96598765431", "Order 48213 for فاطمة").await;
        cards(&window, 2).await;
        assert_eq!(window.eval("getComputedStyle(document.querySelector('.bubble')).direction").await, "ltr");
    })
    .await;
}

#[tokio::test]
async fn the_keyboard_reaches_everything_and_everything_has_a_name() {
    open(Sandbox::start().await.unwrap(), async |window: Window| {
        sdk(&window.sandbox, "shop").send(NUMBER, "Your OTP for MYAPP is: 123456").test_mode(true).await.unwrap();
        cards(&window, 1).await;
        window.until("document.querySelector('#accounts li')").await;
        window.keys("/").await;
        assert_eq!(window.focused().await, "search");
        assert_eq!(window.eval("document.getElementById('search').value").await, "");
        let mut reached = Vec::new();
        for _ in 0..40 {
            window.keys("\u{E004}").await; // Tab
            let seen = window
                .eval(
                    "(() => {
                      const at = document.activeElement;
                      const style = getComputedStyle(at);
                      return { name: at.id || at.dataset.part || at.textContent, ring: style.outlineStyle !== 'none' };
                    })()",
                )
                .await;
            if seen["name"].as_str().unwrap().contains("OpenAPI") {
                break;
            }
            assert_eq!(seen["ring"], true, "{seen} shows no focus");
            reached.push(seen["name"].as_str().unwrap().to_owned());
        }
        let expected = ["All", "Messages 1", "Refused 0", "account", "export-json", "export-csv", "clear", "copy", "Request and reply", "delete"];
        assert_eq!(reached[..expected.len()], expected);
        for name in ["fault-kind", "fault-code", "Switch on", "Open shop", "new-user", "latency", "firewall"] {
            assert!(reached.iter().any(|seen| seen == name), "{name} is not among {reached:?}");
        }
        // Enter on the delete button.
        window.eval("document.querySelector('[data-part=delete]').focus()").await;
        window.keys("\u{E007}").await;
        window.until("document.querySelector('.state').textContent === 'State: Deleted'").await;

        let nameless = window
            .eval(
                "(() => {
                  const named = (e) => e.labels?.length > 0 || e.getAttribute('aria-label')
                    || (!/^(INPUT|SELECT|TEXTAREA)$/.test(e.tagName) && e.textContent.trim());
                  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
                  const refs = [...document.querySelectorAll('[aria-labelledby], [aria-describedby]')]
                    .flatMap((e) => [e.getAttribute('aria-labelledby'), e.getAttribute('aria-describedby')])
                    .filter((id) => id && !document.getElementById(id));
                  return {
                    nameless: [...document.querySelectorAll('input, select, textarea, button, a')].filter((e) => !e.hidden && !named(e)).map((e) => e.outerHTML),
                    twice: ids.filter((id, i) => ids.indexOf(id) !== i),
                    dangling: refs,
                    landmarks: ['body > header', 'main', '#controls[role=complementary][aria-label]', '[role=search][aria-label]'].map((s) => document.querySelectorAll(s).length),
                    language: document.documentElement.lang,
                    live: document.querySelectorAll('#announce[role=status]').length,
                  };
                })()",
            )
            .await;
        let whole = json!({
            "nameless": [], "twice": [], "dangling": [], "landmarks": [1, 1, 1, 1], "language": "en", "live": 1
        });
        assert_eq!(nameless, whole);
    })
    .await;
}

/// The contrast of every text on its ground, the least first (WCAG 2.2, 1.4.3).
const CONTRASTS: &str = "(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = channels(colour).map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const clear = (colour) => channels(colour)[3] === 0;
  const ground = (e) => {
    const colour = getComputedStyle(e).backgroundColor;
    return clear(colour) && e.parentElement ? ground(e.parentElement) : colour;
  };
  const seen = [...document.body.querySelectorAll('*')].filter((e) =>
    e.checkVisibility() && !e.closest('svg, script, datalist, :disabled') && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()));
  return seen.map((e) => {
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), e.className || e.tagName];
  }).sort((x, y) => x[0] - y[0]);
})()";

#[tokio::test]
async fn both_schemes_can_be_read_at_any_width_and_nothing_outside_is_asked() {
    open(Sandbox::start().await.unwrap(), async |window: Window| {
        sdk(&window.sandbox, "shop").send(NUMBER, ARABIC).await.unwrap();
        sdk(&window.sandbox, "shop")
            .send("96550000001", "Test")
            .sender("OTHER")
            .test_mode(true)
            .await
            .unwrap();
        post(&window.sandbox, "shop", "96550000002", "Party 🎉").await;
        window.sandbox.faults().push(Fault::code("ERR013"));
        cards(&window, 3).await;
        window.until("document.querySelector('#faults li')").await;
        let mut grounds = Vec::new();
        for scheme in ["light", "dark"] {
            window.scheme(scheme).await;
            grounds.push(window.eval("getComputedStyle(document.body).backgroundColor").await);
            let contrasts = window.eval(CONTRASTS).await;
            assert!(contrasts.as_array().unwrap().len() > 60, "{contrasts}");
            assert!(contrasts[0][0].as_f64().unwrap() >= 4.5, "{scheme}: {}", contrasts[0]);
        }
        assert_eq!(grounds, [json!("rgb(244, 245, 247)"), json!("rgb(17, 21, 26)")]);

        for width in [320, 390, 768, 1280, 1920] {
            window.size(width, 900).await;
            let wide = window.eval("document.documentElement.scrollWidth").await;
            assert!(wide.as_u64().unwrap() <= u64::from(width), "{wide} of {width}");
        }
        window.size(390, 844).await;
        assert_eq!(window.eval("document.querySelector('#controls').checkVisibility()").await, false);
        window.click("[data-show=controls]").await;
        assert_eq!(window.eval("document.querySelector('#controls').checkVisibility()").await, true);

        let asked = window
            .eval("performance.getEntries().map((e) => e.name).filter((name) => name.includes('://'))")
            .await;
        let asked = asked.as_array().unwrap();
        assert!(asked.len() > 3, "{asked:?}");
        for name in asked {
            assert!(name.as_str().unwrap().starts_with(window.sandbox.inbox_url()), "{name}");
        }
    })
    .await;
}
