//! stub
#[allow(missing_docs)]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(u64);
#[allow(missing_docs)]
impl PhoneNumber {
    pub fn parse(s: &str) -> Result<Self, PhoneError> {
        Self::parse_with(s, CountryCheck::Off)
    }
    pub fn parse_with(s: &str, _: CountryCheck) -> Result<Self, PhoneError> {
        if s.trim().is_empty() {
            return Err(PhoneError::Empty);
        }
        if s.contains('@') {
            return Err(PhoneError::Email);
        }
        let d: String = s.chars().filter(char::is_ascii_digit).collect();
        let d = d.trim_start_matches('0');
        if d.is_empty() {
            return Err(PhoneError::NoDigits);
        }
        if d.len() < 7 {
            return Err(PhoneError::TooShort { digits: d.len() });
        }
        if d.len() > 15 {
            return Err(PhoneError::TooLong { digits: d.len() });
        }
        Ok(Self(d.parse().map_err(|_| PhoneError::NoDigits)?))
    }
    pub fn as_u64(self) -> u64 {
        self.0
    }
    pub fn digits(self) -> usize {
        self.0.ilog10() as usize + 1
    }
    pub fn masked(self) -> String {
        let s = self.0.to_string();
        format!("{}****{}", &s[..3], &s[s.len() - 3..])
    }
}
impl std::fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}
impl std::fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.masked())
    }
}
#[allow(missing_docs)]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    #[error("e")]
    Empty,
    #[error("e")]
    Email,
    #[error("e")]
    NoDigits,
    #[error("e")]
    TooShort { digits: usize },
    #[error("e")]
    TooLong { digits: usize },
}
#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CountryCheck {
    #[default]
    Off,
}
