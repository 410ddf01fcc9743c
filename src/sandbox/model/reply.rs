//! What goes back: the exact shapes of the API document v4.1, as JSON and in the plain-text protocol.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Serialize, Serializer};

use crate::code::ApiCode;

/// An error code as it is on the wire.
pub(crate) type Code = Cow<'static, str>;

/// Which of the two protocols of the gateway a request speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Json,
    Text,
}

/// Which HTTP status an error code comes with.
///
/// The document does not say. Seen live: 403 for wrong credentials and 400 for others, always with the JSON body;
/// mocks of several clients answer 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ErrorStatus {
    /// 403 for ERR003, ERR004, ERR005 and ERR024, and 400 for every other code.
    #[default]
    AsSeen,
    /// 200 for every code.
    Always200,
    /// This status for every code.
    Always(u16),
}

impl ErrorStatus {
    pub(crate) fn of(self, code: &str) -> u16 {
        match self {
            Self::AsSeen if matches!(code, "ERR003" | "ERR004" | "ERR005" | "ERR024") => 403,
            Self::AsSeen => 400,
            Self::Always200 => 200,
            Self::Always(status) => status,
        }
    }
}

/// How credits are written in JSON.
///
/// The document shows integers; other material shows decimals and, once, a string. A client should read all three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum CreditStyle {
    /// `150`
    #[default]
    Integer,
    /// `150.0`
    Float,
    /// `"150"`
    Text,
}

/// Credits, written in the style asked for.
struct Credits(u64, CreditStyle);

impl Serialize for Credits {
    #[allow(clippy::cast_precision_loss)] // credits are far below 2^53
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.1 {
            CreditStyle::Integer => serializer.serialize_u64(self.0),
            CreditStyle::Float => serializer.serialize_f64(self.0 as f64),
            CreditStyle::Text => serializer.collect_str(&self.0),
        }
    }
}

/// One HTTP answer.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: Cow<'static, str>,
    pub(crate) location: Option<String>,
    pub(crate) body: Bytes,
    /// The error code in it, for the record of requests.
    pub(crate) code: Option<Code>,
}

impl Reply {
    /// A page of the web server rather than of the gateway.
    pub(crate) fn html(status: u16, title: &str) -> Self {
        let body = format!(
            "<html>\r\n<head><title>{status} {title}</title></head>\r\n\
             <body><center><h1>{status} {title}</h1></center></body>\r\n</html>\r\n"
        );
        Self {
            status,
            content_type: Cow::Borrowed("text/html"),
            location: None,
            body: Bytes::from(body),
            code: None,
        }
    }

    pub(crate) fn raw(status: u16, content_type: &str, body: Bytes) -> Self {
        Self { status, content_type: Cow::Owned(content_type.to_owned()), location: None, body, code: None }
    }

    fn of(protocol: Protocol, status: u16, body: String, code: Option<Code>) -> Self {
        let content_type = match protocol {
            Protocol::Json => "application/json",
            Protocol::Text => "text/html; charset=utf-8",
        };
        let content_type = Cow::Borrowed(content_type);
        Self { status, content_type, location: None, body: Bytes::from(body), code }
    }

    /// An error. In the plain-text protocol its form is undocumented; third parties split on `:` and look for "ERR".
    pub(crate) fn error(protocol: Protocol, status: u16, code: Code) -> Self {
        #[derive(Serialize)]
        struct Body<'a> {
            result: &'static str,
            code: &'a str,
            description: &'a str,
        }
        let description = &description(&code);
        let body = match protocol {
            Protocol::Json => json(&Body { result: "ERROR", code: &code, description }),
            Protocol::Text => format!("{code}:{description}"),
        };
        Self::of(protocol, status, body, Some(code))
    }

    pub(crate) fn ok(protocol: Protocol, payload: &Payload, style: CreditStyle) -> Self {
        let body = match protocol {
            Protocol::Json => payload.json(style),
            Protocol::Text => payload.text(),
        };
        Self::of(protocol, 200, body, None)
    }
}

/// The content of a good answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Payload {
    Balance { available: u64, purchased: u64 },
    SenderIds(Vec<String>),
    Coverage(Vec<String>),
    Validate { er: Vec<String>, nr: Vec<String>, ok: Vec<String> },
    Send { id: String, numbers: usize, points: u64, balance: u64, unix: u64 },
    Status { status: &'static str, description: &'static str },
    Dlr(Vec<(String, &'static str)>),
}

impl Payload {
    /// The JSON of the document, key by key in its order and spelling.
    fn json(&self, style: CreditStyle) -> String {
        const OK: &str = "OK";

        #[derive(Serialize)]
        struct Balance {
            result: &'static str,
            available: Credits,
            purchased: Credits,
        }
        #[derive(Serialize)]
        struct SenderIds<'a> {
            result: &'static str,
            senderid: &'a [String],
        }
        #[derive(Serialize)]
        struct Coverage<'a> {
            result: &'static str,
            prefixes: &'a [String],
        }
        #[derive(Serialize)]
        struct Validate<'a> {
            result: &'static str,
            mobile: Groups<'a>,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "UPPERCASE")]
        struct Groups<'a> {
            er: &'a [String],
            nr: &'a [String],
            ok: &'a [String],
        }
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        struct Send<'a> {
            result: &'static str,
            msg_id: &'a str,
            numbers: usize,
            points_charged: Credits,
            balance_after: Credits,
            unix_timestamp: u64,
        }
        #[derive(Serialize)]
        struct Status {
            result: &'static str,
            status: &'static str,
            description: &'static str,
        }
        #[derive(Serialize)]
        struct Dlr<'a> {
            result: &'static str,
            report: Vec<Report<'a>>,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Report<'a> {
            number: &'a str,
            status: &'a str,
        }

        let credits = |n: u64| Credits(n, style);
        match self {
            Self::Balance { available, purchased } => {
                json(&Balance { result: OK, available: credits(*available), purchased: credits(*purchased) })
            }
            Self::SenderIds(ids) => json(&SenderIds { result: OK, senderid: ids }),
            Self::Coverage(prefixes) => json(&Coverage { result: OK, prefixes }),
            Self::Validate { er, nr, ok } => json(&Validate { result: OK, mobile: Groups { er, nr, ok } }),
            Self::Send { id, numbers, points, balance, unix } => json(&Send {
                result: OK,
                msg_id: id,
                numbers: *numbers,
                points_charged: credits(*points),
                balance_after: credits(*balance),
                unix_timestamp: *unix,
            }),
            Self::Status { status, description } => json(&Status { result: OK, status, description }),
            Self::Dlr(lines) => {
                let report = lines.iter().map(|(number, status)| Report { number, status }).collect();
                json(&Dlr { result: OK, report })
            }
        }
    }

    /// The plain-text protocol of the document.
    fn text(&self) -> String {
        match self {
            Self::Balance { available, purchased } => format!("{available}.00/{purchased}.00"),
            Self::SenderIds(lines) | Self::Coverage(lines) => lines.join("\n"),
            Self::Validate { er, nr, ok } => [("ER", er), ("NR", nr), ("OK", ok)]
                .into_iter()
                .flat_map(|(group, numbers)| numbers.iter().map(move |number| format!("{group}:{number}")))
                .collect::<Vec<_>>()
                .join("\n"),
            Self::Send { id, numbers, points, balance, unix } => {
                format!("OK:{id}:{numbers}:{points}:{balance}:{unix}")
            }
            Self::Status { status, .. } => {
                let (first, rest) = status.split_at(1);
                format!("OK:{}{rest}", first.to_ascii_uppercase())
            }
            Self::Dlr(lines) => lines
                .iter()
                .map(|(number, status)| format!("{number},{status}"))
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }
}

/// Writes JSON; nothing here can fail to serialise (string keys, finite numbers).
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A description for a code. Only ERR003's is known from the wire; the others are the table's words for it, and no
/// client may depend on any of them.
fn description(code: &str) -> String {
    if code == "ERR003" {
        return "Authentication error, username or password are not correct.".to_owned();
    }
    let known = ApiCode::known().find(|known| known.as_str() == code);
    let meaning = known.map_or("unknown error", |known| known.meaning());
    let mut letters = meaning.chars();
    letters
        .next()
        .map_or_else(String::new, |first| format!("{}{}.", first.to_ascii_uppercase(), letters.as_str()))
}
