//! The words that tell what a number is.

/// Words that announce a code, between bars.
const CODE: &str = "code|codes|otp|pin|passcode|password|one-time|verification|verify|confirmation|confirm|\
    authentication|activation|security|token|2fa|login|log in|sign in|secret number|رمز|كود|التحقق|التفعيل|\
    التأكيد|المرور|كلمة السر|الرقم السري|رقم سري|رقمك السري|تسجيل الدخول";
/// Those of them that name the code itself.
const NAMES: &str = "code|otp|pin|passcode|password|رمز|كود|الرمز|الكود";
/// Words whose number is something else.
const OTHER: &str = "order|invoice|ticket|ref|reference|booking|reservation|account|acct|card|ending|ends|call|\
    phone|tel|telephone|mobile|whatsapp|fax|hotline|helpline|amount|balance|total|price|paid|block|building|street|box|\
    zip|postal|promo|discount|coupon|voucher|promo code|discount code|coupon code|voucher code|gift code|gift card|\
    zip code|postal code|area code|country code|error code|branch code|order code|item code|product code|bar code|\
    qr code|dress code|source code|sent to|kd|kwd|usd|sar|aed|request|transaction|txn|trx|trans|payment|transfer|\
    deposit|withdrawal|receipt|bill|loan|cheque|check no|policy|contract|case|complaint|application|user|username|\
    customer|client|member|membership|employee|student|patient|file|parcel|shipment|tracking|awb|delivery no|flight|\
    gate|room|seat|route|bus|trip|table|queue|turn|serial|model|version|build|job|event|batch|lot|item|sku|product|\
    extension|ext|floor|flat|apartment|house|villa|unit|branch|office|plate|license|licence|passport|civil id|\
    your id|copyright|id|طلب|فاتورة|تذكرة|حجز|حساب|بطاقة|ينتهي|المنتهية|اتصل|هاتف|واتساب|مبلغ|رصيد|قطعة|خصم|كود الخصم|\
    كود خصم|رمز الخصم|رمز خصم|كود الطلب|رمز الطلب|رمز المنطقة|رمز الدولة|الرمز البريدي|رمز بريدي|د.ك|معاملة|للمعاملة|\
    عملية|للعملية|مستخدم|عميل|عضوية|موظف|طالب|مريض|ملف|شحنة|تتبع|إيصال|ايصال|دفعة|تحويل|رحلة|طاولة|قرض|شيك|غرفة|مقعد|\
    بوابة|وثيقة|عقد|شكوى|مرجع|مدني|جواز|رخصة|لوحة|فرع|قسيمة|مبنى|طابق|شقة|منزل|شارع|صندوق|دورك|جلسة|موعد";
/// What makes the number before it an amount, a distance or a time.
const UNITS: &str = "kd|kwd|usd|eur|sar|aed|qar|bhd|omr|fils|points|credits|%|$|€|د.ك|دينار|فلس|ريال|درهم|نقطة|km|كم|\
    seconds|secs|sec|minutes|mins|min|hours|hrs|hour|days|hrs|ثانية|دقيقة|دقائق|ساعة|ساعات|يوم|أيام";
/// What says that a number is what was spoken of.
const COPULAS: &str = "is|are|was|be|being|هو|هي|يكون";
/// What is done with a code.
const VERBS: &str = "use|using|enter|entering|type|typing|input|submit|provide|quote|with|via|by|استخدم|استخدمي|\
    استعمل|أدخل|ادخل|أدخلي|ادخلي|اكتب|أكتب|بإدخال|باستخدام";
/// What stands before a time, a place or a count.
const PREPOSITIONS: &str = "in|until|till|before|after|since|at|from|on|to|year|for|of|about|around|over|than|within|\
    every|only|حتى|في|قبل|بعد|منذ|عام|سنة|على|إلى|الى|من|خلال|لمدة";
/// What a thing is named after: the word that follows is a thing, and a number behind that is the thing's.
const BELONGING: &str = "for|of|to|on|from|your|the|this|that|a|an|my|our|new|لدى|من|على|إلى|الى|في";
/// What says only that a number follows; the word before it says of what.
const NUMBERS: &str = "number|numbers|no|nr|num|nbr|رقم|الرقم|برقم|ورقم|رقمه|رقمها";

/// What a keyword says of the numbers beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Code,
    Other,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Keyword {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) meaning: Meaning,
}

/// Where the keywords stand, in their order; of one within another the longer counts.
pub(super) fn keywords(text: &[char]) -> Vec<Keyword> {
    let mut found = Vec::new();
    for (words, meaning) in [(CODE, Meaning::Code), (OTHER, Meaning::Other)] {
        found.extend(occurrences(text, words).map(|(start, end)| Keyword { start, end, meaning }));
    }
    let within = |a: &Keyword, b: &Keyword| {
        b.start <= a.start && a.end <= b.end && (b.end - b.start) > (a.end - a.start)
    };
    let all = found.clone();
    found.retain(|word| !all.iter().any(|other| within(word, other)));
    found.sort_by_key(|word| (word.start, word.end));
    found
}

/// An English word stands alone; an Arabic one may carry what is written onto it.
fn occurrences(text: &[char], words: &str) -> impl Iterator<Item = (usize, usize)> {
    words.split('|').flat_map(move |word| {
        let word: Vec<char> = word.chars().collect();
        let whole = word.iter().any(char::is_ascii_alphanumeric);
        let stands = move |start: usize, end: usize| {
            let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
            !whole || !(letter(before(text, start)) || letter(text.get(end).copied()))
        };
        let windows = text.windows(word.len()).enumerate();
        windows
            .filter(|(_, window)| *window == word)
            .map(|(start, window)| (start, start + window.len()))
            .filter(|&(start, end)| stands(start, end))
            .collect::<Vec<_>>()
    })
}

fn is_one(word: &str, of: &str) -> bool {
    of.split('|').any(|own| own == word)
}

pub(super) fn is_copula(word: &str) -> bool {
    is_one(word, COPULAS)
}

pub(super) fn is_name(word: &str) -> bool {
    is_one(word, NAMES)
}

pub(super) fn is_verb(word: &str) -> bool {
    is_one(word, VERBS)
}

pub(super) fn is_preposition(word: &str) -> bool {
    is_one(word, PREPOSITIONS)
}

pub(super) fn is_belonging(word: &str) -> bool {
    is_one(word, BELONGING)
}

pub(super) fn is_number(word: &str) -> bool {
    is_one(word, NUMBERS)
}

/// True if a unit stands behind the place.
pub(super) fn is_unit(text: &[char], end: usize) -> bool {
    let behind: String = text[end..].iter().skip_while(|c| matches!(**c, ' ' | '-')).take(8).collect();
    UNITS.split('|').any(|unit| {
        behind.strip_prefix(unit).is_some_and(|rest| {
            !unit.ends_with(char::is_alphabetic) || !rest.starts_with(char::is_alphabetic)
        })
    })
}

/// The character before a place.
pub(super) fn before(text: &[char], at: usize) -> Option<char> {
    text.get(at.checked_sub(1)?).copied()
}
