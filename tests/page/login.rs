//! The login page of the axum example in headless Chromium: what a person does with it.

use std::net::SocketAddr;

use kwtsms_async::Client;
use kwtsms_async::otp::{Budget, Otp, OtpKeys, OtpStore};
use kwtsms_async::sandbox::Sandbox;
use kwtsms_page_tests::{Window, open};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[path = "../../examples/otp_axum/app.rs"]
mod app;
#[path = "../../examples/otp_axum/page.rs"]
mod page;

use super::NUMBER;

/// The page over a sandbox; gives its address.
async fn serve(sandbox: &Sandbox) -> String {
    serve_as(sandbox, true).await
}

/// The same, where it may be told that the gateway is a real one.
async fn serve_as(sandbox: &Sandbox, told: bool) -> String {
    let client = Client::builder("shop", "s3cret").base_url(sandbox.base_url()).sender_id("KWT-TEST");
    let otp = Otp::builder(client.build().unwrap(), OtpStore::memory(), OtpKeys::random())
        .app_name("MYAPP")
        .app_name_arabic("تطبيقي")
        .origin("localhost")
        .budget(Budget::credits(200).per_hour())
        .build()
        .unwrap();
    let router = app::router(app::App::new(otp, [NUMBER, "96551234567"], told));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    format!("http://localhost:{}/", address.port())
}

/// Opens the page in a window on a sandbox.
async fn opened<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(Window) -> F + Send + 'static) {
    open(Sandbox::start().await.unwrap(), async move |window: Window| {
        let page = serve(&window.sandbox).await;
        window.client.goto(&page).await.unwrap();
        test(window).await;
    })
    .await;
}

/// Fills a field in and presses Enter.
async fn enter(window: &Window, field: &str, text: &str) {
    window.fill(field, text).await;
    window.keys("\u{E007}").await;
}

/// Asks for a code and gives it once it is in the inbox and the page asks for it.
async fn ask_for_code(window: &Window, number: &str) -> String {
    enter(window, "#number", number).await;
    window.until("document.getElementById('code')").await;
    let mut code = window.sandbox.otp(NUMBER);
    while code.is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        code = window.sandbox.otp(NUMBER);
    }
    code.unwrap()
}

fn arabic(code: &str) -> String {
    code.chars().map(|c| char::from_u32(c as u32 - 0x30 + 0x660).unwrap()).collect()
}

/// Keeps a picture where `KWTSMS_PAGE_PICTURES` names a folder, for people to look at.
pub(crate) async fn picture(window: &Window, name: &str) {
    if let Some(folder) = std::env::var_os("KWTSMS_PAGE_PICTURES") {
        let picture = window.client.screenshot().await.unwrap();
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), picture).unwrap();
    }
}

/// Nothing stands out of the page, and what is pressed is large enough for a finger.
async fn fits(window: &Window, width: u32) {
    let wide = window.eval("document.documentElement.scrollWidth").await;
    assert!(wide.as_u64().unwrap() <= u64::from(width), "{wide} of {width}");
    let small = "[...document.querySelectorAll('button, input')].filter((e) => e.getBoundingClientRect().height < 44).length";
    assert_eq!(window.eval(small).await, 0);
}

#[tokio::test]
async fn a_code_from_the_inbox_typed_in_arabic_digits_signs_in() {
    opened(async |window: Window| {
        window.size(390, 844).await;
        fits(&window, 390).await;
        picture(&window, "number").await;
        let code = ask_for_code(&window, "9876 5432").await; // as people in Kuwait write it
        assert_eq!(window.focused().await, "code");
        let field = "(({autocomplete, inputMode}) => autocomplete + ' ' + inputMode)(document.getElementById('code'))";
        assert_eq!(window.eval(field).await, "one-time-code numeric");
        let text = window.sandbox.messages()[0].text().to_owned();
        assert!(text.ends_with(&format!("\n@localhost #{code}")), "{text}");
        // Another message has to wait, and the button counts.
        assert_eq!(window.eval("document.getElementById('resend').disabled").await, true);
        let waits = window.text("#resend").await;
        assert!(waits.starts_with("Another code in") && (waits.contains("3:5") || waits.contains("4:00")), "{waits}");
        fits(&window, 390).await;
        picture(&window, "code").await;
        window.size(1280, 900).await;
        fits(&window, 1280).await;
        picture(&window, "code-wide").await;
        window.size(390, 844).await;
        // A reload sends nothing again.
        window.client.refresh().await.unwrap();
        window.until("document.getElementById('code')").await;
        assert_eq!(window.sandbox.messages().len(), 1);
        let typed = arabic(&code);
        enter(&window, "#code", &format!("{} {}", &typed[..6], &typed[6..])).await;
        window.until("document.getElementById('welcome')").await;
        assert!(window.text("#welcome").await.contains("965****432"));
        fits(&window, 390).await;
        picture(&window, "signed-in").await;
        window.click("button").await;
        window.until("document.getElementById('number')").await;
    })
    .await;
}

#[tokio::test]
async fn five_wrong_codes_lock_the_challenge_and_the_right_one_no_longer_opens_it() {
    opened(async |window: Window| {
        window.size(390, 844).await;
        let code = ask_for_code(&window, "+965 9876 5432").await;
        let wrong = if code == "000000" { "000001" } else { "000000" };
        // Half a code costs no attempt.
        enter(&window, "#code", "123").await;
        window
            .until("document.getElementById('said')?.textContent.startsWith('Please type all digits')")
            .await;
        for left in (1..5).rev() {
            enter(&window, "#code", wrong).await;
            window.until(&format!("document.getElementById('left')?.textContent === '{left}'")).await;
        }
        assert!(window.text("#said").await.starts_with("This is not the right code"));
        assert_eq!(window.eval("document.getElementById('said').getAttribute('role')").await, "alert");
        picture(&window, "wrong").await;
        enter(&window, "#code", wrong).await;
        window.until("document.getElementById('said')?.textContent.startsWith('There were too many')").await;
        assert_eq!(window.eval("document.getElementById('code')").await, serde_json::Value::Null);
        fits(&window, 390).await;
        picture(&window, "locked").await;
        // Back on the code's page the right one is worth nothing.
        window
            .client
            .goto(window.client.current_url().await.unwrap().join("/").unwrap().as_str())
            .await
            .unwrap();
        window.until("document.getElementById('code')").await;
        enter(&window, "#code", &code).await;
        window.until("document.getElementById('said')?.textContent.startsWith('There were too many')").await;
        // And asked anew there is no message before its time.
        window.click("button").await;
        window.until("document.getElementById('number')").await;
        enter(&window, "#number", "98765432").await;
        window.until("document.getElementById('said')?.textContent.startsWith('Please wait a little')").await;
        assert_eq!(window.sandbox.messages().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_page_is_arabic_from_right_to_left_and_so_is_the_message() {
    opened(async |window: Window| {
        window.size(390, 844).await;
        window.click("footer a").await;
        window.until("document.documentElement.dir === 'rtl'").await;
        assert_eq!(window.text("h1").await, "تسجيل الدخول إلى تطبيقي");
        picture(&window, "number-arabic").await;
        enter(&window, "#number", "٩٨").await;
        window.until("document.getElementById('said')?.textContent.includes('رقم الهاتف غير صحيح')").await;
        picture(&window, "bad-number-arabic").await;
        let code = ask_for_code(&window, "٩٨٧٦ ٥٤٣٢").await;
        let text = window.sandbox.messages()[0].text().to_owned();
        assert!(text.starts_with(&format!("{code} رمز تطبيقي")), "{text}");
        // Label to the right, digits from left to right.
        let right = "document.querySelector('label').getBoundingClientRect().right > innerWidth / 2";
        assert_eq!(window.eval(right).await, true);
        assert_eq!(window.eval("getComputedStyle(document.getElementById('code')).direction").await, "ltr");
        assert!(window.text("#resend").await.starts_with("رمز آخر بعد"));
        fits(&window, 390).await;
        picture(&window, "code-arabic").await;
        window.size(1280, 900).await;
        fits(&window, 1280).await;
        picture(&window, "code-arabic-wide").await;
        window.size(390, 844).await;
        enter(&window, "#code", &arabic(&code)).await;
        window.until("document.getElementById('welcome')").await;
        picture(&window, "signed-in-arabic").await;
        window.size(1280, 900).await;
        fits(&window, 1280).await;
        window.scheme("dark").await;
        picture(&window, "signed-in-arabic-dark").await;
    })
    .await;
}

#[tokio::test]
async fn a_number_without_an_account_sees_the_same_page_and_gets_no_message() {
    opened(async |window: Window| {
        enter(&window, "#number", "5999 9999").await;
        window.until("document.getElementById('code')").await;
        let page = window.text("main").await;
        assert!(page.contains("If the number has an account"), "{page}");
        enter(&window, "#code", "123456").await;
        window.until("document.getElementById('left')?.textContent === '4'").await;
        assert_eq!(window.sandbox.messages().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn the_browser_fills_the_code_in_by_itself_where_it_can() {
    opened(async |window: Window| {
        // What Chromium has on phones: the promise is kept when a message with the last line arrives.
        let phone = "window.OTPCredential = class {};
            navigator.credentials.get = ({ otp }) => new Promise((resolve) => {
              if (otp.transport.join() === 'sms') window.arrives = (code) => resolve({ code });
            });";
        let before_each_page = json!({ "source": phone });
        window.devtools("Page.addScriptToEvaluateOnNewDocument", before_each_page).await.unwrap();
        let code = ask_for_code(&window, "98765432").await;
        window.until("window.arrives").await;
        window.eval(&format!("window.arrives('{code}')")).await;
        window.until("document.getElementById('welcome')").await;
    })
    .await;
}

#[tokio::test]
async fn what_a_stranger_types_stays_text() {
    opened(async |window: Window| {
        enter(&window, "#number", "\"><img src=x onerror=alert(1)>'&lt;").await;
        window.until("document.getElementById('said')").await;
        assert_eq!(
            window.eval("document.getElementById('number').value").await,
            "\"><img src=x onerror=alert(1)>'&lt;"
        );
        assert_eq!(window.eval("document.querySelectorAll('img, script:not([src])').length").await, 0);
    })
    .await;
}

/// What the page answered to its first form, without the body.
struct Answer(String);

impl Answer {
    fn status(&self) -> &str {
        self.0.split(' ').nth(1).unwrap()
    }

    /// The values of a header, whose name is in small letters.
    fn all(&self, name: &str) -> Vec<&str> {
        let headers = self.0.lines().filter_map(|line| line.split_once(": "));
        headers.filter(|(other, _)| *other == name).map(|(_, value)| value).collect()
    }
}

/// Sends the page's first form with these headers, as a browser or a script would.
async fn posted(page: &str, headers: &[(&str, &str)]) -> Answer {
    let host = page.strip_prefix("http://").unwrap().trim_end_matches('/');
    let body = "number=98765432";
    let mut request = format!("POST /start HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += "content-type: application/x-www-form-urlencoded\r\n";
    request += &format!("content-length: {}\r\n\r\n{body}", body.len());
    let mut stream = TcpStream::connect(host.replace("localhost", "127.0.0.1")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    Answer(answer.split("\r\n\r\n").next().unwrap().replace("\r\n", "\n"))
}

#[tokio::test]
async fn a_form_of_another_site_is_refused_and_neither_sends_nor_signs_out() {
    let sandbox = Sandbox::start().await.unwrap();
    let page = serve(&sandbox).await;
    let own = page.trim_end_matches('/');
    for headers in [
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")][..],
        &[("sec-fetch-site", "same-site"), ("origin", own)],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://localhost.evil.example")],
    ] {
        let refused = posted(&page, headers).await;
        assert_eq!(refused.status(), "403", "{headers:?}");
        assert!(refused.all("set-cookie").is_empty(), "a new session would sign the visitor out");
    }
    for headers in [&[("sec-fetch-site", "same-origin")][..], &[("origin", own)], &[]] {
        assert_ne!(posted(&page, headers).await.status(), "403", "{headers:?}");
    }
    tokio::time::sleep(std::time::Duration::from_millis(100)).await; // it is sent in the background
    assert_eq!(sandbox.messages().len(), 1, "the first of the page's own");
}

#[tokio::test]
async fn what_a_browser_keeps_is_kept_from_scripts_other_sites_and_plain_http() {
    let sandbox = Sandbox::start().await.unwrap();
    for (told, secure) in [(true, false), (false, true)] {
        let page = serve_as(&sandbox, told).await;
        let answer = posted(&page, &[("sec-fetch-site", "same-origin")]).await;
        let cookies = answer.all("set-cookie");
        assert_eq!(cookies.len(), 2, "the session and the challenge: {cookies:?}");
        for cookie in cookies {
            assert!(cookie.contains("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
            assert_eq!(cookie.ends_with("; Secure"), secure, "{cookie}");
        }
        assert_eq!(answer.all("cache-control"), ["no-store"]);
        assert_eq!(answer.all("referrer-policy"), ["same-origin"]);
        assert_eq!(answer.all("location"), ["/"], "nothing of it stands in an address");
    }
}
