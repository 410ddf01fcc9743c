//! An error in words and as JSON.

use std::error::Error as _;
use std::fmt;

use serde::{Serialize, Serializer};

use super::failure::Error;
use super::kind::{Delivery, ErrorKind};
use crate::code::{ApiCode, UserMessage};
use crate::ids::MessageId;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())?;
        if let Some(code) = self.code() {
            write!(f, ": {code} ({})", code.meaning())?;
        }
        let mut cause = self.source().filter(|_| f.alternate());
        while let Some(why) = cause {
            write!(f, ": {why}")?; // not `{why:#}`, which would write its causes too
            cause = why.source();
        }
        Ok(())
    }
}

/// What a person reads who meets it in a panic or at the end of `main`; `{:#?}` names each field.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return f
                .debug_struct("Error")
                .field("kind", &self.kind())
                .field("message", &self.message())
                .field("code", &self.code())
                .field("delivery", &self.delivery())
                .field("attempts", &self.attempts())
                .field("retry_after", &self.retry_after())
                .field("gateway_status", &self.gateway_status())
                .field("message_id", &self.message_id())
                .field("source", &self.source())
                .field("report", &self.report())
                .finish();
        }
        let delivery = match self.delivery() {
            Delivery::NotSent => "not sent",
            Delivery::Refused => "refused",
            Delivery::Unknown if self.is_read_only() => "no answer",
            Delivery::Unknown => "of unknown outcome",
        };
        let attempts = self.attempts();
        let plural = if attempts == 1 { "" } else { "s" };
        write!(f, "{self:#} [{}; {delivery}; {attempts} request{plural}", self.kind().as_str())?;
        if let Some(status) = self.gateway_status() {
            write!(f, "; HTTP status {status}")?;
        }
        write!(f, "] {}", self.action())
    }
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            kind: ErrorKind,
            message: String,
            delivery: Delivery,
            code: Option<&'a str>,
            action: &'static str,
            user_message: UserMessage,
            is_retryable: bool,
            retry_after_s: Option<u64>,
            attempts: u32,
            message_id: Option<&'a MessageId>,
            http_status: u16,
            gateway_status: Option<u16>,
        }

        Fields {
            kind: self.kind(),
            message: format!("{self:#}"),
            delivery: self.delivery(),
            code: self.code().map(ApiCode::shown),
            action: self.action(),
            user_message: self.user_message(),
            is_retryable: self.is_retryable(),
            retry_after_s: self.retry_after().map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
            attempts: self.attempts(),
            message_id: self.message_id(),
            http_status: self.http_status(),
            gateway_status: self.gateway_status(),
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::phone::PhoneError;
    use crate::wire::tests::ok;

    #[test]
    fn an_error_is_written_short_or_with_its_causes() {
        let error = Error::number(&PhoneError::TooShort { digits: 5 });
        assert_eq!(error.to_string(), "the phone number is not usable");
        let reason = PhoneError::TooShort { digits: 5 }.to_string();
        assert_eq!(format!("{error:#}"), format!("the phone number is not usable: {reason}"));
        let stopped = Error::stopped(Some(error));
        assert_eq!(format!("{stopped:#}").matches(&reason).count(), 1, "each cause once");
        assert!(!Error::deadline().to_string().contains(": "));
    }

    #[test]
    fn debug_is_a_line_that_says_what_to_do_and_with_a_sharp_every_field() {
        let refused = Error::api(ApiCode::ERR010, None, ok(r#"{"result":"OK"}"#))
            .answered(403, None)
            .attempted(1, false);
        assert_eq!(
            format!("{refused:?}"),
            "the gateway refused the request: ERR010 (the balance of the account is zero) [api; refused; 1 request; \
             HTTP status 403] Buy credits at kwtsms.com, then send what was not sent."
        );
        let text = format!("{refused:#?}");
        assert!(
            text.starts_with("Error {\n    kind: Api,") && text.contains("gateway_status: Some("),
            "{text}"
        );
    }

    #[test]
    fn its_json_has_the_documented_fields() {
        let error = Error::recent_number(Duration::from_millis(2_500));
        let value = serde_json::to_value(&error).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "kind": "recent_number",
                "message": error.to_string(),
                "delivery": "not_sent",
                "code": null,
                "action": error.action(),
                "user_message": "please_wait",
                "is_retryable": true,
                "retry_after_s": 3,
                "attempts": 0,
                "message_id": null,
                "http_status": 429,
                "gateway_status": null,
            })
        );
        let documented =
            include_str!("failure.rs").split("# As JSON").nth(1).unwrap().split("#[derive").next().unwrap();
        for field in value.as_object().unwrap().keys() {
            assert!(documented.contains(&format!("`{field}`")), "{field}");
        }
    }
}
