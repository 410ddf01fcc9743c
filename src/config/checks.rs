//! What settings must be.

use reqwest::Url;

use super::keys::DEFAULT_BASE_URL;
use crate::error::Error;

/// Reads a setting that is on or off: a typing error must never become a live send.
pub(crate) fn switch(key: &str, value: &str) -> Result<bool, Error> {
    match value.trim().to_ascii_lowercase().as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(Error::config(format!("{key} must be 1, 0, true or false"))),
    }
}

/// Refuses control characters and invisible marks, by their place and without the value: no user name, password or
/// path holds one, and what was copied from a page or a chat often brings one.
pub(crate) fn no_control_character(name: &str, value: &str) -> Result<(), Error> {
    let unseen = |c: char| c.is_control() || is_mark(c);
    let Some((at, c)) = value.chars().enumerate().find(|(_, c)| unseen(*c)) else { return Ok(()) };
    let what = match c {
        '\n' | '\r' => "a line break",
        '\t' => "a tab",
        c if c.is_control() => "a control character",
        _ => "an invisible character",
    };
    let advice = if c.is_control() && value.chars().skip(at).all(char::is_control) {
        ", its last character: take it away; what is read from a file, such as a mounted secret, often ends with one"
    } else {
        ": take it away"
    };
    Err(Error::config(format!("{name} has {what} at position {}{advice}", at + 1)))
}

/// Direction marks, byte order marks and other characters without a shape, but the joiners that names of files hold.
fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

/// A base URL that was checked.
pub(crate) struct BaseUrl {
    pub(crate) url: Url,
    /// Its host is this machine.
    pub(crate) local: bool,
}

impl BaseUrl {
    /// True if credentials travel in clear to another machine.
    pub(crate) fn is_in_clear(&self) -> bool {
        self.url.scheme() == "http" && !self.local
    }

    /// True if it ends as kwtSMS and the sandbox have it.
    pub(crate) fn ends_in_api(&self) -> bool {
        self.url.path().ends_with("/API/")
    }
}

/// Checks a base URL. `allow_http` lets it lead to another machine in clear, but not to kwtSMS itself.
pub(crate) fn base_url(text: &str, allow_http: bool) -> Result<BaseUrl, Error> {
    let refuse = |why: &str| Error::config(format!("the base URL is refused: {why}"));
    let text = text.trim();
    if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err(refuse("it holds a blank or a line break")); // which the parser would take away
    }
    let mut url =
        Url::parse(text).map_err(|error| Error::config_from("the base URL cannot be read", error))?;
    let (local, gateway) = match url.host_str() {
        None => return Err(refuse("it names no host")),
        Some("localhost") => (true, false),
        Some(host) => {
            let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            let host = host.trim_end_matches('.');
            let gateway = host == "kwtsms.com" || host.ends_with(".kwtsms.com");
            (address.is_ok_and(|address| address.is_loopback()), gateway)
        }
    };
    match url.scheme() {
        "https" => {}
        "http" if local || allow_http && !gateway => {}
        "http" if gateway => {
            return Err(refuse(&format!("kwtSMS is asked over https://, as in {DEFAULT_BASE_URL}")));
        }
        "http" => {
            return Err(refuse(
                "the password would travel in clear over http://; use https://, or, for a sandbox in a network of \
                 containers, KWTSMS_ALLOW_HTTP=1 or allow_http()",
            ));
        }
        _ => return Err(refuse("it must begin with https://")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("it must hold no user name and no password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it must hold no ? and no #"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(BaseUrl { url, local })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_one_of_four_words() {
        for (word, on) in
            [("1", true), ("true", true), ("TRUE", true), ("0", false), ("false", false), (" 0 ", false)]
        {
            assert_eq!(switch("K", word).unwrap(), on);
        }
        for word in ["yes", "on", "2", "falsch", "-1"] {
            assert!(switch("K", word).unwrap_err().to_string().starts_with("K must be"), "{word}");
        }
    }

    #[test]
    fn a_control_character_is_named_by_its_place() {
        for (value, says) in [
            ("hunter2-abc\n", "P has a line break at position 12, its last character: take it away;"),
            ("hunter2-abc\r\n", "P has a line break at position 12, its last character"),
            ("a\tb", "P has a tab at position 2: take it away"),
            ("\u{0}b", "P has a control character at position 1: "),
            ("كلمة\u{7f}", "P has a control character at position 5, its last"),
            ("\u{200f}hunter2", "P has an invisible character at position 1: take it away"),
            ("hunter2\u{feff}", "P has an invisible character at position 8: take it away"),
        ] {
            let error = no_control_character("P", value).unwrap_err();
            let text = format!("{error:#} {error:?}");
            assert!(text.contains(says) && !text.contains("hunter2"), "{text}");
        }
        assert!(no_control_character("P", "a b-$'\"#\\ كلمة").is_ok());
    }

    #[test]
    fn clear_text_is_refused_unless_the_host_is_this_machine() {
        for url in [
            "http://www.kwtsms.com/API/",
            "http://127.0.0.1.example.com/",
            "http://10.0.0.1/",
            "ftp://localhost/",
            "nonsense",
            "https://user:pw@host/",
            "https://host/?a=1",
            "http://localhost.example/",
            "https://host/A\nPI/",
            "https://host/A PI/",
        ] {
            let error = base_url(url, false).err().unwrap();
            assert!(!format!("{error} {error:?}").contains("pw@"), "{error:?}");
        }
        for url in
            ["http://localhost:1/API/", "http://127.0.0.1:1/API", "http://[::1]:1/", "http://127.9.9.9/"]
        {
            let base = base_url(url, false).unwrap();
            assert!(base.local && base.url.path().ends_with('/') && !base.is_in_clear(), "{url}");
        }
        let real = base_url(DEFAULT_BASE_URL, false).unwrap();
        assert!(!real.local && real.ends_in_api());
    }

    #[test]
    fn clear_text_that_is_allowed_leads_anywhere_but_to_kwtsms() {
        let base = base_url("http://sandbox:4010/API/", true).unwrap();
        assert!(base.is_in_clear() && !base.local);
        assert!(!base_url("https://sandbox:4010/API/", true).unwrap().is_in_clear());
        for url in
            ["http://www.kwtsms.com/API/", "http://WWW.KWTSMS.COM./API/", "http://kwtsms.com/", "ftp://x/"]
        {
            let error = base_url(url, true).err().unwrap().to_string();
            assert!(error.contains("https://"), "{error}");
        }
    }
}
