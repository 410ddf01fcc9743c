//! Which of the candidates is the code.

use super::candidates::{Candidate, candidates};
use super::words::{
    Keyword, Meaning, before, is_belonging, is_copula, is_name, is_number, is_preposition, is_verb, keywords,
};
use crate::sandbox::model::digits::digit;
use crate::sandbox::model::rules::is_hidden;

/// How far from a number a word still speaks of it, if nothing else ties them together.
const NEAR: usize = 30;
/// A word behind a number is worth so many characters less than one before.
const BEHIND: usize = 8;

/// How sure it is that a number is the code, surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sureness {
    /// `G-123456`, the line of WebOTP, a text that is nothing but the number.
    Marked,
    /// "code 123456", "123456 is your code", "use 123456 to log in".
    Announced,
    /// "code for request 48213 is 771204": it ends a sentence that began with the word.
    Concluded,
    /// A word is near.
    Near,
}

/// The most likely code of a text, in ASCII digits.
pub(crate) fn find(text: &str) -> Option<String> {
    // As a phone shows it.
    let written: Vec<char> = text.chars().filter(|&c| !is_hidden(c)).collect();
    let text: Vec<char> =
        written.iter().map(|&c| digit(c).unwrap_or_else(|| c.to_lowercase().next().unwrap_or(c))).collect();
    let candidates = candidates(&text);
    if candidates.is_empty() {
        return None;
    }
    let reader =
        Reader { keywords: keywords(&text), written: &written, text: &text, only: candidates.len() == 1 };
    let judged = candidates.iter().filter_map(|candidate| {
        let (sureness, distance) = reader.judge(candidate)?;
        Some((sureness, distance, &candidate.code))
    });
    judged.min_by_key(|&(sureness, distance, _)| (sureness, distance)).map(|(.., code)| code.clone())
}

/// What stands before a number, as far as it says what the number is.
enum Lead {
    /// Nothing: the number begins the text, a sentence or a part of one.
    Open,
    /// A colon or an equals sign.
    Colon,
    /// A word, by its place.
    Word(usize, usize),
    /// Another number.
    Number,
}

struct Reader<'a> {
    /// With its capitals.
    written: &'a [char],
    text: &'a [char],
    keywords: Vec<Keyword>,
    /// There is no other candidate.
    only: bool,
}

impl Reader<'_> {
    /// How sure it is that this is the code, and how far the word is that says so; `None` if it is none.
    fn judge(&self, candidate: &Candidate) -> Option<(Sureness, usize)> {
        let Candidate { start, end, marked, doubtful, .. } = *candidate;
        if marked || self.is_alone(candidate) {
            return Some((Sureness::Marked, 0));
        }
        if let Some(meaning) = self.said_behind(end) {
            return (meaning == Meaning::Code).then_some((Sureness::Announced, 0));
        }
        let (from, to) = self.sentence(start);
        let in_sentence = |word: &&Keyword| from <= word.start && word.end <= to;
        let before: Vec<&Keyword> =
            self.keywords.iter().filter(in_sentence).filter(|word| word.end <= start).collect();
        let last = before.last().map(|word| word.meaning);
        let first = before.first().map(|word| word.meaning);
        match self.lead(start) {
            // A number's own label: "order 48213", "code 123456", "code no. 123456".
            Lead::Word(word_start, word_end) => {
                let word = self.word(word_start, word_end);
                if is_copula(&word) {
                    return self.concluded(word_start, first, last, from);
                }
                if is_verb(&word) && (self.only || !doubtful) {
                    let any =
                        self.keywords.iter().filter(in_sentence).any(|word| word.meaning == Meaning::Code);
                    return any.then_some((Sureness::Announced, 1));
                }
                if is_preposition(&word) {
                    return None;
                }
                let (label_start, label_end, numbered) = self.label(word_start, word_end);
                match self.meaning_at(label_start, label_end) {
                    Some(Meaning::Code) => return Some((Sureness::Announced, start - label_end)),
                    Some(Meaning::Other) => return None,
                    // "transaction" is known; "case file", "voyage" are not, and their numbers are theirs.
                    None if numbered || self.is_thing(label_start) => return None,
                    None => {}
                }
            }
            Lead::Colon => {
                if let Some(concluded) = self.concluded(start, first, last, from) {
                    return Some(concluded);
                }
                if last == Some(Meaning::Other) {
                    return None;
                }
            }
            Lead::Open if last == Some(Meaning::Other) && first != Some(Meaning::Code) => return None,
            Lead::Open | Lead::Number => {}
        }
        if doubtful {
            // "2012 code": a year only if nothing calls it something else.
            let (word_start, word_end) = self.word_from(end + 1);
            let named = self.only && is_name(&self.word(word_start, word_end));
            return named.then_some((Sureness::Near, 1));
        }
        // What stands between the number before and this one speaks of this one.
        let number_before = self.text[..start].iter().rposition(char::is_ascii_digit).map_or(0, |at| at + 1);
        let near_from = number_before.max(start.saturating_sub(NEAR));
        let near = |word: &&Keyword| word.start >= near_from && word.end <= start;
        if self.keywords.iter().rfind(near).is_some_and(|word| word.meaning == Meaning::Other) {
            return None;
        }
        let codes = || self.keywords.iter().filter(|word| word.meaning == Meaning::Code);
        let ahead = codes().filter(|word| word.end <= start).map(|word| start - word.end);
        let behind = codes().filter(|word| word.start >= end).map(|word| word.start - end + BEHIND);
        ahead.chain(behind).min().map(|distance| (Sureness::Near, distance))
    }

    /// "… is 123456" and "…: 123456": what the sentence speaks of, by its first and by its last keyword.
    fn concluded(
        &self,
        end: usize,
        first: Option<Meaning>,
        last: Option<Meaning>,
        from: usize,
    ) -> Option<(Sureness, usize)> {
        let nearest = self.keywords.iter().rfind(|word| word.start >= from && word.end <= end)?;
        let distance = end - nearest.end;
        // "your id number is", where nothing says of what.
        if let Some((word_start, word_end)) = self.word_before(end)
            && is_number(&self.word(word_start, word_end))
        {
            let (label_start, label_end, _) = self.label(word_start, word_end);
            self.meaning_at(label_start, label_end)?;
        }
        match (first, last) {
            (_, Some(Meaning::Code)) => Some((Sureness::Announced, distance)),
            (Some(Meaning::Code), _) => Some((Sureness::Concluded, distance)),
            _ => None,
        }
    }

    /// What "is …" or "- …" right behind a number says of it.
    fn said_behind(&self, end: usize) -> Option<Meaning> {
        let mut at = end;
        while self.text.get(at).is_some_and(|c| " \t\"'*)]»”".contains(*c)) {
            at += 1;
        }
        let sign = self.text.get(at).is_some_and(|c| "-–—:=".contains(*c));
        let (word_start, word_end) = self.word_from(at);
        let from = if is_copula(&self.word(word_start, word_end)) {
            word_end
        } else if sign && self.text.get(at + 1) == Some(&' ') {
            at + 1
        } else {
            return None;
        };
        let (_, to) = self.sentence(end);
        let mut spoken_of = self.keywords.iter().filter(|word| word.start >= from && word.end <= to);
        let word = spoken_of.next()?;
        // "- code 4411" says nothing of the number before.
        let number_between = self.text[from..word.start].iter().any(char::is_ascii_digit);
        let number_behind = self.text[word.end..to].iter().any(char::is_ascii_digit);
        if number_between || (sign && number_behind) {
            return None;
        }
        Some(word.meaning)
    }

    /// Whatever is not a word between a number and what leads to it.
    fn lead(&self, start: usize) -> Lead {
        let mut at = start;
        let mut colon = false;
        while let Some(c) = before(self.text, at) {
            match c {
                ':' | '=' | '>' | '→' => colon = true,
                '.' | '!' | '?' | '؟' | ';' | '؛' | ',' | '،' if !colon => {
                    // "no. 48213"
                    let (from, to) = self.word_ending(at - 1);
                    if c == '.' && is_number(&self.word(from, to)) {
                        return Lead::Word(from, to);
                    }
                    return Lead::Open;
                }
                c if c.is_alphabetic() => {
                    let (from, to) = self.word_ending(at);
                    // "code:" and "order no.:" alike.
                    let label = self.label(from, to);
                    let known = self.meaning_at(label.0, label.1).is_some() || label.2;
                    return if colon && !known { Lead::Colon } else { Lead::Word(from, to) };
                }
                c if c.is_ascii_digit() => return if colon { Lead::Colon } else { Lead::Number },
                _ => {}
            }
            at -= 1;
        }
        if colon { Lead::Colon } else { Lead::Open }
    }

    /// The word that says of what "number", "no." or "id" is one; and whether there was such a one.
    fn label(&self, start: usize, end: usize) -> (usize, usize, bool) {
        if !is_number(&self.word(start, end)) {
            // "رقم المعاملة 48213"
            let numbered = self.word_before(start).is_some_and(|(from, to)| is_number(&self.word(from, to)));
            return (start, end, numbered);
        }
        self.word_before(start).map_or((start, end, true), |(from, to)| (from, to, true))
    }

    /// What the keyword that a word is, or is the end of, says.
    fn meaning_at(&self, start: usize, end: usize) -> Option<Meaning> {
        let touching = self.keywords.iter().filter(|word| word.start < end && word.end > start);
        touching.max_by_key(|word| word.end - word.start).map(|word| word.meaning)
    }

    /// True for the last word of "for request", "your voyage": a thing with numbers of its own. The name in "code for
    /// MYAPP 123456" is none if there is no other number.
    fn is_thing(&self, start: usize) -> bool {
        let belonging = self.word_before(start).is_some_and(|(from, to)| is_belonging(&self.word(from, to)));
        belonging && !(self.only && self.written.get(start).is_some_and(|c| !c.is_lowercase()))
    }

    /// From the end of the sentence before to the end of the one that a place is in. A point within a number or a
    /// name ends none.
    fn sentence(&self, at: usize) -> (usize, usize) {
        let ends = |at: usize| match self.text.get(at) {
            Some('\n' | '!' | '?' | '؟' | ';' | '؛') => true,
            Some('.') => self.text.get(at + 1).is_none_or(|c| c.is_whitespace()) && !self.is_abbreviation(at),
            _ => false,
        };
        // "Your code:\n123456" is one.
        let own = self.text[..at].iter().rposition(|c| !c.is_whitespace()).map_or(0, |last| last + 1);
        let from = (0..own).rev().find(|&at| ends(at)).map_or(0, |end| end + 1);
        let to = (at..self.text.len()).find(|&at| ends(at)).unwrap_or(self.text.len());
        (from, to)
    }

    /// "no." and "د.ك."
    fn is_abbreviation(&self, point: usize) -> bool {
        let (from, to) = self.word_ending(point);
        is_number(&self.word(from, to))
    }

    fn word(&self, start: usize, end: usize) -> String {
        self.text[start..end].iter().collect()
    }

    /// The word that ends at a place.
    fn word_ending(&self, end: usize) -> (usize, usize) {
        let letters = self.text[..end].iter().rev().take_while(|c| c.is_alphabetic()).count();
        (end - letters, end)
    }

    /// The word that begins at a place.
    fn word_from(&self, start: usize) -> (usize, usize) {
        let start = start.min(self.text.len());
        let letters = self.text[start..].iter().take_while(|c| c.is_alphabetic()).count();
        (start, start + letters)
    }

    /// The last word that ends before a place, within the sentence.
    fn word_before(&self, at: usize) -> Option<(usize, usize)> {
        let end = self.text[..at].iter().rposition(|c| c.is_alphabetic())? + 1;
        let between = &self.text[end..at];
        let broken = between.iter().any(|c| c.is_ascii_digit() || "\n!?؟;؛,،".contains(*c));
        (!broken).then(|| self.word_ending(end))
    }

    fn is_alone(&self, candidate: &Candidate) -> bool {
        let rest = self.text[..candidate.start].iter().chain(&self.text[candidate.end..]);
        !rest.into_iter().any(|c| c.is_alphanumeric())
    }
}
