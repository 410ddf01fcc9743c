//! Answers that are no JSON object as they came, and still say what became of a message.
//!
//! Two things are mended, and each is reported ([`Repair`]): bytes that are not UTF-8 or not allowed in JSON, and what
//! stands around the object. Nothing is guessed: an object has to be whole, the only one, and what stands around it has
//! to be markup or warnings of a script. A page that quotes an answer in its text is not an answer.

use super::reply::{RawReply, Repair};
use crate::ids::MessageId;

/// Reads what [`RawReply::read`] cannot.
#[cold]
pub(super) fn read(bytes: &[u8]) -> Option<RawReply> {
    // An invalid sequence never swallows an ASCII character, and control characters are none of JSON's own.
    let text = String::from_utf8_lossy(bytes).replace(|c: char| c < ' ', " ");
    match RawReply::read(text, Some(Repair::Decoded)) {
        Ok(reply) => Some(reply),
        Err(text) => RawReply::read(surrounded(&text)?.to_owned(), Some(Repair::Extracted)).ok(),
    }
}

/// Elements whose content is not part of the page's text.
const NO_TEXT: [&str; 3] = ["script", "style", "title"];
/// Elements that quote: an object in a page with one of them may be an example.
const QUOTING: [&str; 9] =
    ["pre", "code", "samp", "kbd", "textarea", "template", "xmp", "blockquote", "noscript"];

/// The one object that stands between markup and warnings of a script.
fn surrounded(text: &str) -> Option<&str> {
    let mut object = None;
    // What a reader of the page would see before the object and after it.
    let (mut before, mut after) = (String::new(), String::new());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = &comment[comment.find("-->")? + 3..];
            continue;
        }
        if let Some(name) = tag(rest) {
            if QUOTING.iter().any(|quoting| name.eq_ignore_ascii_case(quoting)) {
                return None;
            }
            let is_left_out = NO_TEXT.iter().any(|left_out| name.eq_ignore_ascii_case(left_out));
            rest = &rest[rest.find('>')? + 1..];
            if is_left_out {
                rest = &rest[end_of(name, rest)?..];
            }
            if object.is_none() { &mut before } else { &mut after }.push(' ');
            continue;
        }
        if first == '{' && rest[1..].trim_start().starts_with(['"', '}']) {
            let length = whole_object(rest)?;
            if object.replace(&rest[..length]).is_some() {
                return None; // two objects: nobody knows which of them is the answer
            }
            rest = &rest[length..];
            continue;
        }
        if object.is_none() { &mut before } else { &mut after }.push(first);
        rest = &rest[first.len_utf8()..];
    }
    object.filter(|_| is_warnings(&before) && is_warnings(&after))
}

/// The name of the tag that a text begins with; empty for a closing one.
fn tag(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('<')?;
    let first = inside.chars().next()?;
    let end = inside.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inside.len());
    (first.is_ascii_alphabetic() || "/!?".contains(first)).then(|| &inside[..end])
}

/// Where the text after an element begins.
fn end_of(name: &str, text: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find("</")?;
        let closes = text[at + 2..].get(..name.len()).is_some_and(|closed| closed.eq_ignore_ascii_case(name));
        if closes {
            return Some(at + text[at..].find('>')? + 1);
        }
        from = at + 2;
    }
}

/// How long the object is that a text begins with; `None` if it does not end.
fn whole_object(text: &str) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}

/// True if a text is nothing but PHP's warnings, `Warning: … on line 12`, any number of them. A script that died of a
/// fatal error is not taken at its word.
fn is_warnings(text: &str) -> bool {
    const BLANK: [char; 3] = [' ', '\u{feff}', '\u{a0}'];
    let mut rest = text.trim_matches(BLANK);
    while !rest.is_empty() {
        rest = rest.strip_prefix("PHP ").unwrap_or(rest).trim_start();
        let words = ["Warning", "Notice", "Deprecated", "Strict Standards"];
        let Some(said) =
            words.iter().find_map(|word| rest.strip_prefix(word)?.trim_start().strip_prefix(':'))
        else {
            return false;
        };
        let Some((_, line)) = said.split_once(" on line ") else { return false };
        let after = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
        if after.len() == line.trim_start().len() {
            return false;
        }
        rest = after.trim_start_matches(BLANK);
    }
    true
}

/// The message id that stands in an answer, if one and only one does.
///
/// It is no verdict: the answer may be cut short, or quote another. [`Client::status`](crate::Client::status) can be
/// asked about it.
#[cold]
pub(crate) fn message_id_in(answer: &[u8]) -> Option<MessageId> {
    let text = String::from_utf8_lossy(answer);
    // The answer of the gateway's plain-text protocol: OK:<msg-id>:<numbers>:<points>:<balance>:<time>.
    if let Some((id, _)) =
        super::fields::object_text(&text).strip_prefix("OK:").and_then(|rest| rest.split_once(':'))
    {
        return MessageId::parse(id).ok();
    }
    let mut found: Option<&str> = None;
    for (at, _) in text.match_indices("msg") {
        let Some(name) = ["msg-id", "msgid", "msg_id"].iter().find(|name| text[at..].starts_with(**name))
        else {
            continue;
        };
        let Some(id) = value(&text[at + name.len()..]) else { continue };
        if found.replace(id).is_some_and(|other| other != id) {
            return None;
        }
    }
    MessageId::parse(found?).ok()
}

/// What follows a name: quote, colon, quote, value and the sign that ends it. A value that the text ends in may go on.
fn value(text: &str) -> Option<&str> {
    const QUOTES: [&str; 4] = ["\\\"", "&quot;", "\"", "'"];
    fn past_quote(text: &str) -> (&str, bool) {
        let text = text.trim_start();
        let past = QUOTES.iter().find_map(|quote| text.strip_prefix(quote));
        (past.unwrap_or(text), past.is_some())
    }
    let (text, _) = past_quote(text);
    let (text, is_quoted) = past_quote(text.trim_start().strip_prefix([':', '='])?);
    let end = text.find(|c: char| c.is_whitespace() || "\"'\\&,}<>".contains(c))?;
    let id = &text[..end];
    let is_whole = if is_quoted {
        end > 0 && QUOTES.iter().any(|quote| text[end..].starts_with(quote))
    } else {
        id.contains(|c: char| c.is_ascii_digit()) // not `null`, nor a word of a sentence
    };
    is_whole.then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Verdict, read};

    const ACCEPTED: &str = r#"{"result":"OK","msg-id":"f4c841adee210f31307633ceaebff2ec","numbers":1}"#;
    const WARNING: &str = "<br />\n<b>Warning</b>:  mysqli_query(): {closure} (HY000/2006): gone away in \
                           <b>/home/api/send.php</b> on line <b>214</b><br />\n";
    const PLAIN: &str = "\nNotice: Undefined index: lang in /home/api/send.php on line 12\n";

    fn repaired(bytes: impl AsRef<[u8]>) -> Option<Repair> {
        match read(bytes.as_ref().to_vec().into()) {
            Verdict::Ok(raw) => {
                assert_eq!(raw.message_id().unwrap().as_str(), "f4c841adee210f31307633ceaebff2ec");
                raw.repair()
            }
            other => panic!("{}: {other:?}", String::from_utf8_lossy(bytes.as_ref())),
        }
    }

    fn is_unreadable(bytes: impl AsRef<[u8]>) {
        let verdict = read(bytes.as_ref().to_vec().into());
        let is_open = matches!(verdict, Verdict::Unreadable(_) | Verdict::Unusable(..));
        assert!(is_open, "{}: {verdict:?}", String::from_utf8_lossy(bytes.as_ref()));
    }

    #[test]
    fn a_stray_byte_or_a_line_break_in_a_text_costs_that_letter_only() {
        for junk in [&b"\xc7\xe1"[..], b"caf\xe9", b"\xff\xfe", b"\xe2\x82", b"a\nb", b"a\tb\x01", b"\xf0"] {
            let body = [&br#"{"description":""#[..], junk, b"\",", &ACCEPTED.as_bytes()[1..]].concat();
            assert_eq!(repaired(body), Some(Repair::Decoded));
        }
        is_unreadable(b"{\"result\":\"O\xffK\",\"msg-id\":\"abc1\"}"); // the verdict itself is not mended
    }

    #[test]
    fn the_object_is_taken_out_of_warnings_and_markup() {
        for (before, after) in [
            (WARNING, ""),
            (PLAIN, ""),
            ("", PLAIN),
            ("PHP Deprecated:  strftime() in /a.php on line 1\n", "\n"),
            (&[WARNING, PLAIN, WARNING].concat(), WARNING),
            ("<html><head><title>200 OK</title></head><body>", "</body></html>"),
            ("<?xml version=\"1.0\"?><!DOCTYPE html><html><body class=\"a\">\n", "\n</body>\n</html>\n"),
            ("", "<!-- cached: {\"a\":1} -->"),
            ("", "<script>var a = {\"b\": function () { return 1 < 2 }};</script>"),
            ("\u{feff}", "<br>"),
        ] {
            assert_eq!(
                repaired([before, ACCEPTED, after].concat()),
                Some(Repair::Extracted),
                "{before}…{after}"
            );
        }
        let mixed = [WARNING.as_bytes(), b"<p title=\"\xc7\">", ACCEPTED.as_bytes()].concat();
        assert_eq!(repaired(mixed), Some(Repair::Extracted));
    }

    #[test]
    fn a_code_decides_wherever_its_object_stands() {
        let refused = [WARNING, r#"{"result":"ERROR","code":"ERR013","description":"x"}"#, PLAIN].concat();
        let Verdict::Refused { code, raw, .. } = read(refused.into()) else { panic!() };
        assert_eq!((code.as_str(), raw.repair()), ("ERR013", Some(Repair::Extracted)));
    }

    #[test]
    fn what_may_be_an_example_two_answers_or_a_part_of_one_is_not_read() {
        let example = |before: &str, after: &str| is_unreadable([before, ACCEPTED, after].concat());
        example("<html><body><h1>API</h1>A good answer: ", "</body></html>");
        example("<html><body><pre>", "</pre></body></html>");
        example("<code>", "</code>");
        example("<textarea>", "</textarea>");
        example("<!-- ", " -->");
        example("<!-- ", "");
        example("<script>var last = ", ";</script>");
        example("<title>", "</title>");
        example("POST to /API/send/ and you get ", "");
        example("", " is what the gateway answers");
        example("callback(", ");");
        example("[", "]");
        example("{\"data\":", "");
        example("{\"data\":", "}");
        example("{}", "");
        example("", ACCEPTED);
        example(ACCEPTED, WARNING);
        example("", r#"{"result":"ERROR","code":"ERR003"}"#);
        example("<br />\n<b>Fatal error</b>:  Uncaught in <b>/a.php</b> on line <b>1</b><br />\n", "");
        example("Warning: something went wrong ", "");
        example("<div data-last='", "'></div>");
        is_unreadable(format!("{WARNING}{}", ACCEPTED.replace('"', "&quot;")));
        is_unreadable(format!("{WARNING}\"{}\"", ACCEPTED.replace('"', "\\\"")));
        let (whole, last) = ([WARNING, ACCEPTED, PLAIN].concat(), WARNING.len() + ACCEPTED.len());
        for cut in 0..last {
            is_unreadable(&whole[..cut]);
        }
    }

    #[test]
    fn an_id_is_found_in_what_cannot_be_read_if_only_one_is_there() {
        let id = "f4c841adee210f31307633ceaebff2ec";
        let found = |answer: &str| message_id_in(answer.as_bytes()).map(|id| id.to_string());
        for answer in [
            ACCEPTED.to_owned(),
            ACCEPTED[..ACCEPTED.len() - 3].to_owned(),
            format!("<pre>{ACCEPTED}</pre>"),
            ACCEPTED.replace('"', "&quot;"),
            ACCEPTED.replace('"', "\\\""),
            ACCEPTED.replace('"', "'"),
            format!("{ACCEPTED}{ACCEPTED}"),
            format!("your msg-id was taken\nmsgid = {id} "),
            format!("OK:{id}:1:1:180:1684763355\n"),
            format!("{{\"msg-id\" : {id}, "),
        ] {
            assert_eq!(found(&answer).as_deref(), Some(id), "{answer}");
        }
        let end = ACCEPTED.find(id).unwrap() + id.len();
        for cut in 0..=end {
            assert_eq!(found(&ACCEPTED[..cut]), None, "a part of an id is another id: {}", &ACCEPTED[..cut]);
        }
        for answer in [
            "",
            "OK",
            "<html>502 Bad Gateway</html>",
            "{\"msg-id\":\"\",\"numbers\":1}",
            "{\"msg-id\":\"one\",\"msg-id\":\"two\"}",
            "{\"msg-id\":\"one two\"}",
            "{\"msg-id\":null}x",
        ] {
            assert_eq!(found(answer), None, "{answer}");
        }
    }
}
