use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Form, State};
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::{get, post};
use kwtsms_async::otp::{Budget, Caller, Challenge, Otp, OtpKeys, Purpose, VerifyError};
use kwtsms_async::{Client, Store};

const NUMBER: &str = r#"<!doctype html><form method="post" action="/start">
<label>Mobile number <input name="number" type="tel" autocomplete="tel"></label><button>Send a code</button></form>"#;

/// The second page: what the person types goes back with the challenge.
fn code_page(challenge: &Challenge, said: &str) -> Html<String> {
    Html(format!(
        r#"<!doctype html><p>{said}</p><form method="post" action="/verify">
<input type="hidden" name="challenge" value="{challenge}">
<label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code"></label><button>Sign in</button></form>"#
    ))
}

fn refused(status: u16, page: Html<String>) -> (StatusCode, Html<String>) {
    (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), page)
}

#[derive(serde::Deserialize)]
struct Start {
    number: String,
}

async fn start(
    State(otp): State<Otp>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Form(form): Form<Start>,
) -> (StatusCode, Html<String>) {
    // Behind a proxy the address is what your own proxy writes; `true` is for your CAPTCHA to say.
    let caller = Caller::at(from.ip()).human(true);
    match otp.start(form.number, Purpose::LOGIN, &caller).await {
        Ok(started) => (StatusCode::OK, code_page(&started.challenge, "A code is on its way.")),
        Err(error) => {
            refused(error.http_status(), Html(format!("<p>{}</p>{NUMBER}", error.user_message().english())))
        }
    }
}

#[derive(serde::Deserialize)]
struct Verify {
    challenge: Challenge,
    code: String,
}

async fn verify(
    State(otp): State<Otp>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Form(form): Form<Verify>,
) -> (StatusCode, Html<String>) {
    match otp.verify(&form.challenge, Purpose::LOGIN, &form.code, &Caller::at(from.ip())).await {
        // Here you begin a session for whoever has this number.
        Ok(verified) => (StatusCode::OK, Html(format!("<p>Signed in as {}.</p>", verified.number()))),
        Err(error) => {
            let said = error.user_message().english();
            let over = matches!(error, VerifyError::Expired | VerifyError::Used | VerifyError::NotFound);
            let page = if over || error.attempts_left() == Some(0) {
                Html(format!("<p>{said}</p>{NUMBER}")) // another code is needed
            } else {
                code_page(&form.challenge, said)
            };
            refused(error.http_status(), page)
        }
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
        .route("/", get(|| async { Html(NUMBER) }))
        .route("/start", post(start))
        .route("/verify", post(verify))
        .with_state(otp.clone());

    let listener =
        tokio::net::TcpListener::bind(std::env::var("LISTEN").as_deref().unwrap_or("127.0.0.1:3000")).await?;
    println!("http://{}/", listener.local_addr()?);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    otp.settled().await;
    Ok(())
}
