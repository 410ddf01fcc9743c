//! A kwtSMS gateway with an inbox on this machine, until it is stopped.
//!
//! `cargo run -p kwtsms-examples --bin sandbox [ADDRESS]`
//!
//! Point any client that speaks kwtSMS at the base URL; any user name and password will do. Messages are on the page.

#![allow(clippy::print_stdout)] // a program for people

use std::error::Error;
use std::net::SocketAddr;

use kwtsms_async::sandbox::{DEFAULT_PORT, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).map(|address| address.parse::<SocketAddr>()).transpose()?;
    let address = address.unwrap_or(([127, 0, 0, 1], DEFAULT_PORT).into());
    let sandbox = Sandbox::builder().bind(address).start().await?;
    println!("Gateway: {}", sandbox.base_url());
    println!("Inbox:   {}", sandbox.inbox_url());
    std::future::pending::<()>().await;
    Ok(())
}
