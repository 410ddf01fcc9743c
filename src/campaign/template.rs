//! The text of a campaign: one for all, or a template that each row fills in.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior};

use crate::error::Error;
use crate::message::MessageText;

/// A text with or without places to fill in.
pub(crate) enum Template {
    /// No places: the same for every row.
    Plain(MessageText),
    Rendered(Box<Environment<'static>>),
}

const NAME: &str = "text";

impl Template {
    pub(crate) fn new(text: &str) -> Result<Self, Error> {
        if !text.contains("{{") && !text.contains("{%") && !text.contains("{#") {
            return Ok(Self::Plain(MessageText::new(text).map_err(Error::text)?));
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.add_template_owned(NAME, text.to_owned()).map_err(|error| {
            Error::input(format!("the text's template cannot be read: {}", shown(&error)))
        })?;
        Ok(Self::Rendered(Box::new(environment)))
    }

    /// The text for one row. `line` is where the row stands, for the error.
    pub(crate) fn text(&self, values: &BTreeMap<String, String>, line: u64) -> Result<MessageText, Error> {
        match self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Rendered(environment) => {
                let template = environment.get_template(NAME).expect("it was added");
                let text = template.render(values).map_err(|error| {
                    Error::input(format!("line {line}: the text cannot be made: {}", shown(&error)))
                })?;
                MessageText::new(text)
                    .map_err(|error| Error::input_from(format!("line {line}: the text is not usable"), error))
            }
        }
    }

    #[cfg(test)]
    fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }
}

/// What went wrong, without the values of the row.
fn shown(error: &minijinja::Error) -> String {
    use minijinja::ErrorKind;

    let line =
        error.line().filter(|line| *line > 1).map_or(String::new(), |line| format!(" (its line {line})"));
    match error.kind() {
        ErrorKind::UndefinedError => match error.detail() {
            Some(detail) => format!("a column that it names is missing: {detail}{line}"),
            None => format!("a column that it names is missing from this row{line}"),
        },
        kind => format!("{kind}{line}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[(&str, &str)]) -> BTreeMap<String, String> {
        values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn places_are_filled_in_and_a_missing_column_is_an_error_with_its_line() {
        let template = Template::new("Dear {{ name }}, {{ amount }} KD").unwrap();
        let text = template.text(&row(&[("name", "Sara <3 & co"), ("amount", "5")]), 2).unwrap();
        assert_eq!(text.as_str(), "Dear Sara <3 & co, 5 KD");
        let error = template.text(&row(&[("name", "Sara")]), 17).unwrap_err();
        assert!(error.to_string().starts_with("line 17: "), "{error}");
        assert!(!format!("{error:#} {error:?}").contains("Sara"), "{error:?}");
    }

    #[test]
    fn an_empty_text_and_one_that_is_too_long_are_errors_with_their_line() {
        let template = Template::new("{{ text }}").unwrap();
        for text in ["", "  ", &"x".repeat(2_000)] {
            let error = template.text(&row(&[("text", text)]), 3).unwrap_err();
            assert!(error.to_string().starts_with("line 3: "), "{error}");
        }
    }

    #[test]
    fn a_text_without_places_is_one_for_all() {
        assert!(Template::new("Hello {name}, 100%").unwrap().is_plain());
        assert!(Template::new("").is_err());
        assert!(Template::new("{{ name ").is_err());
        assert!(!Template::new("{# note #}Hello").unwrap().is_plain());
    }
}
