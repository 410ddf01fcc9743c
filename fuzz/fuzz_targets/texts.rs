//! Any text: cleaning it again changes nothing, and what is sent is neither empty nor too long.

#![no_main]

use kwtsms_async::{MessageText, clean_message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let cleaned = clean_message(text);
    assert_eq!(clean_message(&cleaned), cleaned, "cleaning is idempotent");
    if let Ok(marked) = MessageText::new(format!("~7~{text}")) {
        assert!(!format!("{marked:?}").contains("~7~"), "Debug shows the text");
    }
    match MessageText::new(text) {
        Ok(message) => {
            assert_eq!(message.as_str(), cleaned);
            assert!((1..=7).contains(&message.pages()) && !message.as_str().trim().is_empty());
            let again = MessageText::new(&message).unwrap();
            assert_eq!((again.as_str(), again.pages()), (message.as_str(), message.pages()));
        }
        Err(error) => assert!(!error.to_string().contains('\n')),
    }
});
