//! Files of contacts as real tools write them: nothing goes to what is not the column of phones.

use std::path::Path;

use super::{Ran, World};

const ALI: &str = "96598765432";
const SARA: &str = "96551234567";

/// What has to become of a file.
#[derive(Debug, Clone, Copy)]
enum Right {
    /// These numbers are sent to, and all else stands in the account.
    Sent(&'static [&'static str], i32),
    /// Exit code 2 before any request, saying this.
    Refused(&'static [&'static str]),
}

use Right::{Refused, Sent};

/// Sends to the numbers of a file, for real, and gives what was said.
#[track_caller]
fn becomes(world: &World, name: &str, options: &[&str], right: Right) -> Ran {
    let before = world.sandbox.messages().len();
    let requests = world.sandbox.requests().len();
    let args: Vec<&str> = ["send", "-f", name, "hi", "--test"].iter().chain(options).copied().collect();
    let ran = world.run(&args);
    match right {
        Sent(numbers, code) => {
            let ran = ran.exits(code);
            let messages = world.sandbox.messages();
            let sent: Vec<_> =
                messages[before..].iter().flat_map(|message| message.numbers().to_vec()).collect();
            assert_eq!(sent, numbers, "{name}\n{}{}", ran.out, ran.err);
            ran
        }
        Refused(says) => {
            let ran = ran.exits(2);
            assert_eq!(world.sandbox.requests().len(), requests, "{name} made a request");
            for says in says {
                assert!(ran.err.contains(says), "{name}: {says:?} is not said in\n{}", ran.err);
            }
            ran
        }
    }
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/files").join(name)).unwrap()
}

#[test]
fn files_of_real_tools_are_read_right_or_refused_by_their_kind() {
    let world = World::new();
    for (name, options, right) in [
        ("id_named_number.csv", &[][..], Sent(&[ALI, SARA], 0)),
        ("id_named_raqm.csv", &[], Sent(&[ALI], 0)),
        ("civil_id.csv", &[], Sent(&[ALI], 0)),
        ("order_number.csv", &[], Sent(&[ALI], 0)),
        ("no_header_first_phone_empty.csv", &[], Sent(&[ALI], 3)),
        ("first_row_is_a_number.txt", &[], Sent(&[ALI, SARA], 0)),
        ("first_row_with_note.txt", &[], Sent(&[ALI, SARA], 0)),
        ("list.jsonl", &[], Sent(&[ALI, SARA], 0)),
        ("shifted_row.csv", &[], Sent(&[ALI], 3)),
        ("contacts.vcf", &[], Sent(&[ALI], 0)),
        ("chat_export.txt", &[], Refused(&["chat export"])),
        ("html_saved_as.xls", &[], Refused(&["HTML"])),
        ("pipes.txt", &[], Sent(&[ALI, SARA], 0)),
        ("sep_line.csv", &[], Sent(&[ALI], 0)),
        ("carriage_returns.csv", &[], Sent(&[ALI, SARA], 0)),
        ("cp1256.csv", &[], Refused(&["UTF-8", "--encoding windows-1256"])),
        ("cp1256.csv", &["--encoding", "windows-1256"], Sent(&[ALI], 0)),
        ("cp1256.csv", &["--encoding", "cp1256", "--column", "الجوال"], Sent(&[ALI], 0)),
        ("utf16.csv", &[], Sent(&[ALI], 0)),
        ("marked_header.csv", &[], Sent(&[ALI], 0)),
        ("tatweel_header.csv", &[], Sent(&[ALI], 0)),
        ("tatweel_header.csv", &["--column", "الجوال"], Sent(&[ALI], 0)),
        ("empty_rows.csv", &[], Sent(&[ALI, SARA], 0)),
        ("google_contacts.csv", &[], Sent(&[ALI, SARA], 0)),
        ("outlook.csv", &[], Sent(&[ALI], 0)),
    ] {
        world.write(name, fixture(name));
        let ran = becomes(&world, name, options, right);
        if name == "shifted_row.csv" {
            assert!(
                ran.out.contains("line 3") && ran.out.contains("5 cells where the header has 4"),
                "{}",
                ran.out
            );
        }
        if name == "empty_rows.csv" {
            assert!(!ran.out.contains("Skipped"), "{}", ran.out);
        }
    }
    let all = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/files")).unwrap();
    for file in all {
        let name = file.unwrap().file_name();
        assert!(world.path(name.to_str().unwrap()).exists(), "{name:?} is tried");
    }
}

#[test]
fn more_files_of_the_same_kinds() {
    let world = World::new();
    let utf16be: Vec<u8> =
        "\u{feff}الاسم\tالجوال\r\nعلي\t96598765432\r\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let unmarked: Vec<u8> =
        "name,phone\nAli,96598765432\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hubspot = "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Contact owner\n\
        100000001,Ali,A,ali@example.com,,+965 9876 5432,Sara\n";
    let salesforce = "\"Contact ID\",\"Name\",\"Phone\",\"Mobile\",\"Home Phone\",\"Fax\"\n\
        \"0035g00000ABCDEF\",\"Ali\",\"(965) 2222-3333\",\"+965 9876 5432\",\"\",\"+965 2222 3334\"\n";
    let outlook = "First Name,Business Fax,Business Phone,Home Fax,Home Phone,Mobile Phone,Other Phone,Pager,Birthday\n\
        Ali,96522220000,96522221111,,96522223333,96598765432,,,1/2/1993\n";
    let google = "First Name,Phonetic First Name,Birthday,Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value\n\
        Ali,,1993-01-02,Mobile,+965 9876 5432,,\nSara,,,Mobile,+965 5123 4567,,\n";
    let many_columns = format!("{}\n{}\n", ["some name"; 40].join(","), ["x"; 40].join(","));
    for (name, bytes, options, right) in [
        ("hubspot.csv", hubspot.as_bytes(), &[][..], Sent(&[ALI], 0)),
        // Two phones are a doubt, and one is chosen by its name.
        ("salesforce.csv", salesforce.as_bytes(), &[], Refused(&["--column", "3 (Phone)", "4 (Mobile)"])),
        ("salesforce.csv", salesforce.as_bytes(), &["--column", "mobile"], Sent(&[ALI], 0)),
        ("outlook.csv", outlook.as_bytes(), &[], Sent(&[ALI], 0)),
        ("google.csv", google.as_bytes(), &[], Sent(&[ALI, SARA], 0)),
        ("utf16be.txt", &utf16be, &[], Sent(&[ALI], 0)),
        ("unmarked.csv", &unmarked, &[], Refused(&["UTF-16", "--encoding utf-16le"])),
        ("unmarked.csv", &unmarked, &["--encoding", "utf-16le"], Sent(&[ALI], 0)),
        ("birthday.csv", b"name,number\nAli,19930102\n", &[], Sent(&[], 1)),
        ("ids.csv", b"10000001,20000002\n", &[], Refused(&["1 (10000001), 2 (20000002)"])),
        ("both.csv", b"Ali,96598765432,96551234567\n", &[], Refused(&["--column"])),
        ("both.csv", b"Ali,96598765432,96551234567\n", &["--column", "3"], Sent(&[SARA], 0)),
        ("labels.csv", b"Ali,Mobile,96598765432\nSara,Mobile,96551234567\n", &[], Sent(&[ALI, SARA], 0)),
        ("list.txt", "96598765432، 96551234567\n".as_bytes(), &[], Sent(&[ALI, SARA], 0)),
        ("quoted.csv", b"phone\n\"96598765432,96551234567\"\n", &[], Sent(&[ALI, SARA], 0)),
        ("unquoted.csv", b"phone\n96598765432,10000001\n96551234567\n", &[], Sent(&[SARA], 3)),
        ("formula.csv", b"name,phone\nAli,\"=\"\"96598765432\"\"\"\n", &[], Sent(&[ALI], 0)),
        ("trailing.csv", b"name,phone\nAli,96598765432,,,\n", &[], Sent(&[ALI], 0)),
        ("short.csv", b"name,phone\nAli\nSara,96551234567\n", &[], Sent(&[SARA], 3)),
        (
            "blank.csv",
            "phone,name\n\u{a0},\u{200f}\n\"\",\"\"\n96598765432,x\n".as_bytes(),
            &[],
            Sent(&[ALI], 0),
        ),
        ("upper.csv", b"NAME;MOBILENO;CITY\nAli;96598765432;Kuwait, Hawalli\n", &[], Sent(&[ALI], 0)),
        ("harakat.csv", "الاِسْم,رَقْمُ الهَاتِف\nعلي,٩٦٥٩٨٧٦٥٤٣٢\n".as_bytes(), &[], Sent(&[ALI], 0)),
        ("quoted_sep.csv", b"\"sep=|\"\r\nname|phone\r\nAli|96598765432\r\n", &[], Sent(&[ALI], 0)),
        (
            "two_cards.vcf",
            b"begin:vcard\nTEL;TYPE=fax:96522223333\nTEL;CELL:96598765432\nend:vcard\n",
            &[],
            Sent(&[ALI], 3),
        ),
        ("column.vcf", b"BEGIN:VCARD\nTEL:96598765432\n", &["--column", "1"], Refused(&["no columns"])),
        ("id.jsonl", b"{\"id\":10000001,\"to\":\"96598765432\"}\nnonsense\n", &[], Sent(&[ALI], 3)),
        (
            "number.jsonl",
            b"{\"mobile\":96598765432,\"number\":7}\n{\"mobile\":96551234567.0}\n",
            &[],
            Sent(&[ALI], 3),
        ),
        ("twice.jsonl", b"{\"phone\":\"96598765432\",\"phone\":\"96551234567\"}\n", &[], Sent(&[], 1)),
        (
            "both.jsonl",
            b"{\"phone\":\"96598765432\",\"mobile\":\"96551234567\"}\n",
            &[],
            Refused(&["1 (phone), 2 (mobile)"]),
        ),
        ("array.json", b"[{\"phone\":\"96598765432\"}]", &[], Refused(&["JSON array", "jq -c '.[]'"])),
        ("pretty.json", b"{\n \"phone\": \"96598765432\"\n}\n", &[], Refused(&["over several lines"])),
        (
            "android.txt",
            "15/01/2024, 10:30 - Ali: 96598765432\n96551234567\n".as_bytes(),
            &[],
            Refused(&["chat export"]),
        ),
        ("letter.txt", b"Dear Ali,\ncall me\nat 96598765432\nplease\n", &[], Refused(&["--column"])),
        ("prose.txt", b"Dear Ali\ncall me\nat 96598765432\nplease\n", &[], Refused(&["no list of numbers"])),
        ("sheet.xlsx", b"PK\x03\x04\x14\0\x06\0\x08\0", &[], Refused(&["spreadsheet", "CSV UTF-8"])),
        ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", &[], Refused(&["Excel workbook"])),
        ("page.html", b"<!doctype html>\n<p>96598765432\n", &[], Refused(&["web page"])),
        ("nested.jsonl", b"{\"contact\":{\"id\":10000001,\"phone\":\"96598765432\"}}\n", &[], Sent(&[], 1)),
        ("markdown.md", b"| name | phone |\n|---|---|\n| Ali | 96598765432 |\n", &[], Sent(&[ALI], 3)),
        ("civil.csv", "الاسم,الرقم المدني\nعلي,284010112345\n".as_bytes(), &[], Refused(&["1 (الاسم), 2 (الرقم المدني)"])),
        ("messages.csv", b"from,to,text\n96522223333,96598765432,hi\n", &[], Sent(&[ALI], 0)),
        ("times.csv", b"created,phone\n15/01/2024 10:30 PM,96598765432\n", &[], Sent(&[ALI], 0)),
        ("title.csv", b"Customers 2024\nname,phone\nAli,96598765432\n", &[], Refused(&["no list of numbers"])),
        ("apple.vcf", b"BEGIN:VCARD\nitem1.TEL;type=pref:+965 9876 5432\nitem1.X-ABLabel:_$!<Home>!$_\nPHOTO;ENCODING=b:96551234567\nEND:VCARD\n", &[], Sent(&[ALI], 0)),
        ("header_only.csv", b"name,phone\n", &[], Refused(&["there is no number in it"])),
        ("no_tel.vcf", b"BEGIN:VCARD\nFN:Ali\nEND:VCARD\n", &[], Refused(&["there is no number in it"])),
        ("noise.bin", b"\x80\x01\0\0\x02965\0\0", &[], Refused(&["binary"])),
        ("wide.csv", many_columns.as_bytes(), &[], Refused(&["1 (some name), 2", "and 28 more"])),
        (
            "wrong.csv",
            b"name,phone\nAli,96598765432\n",
            &["--encoding", "klingon"],
            Refused(&["windows-1256"]),
        ),
    ] {
        world.write(name, bytes);
        becomes(&world, name, options, right);
    }
}

#[test]
fn one_line_of_any_length_is_refused_in_little_memory() {
    let world = World::new();
    world.write("line.txt", vec![b'9'; 3_000_000]);
    let ran = becomes(&world, "line.txt", &[], Refused(&["64 KiB on one line"]));
    assert!(ran.err.len() < 500, "{}", ran.err.len());
    world.write("late.txt", [&b"96598765432\n".repeat(200)[..], &[b'9'; 100_000]].concat());
    let ran = world.run(&["send", "-f", "late.txt", "hi", "--dry-run"]).exits(2);
    assert!(ran.err.contains("late.txt line 201: over 64 KiB"), "{}", ran.err);
}
