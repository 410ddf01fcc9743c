use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Form, State};
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::{get, post};
use kwtsms_async::otp::{Budget, Caller, Challenge, Otp, OtpKeys, Purpose, StartError, VerifyError};
use kwtsms_async::{Client, Store, UserMessage};

type Page = (StatusCode, Html<String>);

fn page(status: u16, said: &str, form: &str) -> Page {
    let html = format!(
        r#"<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Sign in</title>
<p role="status">{said}</p>{form}</html>"#
    );
    (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), Html(html))
}

const NUMBER: &str = r#"<form method="post" action="/start">
<label>Mobile number <input name="number" type="tel" autocomplete="tel"></label> <button>Send a code</button></form>"#;

/// The second form: what the person types goes back with the challenge.
fn code_form(challenge: &Challenge) -> String {
    format!(
        r#"<form method="post" action="/verify"><input type="hidden" name="challenge" value="{challenge}">
<label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code"></label> <button>Sign in</button>
<button formaction="/resend">Send another code</button></form>"#
    )
}

/// What a person is told, with the wait where one is known.
fn told(message: UserMessage, wait: Option<Duration>) -> String {
    let wait = wait.map_or(String::new(), |wait| format!(" ({} seconds)", wait.as_secs() + 1));
    format!("{}{wait}", message.english())
}

#[derive(serde::Deserialize)]
struct Start {
    number: String,
}

async fn start(
    State(otp): State<Otp>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Form(form): Form<Start>,
) -> Page {
    // Behind a proxy the address is what your own proxy writes; `true` is for your CAPTCHA to say.
    let caller = Caller::at(from.ip()).human(true);
    match otp.start(form.number, Purpose::LOGIN, &caller).await {
        Ok(started) => page(200, "A code is on its way.", &code_form(&started.challenge)),
        Err(error) => page(error.http_status(), &told(error.user_message(), error.retry_after()), NUMBER),
    }
}

#[derive(serde::Deserialize)]
struct Typed {
    challenge: Challenge,
    code: String,
}

async fn verify(
    State(otp): State<Otp>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Form(form): Form<Typed>,
) -> Page {
    match otp.verify(&form.challenge, Purpose::LOGIN, &form.code, &Caller::at(from.ip())).await {
        // Here you begin a session for whoever has this number.
        Ok(verified) => page(200, &format!("Signed in as {}.", verified.number()), ""),
        Err(error) => {
            let over = matches!(error, VerifyError::Expired | VerifyError::Used | VerifyError::NotFound);
            let over = over || error.attempts_left() == Some(0); // a new challenge is needed
            let form = if over { NUMBER.to_owned() } else { code_form(&form.challenge) };
            page(error.http_status(), &told(error.user_message(), error.retry_after()), &form)
        }
    }
}

async fn resend(
    State(otp): State<Otp>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Form(form): Form<Typed>,
) -> Page {
    let same = code_form(&form.challenge);
    match otp.resend(&form.challenge, &Caller::at(from.ip()).human(true)).await {
        Ok(_) => page(200, "Another code is on its way.", &same),
        Err(error @ StartError::Ended) => page(error.http_status(), error.user_message().english(), NUMBER),
        // The code that was sent before stays valid.
        Err(error) => page(error.http_status(), &told(error.user_message(), error.retry_after()), &same),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open("codes.db").await?;
    let otp = Otp::builder(Client::from_env()?, store, OtpKeys::from_env()?)
        .app_name("MYAPP")
        .budget(Budget::credits(200).per_hour().and_credits(1_000).per_day())
        .build()?;
    let app = Router::new()
        .route("/", get(|| async { page(200, "Sign in with your mobile number.", NUMBER) }))
        .route("/start", post(start))
        .route("/verify", post(verify))
        .route("/resend", post(resend))
        .with_state(otp.clone());

    let listener =
        tokio::net::TcpListener::bind(std::env::var("LISTEN").as_deref().unwrap_or("127.0.0.1:3000")).await?;
    println!("http://{}/", listener.local_addr()?);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    otp.settled().await;
    Ok(())
}
