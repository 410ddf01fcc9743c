//! clean: a text as it would be sent.

use kwtsms_async::clean_message;
use serde_json::json;

use crate::exit::{Ended, Exit};
use crate::output::Out;
use crate::text;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The text; standard input if it is `-` or left out
    text: Option<String>,
}

pub(crate) fn run(args: Args, out: &mut Out) -> Ended {
    let original = text::given(args.text)?;
    let cleaned = clean_message(&original);
    if out.is_json() {
        out.document(&json!({ "result": "OK", "text": cleaned, "changed": *cleaned != *original }));
    }
    cleaned.split('\n').for_each(|line| out.line(line));
    Ok(Exit::Accepted)
}
