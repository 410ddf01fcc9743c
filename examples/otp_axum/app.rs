//! The routes: who asks, what is answered, and what the browser keeps.
//!
//! The browser keeps two cookies, readable by no script: a random session id, to which a challenge is bound, and the
//! challenge itself. What is signed in, and which devices have verified which number, is in this process's memory; that
//! belongs into your own sessions.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{ConnectInfo, Form, Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, REFERRER_POLICY,
    SET_COOKIE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use kwtsms_async::otp::{Caller, Language, Otp, Purpose, StartError, Started, VerifyError};
use kwtsms_async::{PhoneNumber, UserMessage, normalize_phone};
use serde::Deserialize;

use super::page::{self, Step};

/// How long a browser keeps its session.
const SESSION: u64 = 30 * 24 * 60 * 60;

/// What all requests share.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

struct Inner {
    otp: Otp,
    accounts: HashSet<String>,
    /// Over a sandbox nobody has to prove that they are no script.
    sandbox: bool,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    signed_in: HashMap<String, PhoneNumber>,
    /// Devices, by their session, and the numbers that they have verified.
    known: HashSet<(String, PhoneNumber)>,
}

impl App {
    /// A page for these numbers.
    pub(crate) fn new<'a>(otp: Otp, accounts: impl IntoIterator<Item = &'a str>, sandbox: bool) -> Self {
        let accounts = accounts.into_iter().map(str::to_owned).collect();
        Self(Arc::new(Inner { otp, accounts, sandbox, sessions: Mutex::default() }))
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, Sessions> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All routes.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/", get(show))
        .route("/start", post(start))
        .route("/resend", post(resend))
        .route("/verify", post(verify))
        .route("/again", post(again))
        .route("/page.css", get(|| async { asset("text/css; charset=utf-8", page::CSS) }))
        .route("/page.js", get(|| async { asset("text/javascript; charset=utf-8", page::JS) }))
        .layer(from_fn(own_forms_only))
        .with_state(app)
}

/// Refuses forms that another site sends. `SameSite` keeps the cookies from it and not the form: it would spend codes
/// from its visitors' addresses, and the answer's new session would sign them out. A neighbouring subdomain would
/// even have the cookies.
async fn own_forms_only(request: Request, next: Next) -> Response {
    if request.method().is_safe() || is_own(request.headers()) {
        next.run(request).await
    } else {
        StatusCode::FORBIDDEN.into_response()
    }
}

/// What a browser says of where a form comes from; older ones, and those without https, name the origin alone.
fn is_own(headers: &HeaderMap) -> bool {
    let header = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match (header(HeaderName::from_static("sec-fetch-site")), header(ORIGIN)) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin.split_once("://").is_some_and(|(_, from)| Some(from) == header(HOST)),
        (None, None) => true, // no browser, so it has no visitor
    }
}

/// One request's browser: what it sent of itself, and what it is to keep.
struct Browser {
    address: SocketAddr,
    language: Language,
    session: String,
    /// Cookies are for https alone; a sandbox may be looked at without.
    secure: bool,
    /// The challenge under way and when another message may be asked for, in seconds since 1970.
    challenge: Option<(String, u64)>,
    keep: Vec<String>,
}

impl Browser {
    fn new(app: &App, ConnectInfo(address): ConnectInfo<SocketAddr>, headers: &HeaderMap) -> Self {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let cookies: HashMap<&str, &str> =
            cookies.flat_map(|line| line.split("; ")).filter_map(|cookie| cookie.split_once('=')).collect();
        let language = match cookies.get("language") {
            Some(&"ar") => Language::Arabic,
            _ => Language::English,
        };
        let challenge = cookies.get("challenge").and_then(|value| {
            let (challenge, resend_at) = value.split_once(':')?;
            Some((challenge.to_owned(), resend_at.parse().ok()?))
        });
        let secure = !app.0.sandbox;
        let mut browser =
            Self { address, language, session: String::new(), secure, challenge, keep: Vec::new() };
        match cookies.get("session").filter(|session| session.len() == 32) {
            Some(session) => browser.session = (*session).to_owned(),
            None => browser.new_session(),
        }
        browser
    }

    fn new_session(&mut self) {
        self.session = format!("{:032x}", random());
        self.keep(format!("session={}; Max-Age={SESSION}", self.session));
    }

    /// Sets a cookie that no script reads and no other site's form sends.
    fn keep(&mut self, cookie: String) {
        let secure = if self.secure { "; Secure" } else { "" };
        self.keep.push(format!("{cookie}; Path=/; HttpOnly; SameSite=Lax{secure}"));
    }

    fn keep_challenge(&mut self, started: &Started) {
        let resend_at = now() + started.resend_in.as_secs();
        self.keep(format!("challenge={}:{resend_at}; Max-Age=3600", started.challenge));
        self.challenge = Some((started.challenge.to_string(), resend_at));
    }

    fn forget_challenge(&mut self) {
        self.keep("challenge=; Max-Age=0".to_owned());
        self.challenge = None;
    }

    /// Who asks. Behind a proxy the connection's address is the proxy's: take the one that your own proxy adds, and
    /// never the first of `X-Forwarded-For`, which anybody may write.
    fn caller(&self) -> Caller {
        Caller::at(self.address.ip()).session(self.session.as_str())
    }

    fn answer(self, status: StatusCode, headers: &[(HeaderName, String)], body: String) -> Response {
        let mut response = (status, body).into_response();
        let all = response.headers_mut();
        for (name, value) in [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CACHE_CONTROL, "no-store"),
            // Not `no-referrer`: with it browsers leave their origin out of the page's own forms, too.
            (REFERRER_POLICY, "same-origin"),
            (
                CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; \
                 frame-ancestors 'none'",
            ),
        ] {
            all.insert(name, HeaderValue::from_static(value));
        }
        let cookies = self.keep.iter().map(|cookie| (SET_COOKIE, cookie.clone()));
        for (name, value) in headers.iter().cloned().chain(cookies) {
            if let Ok(value) = HeaderValue::try_from(value) {
                all.append(name, value);
            }
        }
        response
    }

    /// To the page, so that a reload repeats no form.
    fn back_to_page(self) -> Response {
        self.answer(StatusCode::SEE_OTHER, &[(LOCATION, "/".to_owned())], String::new())
    }

    fn page(self, status: u16, step: &Step<'_>, said: Option<UserMessage>) -> Response {
        let html = page::html(self.language, step, said);
        self.answer(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &[], html)
    }

    /// The code's page as it stands, with what went wrong.
    fn code_page(self, status: u16, said: Option<UserMessage>, left: Option<u32>) -> Response {
        let resend_in = self.challenge.as_ref().map_or(0, |(_, at)| at.saturating_sub(now()));
        self.page(status, &Step::Code { resend_in, left }, said)
    }
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind)], text).into_response()
}

/// 128 random bits of the operating system.
fn random() -> u128 {
    u128::from_be_bytes(std::array::from_fn(|_| rand::random()))
}

#[allow(clippy::disallowed_methods)] // a page's countdown, and nothing that is decided
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

#[derive(Deserialize)]
struct Shown {
    lang: Option<String>,
}

async fn show(
    State(app): State<App>,
    peer: ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Query(shown): Query<Shown>,
) -> Response {
    let mut browser = Browser::new(&app, peer, &headers);
    if let Some(language) = shown.lang {
        let language = if language == "ar" { "ar" } else { "en" };
        browser.keep(format!("language={language}; Max-Age={SESSION}"));
        return browser.back_to_page();
    }
    let signed_in = app.sessions().signed_in.get(&browser.session).copied();
    match signed_in {
        Some(number) => browser.page(200, &Step::SignedIn { number }, None),
        None if browser.challenge.is_some() => browser.code_page(200, None, None),
        None => browser.page(200, &Step::Number { typed: "" }, None),
    }
}

#[derive(Deserialize)]
struct Number {
    number: String,
}

async fn start(
    State(app): State<App>,
    peer: ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(Number { number: typed }): Form<Number>,
) -> Response {
    let mut browser = Browser::new(&app, peer, &headers);
    // This page's people are in Kuwait: eight digits are a number there.
    let number = match normalize_phone(&typed) {
        local if local.len() == 8 => format!("965{local}"),
        _ => typed.clone(),
    };
    let device = |number| app.sessions().known.contains(&(browser.session.clone(), number));
    let known = PhoneNumber::parse(&number).is_ok_and(device);
    let caller = browser.caller().known(known).human(is_human(&app));
    let has_account = app.0.accounts.contains(&normalize_phone(&number));
    // In the background both take the same time, and nobody sees who has an account.
    let call = if has_account {
        app.0.otp.start(number, Purpose::LOGIN, &caller)
    } else {
        app.0.otp.decoy(number, Purpose::LOGIN, &caller)
    };
    match call.language(browser.language).in_background().await {
        Ok(started) => {
            browser.keep_challenge(&started);
            browser.back_to_page()
        }
        Err(error) => {
            let said = error.user_message();
            browser.page(error.http_status(), &Step::Number { typed: &typed }, Some(said))
        }
    }
}

/// Where your CAPTCHA's answer is checked. This example has none: it trusts everybody over a sandbox, and nobody else,
/// so that a second code from an address is refused until you have put one here.
fn is_human(app: &App) -> bool {
    app.0.sandbox
}

async fn resend(State(app): State<App>, peer: ConnectInfo<SocketAddr>, headers: HeaderMap) -> Response {
    let mut browser = Browser::new(&app, peer, &headers);
    let Some((challenge, _)) = browser.challenge.clone() else { return browser.back_to_page() };
    match app.0.otp.resend(&challenge, &browser.caller()).in_background().await {
        Ok(started) => {
            browser.keep_challenge(&started);
            browser.back_to_page()
        }
        Err(StartError::Ended) => {
            browser.forget_challenge();
            browser.page(
                StartError::Ended.http_status(),
                &Step::Number { typed: "" },
                Some(UserMessage::StartAgain),
            )
        }
        Err(error) => {
            if let (Some((_, at)), Some(wait)) = (&mut browser.challenge, error.retry_after()) {
                *at = now() + wait.as_secs();
            }
            browser.code_page(error.http_status(), Some(error.user_message()), None)
        }
    }
}

#[derive(Deserialize)]
struct Typed {
    code: String,
}

async fn verify(
    State(app): State<App>,
    peer: ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(Typed { code }): Form<Typed>,
) -> Response {
    let mut browser = Browser::new(&app, peer, &headers);
    let Some((challenge, _)) = browser.challenge.clone() else { return browser.back_to_page() };
    match app.0.otp.verify(&challenge, Purpose::LOGIN, &code, &browser.caller()).await {
        Ok(verified) => {
            browser.forget_challenge();
            // A session that was there before the login must not be signed in by it.
            let before = browser.session.clone();
            browser.new_session();
            let mut sessions = app.sessions();
            sessions.signed_in.remove(&before);
            sessions.signed_in.insert(browser.session.clone(), verified.number());
            sessions.known.insert((browser.session.clone(), verified.number()));
            drop(sessions);
            browser.back_to_page()
        }
        Err(error) => {
            let (status, said, left) = (error.http_status(), error.user_message(), error.attempts_left());
            match error {
                VerifyError::Used | VerifyError::NotFound => {
                    browser.forget_challenge();
                    browser.page(status, &Step::Number { typed: "" }, Some(said))
                }
                _ if left == Some(0) => browser.page(status, &Step::Locked, Some(said)),
                _ => browser.code_page(status, Some(said), left),
            }
        }
    }
}

/// Begins anew: signs out, or leaves a challenge.
async fn again(State(app): State<App>, peer: ConnectInfo<SocketAddr>, headers: HeaderMap) -> Response {
    let mut browser = Browser::new(&app, peer, &headers);
    app.sessions().signed_in.remove(&browser.session);
    browser.forget_challenge();
    browser.back_to_page()
}
