//! What the name of a column says, in English and Arabic, as Excel, Google, Outlook, HubSpot and Salesforce write it.

use super::list::is_mark;

/// How surely a column holds the numbers to send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// It says nothing of the kind.
    Other,
    /// A number of some kind: `Number`, رقم, `Contact`, `To`. It may be a row's, an order's, a member's.
    Number,
    /// A phone that another is better than: at home, at work, in an emergency.
    OtherPhone,
    /// A phone.
    Phone,
}

/// Words for a phone. Arabic words stand without the article and with their letters made alike, see [`words`].
const PHONE: [&str; 33] = [
    "phone",
    "telephone",
    "tel",
    "mobile",
    "mob",
    "cell",
    "cellular",
    "cellphone",
    "gsm",
    "msisdn",
    "whatsapp",
    "handphone",
    "smartphone",
    "handy",
    "هاتف",
    "هواتف",
    "موبايل",
    "موبايلات",
    "موبيل",
    "جوال",
    "جوالات",
    "تليفون",
    "تلفون",
    "تلفونات",
    "نقال",
    "محمول",
    "خلوي",
    "متحرك",
    "واتساب",
    "واتس",
    "وتساب",
    "سيلولار",
    "تيليفون",
];

/// Words that make another column of one that speaks of a phone: what it is, when it was called, whether it may be.
const ABOUT: [&str; 72] = [
    "label",
    "type",
    "kind",
    "ext",
    "extn",
    "extension",
    "code",
    "prefix",
    "country",
    "verified",
    "verification",
    "confirmed",
    "valid",
    "validated",
    "opt",
    "optin",
    "optout",
    "consent",
    "permission",
    "status",
    "date",
    "time",
    "timezone",
    "updated",
    "created",
    "modified",
    "last",
    "carrier",
    "operator",
    "network",
    "provider",
    "model",
    "os",
    "brand",
    "device",
    "version",
    "app",
    "source",
    "note",
    "notes",
    "comment",
    "comments",
    "format",
    "count",
    "name",
    "fax",
    "pager",
    "telex",
    "isdn",
    "tty",
    "tdd",
    "radio",
    "id",
    "uuid",
    "hash",
    "call",
    "calls",
    "called",
    "bill",
    "plan",
    "url",
    "link",
    "has",
    "is",
    "not",
    "نوع",
    "اسم",
    "رمز",
    "كود",
    "مفتاح",
    "فاكس",
    "تاريخ",
];

/// More of them in Arabic.
const ABOUT_ARABIC: [&str; 10] =
    ["حاله", "وقت", "مشغل", "شبكه", "ملاحظات", "ملاحظه", "تحويله", "موافقه", "معرف", "هويه"];

/// Words for a phone that is not the one to write to where there is another.
const ELSEWHERE: [&str; 34] = [
    "home",
    "house",
    "work",
    "office",
    "business",
    "company",
    "landline",
    "land",
    "fixed",
    "other",
    "assistant",
    "assistants",
    "asst",
    "car",
    "callback",
    "emergency",
    "secondary",
    "alternate",
    "alternative",
    "alt",
    "backup",
    "spouse",
    "manager",
    "منزل",
    "بيت",
    "عمل",
    "مكتب",
    "شركه",
    "طوارئ",
    "طواري",
    "ارضي",
    "ثابت",
    "اخر",
    "بديل",
];

/// Words for a number of some kind.
const NUMBER: [&str; 23] = [
    "number",
    "numbers",
    "num",
    "nums",
    "nr",
    "contact",
    "contacts",
    "recipient",
    "recipients",
    "receiver",
    "to",
    "destination",
    "sms",
    "رقم",
    "ارقام",
    "اتصال",
    "تواصل",
    "مستلم",
    "مستلمين",
    "مستقبل",
    "الي",
    "مرسل",
    "اليه",
];

/// Words that add nothing to one of those.
const FILLING: [&str; 9] = ["no", "the", "send", "full", "international", "intl", "value", "primary", "main"];

/// Tells the rank of a column by its name.
pub(super) fn rank(name: &str) -> Rank {
    let words = words(name);
    let any = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    if words.iter().any(|word| is_phone(word)) {
        return match () {
            () if any(&ABOUT) || any(&ABOUT_ARABIC) => Rank::Other,
            () if any(&ELSEWHERE) => Rank::OtherPhone,
            () => Rank::Phone,
        };
    }
    let is = |word: &String, list: &[&str]| list.contains(&word.as_str());
    let only = words
        .iter()
        .all(|word| is(word, &NUMBER) || is(word, &FILLING) || word.chars().all(char::is_numeric));
    if only && any(&NUMBER) { Rank::Number } else { Rank::Other }
}

fn is_phone(word: &str) -> bool {
    // MOBILENO, phonenumber, customerphone
    let word = ["numbers", "number", "num", "nos", "no", "nr"]
        .iter()
        .find_map(|end| word.strip_suffix(end))
        .filter(|rest| rest.len() > 2)
        .unwrap_or(word);
    PHONE.contains(&word)
        || word.strip_suffix('s').is_some_and(|one| PHONE.contains(&one))
        || ["phone", "mobile"].iter().any(|end| word.ends_with(end))
}

/// A name made alike: its words, by one blank.
pub(super) fn alike(name: &str) -> String {
    words(name).join(" ")
}

/// The words of a name without case, marks, tatweel, harakat, the article ال, and with alef, ya and ta marbuta in
/// one form each. `mobilePhone2` are three, WhatsApp is one.
fn words(name: &str) -> Vec<String> {
    let name: String = name.chars().filter(|c| !is_mark(*c) && !is_written_around(*c)).map(letter).collect();
    let mut words = Vec::new();
    for part in name.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()) {
        let whole = part.to_lowercase();
        if PHONE.contains(&whole.as_str()) {
            words.push(whole);
            continue;
        }
        let mut before: Option<char> = None;
        for c in part.chars() {
            let begins = before.is_none_or(|before| {
                before.is_lowercase() && c.is_uppercase() || before.is_numeric() != c.is_numeric()
            });
            before = Some(c);
            match words.last_mut() {
                Some(word) if !begins => word.extend(c.to_lowercase()),
                _ => words.push(c.to_lowercase().collect()),
            }
        }
    }
    for word in &mut words {
        if let Some(rest) = word.strip_prefix("ال").filter(|rest| rest.chars().count() > 2) {
            *word = rest.to_owned();
        }
    }
    words
}

/// Tatweel, harakat, and the accents of Latin letters.
fn is_written_around(c: char) -> bool {
    matches!(c, '\u{640}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6ed}' | '\u{300}'..='\u{36f}')
}

fn letter(c: char) -> char {
    match c {
        'أ' | 'إ' | 'آ' | 'ٱ' => 'ا',
        'ى' | 'ی' => 'ي',
        'ة' => 'ه',
        'ک' => 'ك',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_phones_are_known_however_they_are_written() {
        for name in [
            "Phone",
            "PHONE",
            "phones",
            "Mobile",
            "mobile_no",
            "MOBILENO",
            "MobileNumber",
            "mobilePhone",
            "Phone No.",
            "phone-number",
            "Phone 1 - Value",
            "Phone Number",
            "Mobile Phone Number",
            "Mobile Phone",
            "Primary Phone",
            "customer phone",
            "customerphone",
            "Cell",
            "Cell #",
            "Tel.",
            "TelNo",
            "Telephone",
            "MSISDN",
            "GSM",
            "WhatsApp",
            "WhatsApp Number",
            "\u{200e}Phone",
            "\u{feff}phone",
            "Pho\u{ad}ne",
            "Téléphone",
            "E.164 phone",
            "الجوال",
            "الـجـوّال",
            "جوال",
            "رقم الجوال",
            "رقم_الهاتف",
            "هاتف",
            "الهاتف النقال",
            "رَقْمُ الهَاتِف",
            "موبايل",
            "رقم الموبايل",
            "تليفون",
            "الواتساب",
            "رقم الواتس اب",
            "المحمول",
        ] {
            assert_eq!(rank(name), Rank::Phone, "{name}");
        }
    }

    #[test]
    fn phones_elsewhere_rank_below_and_numbers_of_some_kind_below_them() {
        for name in [
            "Home Phone",
            "Business Phone 2",
            "Company Main Phone",
            "Assistant's Phone",
            "Asst. Phone",
            "Other Phone",
            "Car Phone",
            "هاتف المنزل",
            "هاتف العمل",
            "Emergency mobile",
        ] {
            assert_eq!(rank(name), Rank::OtherPhone, "{name}");
        }
        for name in [
            "Number",
            "numbers",
            "No. 1 to",
            "To",
            "recipient",
            "Contact",
            "Contact No",
            "Contact number",
            "رقم",
            "الرقم",
            "أرقام",
            "رقم التواصل",
            "إلى",
        ] {
            assert_eq!(rank(name), Rank::Number, "{name}");
        }
    }

    #[test]
    fn what_only_speaks_of_phones_or_is_another_number_is_neither() {
        for name in [
            "Phone 1 - Label",
            "Phone 1 - Type",
            "Phone Extension",
            "Phone Country Code",
            "Mobile verified",
            "Home Fax",
            "Pager",
            "TTY/TDD Phone",
            "Phonetic First Name",
            "Mobile carrier",
            "Mobile OS",
            "Last phone call",
            "Do Not Call Phone",
            "WhatsApp opt-in",
            "Phone ID",
            "نوع الهاتف",
            "مفتاح الهاتف",
            "Order number",
            "civil id number",
            "ID Number",
            "Customer number",
            "Account no",
            "No.",
            "#",
            "رقم الطلب",
            "الرقم المدني",
            "رقم العضوية",
            "Name",
            "City",
            "الاسم",
            "",
            "Total",
            "Customer",
            "Microwave",
            "tomorrow",
        ] {
            assert_eq!(rank(name), Rank::Other, "{name}");
        }
        assert_eq!(alike(" Phone_Number "), alike("phoneNumber"));
        assert_eq!(alike("الـجوّال"), alike("الجوال"));
    }
}
