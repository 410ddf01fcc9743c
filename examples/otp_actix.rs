//! One-time codes behind a JSON API, whole: actix-web, for apps and single-page front ends.
//!
//! ```text
//! cargo run -p kwtsms-examples --features otp-actix --bin otp-actix
//! ```
//!
//! Without settings it brings its own gateway, so no account is needed:
//!
//! ```text
//! curl -s localhost:3001/otp/start -H 'content-type: application/json' -d '{"number": "+965 9876 5432"}'
//! curl -s localhost:3001/otp/verify -H 'content-type: application/json' -d '{"challenge": "…", "code": "123456"}'
//! ```
//!
//! With `KWTSMS_USERNAME` set it goes to the real gateway; then `KWTSMS_OTP_KEY` has to be set, and `KWTSMS_STORE` (a
//! path or a `postgres://` URL) should be.

#![allow(clippy::print_stdout)] // a program for people
#![allow(clippy::future_not_send)] // actix-web keeps a request on its thread

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER};
use actix_web::middleware::DefaultHeaders;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, ResponseError, web};
use kwtsms_async::otp::{
    Budget, Caller, Challenge, HumanCheck, Language, Otp, OtpKeys, OtpStore, Purpose, StartError, Started,
    VerifyError,
};
use kwtsms_async::sandbox::Sandbox;
use kwtsms_async::{Client, PhoneNumber, Store, UserMessage, config};
use serde::Deserialize;
use serde_json::json;

/// What all requests share.
struct Service {
    otp: Otp,
    /// Who is signed in, by the token that the app holds; that belongs into your own sessions.
    tokens: Mutex<HashMap<String, PhoneNumber>>,
}

/// What goes wrong, as the app is told: a name for its code, a sentence for its person.
#[derive(Debug)]
struct Refused {
    status: u16,
    name: &'static str,
    said: UserMessage,
    retry_after: Option<Duration>,
    attempts_left: Option<u32>,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        let seconds = self.retry_after.map(|after| after.as_secs() + 1);
        if let Some(seconds) = seconds {
            response.insert_header((RETRY_AFTER, seconds));
        }
        response.json(json!({
            "error": self.name,
            "message": { "en": self.said.english(), "ar": self.said.arabic() },
            "retry_after": seconds,
            "attempts_left": self.attempts_left,
        }))
    }
}

impl From<StartError> for Refused {
    fn from(error: StartError) -> Self {
        Self {
            status: error.http_status(),
            name: error.name(),
            said: error.user_message(),
            retry_after: error.retry_after(),
            attempts_left: None,
        }
    }
}

impl From<VerifyError> for Refused {
    fn from(error: VerifyError) -> Self {
        Self {
            status: error.http_status(),
            name: error.name(),
            said: error.user_message(),
            retry_after: error.retry_after(),
            attempts_left: error.attempts_left(),
        }
    }
}

#[derive(Deserialize)]
struct Start {
    number: String,
    #[serde(default)]
    language: Language,
    /// The 11 characters of an Android app, where it reads the message by itself.
    android_hash: Option<String>,
}

#[derive(Deserialize)]
struct Resend {
    challenge: Challenge,
}

#[derive(Deserialize)]
struct Verify {
    challenge: Challenge,
    code: String,
}

/// Who asks. Behind a proxy the connection's address is the proxy's: take the one that your own proxy adds, and never
/// `realip_remote_addr()`, which believes what anybody may write.
fn caller(request: &HttpRequest) -> Caller {
    match request.peer_addr() {
        // Your CAPTCHA's or your app attestation's answer goes into `human`.
        Some(peer) => Caller::at(peer.ip()).human(false),
        None => Caller::without_address(), // refused by the service, which was not built to do without
    }
}

async fn start(
    service: web::Data<Service>,
    request: HttpRequest,
    body: web::Json<Start>,
) -> Result<web::Json<Started>, Refused> {
    let Start { number, language, android_hash } = body.into_inner();
    let mut call = service.otp.start(number, Purpose::LOGIN, &caller(&request)).language(language);
    if let Some(hash) = android_hash {
        call = call.android_hash(hash);
    }
    Ok(web::Json(call.await?))
}

async fn resend(
    service: web::Data<Service>,
    request: HttpRequest,
    body: web::Json<Resend>,
) -> Result<web::Json<Started>, Refused> {
    Ok(web::Json(service.otp.resend(&body.challenge, &caller(&request)).await?))
}

async fn verify(
    service: web::Data<Service>,
    request: HttpRequest,
    body: web::Json<Verify>,
) -> Result<HttpResponse, Refused> {
    let caller = caller(&request);
    let verified = service.otp.verify(&body.challenge, Purpose::LOGIN, &body.code, &caller).await?;
    let token = format!("{:032x}", u128::from_be_bytes(std::array::from_fn(|_| rand::random())));
    let mut tokens = service.tokens.lock().unwrap_or_else(PoisonError::into_inner);
    tokens.insert(token.clone(), verified.number());
    Ok(HttpResponse::Ok().json(json!({ "token": token })))
}

/// What only who is signed in may see.
async fn me(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| value.strip_prefix("Bearer "));
    let tokens = service.tokens.lock().unwrap_or_else(PoisonError::into_inner);
    match token.and_then(|token| tokens.get(token)) {
        Some(number) => HttpResponse::Ok().json(json!({ "number": number })),
        None => HttpResponse::Unauthorized().finish(),
    }
}

fn routes(config: &mut web::ServiceConfig) {
    // Only `application/json` is read, which no form of another site can send: its script would have to ask first.
    let json = web::JsonConfig::default().limit(4_096);
    // Challenges and tokens are kept by nobody in between.
    let unkept = DefaultHeaders::new().add((CACHE_CONTROL, "no-store"));
    config.app_data(json).service(
        web::scope("")
            .wrap(unkept)
            .route("/otp/start", web::post().to(start))
            .route("/otp/resend", web::post().to(resend))
            .route("/otp/verify", web::post().to(verify))
            .route("/me", web::get().to(me)),
    );
}

fn service(client: Client, store: OtpStore, keys: OtpKeys) -> Result<Service, kwtsms_async::Error> {
    let otp = Otp::builder(client, store, keys)
        .app_name("MYAPP")
        .budget(Budget::credits(200).per_hour().and_credits(1_000).per_day())
        // An app has no CAPTCHA: the address limits, the budget and the breaker stand against scripts.
        .human_check(HumanCheck::never())
        .build()?;
    Ok(Service { otp, tokens: Mutex::default() })
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = if config::is_set(config::USERNAME)? { None } else { Some(Sandbox::start().await?) };
    let (client, keys) = match &sandbox {
        None => (Client::from_env()?, OtpKeys::from_env()?),
        Some(sandbox) => {
            (Client::builder("sandbox", "sandbox").base_url(sandbox.base_url()).build()?, OtpKeys::random())
        }
    };
    // What is in memory is forgotten with the process: a real service has a store.
    let store = match std::env::var("KWTSMS_STORE") {
        Ok(store) => OtpStore::from(Store::open(store).await?),
        Err(_) => OtpStore::memory(),
    };
    let service = web::Data::new(service(client, store, keys)?);
    let _sweeper = service.otp.sweeper(Duration::from_secs(10 * 60));
    println!("the API:   http://localhost:3001/otp/start");
    if let Some(sandbox) = &sandbox {
        println!("the inbox: {}", sandbox.inbox_url());
    }
    let data = service.clone();
    // Ctrl-C and SIGTERM end it when its requests are answered.
    HttpServer::new(move || App::new().app_data(data.clone()).configure(routes))
        .bind(("127.0.0.1", 3001))?
        .run()
        .await?;
    service.otp.settled().await; // what is being sent is sent, and its outcome stored
    Ok(())
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
    use serde_json::Value;

    use super::*;

    /// Asks the API and gives status and body.
    macro_rules! ask {
        ($app:expr, $path:expr, $body:expr) => {{
            let request = TestRequest::post().uri($path).peer_addr("203.0.113.7:4711".parse().unwrap());
            let response = call_service(&$app, request.set_json($body).to_request()).await;
            let status = response.status().as_u16();
            (status, read_body_json::<Value, _>(response).await)
        }};
    }

    #[actix_web::test]
    async fn a_number_is_proved_and_what_goes_wrong_has_its_status_and_words() {
        let sandbox = Sandbox::in_process();
        let client = Client::builder("user", "password").transport(sandbox.transport()).build().unwrap();
        let service = web::Data::new(service(client, OtpStore::memory(), OtpKeys::random()).unwrap());
        let app = init_service(App::new().app_data(service).configure(routes)).await;

        let (status, started) =
            ask!(app, "/otp/start", json!({ "number": "+965 9876 5432", "language": "arabic" }));
        assert_eq!(
            (status, &started["delivery"], &started["resend_in"]),
            (200, &json!("accepted"), &json!(240))
        );
        let (status, refused) = ask!(app, "/otp/start", json!({ "number": "0096598765432" }));
        assert_eq!((status, &refused["error"]), (429, &json!("too_soon")));
        assert!(refused["retry_after"].as_u64().unwrap() > 200 && refused["message"]["ar"].is_string());
        let (status, refused) = ask!(app, "/otp/start", json!({ "number": "98" }));
        assert_eq!((status, &refused["error"]), (400, &json!("number")));
        let (status, refused) = ask!(app, "/otp/resend", json!({ "challenge": "nonsense" }));
        assert_eq!((status, &refused["error"]), (410, &json!("ended")));

        let code = sandbox.otp("96598765432").unwrap();
        let challenge = &started["challenge"];
        let (status, refused) = ask!(app, "/otp/verify", json!({ "challenge": challenge, "code": "12345" }));
        assert_eq!((status, &refused["error"]), (400, &json!("malformed")));
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let (status, refused) = ask!(app, "/otp/verify", json!({ "challenge": challenge, "code": wrong }));
        assert_eq!((status, &refused["error"], &refused["attempts_left"]), (400, &json!("wrong"), &json!(4)));
        let (status, verified) = ask!(app, "/otp/verify", json!({ "challenge": challenge, "code": code }));
        assert_eq!(status, 200);
        let (status, refused) = ask!(app, "/otp/verify", json!({ "challenge": challenge, "code": code }));
        assert_eq!((status, &refused["error"]), (410, &json!("used")));

        let bearer = format!("Bearer {}", verified["token"].as_str().unwrap());
        let mine = TestRequest::get().uri("/me").insert_header((AUTHORIZATION, bearer)).to_request();
        assert_eq!(read_body_json::<Value, _>(call_service(&app, mine).await).await["number"], "96598765432");
        let nobodys = call_service(&app, TestRequest::get().uri("/me").to_request()).await;
        assert_eq!(nobodys.status().as_u16(), 401);
        assert_eq!(nobodys.headers().get(CACHE_CONTROL).unwrap(), "no-store");
    }

    #[actix_web::test]
    async fn a_form_of_another_site_is_not_read() {
        let sandbox = Sandbox::in_process();
        let client = Client::builder("user", "password").transport(sandbox.transport()).build().unwrap();
        let service = web::Data::new(service(client, OtpStore::memory(), OtpKeys::random()).unwrap());
        let app = init_service(App::new().app_data(service).configure(routes)).await;
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
            let request =
                TestRequest::post().uri("/otp/start").peer_addr("203.0.113.7:4711".parse().unwrap());
            let request = request.insert_header(("content-type", kind));
            let request = request.set_payload(r#"{"number":"96598765432"}"#).to_request();
            let status = call_service(&app, request).await.status();
            assert!(status.is_client_error(), "{kind}: {status}");
        }
        assert_eq!(sandbox.messages().len(), 0);
    }
}
