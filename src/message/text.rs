//! A text that is ready to be sent.

use std::fmt;

use super::change::Change;
use super::clean::{Cleaned, clean};
use super::pages::{Encoding, Size, last_page, measure, septets};
use super::unfilled::{has_entity, has_placeholder};

/// The most pages the API document v4.1 names (ERR012).
const DOCUMENTED_PAGES: usize = 6;
/// The most pages the live gateway took: 1071 characters passed and 1072 did not.
const ACCEPTED_PAGES: usize = 7;

/// A text cleaned, measured and known to be neither empty nor too long.
///
/// Its size is reckoned by the GSM 7-bit alphabet of 3GPP TS 23.038: 160 septets on a single page, 153 on each of
/// several, and with one character outside the alphabet 70 and 67 UTF-16 units. `^ { } \ [ ~ ] | €` take two septets
/// each, and no page border divides them or a surrogate pair. The page sizes fit what the live gateway took; whether
/// it counts those nine as two, and whether it takes the likes of `é` and `€` for Unicode, is not documented. What a
/// message cost stands in the reply to its sending.
///
/// `Debug` shows sizes, never the text.
///
/// ```
/// use kwtsms_async::{Encoding, MessageText};
///
/// let text = MessageText::new("Your OTP for MYAPP is: ١٢٣٤٥٦ 🎉")?;
/// assert_eq!(text.as_str(), "Your OTP for MYAPP is: 123456 ");
/// assert_eq!((text.encoding(), text.pages()), (Encoding::Gsm7, 1));
/// assert_eq!(text.changes().len(), 2);
/// # Ok::<(), kwtsms_async::TextError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct MessageText {
    text: String,
    changes: Vec<Change>,
    size: Size,
}

impl MessageText {
    /// Cleans a text as [`clean_message`](crate::clean_message) does, and measures it.
    ///
    /// # Errors
    ///
    /// [`TextError::Empty`] when nothing but white space is left, [`TextError::TooManyPages`] over 7 pages,
    /// [`TextError::Placeholder`] for a `<Name>` that nobody filled in. The gateway would refuse the first two, after a
    /// request.
    #[inline]
    pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        let cleaned = clean(&text);
        if let Some(offset) = cleaned.placeholder {
            return Err(TextError::Placeholder { offset });
        }
        let (text, changes) = match cleaned.changed {
            Some(Cleaned { text: cleaned, mut changes }) => {
                changes
                    .iter_mut()
                    .for_each(|change| change.characters = text[change.range()].chars().count());
                (cleaned, changes)
            }
            None => (text, Vec::new()),
        };
        if text.chars().all(char::is_whitespace) {
            return Err(TextError::Empty);
        }
        let size = measure(&text);
        if size.pages > ACCEPTED_PAGES {
            return Err(TextError::TooManyPages { pages: size.pages });
        }
        Ok(Self { text, changes, size })
    }

    /// Gives the cleaned text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Gives what cleaning changed and where in the original, in the order of the original.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Tells which alphabet the text needs.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.size.encoding
    }

    /// Counts the pages, 1 to 7.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.size.pages
    }

    /// Counts the septets ([`Encoding::Gsm7`]) or UTF-16 units ([`Encoding::Ucs2`]) of the text.
    #[must_use]
    pub fn units(&self) -> usize {
        self.size.units
    }

    /// Counts the units on the last page, and how many a page of this text holds: 160 or 70 on a single one, 153 or 67 on
    /// each of several.
    ///
    /// ```
    /// let text = kwtsms_async::MessageText::new("a".repeat(161))?;
    /// assert_eq!((text.pages(), text.last_page()), (2, (8, 153)));
    /// # Ok::<(), kwtsms_async::TextError>(())
    /// ```
    #[must_use]
    pub fn last_page(&self) -> (usize, usize) {
        last_page(&self.text, self.size)
    }

    /// Names each character that forced UCS-2, once, with the byte in the cleaned text where it first stands.
    ///
    /// Nothing comes for a GSM 7-bit text. In an English text it shows what more than halves the room on a page: a
    /// tab, a curly quote, an ellipsis.
    ///
    /// ```
    /// use kwtsms_async::MessageText;
    ///
    /// let text = MessageText::new("Don’t wait…")?;
    /// assert_eq!(text.forced_ucs2().collect::<Vec<_>>(), [(3, '’'), (12, '…')]);
    /// # Ok::<(), kwtsms_async::TextError>(())
    /// ```
    pub fn forced_ucs2(&self) -> impl Iterator<Item = (usize, char)> + '_ {
        // Looking back for each is cheap: seven pages are 469 units at most.
        self.text.char_indices().filter(|&(at, c)| septets(c).is_none() && self.text.find(c) == Some(at))
    }

    /// Estimates the credits a message to this many Kuwaiti numbers takes: one a page and number.
    ///
    /// Numbers abroad cost other amounts, which are not public; a send's own reply says what was charged.
    #[must_use]
    pub fn points(&self, recipients: usize) -> u64 {
        (self.size.pages as u64).saturating_mul(recipients as u64)
    }

    /// True if the text was probably lost before it came here: most of its letters are question marks or U+FFFD, as
    /// a shell, a file or a database of another encoding leaves them.
    ///
    /// It is sent all the same: who sends knows whether `???` is meant. The command asks.
    ///
    /// ```
    /// use kwtsms_async::MessageText;
    ///
    /// assert!(MessageText::new("???? ??????? 1234")?.is_probably_lost());
    /// assert!(!MessageText::new("Are you there???")?.is_probably_lost());
    /// # Ok::<(), kwtsms_async::TextError>(())
    /// ```
    #[must_use]
    pub fn is_probably_lost(&self) -> bool {
        let is_lost = |c: char| matches!(c, '?' | '\u{fffd}');
        if !self.text.contains(is_lost) {
            return false;
        }
        let (mut lost, mut letters) = (0, 0);
        for word in self.text.split_whitespace() {
            let marks = word.chars().filter(|c| is_lost(*c)).count();
            let others = word.chars().filter(|c| c.is_alphabetic()).count();
            // A question ends in one: only words of nothing else are lost ones.
            if others == 0 && (marks > 1 || word.contains('\u{fffd}')) {
                lost += marks;
            } else if word.contains('\u{fffd}') {
                lost += marks;
                letters += others;
            } else {
                letters += others;
            }
        }
        lost > letters
    }

    /// True if the text probably comes from a template or a web page and was not filled in or read: a placeholder
    /// (`{{name}}`, `{name}`, `%name%`, `[[name]]`, `%s`, `$name`, …), `undefined` or `null`, or an HTML entity
    /// (`&amp;`) stands in it.
    ///
    /// It is sent all the same: braces may be meant. The command asks.
    ///
    /// ```
    /// use kwtsms_async::MessageText;
    ///
    /// assert!(MessageText::new("Dear {{name}}, your order is ready")?.is_probably_unfilled());
    /// assert!(MessageText::new("Tom &amp; Jerry")?.is_probably_unfilled());
    /// assert!(!MessageText::new("50% off at AT&T, #1 {since 1990!}")?.is_probably_unfilled());
    /// # Ok::<(), kwtsms_async::TextError>(())
    /// ```
    #[must_use]
    pub fn is_probably_unfilled(&self) -> bool {
        has_placeholder(&self.text) || has_entity(&self.text)
    }

    /// Warns of a text that may not be what was meant, or may not be taken: one that is
    /// [probably lost](Self::is_probably_lost) or [not filled in](Self::is_probably_unfilled), or one of 7 pages, since
    /// the gateway's document allows 6 and the live gateway was seen to take 7.
    #[must_use]
    pub fn warning(&self) -> Option<&'static str> {
        if self.is_probably_lost() {
            Some(
                "most letters are question marks: the text was lost before it came here, by another encoding",
            )
        } else if has_placeholder(&self.text) {
            Some("a placeholder stands in the text, such as {name} or null: nobody filled it in")
        } else if has_entity(&self.text) {
            Some("an HTML entity stands in the text, such as &amp;: a phone shows it as it is written")
        } else {
            (self.size.pages > DOCUMENTED_PAGES).then_some(
                "the text takes 7 pages, one over the documented limit of 6, and may be refused with ERR012",
            )
        }
    }
}

/// Where a text is taken as a string, one that was cleaned before is taken too: cleaning it again changes nothing.
impl From<MessageText> for String {
    fn from(text: MessageText) -> Self {
        text.text
    }
}

impl From<&MessageText> for String {
    fn from(text: &MessageText) -> Self {
        text.text.clone()
    }
}

impl fmt::Debug for MessageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageText")
            .field("encoding", &self.size.encoding)
            .field("units", &self.size.units)
            .field("pages", &self.size.pages)
            .field("changes", &self.changes.len())
            .finish_non_exhaustive()
    }
}

/// Why a text is refused before any request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Nothing, or only white space, is left after cleaning; the gateway answers ERR009 or ERR002.
    #[error(
        "the message text is empty once emoji, hidden characters and HTML tags are removed: write some words"
    )]
    Empty,
    /// A `<…>` is in it that is neither an HTML tag nor an address: in all likelihood a placeholder that nobody filled
    /// in, `<Name>`. The gateway may take it for a tag and answer ERR027.
    #[error(
        "the message text holds a <...> that is no HTML tag, such as a placeholder that was not filled in: fill it in, or \
         put a blank behind the <"
    )]
    Placeholder {
        /// The byte of the text, as it was given, at which the `<` stands.
        offset: usize,
    },
    /// The text is longer than the gateway takes; the gateway answers ERR012.
    #[error(
        "the message text has {pages} pages, and the gateway accepts 7: shorten it to 1071 characters, or to 469 if it has \
         Arabic or other letters outside the GSM alphabet"
    )]
    TooManyPages {
        /// The pages that the text would take.
        pages: usize,
    },
}
