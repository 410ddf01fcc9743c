//! A login page by SMS code, whole: axum, no JavaScript needed, English and Arabic.
//!
//! ```text
//! cargo run -p kwtsms-examples --features otp-axum --bin otp-axum
//! ```
//!
//! Without settings it brings its own gateway, so no account is needed: open the page and the inbox that it names, sign
//! in with +965 9876 5432, and read the code in the inbox. With `KWTSMS_USERNAME` set it goes to the real gateway; then
//! `KWTSMS_OTP_KEY` has to be set, and `KWTSMS_STORE` (a path or a `postgres://` URL) should be.

#![allow(clippy::print_stdout)] // a program for people

mod app;
mod page;

use std::net::SocketAddr;
use std::time::Duration;

use kwtsms_async::otp::{Budget, HumanCheck, Otp, OtpKeys, OtpStore};
use kwtsms_async::sandbox::Sandbox;
use kwtsms_async::{Client, Store, config};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_env_filter("info").init();
    let real = config::is_set(config::USERNAME)?;
    let sandbox = if real { None } else { Some(Sandbox::start().await?) };
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
    let otp = Otp::builder(client, store, keys)
        .app_name("MYAPP")
        .app_name_arabic("تطبيقي")
        .origin("localhost") // the host name of your page
        .budget(Budget::credits(200).per_hour().and_credits(1_000).per_day())
        .human_check(HumanCheck::required_after(1))
        .build()?;
    let _sweeper = otp.sweeper(Duration::from_secs(10 * 60));

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 3000)).await?;
    println!("the page:  http://localhost:3000/");
    if let Some(sandbox) = &sandbox {
        println!("the inbox: {}", sandbox.inbox_url());
    }
    // Accounts that this example knows; others get the same page and no message.
    let accounts = ["96598765432", "96551234567"];
    let app = app::App::new(otp.clone(), accounts, sandbox.is_some());
    axum::serve(listener, app::router(app).into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(stopped())
        .await?;
    otp.settled().await; // what is being sent is sent, and its outcome stored
    Ok(())
}

/// Ctrl-C, or what a container's end sends.
async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        else {
            let _ = interrupt.await;
            return;
        };
        tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = interrupt.await;
}
