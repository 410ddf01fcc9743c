//! A set of numbers, for millions of them.

use std::collections::BTreeMap;

/// So many numbers of a block are kept one by one; beyond, bits take less.
const FEW: usize = 4_096;

/// A set of numbers in little memory: numbers of one country share most of their digits, so they are kept in blocks of
/// 65,536, of which each takes 2 bytes a number and 8 KiB at the most.
#[derive(Debug, Clone, Default)]
pub(crate) struct NumberSet(BTreeMap<u64, Block>);

#[derive(Debug, Clone)]
enum Block {
    /// The last 16 bits of its numbers, in order.
    Few(Vec<u16>),
    /// A bit for each.
    Many(Box<[u64; 1_024]>),
}

/// The block of a number, and its place there.
#[allow(clippy::cast_possible_truncation)] // that is the place
fn split(number: u64) -> (u64, u16) {
    (number >> 16, number as u16)
}

/// Where the bit of a place stands.
fn bit(place: u16) -> (usize, u64) {
    (usize::from(place / 64), 1 << (place % 64))
}

impl NumberSet {
    /// True if the number was not there before.
    pub(crate) fn insert(&mut self, number: u64) -> bool {
        let (block, place) = split(number);
        self.0.entry(block).or_insert_with(|| Block::Few(Vec::new())).insert(place)
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        let (block, place) = split(number);
        match self.0.get(&block) {
            None => false,
            Some(Block::Few(places)) => places.binary_search(&place).is_ok(),
            Some(Block::Many(bits)) => {
                let (word, bit) = bit(place);
                bits[word] & bit != 0
            }
        }
    }
}

impl Block {
    fn insert(&mut self, place: u16) -> bool {
        match self {
            Self::Few(places) => {
                let Err(at) = places.binary_search(&place) else { return false };
                if places.len() < FEW {
                    places.insert(at, place);
                    return true;
                }
                let mut bits = Box::new([0; 1_024]);
                for place in places.iter().copied().chain([place]) {
                    let (word, bit) = bit(place);
                    bits[word] |= bit;
                }
                *self = Self::Many(bits);
                true
            }
            Self::Many(bits) => {
                let (word, bit) = bit(place);
                let new = bits[word] & bit == 0;
                bits[word] |= bit;
                new
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Beside the standard library's set: in order, in reverse, spread, far apart, and the ends of blocks.
    #[test]
    fn it_holds_what_was_put_in_and_nothing_else() {
        const COUNT: u64 = 40_000;
        let kuwait = 96_550_000_000;
        let ways: [&dyn Fn(u64) -> u64; 6] = [
            &|i| kuwait + i,
            &|i| kuwait + COUNT - i,
            &|i| kuwait + i * 7_919 % 99_991,
            &|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            &|i| (i % 300) * 65_536 + 65_535 * (i / 300 % 2),
            &|i| u64::MAX - i * 3,
        ];
        let (mut set, mut plain) = (NumberSet::default(), BTreeSet::new());
        for way in ways {
            for i in 0..COUNT {
                assert_eq!(set.insert(way(i)), plain.insert(way(i)), "{}", way(i));
            }
        }
        assert!(set.0.values().any(|block| matches!(block, Block::Few(_))));
        assert!(set.0.values().any(|block| matches!(block, Block::Many(_))));
        for number in
            plain.iter().flat_map(|number| [number.wrapping_sub(1), *number, number.wrapping_add(1)])
        {
            assert_eq!(set.contains(number), plain.contains(&number), "{number}");
        }
    }
}
