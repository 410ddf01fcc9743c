//! Which column holds the numbers, and whether the first row names it.

use kwtsms_async::PhoneNumber;

use super::list::parts;
use crate::exit::Failure;

/// Names of such a column, as people write them in English and Arabic.
const NAMES: [&str; 20] = [
    "phone",
    "mobile",
    "number",
    "msisdn",
    "telephone",
    "tel",
    "cell",
    "gsm",
    "whatsapp",
    "contact",
    "recipient",
    "recipients",
    "to",
    "هاتف",
    "الهاتف",
    "موبايل",
    "الموبايل",
    "جوال",
    "الجوال",
    "رقم",
];

/// What the first row says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The column of the numbers, from 0.
    pub(super) column: usize,
    /// Its name, if the first row is a header.
    pub(super) name: Option<String>,
}

/// Reads the first row. `wanted` is a name or a place counted from 1.
///
/// Two columns of numbers, say a phone and a civil id, look alike, and a text to the wrong one cannot be taken
/// back: where there is a doubt, nothing is guessed.
pub(super) fn read(first: &[String], wanted: Option<&str>, file: &str) -> Result<Header, Failure> {
    let is_header = !first.iter().any(|cell| is_number(cell))
        && first.iter().any(|cell| cell.chars().any(char::is_alphabetic) && !cell.contains('@'));
    let header = |column: usize| Header {
        column,
        name: first.get(column).filter(|_| is_header).map(|name| name.trim().to_owned()),
    };
    let listed = || {
        first
            .iter()
            .enumerate()
            .map(|(i, name)| format!("{} ({})", i + 1, name.trim()))
            .collect::<Vec<_>>()
            .join(", ")
    };
    if let Some(wanted) = wanted {
        let named: Vec<_> = (0..first.len())
            .filter(|&i| is_header && first[i].trim().to_lowercase() == wanted.trim().to_lowercase())
            .collect();
        return match (named.as_slice(), wanted.trim().parse::<usize>()) {
            ([column], _) => Ok(header(*column)),
            ([], Ok(place)) if (1..=first.len()).contains(&place) => Ok(header(place - 1)),
            ([], _) if is_header => Err(Failure::usage(format!("{file} has no column {wanted:?}"))
                .action(format!("choose one of {}", listed()))),
            ([], _) => Err(Failure::usage(format!("{file} has no header with a column {wanted:?}"))
                .action(format!("choose by place, --column 1 to --column {}", first.len()))),
            _ => Err(Failure::usage(format!("{file} has several columns {wanted:?}"))
                .action("choose by place: --column 1, --column 2, …")),
        };
    }
    if first.len() == 1 {
        return Ok(header(0));
    }
    let fits = |fits: &dyn Fn(&String) -> bool| {
        let columns: Vec<_> = (0..first.len()).filter(|&i| fits(&first[i])).collect();
        if let [column] = columns.as_slice() { Some(*column) } else { None }
    };
    let column = if is_header {
        fits(&|name| NAMES.contains(&name.trim().to_lowercase().as_str()))
            .or_else(|| fits(&|name| words(name).any(|word| NAMES.contains(&word))))
    } else {
        fits(&|cell| is_number(cell))
    };
    column.map(header).ok_or_else(|| {
        Failure::usage(format!("{file}: it is not clear which column holds the numbers")).action(format!(
            "choose one with --column: {}",
            if is_header {
                listed()
            } else {
                (1..=first.len()).map(|i| i.to_string()).collect::<Vec<_>>().join(", ")
            }
        ))
    })
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    // Lower case is for comparison only; names of columns that matter here are short and simple.
    name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// True for a cell that holds a number or a list of them.
fn is_number(cell: &str) -> bool {
    parts(cell).any(|part| {
        !part.chars().any(char::is_alphabetic)
            && PhoneNumber::parse_with(part, kwtsms_async::CountryCheck::Off).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(first: &[&str], wanted: Option<&str>) -> Result<(usize, Option<String>), String> {
        let first: Vec<_> = first.iter().map(|&cell| cell.to_owned()).collect();
        read(&first, wanted, "x.csv").map(|header| (header.column, header.name)).map_err(|failure| {
            format!("{} {}", failure.reasons.join(" "), failure.action.unwrap_or_default())
        })
    }

    #[test]
    fn the_column_is_found_by_name_by_place_or_by_its_content() {
        let named = |column: usize, name: &str| Ok((column, Some(name.to_owned())));
        assert_eq!(column(&["Name", "Mobile"], None), named(1, "Mobile"));
        assert_eq!(column(&["الاسم", "رقم"], None), named(1, "رقم"));
        assert_eq!(column(&["name", "customer phone", "city"], None), named(1, "customer phone"));
        assert_eq!(column(&["name", "phone", "mobile"], Some("MOBILE")), named(2, "mobile"));
        assert_eq!(column(&["name", "phone", "mobile"], Some("2")), named(1, "phone"));
        assert_eq!(column(&["whatever"], None), named(0, "whatever"));
        assert_eq!(column(&["Ali", "+965 9876 5432"], None), Ok((1, None)));
        assert_eq!(column(&["96598765432"], None), Ok((0, None)));
        assert_eq!(column(&["12"], None), Ok((0, None)), "a bad number is a row, not a header");
        assert_eq!(column(&["a@b.com"], None), Ok((0, None)));
        assert_eq!(column(&["96598765432", "96551234567"], Some("2")), Ok((1, None)));
    }

    #[test]
    fn nothing_is_guessed_where_there_is_a_doubt() {
        for (first, wanted, says) in [
            (&["name", "phone", "mobile"][..], None, "2 (phone), 3 (mobile)"),
            (&["96598765432", "96551234567"], None, "1, 2"),
            (&["name", "city"], None, "1 (name)"),
            (&["name", "city"], Some("phone"), "no column"),
            (&["phone", "phone"], Some("phone"), "several"),
            (&["96598765432"], Some("phone"), "no header"),
            (&["name"], Some("2"), "no column"),
            (&["name"], Some("0"), "no column"),
        ] {
            let error = column(first, wanted).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
