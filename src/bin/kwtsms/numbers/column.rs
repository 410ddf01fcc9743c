//! Which column holds the numbers.
//!
//! A text to the wrong column cannot be taken back: an id, a birthday or an order's number may be a stranger's phone.
//! So the header is asked first, then the rows, and where both leave a doubt nothing is guessed.

use kwtsms_async::{CountryCheck, PhoneNumber, PhoneRules};

use super::header::{Rank, alike, rank};
use super::list::{parts, short};
use super::record::Record;
use crate::exit::Failure;

/// So many columns are shown where one has to be chosen.
const SHOWN: usize = 12;

/// What is known of a table when its column is chosen.
pub(super) struct Sample<'a> {
    /// What the file is called.
    pub(super) file: &'a str,
    /// The columns' names, if they have any.
    pub(super) names: Option<&'a [String]>,
    /// The first rows.
    pub(super) rows: &'a [Record],
    /// The rules that the numbers will be read by.
    pub(super) rules: PhoneRules,
}

/// How the cells of a column look, lists counted as one.
#[derive(Debug, Clone, Copy, Default)]
struct Look {
    filled: usize,
    /// Cells with a number that passes the check.
    good: usize,
    /// Cells with a number, good or bad.
    numbers: usize,
}

impl Look {
    /// More than half of what is there, so that a note with a number in it makes no column of numbers.
    fn is_mostly(self, count: usize) -> bool {
        count > 0 && count * 2 > self.filled
    }
}

/// True if a first row names the columns and holds no number itself.
pub(super) fn is_header(first: &[String]) -> bool {
    let is_good = |cell: &String| has_number(cell, CountryCheck::Strict.into());
    if first.iter().any(is_good) {
        return false;
    }
    // A name of a phone tells, whatever stands beside it: dates are names of columns too.
    if first.iter().any(|cell| rank(cell) >= Rank::OtherPhone && !looks_like_number(cell)) {
        return true;
    }
    !first.iter().any(|cell| looks_like_number(cell))
        && first.iter().any(|cell| cell.chars().any(char::is_alphabetic) && !cell.contains('@'))
}

/// True for a cell that holds a number that passes the check, or a list with one.
fn has_number(cell: &str, rules: PhoneRules) -> bool {
    parts(cell).any(|part| PhoneNumber::parse_with(part, rules).is_ok())
}

/// True for what was meant as a number, however bad.
fn looks_like_number(cell: &str) -> bool {
    let is_bare = cell.chars().any(char::is_numeric) && !cell.chars().any(char::is_alphabetic);
    has_number(cell, CountryCheck::Off.into())
        || is_bare && cell.chars().filter(|c| c.is_numeric()).count() > 5
}

impl Sample<'_> {
    /// Chooses: `wanted` is a name or a place counted from 1.
    pub(super) fn choose(&self, wanted: Option<&str>) -> Result<usize, Failure> {
        match wanted {
            Some(wanted) => self.wanted(wanted.trim()),
            None => self.unasked(),
        }
    }

    fn width(&self) -> usize {
        let rows = self.rows.iter().map(|row| row.cells.len()).max().unwrap_or(1);
        self.names.map_or(rows, <[String]>::len)
    }

    fn wanted(&self, wanted: &str) -> Result<usize, Failure> {
        let file = self.file;
        let names = self.names.unwrap_or_default();
        let forms: [fn(&str) -> String; 3] =
            [|name| name.trim().to_owned(), |name| name.trim().to_lowercase(), |name| alike(name)];
        for form in forms {
            let named: Vec<_> = (0..names.len()).filter(|&i| form(&names[i]) == form(wanted)).collect();
            match named.as_slice() {
                [column] => return Ok(*column),
                [] => {}
                _ => {
                    return Err(Failure::usage(format!("{file} has several columns {wanted:?}"))
                        .action(format!("choose by place: {}", self.columns(named.iter().copied()))));
                }
            }
        }
        match wanted.parse::<usize>() {
            Ok(place) if (1..=self.width()).contains(&place) => Ok(place - 1),
            _ if self.names.is_some() => Err(Failure::usage(format!("{file} has no column {wanted:?}"))
                .action(format!("choose one of {}", self.columns(0..self.width())))),
            _ => Err(Failure::usage(format!("{file} has no header with a column {wanted:?}"))
                .action(format!("choose by place, --column 1 to --column {}", self.width()))),
        }
    }

    fn unasked(&self) -> Result<usize, Failure> {
        let looks: Vec<Look> = (0..self.width()).map(|column| self.look(column)).collect();
        let ranks: Vec<Rank> = self.names.unwrap_or_default().iter().map(|name| rank(name)).collect();
        let best = ranks.iter().copied().max().unwrap_or(Rank::Other);
        if self.width() == 1 {
            if let Some(sign) = self.undivided() {
                return Err(Failure::usage(format!(
                    "{} has columns with {sign} between them, which is not read",
                    self.file
                ))
                .action(
                    "save it with commas, semicolons or tabs between the columns, as a spreadsheet does",
                ));
            }
            // A list of bad numbers is a list; a letter with a number in it is none.
            let look = looks.first().copied().unwrap_or_default();
            return if best > Rank::Other || look.filled == 0 || look.numbers * 2 >= look.filled {
                Ok(0)
            } else {
                Err(Failure::usage(format!(
                    "{} is no list of numbers: {} of the first {} rows hold one",
                    self.file, look.numbers, look.filled
                ))
                .action("if it is one, say so with --column 1"))
            };
        }
        // Columns of which the rows say that they hold numbers that can be sent to.
        let most = looks.iter().map(|look| look.good).max().unwrap_or_default();
        let told: Vec<usize> = (0..looks.len())
            .filter(|&column| looks[column].good > 0 && looks[column].good * 4 >= most)
            .collect();
        let named: Vec<usize> = (0..ranks.len()).filter(|&column| ranks[column] == best).collect();
        match best {
            Rank::Other => match told.as_slice() {
                [column] if looks[*column].is_mostly(looks[*column].good) => Ok(*column),
                _ => Err(self.doubt()),
            },
            // It may be a number of anything: the rows have to agree.
            Rank::Number => match (named.as_slice(), told.as_slice()) {
                ([column], [])
                    if self.rows.is_empty() || looks[*column].is_mostly(looks[*column].numbers) =>
                {
                    Ok(*column)
                }
                (_, [column]) if named.contains(column) && looks[*column].is_mostly(looks[*column].good) => {
                    Ok(*column)
                }
                _ => Err(self.doubt()),
            },
            Rank::Phone | Rank::OtherPhone => {
                let filled: Vec<usize> =
                    named.iter().copied().filter(|column| looks[*column].numbers > 0).collect();
                match (named.as_slice(), filled.as_slice(), told.as_slice()) {
                    (_, [column], _) => Ok(*column),
                    // The rows are not as the header says.
                    (_, [], [_, ..]) => Err(self.doubt()),
                    ([column], [], []) => Ok(*column),
                    _ => Err(self.doubt()),
                }
            }
        }
    }

    /// The sign that seems to stand between columns where none was found: an id beside a number would be taken for a
    /// number of the same list.
    fn undivided(&self) -> Option<char> {
        let name = self.names?.first()?;
        ['،', '؛', '，', '；'].into_iter().find(|sign| {
            let count = |text: &str| text.matches(*sign).count();
            let alike = self.rows.iter().filter(|row| count(row.cell(0)) == count(name)).count();
            count(name) > 0 && alike * 2 > self.rows.len()
        })
    }

    fn look(&self, column: usize) -> Look {
        let mut look = Look::default();
        for cell in self.rows.iter().map(|row| row.cell(column)).filter(|cell| !cell.is_empty()) {
            look.filled += 1;
            look.good += usize::from(has_number(cell, self.rules));
            look.numbers += usize::from(looks_like_number(cell));
        }
        look
    }

    fn doubt(&self) -> Failure {
        Failure::usage(format!("{}: it is not clear which column holds the numbers", self.file))
            .action(format!("choose one with --column: {}", self.columns(0..self.width())))
    }

    /// Columns by place and name, or by what stands in the first row.
    fn columns(&self, columns: impl Iterator<Item = usize>) -> String {
        let mut columns = columns.peekable();
        let first = |column| self.rows.iter().map(|row| row.cell(column)).find(|cell| !cell.is_empty());
        let shown: Vec<_> = columns
            .by_ref()
            .take(SHOWN)
            .map(|column| {
                let name = match self.names {
                    Some(names) => names.get(column).map(|name| short(name, 24)),
                    None => first(column).map(|cell| short(cell, 8)),
                };
                format!("{} ({})", column + 1, name.unwrap_or_default())
            })
            .collect();
        match columns.count() {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(cells: &[&str]) -> Record {
        Record::new(1, cells.iter().map(|&cell| cell.to_owned()).collect())
    }

    /// The first row is looked at as a file's is.
    fn column(rows: &[&[&str]], wanted: Option<&str>, check: CountryCheck) -> Result<(usize, bool), String> {
        let mut rows: Vec<_> = rows.iter().map(|cells| record(cells)).collect();
        let names = is_header(&rows[0].cells).then(|| rows.remove(0).cells);
        let sample = Sample { file: "x.csv", names: names.as_deref(), rows: &rows, rules: check.into() };
        sample.choose(wanted).map(|column| (column, names.is_some())).map_err(|failure| {
            format!("{} {}", failure.reasons.join(" "), failure.action.unwrap_or_default())
        })
    }

    const A: &str = "96598765432";
    const B: &str = "96551234567";

    #[test]
    fn the_column_is_found_by_name_by_place_or_by_its_rows() {
        for (rows, wanted, found) in [
            (&[&["Name", "Mobile"][..]][..], None, (1, true)),
            (&[&["الاسم", "رقم"], &["علي", A]], None, (1, true)),
            (&[&["name", "customer phone", "city"]], None, (1, true)),
            (&[&["Number", "Name", "Phone Number"], &["10000001", "Ali", A]], None, (2, true)),
            (&[&["رقم", "الاسم", "رقم الجوال"], &["10000001", "علي", A]], None, (2, true)),
            (&[&["First Name", "Mobile Phone", "Home Phone"], &["Ali", A, "96522223333"]], None, (1, true)),
            (&[&["Name", "Phone", "Mobile"], &["Ali", "", A]], None, (2, true)),
            (&[&["name", "phone", "mobile"], &["a", A, B]], Some("MOBILE"), (2, true)),
            (&[&["name", "Phone_Number", "mobile"], &["a", A, B]], Some("phone number"), (1, true)),
            (&[&["name", "phone", "mobile"], &["a", A, B]], Some("2"), (1, true)),
            (&[&["whatever"], &[A]], None, (0, true)),
            (&[&["Name", "Phone", "2024-01-15"], &["Ali", A, "x"]], None, (1, true)),
            (&[&["الاسم", "ما"], &["علي", A]], None, (1, true)),
            (&[&["Ali", "+965 9876 5432"]], None, (1, false)),
            (&[&[A]], None, (0, false)),
            (&[&["tel:+96598765432"], &[B]], None, (0, false)),
            (&[&["+965 9876 5432 (Ali)"], &["+965 5123 4567 (Sara)"]], None, (0, false)),
            (&[&["10000001", "Ali", ""], &["10000002", "Sara", A]], None, (2, false)),
            (&[&["98765432"], &["51234567"]], None, (0, false)),
            (&[&[A, B]], Some("2"), (1, false)),
            (&[&["number", "name"], &["98765432", "Ali"]], None, (0, true)),
            (&[&["الهاتف، أو الجوال"], &[A], &["96598765432، 96551234567"], &[B]], None, (0, true)),
        ] {
            assert_eq!(column(rows, wanted, CountryCheck::Strict), Ok(found), "{rows:?}");
        }
    }

    #[test]
    fn nothing_is_guessed_where_there_is_a_doubt() {
        let strict = CountryCheck::Strict;
        for (rows, wanted, check, says) in [
            (&[&["name", "phone", "mobile"][..], &["a", A, B]][..], None, strict, "2 (phone), 3 (mobile)"),
            (&[&["Home Phone", "Work Phone"], &[A, B]], None, strict, "1 (Home Phone), 2 (Work Phone)"),
            (&[&[A, B]], None, strict, "1 (96598765…), 2 (96551234…)"),
            (&[&["10000001", A]], None, CountryCheck::Off, "--column"),
            (&[&["name", "city"], &["Ali", "Hawalli"]], None, strict, "1 (name), 2 (city)"),
            (&[&["order number", "name"], &["20260125", "Ali"]], None, strict, "1 (order number)"),
            (&[&["Number", "Name", "x"], &["10000001", "Ali", A]], None, strict, "1 (Number)"),
            (&[&["phone", "x"], &["yes", A], &["no", B]], None, strict, "1 (phone), 2 (x)"),
            (
                &[&["a", "note"], &["1", "call 96598765432"], &["2", "x"], &["3", "y"]],
                None,
                strict,
                "2 (note)",
            ),
            (
                &[&["Dear Ali,"], &["call me"], &["at 96598765432"], &["Sara"]],
                None,
                strict,
                "no list of numbers",
            ),
            (&[&["الاسم،الهاتف"], &["علي،96598765432"]], None, strict, "columns with ، between them"),
            (&[&["order؛phone"], &["96500000001؛96598765432"]], None, strict, "columns with ؛ between them"),
            (&[&["name", "city"]], Some("phone"), strict, "no column"),
            (
                &[&["phone", "phone"]],
                Some("phone"),
                strict,
                "several columns \"phone\" choose by place: 1 (phone), 2",
            ),
            (&[&[A]], Some("phone"), strict, "no header"),
            (&[&["name"]], Some("2"), strict, "no column"),
            (&[&["name"]], Some("0"), strict, "no column"),
        ] {
            let error = column(rows, wanted, check).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        let many: Vec<String> = (0..40).map(|i| format!("a very long name of the column {i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let error = column(&[&many, &["x"]], None, strict).unwrap_err();
        assert!(error.contains("1 (a very long name of the…)") && error.contains("and 28 more"), "{error}");
    }
}
