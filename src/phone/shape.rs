//! The shape of an input: whether it holds one run of digits and nothing that makes them another number.
//!
//! Looked at only where something else than digits, blanks, hyphens and a `+` in front is in the input. One pass over
//! its characters, marks left out; nothing is allocated.

use super::error::PhoneError;
use super::number::PhoneNumber;
use super::sign::{Sign, hides_digits, may_touch, sign};

/// How a number is written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written<'a> {
    /// Its digits, without zeros in front.
    pub(super) digits: usize,
    /// Zeros before its first digit: two or more are an international prefix, one belongs to some country.
    pub(super) zeros: usize,
    /// A `+` stands before its first digit.
    pub(super) plus: bool,
    /// The input, if its digits may stand in groups.
    pub(super) text: Option<&'a str>,
}

impl Written<'_> {
    /// Looked at only where it decides: most numbers are right or wrong whatever their groups.
    pub(super) fn groups(self) -> Groups {
        self.text.and_then(|text| examine(text).ok()).unwrap_or_default()
    }
}

/// How the digits of an input are grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Groups {
    /// Bit n is set if a group ends after n digits, zeros in front included.
    borders: u32,
    /// A lone zero in brackets stands behind other digits: `+44 (0)7712…`.
    pub(super) bracketed_zero: bool,
}

impl Groups {
    fn end_after(&mut self, digits: usize) {
        self.borders |= 1_u32.checked_shl(digits as u32).unwrap_or(0);
    }

    /// After how many digits each group but the last ends.
    pub(super) fn borders(self) -> impl Iterator<Item = usize> {
        (1..u32::BITS as usize).filter(move |digits| self.borders >> digits & 1 == 1)
    }

    /// True if there is more than one.
    pub(super) fn several(self) -> bool {
        self.borders != 0
    }
}

/// Looks at all that stands in an input. What is wrong with it comes as the most telling kind.
///
/// # Errors
///
/// What a spreadsheet damaged, letters and signs between digits or touching them, digits of something else beside the
/// number, several numbers.
#[cold]
pub(super) fn examine(text: &str) -> Result<Groups, PhoneError> {
    let mut pass = Pass::default();
    for c in text.chars() {
        match sign(c) {
            Sign::Mark => {}
            Sign::Digit(digit) => pass.digit(digit),
            other => pass.other(other, c),
        }
    }
    let dots = pass.dots;
    let groups = pass.end()?;
    // Four groups with dots may be the address of a computer.
    let numbers =
        |text: &str| text.split(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+'))).any(is_address);
    if dots == 3 && numbers(text) { Err(PhoneError::Sign { sign: '.' }) } else { Ok(groups) }
}

fn is_address(part: &str) -> bool {
    part.parse::<std::net::Ipv4Addr>().is_ok()
}

/// Why digits are not of one run, in the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Break {
    /// With `true`, it is a lone letter in a digit's place, and not the `x` of an extension.
    Letter(bool),
    Sign(char),
    /// A `+` or a separator: what follows is another number.
    Number,
}

/// What stands since the last digit.
#[derive(Default)]
struct Gap {
    /// What touches the last digit, and what stands behind that.
    first: Option<Sign>,
    second: Option<Sign>,
    signs: u32,
    letter: bool,
    x: bool,
    sign: Option<char>,
    number: bool,
    dot: bool,
    comma: bool,
    decimal: bool,
    open: bool,
    close: bool,
    hidden: Hidden,
}

/// Signs in place of digits that are hidden or were cut off: `4477123****`, `4477123…`.
#[derive(Default)]
struct Hidden {
    /// How many stand next to the digits, with nothing but blanks between.
    count: u32,
    sign: Option<char>,
    /// Something else stands there, too.
    ended: bool,
}

impl Hidden {
    fn see(&mut self, sign: Sign) {
        match sign {
            Sign::Other(c) if hides_digits(c) => (self.count, self.sign) = (self.count + 1, Some(c)),
            Sign::Between | Sign::Open | Sign::Plus => {}
            _ => self.ended = true,
        }
    }

    /// One alone is a bullet, or stands on both sides of a bold word.
    fn several(&self) -> Option<char> {
        self.sign.filter(|_| self.count > 1)
    }
}

impl Gap {
    fn breaks(&self) -> Option<Break> {
        if self.letter {
            Some(Break::Letter(self.signs == 1 && !self.x))
        } else if let Some(sign) = self.sign {
            Some(Break::Sign(sign))
        } else {
            self.number.then_some(Break::Number)
        }
    }

    fn is_only(&self, what: bool) -> bool {
        what && self.signs == 1
    }
}

/// How much of `9.65988E+10` was seen last.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Exponent {
    #[default]
    Nothing,
    Mantissa,
    Letter,
    Sign,
    Digits(u8),
}

#[derive(Default)]
struct Pass {
    /// Of the whole input.
    digits: usize,
    /// Of the run at hand, and of the group at hand within it.
    run: usize,
    group: usize,
    group_is_zeros: bool,
    /// Runs that are long enough for a number of their own.
    long_runs: usize,
    groups: Groups,
    broken: Option<Break>,
    gap: Gap,
    /// What stands right before the next character; before the first digit only.
    before: Option<Sign>,
    plus_in_front: bool,
    dots: usize,
    last_gap_is_dot: bool,
    last_gap_is_comma: bool,
    last_gap_is_one_dot: bool,
    hidden_in_front: Hidden,
    decimal: bool,
    /// How many digits stood before the bracket that is open, or was when the last digit came.
    bracket: Option<usize>,
    exponent: Exponent,
    shortened: bool,
}

impl Pass {
    fn digit(&mut self, digit: u8) {
        let gap = std::mem::take(&mut self.gap);
        if self.digits == 0 {
            self.touched_by(self.before);
            self.start_run();
        } else if gap.signs > 0 {
            self.decimal |= gap.decimal;
            if gap.open {
                self.bracket = Some(self.digits);
            } else if gap.close {
                self.bracket = None;
            }
            self.last_gap_is_dot = gap.dot;
            self.last_gap_is_comma = gap.is_only(gap.comma);
            self.last_gap_is_one_dot = gap.is_only(gap.dot);
            match gap.breaks() {
                Some(broken) => {
                    self.broken.get_or_insert(broken);
                    self.end_run();
                    self.start_run();
                }
                None => {
                    self.groups.end_after(self.digits);
                    self.dots += usize::from(gap.dot);
                    self.start_group();
                }
            }
        }
        self.digits += 1;
        self.run += 1;
        self.group += 1;
        self.group_is_zeros &= digit == 0;
        self.exponent = match self.exponent {
            Exponent::Nothing | Exponent::Mantissa => Exponent::Mantissa,
            Exponent::Letter | Exponent::Sign => Exponent::Digits(1),
            Exponent::Digits(count) => Exponent::Digits(count.saturating_add(1)),
        };
    }

    fn other(&mut self, sign: Sign, c: char) {
        if sign == Sign::Close && self.in_bracket() == Some(1) && self.group_is_zeros {
            self.groups.bracketed_zero = true;
        }
        self.exponent_ends(sign, c);
        if self.digits == 0 {
            self.before = Some(sign);
            self.plus_in_front |= sign == Sign::Plus;
            if self.hidden_in_front.ended {
                self.hidden_in_front = Hidden::default();
            }
            self.hidden_in_front.see(sign);
            return;
        }
        let gap = &mut self.gap;
        if gap.signs == 0 {
            gap.first = Some(sign);
        } else if gap.signs == 1 {
            gap.second = Some(sign);
        }
        if !gap.hidden.ended {
            gap.hidden.see(sign);
        }
        gap.signs = gap.signs.saturating_add(1);
        match sign {
            Sign::Letter => (gap.letter, gap.x) = (true, matches!(c, 'x' | 'X')),
            Sign::Other(c) => _ = gap.sign.get_or_insert(c),
            Sign::Plus => gap.number = true,
            Sign::Separator => (gap.number, gap.comma) = (true, matches!(c, ',' | '\u{60c}' | '\u{ff0c}')),
            Sign::DecimalSeparator => gap.decimal = true,
            Sign::Dot => gap.dot = true,
            Sign::Open => gap.open = true,
            Sign::Close => gap.close = true,
            Sign::Between | Sign::Digit(_) | Sign::Mark => {}
        }
    }

    fn exponent_ends(&mut self, sign: Sign, c: char) {
        self.exponent = match (self.exponent, c) {
            (Exponent::Mantissa, 'e' | 'E' | '\u{ff25}' | '\u{ff45}') => Exponent::Letter,
            (Exponent::Letter, '+' | '-' | '\u{2212}') => Exponent::Sign,
            (Exponent::Digits(1..=3), _) if sign != Sign::Letter => {
                self.shortened = true;
                Exponent::Nothing
            }
            _ => Exponent::Nothing,
        };
    }

    /// How many digits stand in the bracket that is open.
    fn in_bracket(&self) -> Option<usize> {
        self.bracket.map(|before| self.digits - before)
    }

    fn start_run(&mut self) {
        self.run = 0;
        self.dots = 0;
        self.start_group();
    }

    fn start_group(&mut self) {
        self.group = 0;
        self.group_is_zeros = true;
    }

    fn end_run(&mut self) {
        self.long_runs += usize::from(self.run >= PhoneNumber::MIN_DIGITS);
    }

    /// What touches the first or the last digit may belong to a word, a path, a price.
    fn touched_by(&mut self, sign: Option<Sign>) {
        let broken = match sign {
            Some(Sign::Letter) => Break::Letter(true),
            Some(Sign::Other(c)) if !may_touch(c) => Break::Sign(c),
            _ => return,
        };
        self.broken.get_or_insert(broken);
    }

    fn end(mut self) -> Result<Groups, PhoneError> {
        if self.shortened || matches!(self.exponent, Exponent::Digits(1..=3)) {
            return Err(PhoneError::Shortened);
        }
        if self.is_decimal() {
            return Err(PhoneError::Decimal);
        }
        self.end_run();
        let number_and_more = self.long_runs == 1 && self.run < PhoneNumber::MIN_DIGITS;
        if self.long_runs > 1 {
            return Err(PhoneError::Several);
        }
        self.touched_by(self.gap.first);
        match self.broken {
            Some(Break::Letter(false)) if number_and_more => Err(PhoneError::OtherDigits),
            Some(Break::Letter(_)) => Err(PhoneError::Letters),
            Some(Break::Sign(sign)) => Err(PhoneError::Sign { sign }),
            Some(Break::Number) => Err(PhoneError::Several),
            // `447712345678 (2)`: a note. A number's own brackets stand around its code or all that follows.
            None if self.in_bracket().is_some_and(|digits| digits <= 3) => Err(PhoneError::OtherDigits),
            // Right to left, `5432 9876 965+` is read from its end.
            None if self.gap.first == Some(Sign::Plus) && !self.plus_in_front && self.groups.several() => {
                Err(PhoneError::Sign { sign: '+' })
            }
            None => self.hides().map_or(Ok(self.groups), |sign| Err(PhoneError::Sign { sign })),
        }
    }

    /// The sign in front of the first digit or behind the last that stands for further ones.
    fn hides(&self) -> Option<char> {
        let (front, behind) = (&self.hidden_in_front, &self.gap.hidden);
        match (self.before, self.gap.first) {
            // A bold number.
            (Some(Sign::Other('*' | '_')), last) if last == self.before && front.count == behind.count => {
                None
            }
            (_, Some(Sign::Other(c))) if hides_digits(c) => Some(c),
            (_, Some(Sign::Dot)) if self.gap.second == Some(Sign::Dot) => Some('.'),
            (Some(Sign::Other(c @ ('?' | '\u{2026}' | '\u{fffd}'))), _) => Some(c),
            _ => front.several().or(behind.several()),
        }
    }

    /// `96598765432.0`: the part behind a single dot is short, or nothing but zeros behind a whole number, or there is
    /// no more than a place on a map, `47.97738561`. Where dots stand between all groups, `33.6.12.34.56.78`, only a
    /// lone zero is one.
    fn is_decimal(&self) -> bool {
        let whole = self.run - self.group;
        let behind_dot = self.last_gap_is_dot
            && whole > 0
            && match self.dots {
                1 => {
                    let on_a_map = self.last_gap_is_one_dot
                        && !self.plus_in_front
                        && whole <= 2
                        && whole == self.digits - self.group;
                    self.group <= 3 || self.group_is_zeros && whole > 8 || on_a_map
                }
                _ => self.group_is_zeros && self.group == 1,
            };
        let behind_comma = self.last_gap_is_comma
            && self.run == self.group
            && (self.group <= 2 || self.group_is_zeros && self.group == 3);
        self.decimal || behind_dot || behind_comma
    }
}
