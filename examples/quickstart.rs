//! One SMS, end to end.
//!
//! `cargo run -p kwtsms-examples [NUMBER] [TEXT]`
//!
//! With `KWTSMS_USERNAME` set (in the environment or in `.env`) it goes to the gateway, in test mode unless
//! `KWTSMS_TEST_MODE` says otherwise. Without, it starts a sandbox on this machine and says so.

#![allow(clippy::print_stdout)] // a program for people

use std::error::Error;
use std::process::ExitCode;

use kwtsms_async::sandbox::Sandbox;
use kwtsms_async::{Client, ClientBuilder, config};

#[tokio::main]
async fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let number = args.next().unwrap_or_else(|| "+965 9876 5432".to_owned());
    let text = args.next().unwrap_or_else(|| "Your OTP for MYAPP is: 123456".to_owned());
    match run(number, text).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// Says what failed and why and, of an error of the SDK, whether a message may have been sent and what to do.
fn tell(error: &(dyn Error + 'static)) {
    println!("Failed:        {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        println!("  because:     {cause}");
        source = cause.source();
    }
    if let Some(error) = error.downcast_ref::<kwtsms_async::Error>() {
        println!("  delivery:    {:?}", error.delivery());
        println!("  to do:       {}", error.action());
    }
}

async fn run(number: String, text: String) -> Result<(), Box<dyn Error>> {
    let (client, sandbox) = connect().await?;

    let balance = client.verify().await?;
    println!("Balance:       {} credits", balance.available());

    let report = client.send(number, text).await?;
    for id in report.message_ids() {
        println!("Message id:    {id}");
    }
    println!("Accepted:      {} ({})", report.accepted(), report.status());
    println!("Cost:          {} credits", report.points_charged());
    if let Some(left) = report.balance_after() {
        println!("Balance after: {left} credits");
    }
    for invalid in report.invalid() {
        println!("Not sent:      input {}: {}", invalid.position() + 1, invalid.reason());
    }

    if let Some(sandbox) = sandbox {
        for message in sandbox.messages() {
            println!(
                "The sandbox received {} for {}: {:?}, {} page(s), from {}",
                message.id(),
                message.numbers().join(", "),
                message.text(),
                message.pages(),
                message.sender(),
            );
        }
    }
    Ok(())
}

/// The gateway where credentials are set, else a sandbox on this machine.
async fn connect() -> Result<(Client, Option<Sandbox>), Box<dyn Error>> {
    if !config::is_set(config::USERNAME)? {
        let sandbox = Sandbox::start().await?;
        println!(
            "KWTSMS_USERNAME is not set: using a sandbox at {}; nothing is delivered",
            sandbox.base_url()
        );
        let client = Client::builder("sandbox", "any password").base_url(sandbox.base_url()).build()?;
        return Ok((client, Some(sandbox)));
    }
    let mut builder = ClientBuilder::from_env()?;
    if !config::is_set(config::TEST_MODE)? {
        builder = builder.test_mode(true); // live only where it is asked for
    }
    let client = builder.build()?;
    let mode = if client.test_mode() {
        "test mode: queued, not delivered; credits are held until it is deleted from the queue"
    } else {
        "LIVE: delivered and charged"
    };
    println!("Gateway at {} ({mode})", client.host().unwrap_or_default());
    Ok((client, None))
}
