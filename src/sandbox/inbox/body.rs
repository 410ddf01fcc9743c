//! What a JSON body may be, and fields of it that may be left out.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Number;

use super::refusal::Refusal;
use super::view::known;

/// Of what a person or a program writes into a list or a name.
pub(super) const MAX_WORD: usize = 100;

/// A body that is an object. A derived `Deserialize` takes an array of the fields' values for one as well.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfFields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfFields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(OfFields(PhantomData))
    }
}

/// One of a list of names, as a string. A derived `Deserialize` takes `{"name": null}` for it as well.
pub(super) fn name<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(serde::de::value::StringDeserializer::new(String::deserialize(deserializer)?))
}

/// Tells `null` from a field that is left out; a type that takes no `null` refuses it.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The same for a whole number, which JSON may write as 5.0.
pub(super) fn whole<'de, T: TryFrom<u64>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let number = Number::deserialize(deserializer)?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it is whole, positive and below 2^53
    let whole = number.as_u64().or_else(|| {
        let float = number
            .as_f64()
            .filter(|float| float.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(float));
        float.map(|float| float as u64)
    });
    let value = whole.and_then(|whole| T::try_from(whole).ok());
    value
        .map(Some)
        .ok_or_else(|| serde::de::Error::custom(format!("{number} is no whole number that fits here")))
}

/// A name or a word; it is not repeated, as it may be a password.
pub(super) fn word(name: &str, value: &str, most: usize) -> Result<(), Refusal> {
    if (1..=most).contains(&value.chars().count()) {
        return Ok(());
    }
    Err(Refusal::bad(format!("{name} has to have 1 to {most} characters")))
}

pub(super) fn at_most(name: &str, value: u64, most: u64) -> Result<(), Refusal> {
    if value <= most {
        return Ok(());
    }
    Err(Refusal::bad(format!("{name} has to be at most {most}")))
}

/// One of the gateway's codes, as the table writes it.
pub(super) fn code(value: &str) -> Result<(), Refusal> {
    if known(value).is_some() {
        return Ok(());
    }
    let short: String = value.chars().take(40).collect();
    Err(Refusal::bad(format!(
        "{short:?} is none of the gateway's codes: GET /api/codes lists them; for any other answer there is the fault \"reply\""
    )))
}
