//! The page: one template, its words in two languages, and no value in it that is not escaped.

use std::fmt::Write;

use kwtsms_async::otp::Language;
use kwtsms_async::{PhoneNumber, UserMessage};

pub(crate) const CSS: &str = include_str!("page.css");
pub(crate) const JS: &str = include_str!("page.js");

/// What the page shows.
pub(crate) enum Step<'a> {
    Number {
        typed: &'a str,
    },
    Code {
        resend_in: u64,
        left: Option<u32>,
    },
    /// No further code is taken for this challenge.
    Locked,
    SignedIn {
        number: PhoneNumber,
    },
}

/// The words of a language.
struct Words {
    code: &'static str,
    direction: &'static str,
    other: (&'static str, &'static str),
    title: &'static str,
    number: &'static str,
    number_hint: &'static str,
    send: &'static str,
    digits: &'static str,
    digits_hint: &'static str,
    verify: &'static str,
    left: &'static str,
    resend: &'static str,
    resend_in: &'static str,
    other_number: &'static str,
    welcome: &'static str,
    sign_out: &'static str,
}

const ENGLISH: Words = Words {
    code: "en",
    direction: "ltr",
    other: ("ar", "العربية"),
    title: "Sign in to MYAPP",
    number: "Phone number",
    number_hint: "We send you a code by SMS.",
    send: "Send code",
    digits: "Code",
    digits_hint: "If the number has an account, a message with a code of 6 digits is on its way.",
    verify: "Sign in",
    left: "Attempts left:",
    resend: "Send another code",
    resend_in: "Another code in",
    other_number: "Use another number",
    welcome: "You are signed in",
    sign_out: "Sign out",
};

const ARABIC: Words = Words {
    code: "ar",
    direction: "rtl",
    other: ("en", "English"),
    title: "تسجيل الدخول إلى تطبيقي",
    number: "رقم الهاتف",
    number_hint: "نرسل إليك رمزًا في رسالة نصية.",
    send: "إرسال الرمز",
    digits: "الرمز",
    digits_hint: "إذا كان للرقم حساب فستصلك رسالة فيها رمز من 6 أرقام.",
    verify: "تسجيل الدخول",
    left: "المحاولات المتبقية:",
    resend: "إرسال رمز آخر",
    resend_in: "رمز آخر بعد",
    other_number: "استخدام رقم آخر",
    welcome: "تم تسجيل الدخول",
    sign_out: "تسجيل الخروج",
};

/// Writes a text so that it is nothing but text in HTML, in attributes too.
fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
        escaped
    })
}

/// Writes the page.
pub(crate) fn html(language: Language, step: &Step<'_>, said: Option<UserMessage>) -> String {
    let words = if language == Language::Arabic { &ARABIC } else { &ENGLISH };
    let said = said.map(|said| if language == Language::Arabic { said.arabic() } else { said.english() });
    let alert = said.map_or(String::new(), |said| {
        format!(r#"<p id="said" class="said" role="alert">{}</p>"#, escape(said))
    });
    let invalid = if said.is_some() {
        r#" aria-invalid="true" aria-describedby="said hint""#
    } else {
        r#" aria-describedby="hint""#
    };
    let mut main = String::new();
    // Writing to a string does not fail.
    let _ = match step {
        Step::Number { typed } => write!(
            main,
            r#"<form method="post" action="/start">
      <label for="number">{}</label>
      <input id="number" name="number" type="tel" inputmode="tel" autocomplete="tel" dir="ltr" placeholder="+965 9876 5432" value="{}" required maxlength="40" autofocus{invalid}>
      <p id="hint" class="hint">{}</p>
      {alert}
      <button type="submit">{}</button>
    </form>"#,
            words.number,
            escape(typed),
            words.number_hint,
            words.send
        ),
        Step::Code { resend_in, left } => {
            let left = left.map_or(String::new(), |left| {
                format!(r#"<p class="hint">{} <bdi id="left">{left}</bdi></p>"#, words.left)
            });
            write!(
                main,
                r#"<form method="post" action="/verify" id="verify">
      <label for="code">{}</label>
      <input id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" dir="ltr" required maxlength="32" autofocus{invalid}>
      <p id="hint" class="hint">{}</p>
      {alert}
      {left}
      <button type="submit">{}</button>
    </form>
    <form method="post" action="/resend">
      <button type="submit" class="quiet" id="resend" data-seconds="{resend_in}" data-waiting="{}" data-ready="{}">{}</button>
    </form>
    <form method="post" action="/again"><button type="submit" class="quiet">{}</button></form>"#,
                words.digits,
                words.digits_hint,
                words.verify,
                words.resend_in,
                words.resend,
                words.resend,
                words.other_number
            )
        }
        Step::Locked => write!(
            main,
            r#"{alert}
    <form method="post" action="/again"><button type="submit">{}</button></form>"#,
            words.other_number
        ),
        Step::SignedIn { number } => write!(
            main,
            r#"<p class="welcome" id="welcome">{} <bdi dir="ltr">{}</bdi></p>
    <form method="post" action="/again"><button type="submit" class="quiet">{}</button></form>"#,
            words.welcome,
            number.masked(),
            words.sign_out
        ),
    };
    format!(
        r#"<!doctype html>
<html lang="{}" dir="{}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{}</title>
  <link rel="stylesheet" href="/page.css">
  <script src="/page.js" defer></script>
</head>
<body>
  <main>
    <h1>{}</h1>
    {main}
  </main>
  <footer><a href="/?lang={}" lang="{}" hreflang="{}">{}</a></footer>
</body>
</html>
"#,
        words.code,
        words.direction,
        words.title,
        words.title,
        words.other.0,
        words.other.0,
        words.other.0,
        words.other.1
    )
}
