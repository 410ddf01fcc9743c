//! What cleaning allocates. Its own binary, since counting replaces the allocator of the whole program.

use std::hint::black_box;

use allocation_counter::measure;
use kwtsms_async::{MessageText, clean_message};

#[test]
fn cleaning_allocates_nothing_when_nothing_changes() {
    for text in [
        String::new(),
        "Your OTP for MYAPP is: 123456".to_owned(),
        "رمز التحقق: 123456 — شكراً\n".to_owned(),
        "5 < 6 > 4, <>, price <5KD, 1 <b".to_owned(),
        "< > ".repeat(10_000),
        "<a".repeat(10_000),
        ">".repeat(10_000),
        "€ © “quotes” ﷺ 🂡".repeat(1_000),
    ] {
        let counted = measure(|| {
            black_box(clean_message(black_box(&text)));
        });
        assert_eq!(counted.count_total, 0, "{:?}…", text.chars().take(20).collect::<String>());
    }
}

#[test]
fn a_clean_owned_text_becomes_a_message_without_a_copy() {
    let text = "Your OTP for MYAPP is: 123456".to_owned();
    let counted = measure(|| {
        black_box(MessageText::new(text)).unwrap();
    });
    assert_eq!(counted.count_total, 0);
}

/// The counter counts: without this the tests above could not fail.
#[test]
fn cleaning_allocates_when_something_changes() {
    let counted = measure(|| {
        black_box(clean_message(black_box("one 😀")));
    });
    assert!(counted.count_total > 0);
}
