//! What cleaning did to a text, and where.

use std::ops::Range;

/// What kind of thing cleaning changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// Emoji were removed, with the joiners and selectors among them.
    Emoji,
    /// Hidden or control characters were removed: zero-width, direction marks, byte order mark, the `\r` of `\r\n`.
    Hidden,
    /// An HTML tag was removed. Where a link ends, its address stands in the tag's place if the link's text does not
    /// show it.
    HtmlTag,
    /// The angle brackets around an address were removed, the first with the address, which stays.
    Brackets,
    /// Arabic-Indic, Persian or styled digits became ASCII digits, and the separators of Arabic digits `.` and `,`.
    Digit,
    /// A vertical tab, form feed, lone `\r`, U+0085, U+2028 or U+2029 became a line break.
    LineBreak,
    /// A character of Windows-1252 that was read as Latin-1, and so as a control character, became itself: U+0092 an
    /// apostrophe, U+0080 a `€`.
    Windows1252,
}

/// One place where cleaning changed a text.
///
/// It holds where and how much, never the text, so that it can be logged. Neighbouring characters of one kind are
/// one change; a tag's change takes in whatever was changed inside the tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    pub(super) kind: ChangeKind,
    /// Of the original text.
    pub(super) offset: usize,
    pub(super) bytes: usize,
    pub(super) characters: usize,
    /// Of the cleaned text.
    pub(super) at: usize,
    pub(super) kept: usize,
    pub(super) gap: Gap,
}

/// What a removed character or tag was to its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Gap {
    /// It stood between two words or digits.
    Words,
    /// It stood between two lines.
    Lines,
    /// It stood behind an address.
    Address,
    /// It stood in a name that stays as it is.
    None,
    /// This was put in its place.
    Filled(char),
}

impl Change {
    /// Tells what was changed.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// Gives the bytes of the original text that were removed or replaced; the ends are character borders.
    ///
    /// ```
    /// use kwtsms_async::MessageText;
    ///
    /// let original = "Hi <b>there";
    /// let text = MessageText::new(original)?;
    /// assert_eq!(&original[text.changes()[0].range()], "<b>");
    /// # Ok::<(), kwtsms_async::TextError>(())
    /// ```
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.offset..self.end()
    }

    /// Gives the bytes of the cleaned text that stand in their place: a digit, a line break, a blank between what must
    /// not be joined, the address of a link, or nothing.
    #[must_use]
    pub fn cleaned_range(&self) -> Range<usize> {
        self.at..self.at + self.kept
    }

    /// Counts the characters (Unicode scalar values) of the original text that were removed or replaced.
    #[must_use]
    pub fn characters(&self) -> usize {
        self.characters
    }

    pub(super) fn end(&self) -> usize {
        self.offset + self.bytes
    }

    /// True for the bracket or tag in whose place an address stands.
    pub(super) fn is_address(&self) -> bool {
        self.kept > 0 && matches!(self.kind, ChangeKind::Brackets | ChangeKind::HtmlTag)
    }

    /// The kind of two neighbouring changes taken as one. Joiners and selectors belong to the emoji they stand among.
    pub(super) fn joined(first: ChangeKind, second: ChangeKind) -> Option<ChangeKind> {
        use ChangeKind::{Digit, Emoji, Hidden, LineBreak, Windows1252};
        match (first, second) {
            (Emoji, Emoji | Hidden) | (Hidden, Emoji) => Some(Emoji),
            (Hidden, Hidden) | (Digit, Digit) | (LineBreak, LineBreak) | (Windows1252, Windows1252) => {
                Some(first)
            }
            _ => None,
        }
    }
}
