//! `docs/sentences.md`: what people are told and sent, in English and Arabic, as the code has it.
//!
//! After a change, `KWTSMS_WRITE_DOCS=1 cargo test --features full --test it sentences` writes the tables anew.

use std::path::Path;

use kwtsms_async::otp::{Budget, Caller, Language, Otp, OtpKeys, OtpStore, Purpose};
use kwtsms_async::sandbox::Sandbox;
use kwtsms_async::{Client, UserMessage};

const HEAD: &str = "| name | English | Arabic |\n| --- | --- | --- |\n";

fn told() -> String {
    let row =
        |said: &UserMessage| format!("| `{}` | {} | {} |\n", said.as_str(), said.english(), said.arabic());
    UserMessage::ALL.iter().map(row).collect()
}

/// The message that carries a code, with the code of the table.
async fn sent(language: Language, origin: bool) -> String {
    let sandbox = Sandbox::in_process();
    let client = Client::builder("user", "pass").sender_id("KWT-TEST").transport(sandbox.transport());
    let otp = Otp::builder(client.build().unwrap(), OtpStore::memory(), OtpKeys::random());
    let otp = otp.app_name("MYAPP").budget(Budget::credits(10).per_hour().and_credits(10).per_day());
    let otp = if origin { otp.origin("example.com") } else { otp }.build().unwrap();
    let caller = Caller::at([203, 0, 113, 7]);
    otp.start("96598765432", Purpose::LOGIN, &caller).language(language).await.unwrap();
    let code = sandbox.otp("96598765432").unwrap();
    sandbox.messages()[0].text().replace(&code, "123456").replace('\n', "<br>")
}

#[tokio::test(start_paused = true)]
async fn the_tables_of_sentences_are_the_codes() {
    let mut codes = String::new();
    for (name, origin) in [("a code", false), ("with `origin`", true)] {
        let (english, arabic) = (sent(Language::English, origin).await, sent(Language::Arabic, origin).await);
        codes.push_str(&format!("| {name} | {english} | {arabic} |\n"));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sentences.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let mut written = String::new();
    let mut tables = [told(), codes].into_iter();
    for (place, part) in document.split(HEAD).enumerate() {
        // What follows a head is its table and what comes after.
        let rest = part.find("\n\n").map_or("", |end| &part[end + 1..]);
        match place {
            0 => written.push_str(part),
            _ => written.push_str(&format!("{HEAD}{}{rest}", tables.next().unwrap())),
        }
    }
    assert!(tables.next().is_none(), "two tables");
    if std::env::var_os("KWTSMS_WRITE_DOCS").is_some() {
        std::fs::write(&path, written).unwrap();
    } else {
        assert_eq!(document, written, "docs/sentences.md");
    }
}
