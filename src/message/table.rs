//! What gets a message stuck: made, not written. `tests/it/message_table.rs` says what is in it and makes
//! it again: `UPDATE_TABLE=1 cargo test --test it message_table`.
//!
//! Unicode 18.0.

use Stuck::{Control, Emoji, Hidden};

/// What a character is that the gateway accepts and then does not send, or that has no shape in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stuck {
    /// An emoji, or what makes one of the characters around it.
    Emoji,
    /// A character without a shape: zero-width, a direction mark, a variation selector.
    Hidden,
    /// A control character. It gets nothing stuck, but no phone has a shape for it.
    Control,
}

/// First and last code point and what they are, in order.
pub(super) static TABLE: [(u32, u32, Stuck); 55] = [
    (0x0000, 0x0008, Control),
    (0x000B, 0x001F, Control),
    (0x007F, 0x009F, Control),
    (0x00AD, 0x00AD, Hidden),
    (0x034F, 0x034F, Hidden),
    (0x0600, 0x0605, Hidden),
    (0x061C, 0x061C, Hidden),
    (0x06DD, 0x06DD, Hidden),
    (0x070F, 0x070F, Hidden),
    (0x0890, 0x0891, Hidden),
    (0x08E2, 0x08E2, Hidden),
    (0x115F, 0x1160, Hidden),
    (0x17B4, 0x17B5, Hidden),
    (0x180B, 0x180F, Hidden),
    (0x200B, 0x200F, Hidden),
    (0x202A, 0x202E, Hidden),
    (0x203C, 0x203C, Emoji),
    (0x2049, 0x2049, Emoji),
    (0x2060, 0x206F, Hidden),
    (0x20E3, 0x20E3, Emoji),
    (0x2139, 0x2139, Emoji),
    (0x2194, 0x2199, Emoji),
    (0x21A9, 0x21AA, Emoji),
    (0x231A, 0x231B, Emoji),
    (0x2328, 0x2328, Emoji),
    (0x23CF, 0x23CF, Emoji),
    (0x23E9, 0x23F3, Emoji),
    (0x23F8, 0x23FA, Emoji),
    (0x24C2, 0x24C2, Emoji),
    (0x25AA, 0x25AB, Emoji),
    (0x25B6, 0x25B6, Emoji),
    (0x25C0, 0x25C0, Emoji),
    (0x25FB, 0x25FE, Emoji),
    (0x2600, 0x27BF, Emoji),
    (0x2934, 0x2935, Emoji),
    (0x2B05, 0x2B07, Emoji),
    (0x2B1B, 0x2B1C, Emoji),
    (0x2B50, 0x2B50, Emoji),
    (0x2B55, 0x2B55, Emoji),
    (0x3030, 0x3030, Emoji),
    (0x303D, 0x303D, Emoji),
    (0x3164, 0x3164, Hidden),
    (0x3297, 0x3297, Emoji),
    (0x3299, 0x3299, Emoji),
    (0xFE00, 0xFE0F, Hidden),
    (0xFEFF, 0xFEFF, Hidden),
    (0xFFA0, 0xFFA0, Hidden),
    (0xFFF9, 0xFFFC, Hidden),
    (0x110BD, 0x110BD, Hidden),
    (0x110CD, 0x110CD, Hidden),
    (0x13430, 0x1343F, Hidden),
    (0x1BCA0, 0x1BCA3, Hidden),
    (0x1D173, 0x1D17A, Hidden),
    (0x1F000, 0x1FAFF, Emoji),
    (0xE0000, 0xE0FFF, Hidden),
];
