//! otp: one-time codes, for trying them out.

use kwtsms_async::config;
use kwtsms_async::otp::{
    Budget, Caller, CodeDelivery, HumanCheck, Language, Otp, OtpKeys, OtpStore, Purpose, StartError,
    VerifyError,
};
use kwtsms_async::{Client, Store, sandbox::Sandbox};
use serde_json::json;

use crate::connect::connect;
use crate::exit::{Ended, Exit, Failure};
use crate::gateway::{ClientOptions, Gateway};
use crate::guards::Guards;
use crate::options::Global;
use crate::output::Out;
use crate::{settings, store};

const EXAMPLES: &str = "\
Examples:
  kwtsms otp send 96598765432 --sandbox
  kwtsms otp verify CHALLENGE 123456 --sandbox

Codes lie in the store that KWTSMS_STORE names, the path of a file, postgres://… or redis://…, and are made under KWTSMS_OTP_KEY.
With --sandbox both may be left out: then codes lie in the file kwtsms-sandbox.db.";

/// Everybody knows it: it hides nothing, and is for codes that reach nobody.
const SANDBOX_KEY: &str = "the key of the sandbox, which everybody knows";
const PURPOSE: Purpose = Purpose::new("command");
/// What is tried out by hand.
const HOUR: u32 = 10;
const DAY: u32 = 50;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Send a code to a number, and show the challenge that it is typed for
    Send(Send),
    /// Check a code
    Verify {
        /// What `otp send` showed
        #[arg(allow_hyphen_values = true)] // under one key in 64 all challenges begin with one
        challenge: String,
        /// The code as it was typed
        code: String,
    },
}

#[derive(Debug, clap::Args)]
struct Send {
    /// The number
    number: String,
    /// The name of the application in the text [default: the sender id]
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// The host of the page in the text's last line, by which browsers fill the code in
    #[arg(long, value_name = "HOST")]
    origin: Option<String>,
    /// The text's language
    #[arg(long, default_value = "english", value_parser = ["english", "arabic"])]
    language: String,
    #[command(flatten)]
    guards: Guards,
}

pub(crate) async fn run(args: Args, global: &Global, out: &mut Out) -> Ended {
    match args.verb {
        Verb::Send(args) => send(args, global, out).await,
        Verb::Verify { challenge, code } => verify(&challenge, &code, global, out).await,
    }
}

/// The service of this command: nobody proves to be human at a prompt, and there is no address.
async fn service(client: Client, app: &str, origin: Option<String>, global: &Global) -> Result<Otp, Failure> {
    let settings = settings::read(global).await?;
    let keys = if global.sandbox && settings.get(config::OTP_KEY).is_none() {
        OtpKeys::new(SANDBOX_KEY)
    } else {
        OtpKeys::from_environment(&settings)?
    };
    let store: OtpStore = match settings.confirmed(config::STORE)? {
        None if global.sandbox => Store::open("kwtsms-sandbox.db").await?.into(),
        Some(url) if store::is_redis(url) => OtpStore::redis(url).await?,
        _ => Store::open(store::named(global, &settings)?).await?.into(),
    };
    let mut builder = Otp::builder(client, store, keys)
        .app_name(app)
        .namespace("kwtsms otp")
        .human_check(HumanCheck::never())
        .without_addresses()
        .budget(Budget::credits(HOUR).per_hour().and_credits(DAY).per_day());
    if let Some(origin) = origin {
        builder = builder.origin(origin);
    }
    Ok(builder.build()?)
}

async fn send(args: Send, global: &Global, out: &mut Out) -> Ended {
    let options = ClientOptions { guards: args.guards.set(), ..ClientOptions::default() };
    let gateway = connect(global, &options, out).await?;
    let sender = gateway.client.sender_id();
    let app = match args.app {
        Some(app) => app,
        None if sender.is_shared_test_sender() => "MYAPP".to_owned(), // the sandbox; no real gateway comes so far
        None => sender.as_str().to_owned(),
    };
    let otp = service(gateway.client.clone(), &app, args.origin, global).await?;
    let language = if args.language == "arabic" { Language::Arabic } else { Language::English };
    let call = otp.start(args.number, PURPOSE, &Caller::without_address()).language(language);
    let started = call.await.map_err(not_sent)?;
    let text = on_the_phone(&gateway);
    let unknown = started.delivery == CodeDelivery::Unknown;
    if out.is_json() {
        let mut document = json!(started);
        document["result"] = json!(if unknown { "UNKNOWN" } else { "OK" });
        document["sandbox_text"] = json!(text);
        out.document(&document);
    }
    out.line(if unknown {
        "  The answer was lost: the code may arrive, and is valid if it does."
    } else {
        "  Sent"
    });
    let minutes = |time: std::time::Duration| time.as_secs() / 60;
    out.line(format_args!(
        "  Valid for {} minutes, for {} attempts; another one may be asked for in {} minutes",
        minutes(started.expires_in),
        started.attempts_left,
        minutes(started.resend_in)
    ));
    if let Some(text) = text {
        for line in text.lines() {
            out.line(format_args!("  On the phone: {line}"));
        }
    }
    out.line(format_args!("  Challenge: {}", started.challenge));
    Ok(if unknown { Exit::Unknown } else { Exit::Accepted })
}

/// What the person would read, where nobody does.
fn on_the_phone(gateway: &Gateway) -> Option<String> {
    let messages = gateway.sandbox_messages()?;
    messages.last().map(|message| message.text().to_owned())
}

fn not_sent(error: StartError) -> Failure {
    match error {
        StartError::Failed(error) => error.into(),
        error => {
            let wait = error.retry_after().map(|after| format!("try again in {} s", after.as_secs() + 1));
            let failure =
                Failure::new(Exit::Refused, error.to_string()).because(std::error::Error::source(&error));
            match wait {
                Some(wait) => failure.action(wait),
                None => failure,
            }
        }
    }
}

async fn verify(challenge: &str, code: &str, global: &Global, out: &mut Out) -> Ended {
    // Nothing is sent, so no gateway is asked and no account is needed.
    let client = Client::builder("nobody", "nothing").transport(Sandbox::in_process().transport()).build()?;
    let otp = service(client, "MYAPP", None, global).await?;
    match otp.verify(challenge, PURPOSE, code, &Caller::without_address()).await {
        Ok(verified) => {
            if out.is_json() {
                out.document(&json!({ "result": "OK", "number": verified.number() }));
            }
            out.line(format_args!("  Verified: {}", verified.number()));
            Ok(Exit::Accepted)
        }
        Err(error) => {
            if out.is_json() {
                out.document(&json!({
                    "result": "ERROR",
                    "error": error.name(),
                    "attempts_left": error.attempts_left(),
                    "exit": Exit::Refused as u8,
                }));
                return Ok(Exit::Refused);
            }
            Err(Failure::new(Exit::Refused, error.to_string()).because(cause(&error)))
        }
    }
}

fn cause(error: &VerifyError) -> Option<&dyn std::error::Error> {
    std::error::Error::source(error)
}
