//! Numbers and texts as people, phones, spreadsheets and templates hand them in: each line stands for a kind.

use kwtsms_async::{
    CountryCheck, MessageText, PhoneError, PhoneNumber, TextError, clean_message, split_numbers,
};
use proptest::prelude::*;

fn refusal(input: &str) -> PhoneError {
    PhoneNumber::parse(input).expect_err(input)
}

/// Signs that stand for digits that are hidden, cut off or lost.
const HIDING: [&str; 10] = ["*", "?", "•", "…", "●", "█", "■", "_", "؟", "\u{fffd}"];

#[test]
fn a_number_of_which_digits_are_hidden_is_none() {
    for input in [
        "4477123456**",
        "+44 7712 34** **",
        "4477123456 ****",
        "4477123456•••",
        "+44 7712 3456 ••",
        "4477123456…",
        "4477123456...",
        "4477123456..",
        "4477123456?",
        "4477123456__",
        "4477123456██",
        "4477123456\u{fffd}",
        "**7712345678",
        "…7712345678",
        "?7712345678",
        "** 7712345678",
    ] {
        assert!(matches!(refusal(input), PhoneError::Sign { .. }), "{input}: {:?}", refusal(input));
    }
    for written in [
        "*96598765432*",
        "**96598765432**",
        "_96598765432_",
        "* 96598765432",
        "• 96598765432",
        "•96598765432",
        "96598765432.",
        "Ali_96598765432",
        "Ali ..... 96598765432",
        "*** Ali 96598765432",
        "Ali? 96598765432",
    ] {
        assert_eq!(PhoneNumber::parse(written).unwrap().to_string(), "96598765432", "{written}");
    }
}

#[test]
fn places_amounts_and_addresses_of_computers_are_no_numbers() {
    for input in [
        "47.97738561",
        "29.3758590",
        "-29.3758590",
        "3.14159265",
        "1.234.567,89",
        "1 000 000,50",
        "96598765432,5",
    ] {
        assert_eq!(refusal(input), PhoneError::Decimal, "{input}");
    }
    for input in ["121.225.51.234", "192.168.100.200", "IP: 121.225.51.234"] {
        assert!(matches!(refusal(input), PhoneError::Sign { sign: '.', .. }), "{input}");
    }
    for (written, digits) in [
        ("+1.2125551234", "12125551234"),
        ("+44.7712345678", "447712345678"),
        ("965.98765432", "96598765432"),
        ("1.800.555.0000", "18005550000"),
    ] {
        assert_eq!(PhoneNumber::parse(written).unwrap().to_string(), digits, "{written}");
    }
}

#[test]
fn a_number_that_was_turned_round_is_not_read_from_its_end() {
    for input in [
        "5432 9876 00965",
        "٥٤٣٢ ٩٨٧٦ ٠٠٩٦٥",
        "5432 9876 965",
        "5432-9876-965",
        "98765432 00965",
        "5432 9876 965+",
    ] {
        assert!(PhoneNumber::parse_with(input, CountryCheck::Gulf).is_err(), "{input}");
        #[cfg(feature = "strict-numbers")]
        assert!(PhoneNumber::parse_with(input, CountryCheck::Strict).is_err(), "{input}");
    }
    assert_eq!(PhoneNumber::parse("54 329 876 965").unwrap().to_string(), "54329876965");
}

#[test]
fn dates_are_no_numbers() {
    for input in [
        "5-19-1990",
        "19.5.1990",
        "1990-5-19",
        "1990-05-1",
        "05-19-1990",
        "1990-05-19",
        "19/5/1990",
        "١٩-٥-١٩٩٠",
    ] {
        assert!(PhoneNumber::parse(input).is_err(), "{input}");
    }
    assert_eq!(PhoneNumber::parse("683 4123").unwrap().to_string(), "6834123");
}

#[test]
fn what_belongs_to_a_number_is_not_cut_from_it_in_a_list() {
    for (list, parts) in [
        ("1.234.567,89", &["1.234.567,89"][..]),
        ("1 000 000,50;96598765432", &["1 000 000,50", "96598765432"]),
        ("96598765432,12", &["96598765432,12"]),
        ("96598765432, room 12", &["96598765432, room 12"]),
        ("96598765432, وصلة 12", &["96598765432, وصلة 12"]),
        ("96598765432، فرع ١٢", &["96598765432، فرع ١٢"]),
        ("96598765432, 内線12", &["96598765432, 内線12"]),
        ("96598765432; poste 12, 96551234567", &["96598765432; poste 12", "96551234567"]),
        ("Ali, 96598765432", &["Ali", "96598765432"]),
        ("96598765432, Sara 96551234567", &["96598765432", "Sara 96551234567"]),
        ("96598765432,1234", &["96598765432", "1234"]),
    ] {
        assert_eq!(split_numbers(list).collect::<Vec<_>>(), parts, "{list}");
    }
}

#[test]
fn an_emoji_leaves_a_blank_between_what_it_stood_between() {
    for (input, kept) in [
        ("See https://a.example/c✅Thanks", "See https://a.example/c Thanks"),
        ("Click👉https://a.example/c👈now", "Click https://a.example/c now"),
        ("Click👉pay.example/x", "Click pay.example/x"),
        ("https://a.example/c.✅Thanks", "https://a.example/c. Thanks"),
        ("https://a.example/✅/x", "https://a.example/ /x"),
        ("Call📞98765432", "Call 98765432"),
        ("اتصل:📞98765432", "اتصل: 98765432"),
        ("مرحبا🎉بك", "مرحبا بك"),
        ("25.500🎉KD", "25.500 KD"),
        ("So🎉, yes", "So, yes"),
        ("(🎉new)", "(new)"),
        ("Hi 🎉there", "Hi there"),
        ("Sale 👨\u{200d}👩\u{200d}👧!", "Sale !"),
    ] {
        assert_eq!(clean_message(input), kept, "{input}");
    }
}

#[test]
fn a_link_is_not_lost_with_its_tag_and_not_joined_to_what_follows() {
    for (input, kept) in [
        ("<a href='//pay.example/abc'>here</a>", "here pay.example/abc"),
        ("<a href='pay.example'>here</a>", "here pay.example"),
        ("<a href='https://pay.example/c'>https://pay.example/c</a>Thanks", "https://pay.example/c Thanks"),
        ("<a href='https://pay.example/c'>pay.example/c</a>.", "pay.example/c."),
        ("<a href='offers.html'>Offers</a>", "Offers"),
    ] {
        assert_eq!(clean_message(input), kept, "{input}");
        assert_eq!(clean_message(kept), kept);
    }
}

#[test]
fn what_would_go_with_its_brackets_is_refused() {
    for input in [
        "Pay <https://pay.example/c|here>",
        "Pay <https://pay.example/{id}>",
        "Dear <?= name ?>",
        "Dear <? name ?>",
        "Dear <?php echo 1 ?>",
        "<![CDATA[Hello]]>",
        "Hi <!channel>",
        "At <t:1234:R>",
    ] {
        assert!(matches!(MessageText::new(input), Err(TextError::Placeholder { .. })), "{input}");
    }
    for (input, kept) in [
        ("<!-- x -->Hello", "Hello"),
        ("<!DOCTYPE html>Hello", "Hello"),
        ("<?xml version='1.0'?>Hello", "Hello"),
        ("<![endif]-->Hello", "Hello"),
        ("<o:p>Hello</o:p>", "Hello"),
    ] {
        assert_eq!(clean_message(input), kept, "{input}");
    }
}

#[test]
fn a_text_that_nobody_filled_in_is_warned_of() {
    for input in [
        "Dear {{name}}, hello",
        "Dear {{ contact.first_name | default: 'x' }}",
        "Dear {name}",
        "Dear {الاسم}",
        "Dear {$name}",
        "Dear {!Contact.Name}",
        "Dear {0}",
        "Dear ${name}",
        "Dear $name",
        "Dear %name%",
        "Dear %FIRST_NAME%,",
        "Dear %s, hello",
        "Dear %1$s",
        "Dear %(name)s",
        "Dear [[name]]",
        "Dear *|FNAME|*",
        "Dear #name#",
        "Dear ##name##",
        "Dear @@name@@",
        "Dear __NAME__",
        "Dear <%= name %>",
        "{% if x %}Hello{% endif %}",
        "Dear undefined, hello",
        "Dear null",
        "[object Object] is ready",
        "Tom &amp; Jerry",
        "It&#39;s ready",
        "&#1605;&#1585;",
        "&#x645;",
        "Code&nbsp;1234",
    ] {
        let text = MessageText::new(input).unwrap();
        assert!(text.is_probably_unfilled() && text.warning().is_some(), "{input}");
    }
    for input in [
        "50% off, 20% more",
        "100% sure",
        "5%discount",
        "US$50 or $5",
        "#1 in Kuwait #sale",
        "#sale#now",
        "AT&T; Q&A",
        "R&D",
        "https://a.example/?a=1&b=2;c",
        "{since 1990!}",
        "{}",
        "[MYAPP] Your code: 1234",
        "a_b__c",
        "write to ali@@home",
        "Nullify the annulment",
        "5 * |x| * 2",
    ] {
        let text = MessageText::new(input).unwrap();
        assert!(!text.is_probably_unfilled() && text.warning().is_none(), "{input}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_number_with_hidden_digits_behind_it_is_never_another(
        digits in "[1-9][0-9]{6,12}", blank in prop::sample::select(vec!["", " ", "-"]),
        sign in prop::sample::select(HIDING.to_vec()), count in 2_usize..6,
    ) {
        let input = format!("{digits}{blank}{}", sign.repeat(count));
        for check in [CountryCheck::Off, CountryCheck::Gulf] {
            prop_assert!(PhoneNumber::parse_with(&input, check).is_err(), "{}", input);
        }
    }

    #[test]
    fn what_an_emoji_or_a_line_break_parted_stays_apart(
        before in "[a-z0-9ا-ي]{1,8}", after in "[a-z0-9ا-ي]{1,8}",
        between in prop::sample::select(vec![
            "😀", "🇰🇼", "❤\u{fe0f}", "👍🏽", "👨\u{200d}👩\u{200d}👧", "☎\u{fe0f}", "⭐", "🔟", "\u{20e3}",
            "<br>", "</p><p>", "\u{2028}", "\u{b}", "\r", "</li> <li>", "😀<b>", "</b>\u{200b}😀",
        ]),
    ) {
        let cleaned = clean_message(&format!("{before}{between}{after}")).into_owned();
        let words: Vec<_> = cleaned.split_whitespace().collect();
        prop_assert_eq!(words, [before.as_str(), after.as_str()]);
    }

    #[test]
    fn no_link_is_lost_or_joined_whatever_emoji_stand_at_it(
        path in "[a-z0-9/]{0,8}", before in "[a-zا-ي.!]{0,6}", after in "[a-z0-9ا-ي]{0,6}",
        emoji in prop::sample::select(vec!["👉", "✅", "❤\u{fe0f}", "🇰🇼"]),
    ) {
        let link = format!("https://pay.example/{path}");
        let cleaned = clean_message(&format!("{before}{emoji}{link}{emoji}{after}")).into_owned();
        prop_assert!(cleaned.split_whitespace().any(|word| word == link), "{}", cleaned);
    }

    #[test]
    fn a_list_never_sends_to_a_part_of_an_amount(
        whole in "[1-9][0-9]{6,10}", decimals in "[0-9]{1,2}", comma in prop::sample::select(vec![",", "،", "，"]),
    ) {
        let amount = format!("{whole}{comma}{decimals}");
        let parts: Vec<_> = split_numbers(&amount).collect();
        prop_assert_eq!(&parts, &[amount.as_str()]);
        prop_assert!(PhoneNumber::parse(&amount).is_err());
    }
}
