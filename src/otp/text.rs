//! The texts that carry a code.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::code::Code;
use crate::error::Error;
use crate::message::MessageText;

/// The language of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Language {
    /// 160 characters on the one page that a text may take.
    #[default]
    English,
    /// 70 characters on the one page.
    Arabic,
}

impl Language {
    pub(super) const ALL: [Self; 2] = [Self::English, Self::Arabic];

    fn name(self) -> &'static str {
        match self {
            Self::English => "english",
            Self::Arabic => "arabic",
        }
    }
}

/// The code stands first, with the word for it beside it: there the phones' own readers find it.
pub(super) const ENGLISH: &str =
    "{code} is your {app} code, valid for {minutes} minutes. Do not share it with anyone.";
pub(super) const ARABIC: &str = "{code} رمز {app}، {minutes} دقائق. لا تشاركه.";

/// One of our own texts with the word for so many minutes; one that was set otherwise is left as it is.
fn counted(template: String, minutes: u64) -> String {
    let word = match (template.as_str(), minutes) {
        (ENGLISH, 1) => ("{minutes} minutes", "1 minute"),
        (ARABIC, 1) => ("{minutes} دقائق", "دقيقة واحدة"),
        (ARABIC, 2) => ("{minutes} دقائق", "دقيقتان"),
        _ => return template,
    };
    template.replace(word.0, word.1)
}

/// The length of the hash by which Android knows an app (SMS Retriever API).
const ANDROID_HASH: usize = 11;

/// Both texts, ready to be filled in.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    templates: [String; 2],
    apps: [String; 2],
    origin: Option<String>,
    minutes: u64,
}

impl Texts {
    /// Checks the templates, and that what they become takes one page.
    pub(super) fn new(
        templates: [String; 2],
        apps: [String; 2],
        origin: Option<String>,
        expiry: Duration,
        digits: u32,
    ) -> Result<Self, Error> {
        for (language, app) in Language::ALL.iter().zip(&apps) {
            if app.trim().is_empty() {
                return Err(Error::config(format!(
                    "the {} name of the application is missing: it stands in every code's text, as a telecom rule in \
                     Kuwait asks; set it with app_name()",
                    language.name()
                )));
            }
        }
        if let Some(origin) = &origin {
            check_origin(origin)?;
        }
        let minutes = expiry.as_secs() / 60;
        let templates = templates.map(|template| counted(template, minutes));
        let texts = Self { templates, apps, origin, minutes };
        for language in Language::ALL {
            texts.check(language, digits)?;
        }
        Ok(texts)
    }

    fn check(&self, language: Language, digits: u32) -> Result<(), Error> {
        let refused =
            |why: String| Err(Error::config(format!("the {} text of codes {why}", language.name())));
        let template = &self.templates[language as usize];
        if template.matches("{code}").count() != 1 {
            return refused("must hold {code} once".to_owned());
        }
        if !template.contains("{app}") {
            return refused(
                "must hold {app}: the application's name in it is a telecom rule in Kuwait".to_owned(),
            );
        }
        let known = ["{code}", "{app}", "{minutes}"]
            .iter()
            .fold(template.clone(), |rest, name| rest.replace(name, ""));
        if known.contains(['{', '}']) {
            return refused("holds a brace that is none of {code}, {app} and {minutes}".to_owned());
        }
        let Some(code) = Code::fixed(&"0".repeat(digits as usize), digits) else {
            return refused("has a code without digits".to_owned());
        };
        let text = self.fill(language, &code, None);
        let measured = MessageText::new(text.as_str()).map_err(|error| {
            Error::config_from(format!("the {} text of codes is not usable", language.name()), error)
        })?;
        if !measured.changes().is_empty() {
            return refused(
                "holds what would be taken out or changed before it is sent: an emoji, a hidden character, a tag or \
                 digits of another script"
                    .to_owned(),
            );
        }
        if measured.pages() > 1 {
            return refused(format!(
                "takes {} pages where codes take one: with the names, the code and the last line it has {} characters, \
                 shorten it to {}",
                measured.pages(),
                measured.units(),
                room(&measured)
            ));
        }
        Ok(())
    }

    /// Writes the text of one code.
    fn fill(&self, language: Language, code: &Code, android: Option<&str>) -> String {
        let place = language as usize;
        let text = self.templates[place]
            .replace("{minutes}", &self.minutes.to_string())
            .replace("{app}", &self.apps[place])
            .replace("{code}", code.as_str());
        match (android, &self.origin) {
            (Some(hash), _) => format!("{text}\n{hash}"),
            // The last line's form is that of "Origin-bound one-time codes delivered via SMS" (WICG): nothing may
            // follow it.
            (None, Some(origin)) => format!("{text}\n@{origin} #{}", code.as_str()),
            (None, None) => text,
        }
    }

    /// Writes the text of one code, with an app's hash for Android in place of the last line for browsers.
    pub(super) fn write(
        &self,
        language: Language,
        code: &Code,
        android: Option<&str>,
    ) -> Result<String, Error> {
        if let Some(hash) = android
            && !(hash.len() == ANDROID_HASH
                && hash.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/".contains(&b)))
        {
            return Err(Error::input(
                "the hash of an android app has 11 characters of a-z, A-Z, 0-9, + and /: see its SMS Retriever",
            ));
        }
        let text = self.fill(language, code, android);
        if android.is_some() {
            // Of all texts only these were not measured when the service was built.
            let pages = MessageText::new(text.as_str()).map_err(Error::text)?.pages();
            if pages > 1 {
                return Err(Error::input(
                    "with the hash of the android app the text takes two pages: shorten the template",
                ));
            }
        }
        Ok(text)
    }
}

/// What one page holds.
fn room(text: &MessageText) -> usize {
    if text.encoding() == crate::message::Encoding::Gsm7 { 160 } else { 70 }
}

fn check_origin(origin: &str) -> Result<(), Error> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    if origin.is_empty()
        || !origin.bytes().all(plain)
        || origin.starts_with(['.', '-'])
        || origin.ends_with('.')
    {
        return Err(Error::config(
            "the origin is the host name of the page alone, in lower case and ASCII, such as example.com: no https://, \
             no port, no path",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(templates: [&str; 2], app: &str, origin: Option<&str>) -> Result<Texts, Error> {
        Texts::new(
            templates.map(str::to_owned),
            [app.to_owned(), app.to_owned()],
            origin.map(str::to_owned),
            Duration::from_secs(600),
            10,
        )
    }

    fn write(language: Language, origin: Option<&str>, android: Option<&str>) -> String {
        let texts = Texts::new(
            [ENGLISH.to_owned(), ARABIC.to_owned()],
            ["MYAPP".to_owned(), "تطبيقي".to_owned()],
            origin.map(str::to_owned),
            Duration::from_secs(300),
            6,
        );
        texts.unwrap().write(language, &Code::fixed("012345", 6).unwrap(), android).unwrap()
    }

    #[test]
    fn the_code_stands_first_and_the_last_line_binds_it_to_the_page() {
        assert_eq!(
            write(Language::English, Some("example.com"), None),
            "012345 is your MYAPP code, valid for 5 minutes. Do not share it with anyone.\n@example.com #012345"
        );
        assert_eq!(
            write(Language::Arabic, Some("example.com"), None),
            "012345 رمز تطبيقي، 5 دقائق. لا تشاركه.\n@example.com #012345"
        );
        assert_eq!(write(Language::Arabic, None, None), "012345 رمز تطبيقي، 5 دقائق. لا تشاركه.");
        assert!(
            write(Language::English, Some("example.com"), Some("FA+9qCX9VSu"))
                .ends_with("anyone.\nFA+9qCX9VSu")
        );
    }

    #[test]
    fn our_own_texts_count_minutes_by_the_grammar_of_their_language() {
        let says = |minutes: u64, language, text: &str| {
            let templates = [ENGLISH.to_owned(), ARABIC.to_owned()];
            let apps = ["MYAPP".to_owned(), "تطبيقي".to_owned()];
            let texts = Texts::new(templates, apps, None, Duration::from_secs(60 * minutes), 6).unwrap();
            let written = texts.write(language, &Code::fixed("012345", 6).unwrap(), None).unwrap();
            assert!(written.contains(text), "{written}");
        };
        says(1, Language::English, "valid for 1 minute.");
        says(2, Language::English, "valid for 2 minutes.");
        says(1, Language::Arabic, "، دقيقة واحدة.");
        says(2, Language::Arabic, "، دقيقتان.");
        says(3, Language::Arabic, "، 3 دقائق.");
        says(10, Language::Arabic, "، 10 دقائق.");
    }

    #[test]
    fn both_default_texts_take_one_page_with_a_usual_name_and_origin() {
        for (app, origin) in [("MYAPP", "example.com"), ("My Shop 24", "shop.com.kw")] {
            for digits in [6, 8] {
                let texts = Texts::new(
                    [ENGLISH.to_owned(), ARABIC.to_owned()],
                    [app.to_owned(), app.to_owned()],
                    Some(origin.to_owned()),
                    Duration::from_secs(300),
                    digits,
                );
                if let Err(error) = &texts {
                    assert!(digits == 8, "{error}");
                }
            }
        }
    }

    #[test]
    fn a_template_that_leaves_something_out_is_refused_with_what_to_do() {
        for (template, said) in [
            ("Hello {app}", "{code} once"),
            ("{code} {code} {app}", "{code} once"),
            ("{code} is your code", "telecom rule"),
            ("{code} {app} {name}", "brace"),
            ("{code} {app} }", "brace"),
            ("{code} {app} 🎉", "emoji"),
            ("{code} {app} ١٢", "digits of another script"),
        ] {
            for place in [0, 1] {
                let mut both = [ENGLISH, "{code} رمز {app}"];
                both[place] = template;
                let error = texts(both, "MYAPP", None).unwrap_err();
                assert!(error.to_string().contains(said), "{template}: {error}");
            }
        }
        assert!(texts([ENGLISH, ARABIC], " ", None).unwrap_err().to_string().contains("app_name()"));
    }

    #[test]
    fn a_text_over_one_page_with_the_real_names_is_refused_in_either_language() {
        let long = format!("{{code}} {{app}} {}", "a".repeat(200));
        let error = texts([&long, "{code} رمز {app}"], "MYAPP", None).unwrap_err();
        assert!(
            error.to_string().contains("english") && error.to_string().contains("shorten it to 160"),
            "{error}"
        );
        let error =
            texts([ENGLISH, ARABIC], "MYAPP", Some("accounts.a-rather-long-name.com.kw")).unwrap_err();
        assert!(
            error.to_string().contains("arabic") && error.to_string().contains("shorten it to 70"),
            "{error}"
        );
    }

    #[test]
    fn an_origin_is_a_bare_host_name() {
        for origin in [
            "https://example.com",
            "example.com/",
            "example.com:8080",
            "",
            "Example.com",
            "exämple.com",
            "a b",
        ] {
            let error = texts([ENGLISH, "{code} رمز {app}"], "A", Some(origin)).unwrap_err();
            assert!(error.to_string().contains("host name"), "{origin}: {error}");
        }
        assert!(texts([ENGLISH, "{code} رمز {app}"], "A", Some("localhost")).is_ok());
    }

    #[test]
    fn a_hash_of_an_android_app_has_eleven_characters() {
        let texts = texts([ENGLISH, "{code} رمز {app}"], "A", None).unwrap();
        let code = Code::fixed("0123456789", 10).unwrap();
        for hash in ["", "FA+9qCX9VS", "FA+9qCX9VSu1", "FA 9qCX9VSu"] {
            assert!(texts.write(Language::English, &code, Some(hash)).is_err(), "{hash}");
        }
    }

    #[test]
    fn a_text_that_takes_two_pages_with_the_hash_of_an_app_is_refused_when_it_is_written() {
        let code = Code::fixed("0123456789", 10).unwrap();
        for (letters, fits) in [(135, true), (136, false)] {
            let template = format!("{{code}} {} {{app}}", "a".repeat(letters));
            let texts = texts([&template, "{code} رمز {app}"], "A", None).unwrap();
            let written = texts.write(Language::English, &code, Some("FA+9qCX9VSu"));
            assert_eq!(written.is_ok(), fits, "{letters}: {written:?}");
        }
    }
}
