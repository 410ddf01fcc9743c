//! From what was handed in to batches: lists split, numbers parsed, repeats found, requests cut.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::fmt;

use smallvec::{SmallVec, smallvec};

use crate::error::Error;
use crate::number_set::NumberSet;
use crate::phone::{OnlyTo, PhoneError, PhoneNumber, PhoneRules, may_be_list, split_numbers};
use crate::report::{Accepted, Batch, Duplicate, Invalid};

/// Numbers a request (API document v4.1).
pub(crate) const MAX_NUMBERS: usize = 200;
/// Characters of `mobile` a request (API document v4.1). 200 numbers of 12 digits need 2,599, so the limits
/// disagree and both are kept.
pub(crate) const MAX_CHARS: usize = 2_500;
/// Invalid and repeated inputs that wait for numbers; with more, a batch of only such inputs is given, so that a run over
/// nothing else takes no more memory.
pub(crate) const MAX_LOCAL: usize = 1_000;
/// How many distinct numbers a bulk run remembers to find repeats. Beyond it, further numbers are compared
/// with the remembered ones and not remembered themselves.
pub(crate) const MAX_REMEMBERED: u64 = 10_000_000;

/// One input: a number, or a string that holds one or a list of several: see [`split_numbers`].
#[derive(Clone)]
pub struct Recipient(Input);

#[derive(Clone)]
enum Input {
    Text(String),
    Number(PhoneNumber),
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Input::Text(text) => write!(f, "Recipient({} characters)", text.chars().count()),
            Input::Number(number) => write!(f, "Recipient({number:?})"),
        }
    }
}

macro_rules! recipient_from_text {
    ($($type:ty),*) => {$(
        impl From<$type> for Recipient {
            fn from(text: $type) -> Self {
                Self(Input::Text(text.into()))
            }
        }

        impl From<$type> for Recipients {
            fn from(text: $type) -> Self {
                Self(smallvec![text.into()])
            }
        }
    )*};
}
recipient_from_text!(&str, String, &String, std::borrow::Cow<'_, str>);

impl From<PhoneNumber> for Recipient {
    fn from(number: PhoneNumber) -> Self {
        Self(Input::Number(number))
    }
}

impl From<&PhoneNumber> for Recipient {
    fn from(number: &PhoneNumber) -> Self {
        Self(Input::Number(*number))
    }
}

/// What `send` and `validate` take: one number, a list in a string (commas, semicolons or line breaks between them), or
/// any collection of either.
#[derive(Clone, Debug, Default)]
pub struct Recipients(SmallVec<[Recipient; 1]>);

impl Recipients {
    /// How many inputs there are. A string that holds a list is one input.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The inputs in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Recipient> {
        self.0.iter()
    }

    pub(crate) fn into_inner(self) -> Vec<Recipient> {
        self.0.into_vec()
    }
}

impl<T: Into<Recipient>> FromIterator<T> for Recipients {
    fn from_iter<I: IntoIterator<Item = T>>(inputs: I) -> Self {
        Self(inputs.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Recipient>> Extend<T> for Recipients {
    fn extend<I: IntoIterator<Item = T>>(&mut self, inputs: I) {
        self.0.extend(inputs.into_iter().map(Into::into));
    }
}

impl From<PhoneNumber> for Recipients {
    #[inline]
    fn from(number: PhoneNumber) -> Self {
        Self(smallvec![number.into()])
    }
}

impl From<&PhoneNumber> for Recipients {
    fn from(number: &PhoneNumber) -> Self {
        Self(smallvec![number.into()])
    }
}

impl<T: Into<Recipient>> From<Vec<T>> for Recipients {
    fn from(inputs: Vec<T>) -> Self {
        inputs.into_iter().collect()
    }
}

impl<T: Into<Recipient>, const N: usize> From<[T; N]> for Recipients {
    fn from(inputs: [T; N]) -> Self {
        inputs.into_iter().collect()
    }
}

impl<T: Into<Recipient> + Clone> From<&[T]> for Recipients {
    fn from(inputs: &[T]) -> Self {
        inputs.iter().cloned().collect()
    }
}

impl<T: Into<Recipient> + Clone, const N: usize> From<&[T; N]> for Recipients {
    fn from(inputs: &[T; N]) -> Self {
        inputs.iter().cloned().collect()
    }
}

impl<T: Into<Recipient> + Clone> From<&Vec<T>> for Recipients {
    fn from(inputs: &Vec<T>) -> Self {
        inputs.iter().cloned().collect()
    }
}

impl<T: Into<Recipient>> From<Box<[T]>> for Recipients {
    fn from(inputs: Box<[T]>) -> Self {
        inputs.into_iter().collect()
    }
}

macro_rules! recipients_from_collection {
    ($($collection:ident<T $(, $hasher:ident)?>),*) => {$(
        impl<T: Into<Recipient> $(, $hasher)?> From<$collection<T $(, $hasher)?>> for Recipients {
            fn from(inputs: $collection<T $(, $hasher)?>) -> Self {
                inputs.into_iter().collect()
            }
        }

        impl<T: Into<Recipient> + Clone $(, $hasher)?> From<&$collection<T $(, $hasher)?>> for Recipients {
            fn from(inputs: &$collection<T $(, $hasher)?>) -> Self {
                inputs.iter().cloned().collect()
            }
        }
    )*};
}
recipients_from_collection!(HashSet<T, S>, BTreeSet<T>, VecDeque<T>);

impl IntoIterator for Recipients {
    type Item = Recipient;
    type IntoIter = std::vec::IntoIter<Recipient>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_vec().into_iter()
    }
}

impl<'a> IntoIterator for &'a Recipients {
    type Item = &'a Recipient;
    type IntoIter = std::slice::Iter<'a, Recipient>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The only numbers that a client may write to.
///
/// # Errors
///
/// Of kind `Config`: an input is no usable number.
pub(crate) fn only_to(numbers: &Recipients, rules: PhoneRules) -> Result<OnlyTo, Error> {
    let drafts = Batcher::all(numbers, rules);
    if let Some(invalid) = drafts.iter().flat_map(|draft| &draft.invalid).next() {
        let input = invalid.position + 1;
        return Err(Error::config_from(
            format!("input {input} of only_to is no usable number"),
            invalid.reason,
        ));
    }
    Ok(OnlyTo::these(drafts.into_iter().flat_map(|draft| draft.numbers).collect()))
}

/// The numbers of a request that is not made yet, and the inputs that were skipped before it is full.
#[derive(Debug, Default)]
pub(crate) struct PendingBatch {
    pub(crate) numbers: SmallVec<[PhoneNumber; 1]>,
    pub(crate) positions: SmallVec<[u64; 1]>,
    pub(crate) invalid: Vec<Invalid>,
    pub(crate) duplicates: Vec<Duplicate>,
    chars: usize,
}

impl PendingBatch {
    /// Adds a number unless the request is full.
    #[inline]
    pub(crate) fn push(&mut self, number: PhoneNumber, position: u64) -> bool {
        let chars = self.chars + usize::from(self.chars > 0) + number.digits();
        if self.numbers.len() == MAX_NUMBERS || chars > MAX_CHARS {
            return false;
        }
        self.chars = chars;
        self.numbers.push(number);
        self.positions.push(position);
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.invalid.is_empty() && self.duplicates.is_empty()
    }

    /// True when the skipped inputs should be handed on without waiting for a full request.
    pub(crate) fn is_heavy(&self) -> bool {
        self.invalid.len() + self.duplicates.len() >= MAX_LOCAL
    }

    /// What became of it.
    #[inline]
    pub(crate) fn into_batch(self, index: u64, result: Result<Accepted, Error>) -> Batch {
        let Self { numbers, positions, invalid, duplicates, .. } = self;
        Batch { index, numbers, positions, result, invalid, duplicates }
    }

    /// Takes the skipped inputs (invalid and repeated ones) and keeps the numbers for the next request.
    pub(crate) fn take_skipped(&mut self) -> Self {
        Self {
            invalid: std::mem::take(&mut self.invalid),
            duplicates: std::mem::take(&mut self.duplicates),
            ..Self::default()
        }
    }
}

/// Parses inputs one by one and remembers what was seen.
#[derive(Debug)]
pub(crate) struct Batcher {
    rules: PhoneRules,
    only_to: OnlyTo,
    /// Kept apart: most lists have one number and need no set.
    first: Option<PhoneNumber>,
    seen: Option<NumberSet>,
    remembered: u64,
    next: u64,
    pub(crate) draft: PendingBatch,
}

impl Batcher {
    pub(crate) fn new(rules: PhoneRules, only_to: OnlyTo) -> Self {
        Self {
            rules,
            only_to,
            first: None,
            seen: None,
            remembered: 0,
            next: 0,
            draft: PendingBatch::default(),
        }
    }

    /// Cuts a list that is at hand, whoever may be written to.
    pub(crate) fn all(recipients: &Recipients, rules: PhoneRules) -> Vec<PendingBatch> {
        let mut batcher = Self::new(rules, OnlyTo::default());
        let mut drafts = Vec::new();
        for recipient in &recipients.0 {
            batcher.add(recipient, |draft, number, position| {
                if !draft.push(number, position) {
                    drafts.push(std::mem::take(draft));
                    draft.push(number, position);
                }
            });
        }
        if !batcher.draft.is_empty() {
            drafts.push(batcher.draft);
        }
        drafts
    }

    /// The list as one request, or `None` as soon as it is too long for one.
    #[inline]
    pub(crate) fn one_request(
        recipients: &Recipients,
        rules: PhoneRules,
        only_to: &OnlyTo,
    ) -> Option<PendingBatch> {
        let mut batcher = Self::new(rules, only_to.clone());
        let room = recipients.len().min(MAX_NUMBERS);
        batcher.draft.numbers = SmallVec::with_capacity(room);
        batcher.draft.positions = SmallVec::with_capacity(room);
        let mut fits = true;
        for recipient in &recipients.0 {
            batcher.add(recipient, |draft, number, position| fits = fits && draft.push(number, position));
            if !fits {
                return None;
            }
        }
        Some(batcher.draft)
    }

    /// Takes one input apart: its good numbers are handed on with their position and the draft at hand, which takes
    /// the rest.
    #[inline]
    pub(crate) fn add(
        &mut self,
        recipient: &Recipient,
        mut good: impl FnMut(&mut PendingBatch, PhoneNumber, u64),
    ) {
        let position = self.next;
        self.next += 1;
        match &recipient.0 {
            Input::Number(number) => self.one(position, Ok(*number), || number.to_string(), &mut good),
            Input::Text(text) => {
                let one = |part: &str| PhoneNumber::parse_with(part, self.rules);
                if !may_be_list(text) {
                    let parsed = one(text);
                    return self.one(position, parsed, || text.clone(), &mut good);
                }
                // A trailing comma is no number; a string of nothing but blanks and commas is a bad one.
                if split_numbers(text).nth(1).is_none() {
                    let parsed = one(split_numbers(text).next().unwrap_or(""));
                    return self.one(position, parsed, || text.clone(), &mut good);
                }
                for part in split_numbers(text) {
                    let parsed = PhoneNumber::parse_with(part, self.rules);
                    self.one(position, parsed, || part.to_owned(), &mut good);
                }
            }
        }
    }

    #[inline]
    fn one(
        &mut self,
        position: u64,
        parsed: Result<PhoneNumber, PhoneError>,
        input: impl FnOnce() -> String,
        good: impl FnOnce(&mut PendingBatch, PhoneNumber, u64),
    ) {
        match parsed.and_then(|number| self.only_to.check(number)) {
            Err(reason) => self.draft.invalid.push(Invalid { position, input: input(), reason }),
            Ok(number) if self.is_repeat(number) => {
                self.draft.duplicates.push(Duplicate { position, number })
            }
            Ok(number) => good(&mut self.draft, number, position),
        }
    }

    #[inline]
    fn is_repeat(&mut self, number: PhoneNumber) -> bool {
        let Some(first) = self.first else {
            self.first = Some(number);
            self.remembered = 1;
            return false;
        };
        if number == first {
            return true;
        }
        let seen = self.seen.get_or_insert_default();
        if self.remembered >= MAX_REMEMBERED {
            return seen.contains(number.as_u64());
        }
        let new = seen.insert(number.as_u64());
        self.remembered += u64::from(new);
        !new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(inputs: impl Into<Recipients>) -> Vec<PendingBatch> {
        Batcher::all(&inputs.into(), PhoneRules::default())
    }

    #[test]
    fn a_comma_separated_string_is_a_list() {
        let drafts = cut("96598765432, +965 4123 4567،0096551234567,");
        assert_eq!(drafts.len(), 1);
        assert_eq!(drafts[0].numbers.len(), 3);
        assert_eq!(drafts[0].invalid.len(), 0);
        let drafts = cut(["96598765432,abc", "", " , ", "96598765432"]);
        assert_eq!(
            drafts[0].invalid.iter().map(|r| (r.position, r.input.as_str())).collect::<Vec<_>>(),
            [(0, "abc"), (1, ""), (2, " , ")]
        );
        assert_eq!(drafts[0].duplicates.iter().map(Duplicate::position).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn requests_are_cut_at_200_numbers_and_at_2500_characters() {
        // Digits a number, and how many fit: the table of gateway-api section 2.5.
        for (digits, fit) in [(7, 200), (11, 200), (12, 192), (13, 178), (15, 156)] {
            let first = 10u64.pow(digits - 1);
            let numbers: Vec<String> = (0..201).map(|i| (first + i).to_string()).collect();
            let drafts = cut(&numbers);
            assert_eq!(drafts[0].numbers.len(), fit, "{digits}");
            let mobile: Vec<_> = drafts[0].numbers.iter().map(PhoneNumber::to_string).collect();
            assert!(mobile.join(",").len() <= MAX_CHARS);
            assert_eq!(drafts.iter().map(|d| d.numbers.len()).sum::<usize>(), 201);
        }
    }

    #[test]
    fn every_collection_is_taken() {
        let number = PhoneNumber::parse("96598765432").unwrap();
        let one: [Recipients; 11] = [
            "96598765432".into(),
            String::from("96598765432").into(),
            (&String::from("96598765432")).into(),
            number.into(),
            (&number).into(),
            vec!["96598765432"].into(),
            (&vec![String::from("96598765432")]).into(),
            [number].into(),
            [number][..].into(),
            HashSet::from([number]).into(),
            ["96598765432"].into_iter().collect(),
        ];
        for recipients in one {
            assert_eq!(Batcher::all(&recipients, PhoneRules::default())[0].numbers[..], [number]);
        }
    }
}
