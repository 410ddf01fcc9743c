//! Texts as they are really sent, with what is the code in them.

use super::find;

/// Every text that is read otherwise than wanted, so that one change is seen in all of them.
fn misread<'a>(cases: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Vec<String> {
    let wrong = cases.into_iter().filter(|(text, want)| find(text).as_deref() != *want);
    wrong.map(|(text, want)| format!("{text:?}: {:?} and not {want:?}", find(text))).collect()
}

#[test]
fn the_code_is_found_in_english_and_arabic() {
    let cases = [
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
        // The number beside the word wins over those of other things.
        ("Your code for request 48213 is 771204", "771204"),
        ("OTP for transaction 20260125: 884213", "884213"),
        ("Login code for user 10234 is 884213", "884213"),
        ("Your PIN for policy no. 20231177 is 5512", "5512"),
        ("Use 551204 to confirm transfer 99887766", "551204"),
        ("Transfer 99887766: confirm with 551204", "551204"),
        ("Your booking number is 48213 and your code is 7712", "7712"),
        ("Your code is 771204, your order number is 48213", "771204"),
        ("Voyage 4821: boarding code 7712", "7712"),
        ("771204 is the code for case file 48213", "771204"),
        ("Request no. 48213. Code: 7712", "7712"),
        ("Ref:48213 OTP:771204", "771204"),
        ("OTP 771204 (ref 48213)", "771204"),
        ("TXN-20260125 verification code 9911", "9911"),
        ("INV-48213: your code is 7712", "7712"),
        ("Dear Ali, 771204 is your code for request 48213.", "771204"),
        ("Code 771204 for KD 2500 at 1430 on card 4321", "771204"),
        ("Please don't share 445566 with anyone. MYAPP verification", "445566"),
        ("Your verification number is 1234", "1234"),
        ("Verification code no. 1234", "1234"),
        ("Your OTP for MYAPP 123456", "123456"),
        ("Code:\n123456", "123456"),
        ("MYAPP\nYour login code\n4411", "4411"),
        ("User: 10234\nCode: 884213", "884213"),
        ("code 123456/valid 5 min", "123456"),
        ("OTP/123456", "123456"),
        ("OTP123456", "123456"),
        ("Code \"1234\"", "1234"),
        ("Code [4411]", "4411"),
        ("Your OTP is 482913. Ref: 7781234", "482913"),
        ("Ticket number 20260125, code 48213", "48213"),
        ("Invoice 2026-0048: verification code 771204", "771204"),
        ("Case 48213 - verification code 771204", "771204"),
        ("48213 - your order. 7712 - your code", "7712"),
        ("Use code 771204 for booking 48213", "771204"),
        ("Delivery code for order #48213: 7712", "7712"),
        ("771204 (OTP). Txn 884213", "771204"),
        ("code:123456,order:48213", "123456"),
        ("OTP:482913/Ref:7781", "482913"),
        ("Your code is 1234. For help: 1800555", "1234"),
        ("Your code for account ending 4321 is 771204", "771204"),
        ("To approve payment of KWD 12.500 to SHOP use OTP 884213 (card 4321)", "884213"),
        ("MYAPP: 482913 (verification code)", "482913"),
        ("Code 4821. Valid until 31 Dec 2026.", "4821"),
        ("Your code is *123456*", "123456"),
        ("لإتمام العملية رقم 20260125 استخدم الرمز 884213", "884213"),
        ("رمز العملية 48213 ورمز التحقق 7710", "7710"),
        ("كود الاستلام لطلبك رقم 48213 هو ٧٧١٠", "7710"),
        ("رمزك 7710 للطلب 48213", "7710"),
        ("*123456* is your code", "123456"),
        ("Code 123456 valid 1440 minutes", "123456"),
        ("رمز التحقق للمعاملة رقم 48213 هو 7710", "7710"),
        ("رقم المعاملة 48213 ورمز التحقق 7710", "7710"),
        ("طلبك رقم 48213، رمز الاستلام 7710", "7710"),
        ("رمز الدخول للمستخدم 10234 هو 884213", "884213"),
        ("استخدم 4411 لتسجيل الدخول", "4411"),
        ("كود التفعيل لتطبيق متجرنا 123456", "123456"),
        ("عزيزي العميل، 7710 هو رمز التحقق لعملية بمبلغ 12500 د.ك", "7710"),
        ("الرقم السري المؤقت: 5521", "5521"),
        // A year, when nothing else is a code.
        ("2031 is your verification code", "2031"),
        ("1998 is your MYAPP code", "1998"),
        ("2012 هو رمز التحقق", "2012"),
        ("Code 2024", "2024"),
        ("رمز التحقق 1999", "1999"),
        ("Use 2024 to log in", "2024"),
        ("© 2024 MYAPP. Your code: 8812", "8812"),
        ("20260125 is your code", "20260125"),
        ("2012 رمز التحقق", "2012"),
        ("2031 code for MYAPP", "2031"),
        ("code:123456/5min", "123456"),
        ("code 123456|order 99812", "123456"),
        ("123456/code", "123456"),
        ("OTP 884213 for txn 20260125 of KWD 12.500", "884213"),
        ("Your KNET OTP is 112233, amount 25.500 KD, merchant 998877, card 4567XXXXXXXX1234", "112233"),
        ("Transaction 20260125 approved. OTP 884213", "884213"),
        ("Enter 445566 to verify your phone 98765432", "445566"),
        ("كلمة السر المؤقتة 5566 لحسابك رقم 998877", "5566"),
        // Digits of other scripts, and what is written between and around them.
        ("１２３４５６ is your code", "123456"),
        ("Your code is 𝟏𝟐𝟑𝟒", "1234"),
        ("आपका code १२३४ है", "1234"),
        ("Your code is 12\u{200B}34\u{200F}56", "123456"),
        ("رمز التحقق: \u{2068}١٢٣٤\u{2069}", "1234"),
    ];
    assert_eq!(misread(cases.map(|(text, code)| (text, Some(code)))), Vec::<String>::new());
}

#[test]
fn what_is_no_code_is_none() {
    let cases = [
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
        "Your order 48213 has been shipped on 2026-01-25",
        "Request 48213 was received",
        "Login code for user 10234 was sent to your mail",
        "Your code for request 48213 was sent by mail",
        "The code for order 48213 was sent to 98765432",
        "Your request number is 48213; the code is in your mail",
        "48213 is your order number",
        "Your ID number is 12345678, never share your password",
        "Verification of application 20261177 has begun",
        "INV-48213 is due, use the secure login",
        "Your code is valid until 2026",
        "Verify your account before 2027",
        "Security alert: login from device 48213",
        "Your password reset request 48213 was received",
        "Reset your password: https://x.y/z?token=123456",
        "Code expires 31 Dec 2026",
        "Copyright 2024. Enter the code in the app",
        "2024 security report",
        "Security report 20260125",
        "PIN code of the area 13012",
        "Ticket 771204 has been closed. Rate us 1-5",
        "For security reasons your ticket number 334455 was updated",
        "Meeting on verification at 1430",
        "Your password expires in 1440 minutes",
        "Flight 4821 boards at gate 1234",
        "رقم الطلب 48213، سيصلك رمز التحقق",
        "تم إرسال الرمز إلى 98765432",
        "معاملتك رقم 48213 قيد التحقق",
        "1234 هو رقم طلبك",
    ];
    assert_eq!(misread(cases.map(|text| (text, None))), Vec::<String>::new());
}

#[test]
fn a_long_text_of_digits_and_words_takes_no_time_to_speak_of() {
    let text = "code 123456 order 654321 ".repeat(45); // 7 pages
    assert_eq!(find(&text).as_deref(), Some("123456"));
}

/// Reported by people whose tests typed an order number.
#[test]
fn the_reported_cases_hold() {
    let cases: serde_json::Value =
        serde_json::from_str(include_str!("../../../../tests/fixtures/sandbox_codes.json")).unwrap();
    let cases = cases["cases"].as_array().unwrap();
    assert!(cases.len() >= 10);
    let cases = cases.iter().map(|case| (case["in"].as_str().unwrap(), case["want"].as_str()));
    assert_eq!(misread(cases), Vec::<String>::new());
}
