//! The one-time code in a text.
//!
//! A guess by rules, in English and Arabic: which run of 4 to 8 digits stands nearest to a word that announces a
//! code, and is none of the other things that digits are (prices, dates, telephone and order numbers, links). When in
//! doubt there is none: a test that finds no code is looked at, one that types an order number is not.

use super::digits::digit;

/// Words that announce a code, between bars.
const CODE_WORDS: &str = "code|codes|otp|pin|passcode|password|one-time|verification|verify|confirmation|\
    authentication|activation|security|token|2fa|login|log in|sign in|رمز|كود|التحقق|التفعيل|التأكيد|المرور|\
    كلمة السر|الرقم السري|تسجيل الدخول";
/// Words whose number is something else.
const OTHER_WORDS: &str = "order|invoice|ticket|ref|reference|booking|account|card|ending|ends|call|phone|tel|mobile|\
    whatsapp|fax|amount|balance|total|price|paid|block|building|street|box|zip|postal|promo|discount|coupon|voucher|\
    promo code|discount code|coupon code|voucher code|gift code|zip code|postal code|area code|country code|error code|\
    sent to|kd|kwd|usd|sar|aed|طلب|فاتورة|تذكرة|حجز|حساب|بطاقة|ينتهي|اتصل|هاتف|واتساب|مبلغ|رصيد|قطعة|خصم|د.ك";
/// What makes the number before it an amount or a distance.
const UNITS: &str =
    "kd|kwd|usd|eur|sar|aed|qar|bhd|omr|fils|points|credits|%|$|€|د.ك|دينار|فلس|ريال|درهم|نقطة|km|كم";
/// How far before a number a word still speaks of it.
const NEAR: usize = 30;
/// A word behind a number is worth so many characters less than one before.
const BEHIND: usize = 8;

/// A number that may be a code, by its place in the text.
struct Candidate {
    code: String,
    start: usize,
    end: usize,
    /// It looks like a code by itself: `G-123456`, or the last line of WebOTP.
    marked: bool,
    /// Only a word right before makes it one.
    doubtful: bool,
}

/// The most likely code of a text, in ASCII digits.
pub(crate) fn find(text: &str) -> Option<String> {
    let text: Vec<char> =
        text.chars().map(|c| digit(c).unwrap_or_else(|| c.to_lowercase().next().unwrap_or(c))).collect();
    let groups = groups(&text);
    let candidates = candidates(&text, &groups);
    if candidates.is_empty() {
        return None;
    }
    let code_words = occurrences(&text, CODE_WORDS);
    let other_words = occurrences(&text, OTHER_WORDS);
    let alone = |candidate: &Candidate| {
        let rest = text[..candidate.start].iter().chain(&text[candidate.end..]);
        !rest.into_iter().any(|c| c.is_alphanumeric())
    };
    let mut best: Option<(usize, String)> = None;
    for candidate in candidates {
        let Candidate { start, end, .. } = candidate;
        // What stands between the number before and this one speaks of this one.
        let from = groups.iter().map(|group| group.1).filter(|&end| end <= start).max().unwrap_or(0);
        let from = from.max(start.saturating_sub(NEAR));
        let last = |words: &[(usize, usize)]| {
            words.iter().filter(|word| word.0 >= from && word.1 <= start).map(|word| word.1).max()
        };
        let (code_word, other_word) = (last(&code_words), last(&other_words));
        if (other_word.is_some() && other_word >= code_word) || (candidate.doubtful && code_word.is_none()) {
            continue;
        }
        let distance = if candidate.marked || alone(&candidate) {
            0
        } else {
            let before = code_words.iter().filter(|word| word.1 <= start).map(|word| start - word.1);
            let behind = code_words.iter().filter(|word| word.0 >= end).map(|word| word.0 - end + BEHIND);
            match before.chain(behind).min() {
                Some(distance) => distance,
                None => continue,
            }
        };
        if best.as_ref().is_none_or(|(least, _)| distance < *least) {
            best = Some((distance, candidate.code));
        }
    }
    best.map(|(_, code)| code)
}

/// Where the runs of digits begin and end.
fn groups(text: &[char]) -> Vec<(usize, usize)> {
    let mut groups = Vec::new();
    let mut start = None;
    for (at, c) in text.iter().chain([&' ']).enumerate() {
        match (c.is_ascii_digit(), start) {
            (true, None) => start = Some(at),
            (false, Some(first)) => {
                groups.push((first, at));
                start = None;
            }
            _ => {}
        }
    }
    groups
}

fn candidates(text: &[char], groups: &[(usize, usize)]) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut rest = groups;
    while let [first, ..] = rest {
        let count = cluster(text, rest);
        let (cluster, behind) = rest.split_at(count);
        rest = behind;
        let sizes: Vec<usize> = cluster.iter().map(|group| group.1 - group.0).collect();
        let total: usize = sizes.iter().sum();
        let hyphens = count > 1 && text.get(first.1) == Some(&'-');
        let telephone = before(text, first.0) == Some('+') || (count > 1 && total >= 10);
        match sizes[..] {
            _ if telephone => {}
            _ if count > 1 && total == count => {
                let end = cluster.last().map_or(first.1, |group| group.1);
                found.extend(candidate(text, first.0, end, false));
            }
            // Written in groups to be read aloud. 4 and 4 is how a telephone number is written too.
            [3, 3] | [2, 2, 2] | [4, 4] => {
                let end = cluster.last().map_or(first.1, |group| group.1);
                found.extend(candidate(text, first.0, end, sizes == [4, 4]));
            }
            _ if hyphens => {} // a date, or a number of some other kind
            _ => found.extend(cluster.iter().filter_map(|group| candidate(text, group.0, group.1, false))),
        }
    }
    found
}

/// How many of the groups stand together, a single space or hyphen between them, the same all along.
fn cluster(text: &[char], groups: &[(usize, usize)]) -> usize {
    let joint = |pair: &[(usize, usize)]| match pair {
        [left, right] if right.0 == left.1 + 1 => {
            text.get(left.1).copied().filter(|c| matches!(c, ' ' | '-'))
        }
        _ => None,
    };
    let Some(first) = groups.get(..2).and_then(joint) else { return 1 };
    1 + groups.windows(2).take_while(|pair| joint(pair) == Some(first)).count()
}

/// A number as a candidate, unless what stands beside it says that it is something else.
fn candidate(text: &[char], start: usize, end: usize, mut doubtful: bool) -> Option<Candidate> {
    let code: String = text[start..end].iter().filter(|c| c.is_ascii_digit()).collect();
    if !(4..=8).contains(&code.len()) {
        return None;
    }
    let (left, right) = (before(text, start), text.get(end).copied());
    let is_digit = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(char::is_ascii_digit);
    let part_of =
        |c: Option<char>, beyond| matches!(c, Some('.' | ',' | ':' | '/' | '-')) && is_digit(beyond);
    if left.is_some_and(|c| c.is_ascii_alphabetic() || "+$€£_*•/@".contains(c))
        || right.is_some_and(|c| c.is_ascii_alphabetic() || "_@/".contains(c))
        || part_of(left, start.checked_sub(2))
        || part_of(right, Some(end + 1))
        || is_unit(text, end)
        || in_link(text, start)
    {
        return None;
    }
    let prefix = text[..start].iter().rev().skip(1).take_while(|c| c.is_ascii_alphabetic()).count();
    let marked = match left {
        // `G-123456`
        Some('-') => (1..=2).contains(&prefix),
        // `@example.com #123456`
        Some('#') => word_before(text, start - 1).starts_with('@'),
        _ => false,
    };
    // A year, unless a word says otherwise.
    doubtful |= code.len() == 4 && (code.starts_with("19") || code.starts_with("20"));
    Some(Candidate { code, start, end, marked, doubtful: doubtful && !marked })
}

fn before(text: &[char], at: usize) -> Option<char> {
    text.get(at.checked_sub(1)?).copied()
}

fn word_before(text: &[char], at: usize) -> String {
    let words: String = text[..at].iter().collect();
    words.split_whitespace().next_back().unwrap_or_default().to_owned()
}

fn is_unit(text: &[char], end: usize) -> bool {
    let behind: String = text[end..].iter().skip_while(|c| **c == ' ').take(8).collect();
    UNITS.split('|').any(|unit| {
        behind.strip_prefix(unit).is_some_and(|rest| {
            !unit.ends_with(char::is_alphabetic) || !rest.starts_with(char::is_alphabetic)
        })
    })
}

fn in_link(text: &[char], at: usize) -> bool {
    let start = text[..at].iter().rposition(|c| c.is_whitespace()).map_or(0, |space| space + 1);
    let word: String = text[start..].iter().take_while(|c| !c.is_whitespace()).collect();
    word.contains("://") || word.starts_with("www.") || (word.contains('/') && word.contains('.'))
}

/// Where the words stand. An English one stands alone; an Arabic one may carry what is written onto it.
fn occurrences(text: &[char], words: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for word in words.split('|') {
        let word: Vec<char> = word.chars().collect();
        let whole = word.iter().any(char::is_ascii);
        for (start, window) in text.windows(word.len()).enumerate() {
            let end = start + word.len();
            let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
            let stands = !whole || !(letter(before(text, start)) || letter(text.get(end).copied()));
            if window == word && stands {
                found.push((start, end));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_in_english_and_arabic() {
        for (text, code) in [
            ("Your OTP for MYAPP is: 123456", "123456"),
            ("123456 is your MYAPP verification code", "123456"),
            ("G-482913 is your Google verification code.", "482913"),
            ("Use 7391 to log in. It is valid for 10 minutes.", "7391"),
            ("MYAPP: your PIN is 0042", "0042"),
            ("Your code: 123-456. Never share it.", "123456"),
            ("Your code is 123 456", "123456"),
            ("Your code is 1 2 3 4 5 6", "123456"),
            ("code=123456", "123456"),
            ("OTP-654321", "654321"),
            ("One Time Password: 654321 for KNET", "654321"),
            ("<#> 123-456 is your code https://v.my.app/987654", "123456"),
            ("OTP is 123456 for txn of KWD 2500 at SHOP on card ending 4321", "123456"),
            ("123456 is the OTP for your purchase of KD 1500.500, card 4321", "123456"),
            ("code 12 34 56", "123456"),
            ("Security code 1234 5678 for MYAPP", "12345678"),
            ("123456", "123456"),
            ("(123456).", "123456"),
            ("Your code is 123456 10 minutes left", "123456"),
            ("رمز التحقق الخاص بك هو 123456", "123456"),
            ("رمز التحقق: ١٢٣٤٥٦ صالح لمدة ٥ دقائق", "123456"),
            ("۱۲۳۴ هو رمز الدخول إلى متجرنا", "1234"),
            ("كود التفعيل 8842 لا تشاركه مع أحد", "8842"),
            ("رمزك:55512", "55512"),
            ("كلمة المرور لمرة واحدة 908172", "908172"),
            // Beside other numbers.
            ("Code for order 48213 is 771204", "771204"),
            ("Order 48213: your delivery code is 7712. Call 98765432 for help", "7712"),
            ("Pay 12500 KD with code 4411", "4411"),
            ("Your code is 445566, valid until 2026-11-25 14:30", "445566"),
            ("25/11/2026: verification code 9911", "9911"),
            ("رمز التحقق لطلب رقم 48213 هو 7710", "7710"),
            ("المبلغ 1500 د.ك، رمز التأكيد 654321", "654321"),
            ("Your login code is 2024", "2024"),
            ("8812 is your code. Total 4500 KD. https://my.app/99887766", "8812"),
            ("Your code is 551122\n\n@example.com #551122", "551122"),
            ("Welcome back\n@example.com #771100", "771100"),
            ("Code sent to +965 9876 5432: 909090", "909090"),
            ("For card ****4321 your OTP is 600700", "600700"),
        ] {
            assert_eq!(find(text).as_deref(), Some(code), "{text}");
        }
    }

    #[test]
    fn what_is_no_code_is_none() {
        for text in [
            "",
            "Hello",
            "Your order 48213 is on its way",
            "Order #48213 has shipped",
            "Your balance is 12500 KD",
            "Total: 1,250.500 KWD",
            "Call us at 98765432",
            "Call +96598765432 or 2222 1111",
            "Meeting on 25/11/2026 at 1430 hours",
            "See you in 2026",
            "Sale! 5000 points for you",
            "https://my.app/123456",
            "The code is in your mail",
            "Your code is 123",
            "Your code is 123456789",
            "Your code is AB1234",
            "Use promo code SAVE2024",
            "Use discount 4500 today",
            "Use promo code 4500 today",
            "We never ask for the code sent to 98765432",
            "Verify at my.app/v?c=123456",
            "استخدم كود خصم 4500",
            "Card ending 4321 was charged 1500 KD",
            "طلبك رقم 48213 في الطريق",
            "رصيدك 12500 دينار",
            "اتصل بنا على 98765432",
            "بطاقتك المنتهية 4321",
            "Shopping opinion 123456",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }

    #[test]
    fn a_long_text_of_digits_and_words_takes_no_time_to_speak_of() {
        let text = "code 123456 order 654321 ".repeat(45); // 7 pages
        assert_eq!(find(&text).as_deref(), Some("123456"));
    }
}
