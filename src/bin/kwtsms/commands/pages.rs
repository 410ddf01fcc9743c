//! pages: what a text takes.

use kwtsms_async::MessageText;
use serde_json::json;

use crate::exit::{Ended, Exit};
use crate::output::{Out, counted};
use crate::text;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The text; standard input if it is `-` or left out
    text: Option<String>,
}

pub(crate) fn run(args: Args, out: &mut Out) -> Ended {
    let original = text::given(args.text)?;
    let measured = MessageText::new(original.as_str())?;
    if out.is_json() {
        let mut document = text::document(&measured);
        document["result"] = json!("OK");
        document["points"] = json!(measured.points(1));
        out.document(&document);
    }
    text::describe(&original, &measured, out);
    out.line(format_args!(
        "  Cost: {} for each number in Kuwait; other countries cost other amounts",
        counted(measured.points(1), "credit")
    ));
    Ok(Exit::Accepted)
}
