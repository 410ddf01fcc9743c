//! Sentences that may be shown to the person whose phone it is.

use std::fmt;

/// Names a situation in words for an end user, in English and Arabic.
///
/// The sentences hold no code, balance, credential, number or message text, so they may go to a web page or an
/// app as they are. What went wrong in detail belongs in the log of the operator. They speak of what the reader
/// can do, and therefore a wrong password, an empty balance and a blocked account all read as
/// [`Unavailable`](Self::Unavailable).
///
/// Where the application writes the text itself (a one-time code, say), the reader cannot change it: show
/// `Unavailable` there instead of [`EmptyText`](Self::EmptyText), [`TextTooLong`](Self::TextTooLong) and
/// [`TextRefused`](Self::TextRefused).
///
/// ```
/// use kwtsms_async::{ApiCode, UserMessage};
///
/// let shown = ApiCode::ERR010.user_message();
/// assert_eq!(shown, UserMessage::Unavailable);
/// assert_eq!(shown.english(), "We cannot send text messages right now. Please try again later.");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UserMessage {
    /// The phone number is not usable as it was entered.
    InvalidNumber,
    /// Nothing can be sent now, for a reason that only the operator can mend or that is gone later.
    Unavailable,
    /// There is more to send than the service takes; a few minutes help.
    Busy,
    /// This number got a message a moment ago.
    PleaseWait,
    /// There is no text to send.
    EmptyText,
    /// The text is longer than a message may be.
    TextTooLong,
    /// The text is refused for what is in it.
    TextRefused,
    /// Messages are not sent to the country of this number.
    NotServed,
    /// Nobody knows whether the message left, so asking for another at once may bring two.
    Unconfirmed,
    /// The delivery report is not there yet.
    ReportPending,
    /// There will be no delivery report.
    NoReport,
    /// No message is known under this id.
    MessageNotFound,
    /// The message was taken but has not been delivered.
    NotDelivered,
    /// Too much was asked for from here or for this number; an hour or a day helps.
    TooManyRequests,
    /// A person has to show that they are one.
    ProveHuman,
    /// What was typed is not the code.
    WrongCode,
    /// What was typed does not have the form of a code.
    MalformedCode,
    /// What was typed is the code of an earlier message.
    OldCode,
    /// The code is right no longer.
    CodeExpired,
    /// No further code is looked at.
    TooManyTries,
    /// What was begun is over; it has to begin anew.
    StartAgain,
}

impl UserMessage {
    /// All situations, for translators and tests.
    pub const ALL: &'static [Self] = &[
        Self::InvalidNumber,
        Self::Unavailable,
        Self::Busy,
        Self::PleaseWait,
        Self::EmptyText,
        Self::TextTooLong,
        Self::TextRefused,
        Self::NotServed,
        Self::Unconfirmed,
        Self::ReportPending,
        Self::NoReport,
        Self::MessageNotFound,
        Self::NotDelivered,
        Self::TooManyRequests,
        Self::ProveHuman,
        Self::WrongCode,
        Self::MalformedCode,
        Self::OldCode,
        Self::CodeExpired,
        Self::TooManyTries,
        Self::StartAgain,
    ];

    /// The name in JSON, for a front end with sentences of its own: that of the variant in small letters,
    /// `invalid_number`, `please_wait`, …
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidNumber => "invalid_number",
            Self::Unavailable => "unavailable",
            Self::Busy => "busy",
            Self::PleaseWait => "please_wait",
            Self::EmptyText => "empty_text",
            Self::TextTooLong => "text_too_long",
            Self::TextRefused => "text_refused",
            Self::NotServed => "not_served",
            Self::Unconfirmed => "unconfirmed",
            Self::ReportPending => "report_pending",
            Self::NoReport => "no_report",
            Self::MessageNotFound => "message_not_found",
            Self::NotDelivered => "not_delivered",
            Self::TooManyRequests => "too_many_requests",
            Self::ProveHuman => "prove_human",
            Self::WrongCode => "wrong_code",
            Self::MalformedCode => "malformed_code",
            Self::OldCode => "old_code",
            Self::CodeExpired => "code_expired",
            Self::TooManyTries => "too_many_tries",
            Self::StartAgain => "start_again",
        }
    }

    /// Gives the sentence in English.
    pub const fn english(self) -> &'static str {
        match self {
            Self::InvalidNumber => {
                "This phone number does not look right. Please check it and include the country code."
            }
            Self::Unavailable => "We cannot send text messages right now. Please try again later.",
            Self::Busy => "The message service is busy. Please try again in a few minutes.",
            Self::PleaseWait => "Please wait a little before you ask for another message.",
            Self::EmptyText => "Please write a message first.",
            Self::TextTooLong => "This message is too long. Please shorten it and try again.",
            Self::TextRefused => {
                "This message cannot be sent as it is. Please change the text and try again."
            }
            Self::NotServed => "Sorry, we cannot send text messages to this country at the moment.",
            Self::Unconfirmed => {
                "We could not confirm that your message was sent. \
                 Please wait a few minutes before you ask for another one."
            }
            Self::ReportPending => {
                "There is no delivery report for this message yet. Please check again later."
            }
            Self::NoReport => "There is no delivery report for this message.",
            Self::MessageNotFound => "We could not find this message.",
            Self::NotDelivered => "This message has not been delivered.",
            Self::TooManyRequests => "There were too many requests. Please try again later.",
            Self::ProveHuman => "Please confirm that you are a person, and try again.",
            Self::WrongCode => "This is not the right code. Please check the message and try again.",
            Self::MalformedCode => "Please type all digits of the code, and nothing else.",
            Self::OldCode => {
                "This is the code of an earlier message. Please use the one of the newest message."
            }
            Self::CodeExpired => "This code is no longer valid. Please ask for a new one.",
            Self::TooManyTries => "There were too many wrong codes. Please start again later.",
            Self::StartAgain => "This request is over. Please start again.",
        }
    }

    /// Gives the sentence in Arabic.
    pub const fn arabic(self) -> &'static str {
        match self {
            Self::InvalidNumber => "يبدو أن رقم الهاتف غير صحيح. يُرجى التحقق منه وكتابته مع رمز الدولة.",
            Self::Unavailable => "يتعذّر علينا إرسال الرسائل النصية حاليًا. يُرجى المحاولة مرة أخرى لاحقًا.",
            Self::Busy => "خدمة الرسائل مشغولة حاليًا. يُرجى المحاولة مرة أخرى بعد بضع دقائق.",
            Self::PleaseWait => "يُرجى الانتظار قليلًا قبل طلب رسالة أخرى.",
            Self::EmptyText => "يُرجى كتابة نص الرسالة أولًا.",
            Self::TextTooLong => "الرسالة طويلة جدًا. يُرجى اختصارها والمحاولة مرة أخرى.",
            Self::TextRefused => "لا يمكن إرسال هذه الرسالة بنصّها الحالي. يُرجى تعديل النص والمحاولة مرة أخرى.",
            Self::NotServed => "نعتذر، لا يمكننا إرسال الرسائل النصية إلى هذا البلد حاليًا.",
            Self::Unconfirmed => {
                "لم نتمكن من التأكد من إرسال رسالتك. يُرجى الانتظار بضع دقائق قبل طلب رسالة أخرى."
            }
            Self::ReportPending => "لا يتوفر تقرير تسليم لهذه الرسالة بعد. يُرجى التحقق مرة أخرى لاحقًا.",
            Self::NoReport => "لا يتوفر تقرير تسليم لهذه الرسالة.",
            Self::MessageNotFound => "تعذّر العثور على هذه الرسالة.",
            Self::NotDelivered => "لم يتم تسليم هذه الرسالة.",
            Self::TooManyRequests => "عدد الطلبات كبير جدًا. يُرجى المحاولة مرة أخرى لاحقًا.",
            Self::ProveHuman => "يُرجى تأكيد أنك لست برنامجًا آليًا ثم المحاولة مرة أخرى.",
            Self::WrongCode => "الرمز غير صحيح. يُرجى التحقق من الرسالة والمحاولة مرة أخرى.",
            Self::MalformedCode => "يُرجى كتابة جميع أرقام الرمز دون أي شيء آخر.",
            Self::OldCode => "هذا الرمز من رسالة سابقة. يُرجى استخدام الرمز الوارد في أحدث رسالة.",
            Self::CodeExpired => "انتهت صلاحية هذا الرمز. يُرجى طلب رمز جديد.",
            Self::TooManyTries => "عدد الرموز الخاطئة كبير جدًا. يُرجى البدء من جديد لاحقًا.",
            Self::StartAgain => "انتهى هذا الطلب. يُرجى البدء من جديد.",
        }
    }
}

/// Writes the English sentence.
impl fmt::Display for UserMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.english())
    }
}

serialize_by_name!(UserMessage);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_sentence_gives_the_operator_away() {
        let told = ["err", "code 0", "balance", "credit", "password", "account", "kwtsms", "gateway", "api "];
        let told_in_arabic = ["رصيد", "كلمة المرور", "حساب", "بوابة"];
        for message in UserMessage::ALL {
            let english = message.english().to_lowercase();
            let arabic = message.arabic();
            assert!(!told.iter().any(|word| english.contains(word)), "{english}");
            assert!(!told_in_arabic.iter().any(|word| arabic.contains(word)), "{arabic}");
            assert!(!english.chars().chain(arabic.chars()).any(char::is_numeric), "{english} {arabic}");
        }
    }

    #[test]
    fn every_sentence_is_there_in_both_languages_and_told_apart() {
        let mut seen = HashSet::new();
        for message in UserMessage::ALL {
            assert!(message.english().is_ascii() && message.english().ends_with('.'));
            let arabic = message.arabic();
            assert!(arabic.ends_with('.'));
            let is_arabic = |c: char| c == ' ' || c == '.' || matches!(c, '\u{60C}' | '\u{621}'..='\u{652}');
            assert!(arabic.chars().all(is_arabic), "{arabic}");
            assert!(seen.insert(message.english()) && seen.insert(arabic), "{message}");
        }
    }
}
