//! What is allocated. Its own binary, since counting replaces the allocator of the whole program.

use std::hint::black_box;

use allocation_counter::measure;
use kwtsms_async::{CountryCheck, MessageText, PhoneNumber, clean_message, split_numbers};

#[test]
fn cleaning_allocates_nothing_when_nothing_changes() {
    for text in [
        String::new(),
        "Your OTP for MYAPP is: 123456".to_owned(),
        "رمز التحقق: 123456 — شكراً\n".to_owned(),
        "5 < 6 > 4, <>, price <5KD, 1 <b".to_owned(),
        "Dear <Name>, <code> <الاسم>".to_owned(),
        "< > ".repeat(10_000),
        "<a".repeat(10_000),
        ">".repeat(10_000),
        "€ © “quotes” ﷺ 𝒳".repeat(1_000),
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

#[test]
fn reading_numbers_allocates_nothing_whether_they_are_good_or_refused() {
    for input in [
        "96598765432",
        "+965 9876-5432",
        "٩٦٥ ٩٨٧٦ ٥٤٣٢",
        "۹۶۵۹۸۷۶۵۴۳۲",
        "９６５９８７６５４３２",
        "Ali <+96598765432>",
        "\u{202a}+965 9876 5432\u{202c}",
        "98765432",
        "96598765432.0",
        "+965 9876 5432 ext. 12",
        "4477123456**",
        "121.225.51.234",
        "",
    ] {
        for check in [CountryCheck::Off, CountryCheck::Gulf] {
            let counted = measure(|| _ = black_box(PhoneNumber::parse_with(black_box(input), check)));
            assert_eq!(counted.count_total, 0, "{input:?} at {check:?}");
        }
    }
    let list = "96598765432, +965 5123 4567، ٩٦٥٩٨٧٦٥٤٣٢; 96598765432, ext. 12\n1.234.567,89";
    let counted = measure(|| assert_eq!(split_numbers(black_box(list)).count(), 5));
    assert_eq!(counted.count_total, 0);
}

/// The text and the places of its changes, and what neither English, Arabic nor emoji add to.
#[test]
fn a_page_that_changes_takes_two_allocations() {
    for text in ["Code 1234 🎉", "رمز التحقق: ١٢٣٤ 🎉", "<b>متجرنا</b> 🎉 رمز: ١٢٣٤ ⏰ لا تشاركه.<br/>شكرا ❤️"]
    {
        let counted = measure(|| _ = black_box(clean_message(black_box(text))));
        assert_eq!(counted.count_total, 2, "{text}");
    }
}

/// The counter counts: without this the tests above could not fail.
#[test]
fn cleaning_allocates_when_something_changes() {
    let counted = measure(|| {
        black_box(clean_message(black_box("one 😀")));
    });
    assert!(counted.count_total > 0);
}

/// Eight readers at once, none of which keeps what it reads, of a sandbox that is full.
#[cfg(feature = "sandbox")]
#[test]
fn exports_and_lists_of_everything_take_the_memory_of_a_few_messages() {
    use kwtsms_async::sandbox::Sandbox;
    use kwtsms_async::transport::{Endpoint, Request, Transport};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn read(sandbox: &Sandbox, path: &str) -> usize {
        let host = sandbox.inbox_url().trim_start_matches("http://").trim_end_matches('/');
        let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let (mut read, mut piece) = (0, vec![0; 32 << 10]);
        loop {
            match stream.read(&mut piece).await.unwrap() {
                0 => return read,
                bytes => read += bytes,
            }
        }
    }

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sandbox = runtime.block_on(async {
        let sandbox = Sandbox::builder().drain_per_second(u32::MAX).start().await.unwrap();
        sandbox.account("alice").set_balance(u64::MAX);
        let door = sandbox.transport();
        let numbers: Vec<_> = (0..200).map(|i| (96_550_000_000_u64 + i).to_string()).collect();
        let body =
            serde_json::json!({"username": "alice", "password": "x", "sender": "KWT-TEST", "test": "1",
            "mobile": numbers.join(","), "message": "ع".repeat(400)})
            .to_string();
        for _ in 0..2_000 {
            door.post(Request::new(Endpoint::Send, body.clone().into())).await.unwrap();
        }
        assert_eq!(sandbox.messages().len(), 2_000);
        // The first call makes what stays.
        read(&sandbox, "/api/messages?limit=1").await;
        sandbox
    });
    let mut read_bytes = 0;
    let counted = measure(|| {
        let paths = [
            "/api/messages?limit=10000",
            "/api/messages.json",
            "/api/messages.csv",
            "/api/requests?limit=10000",
        ];
        let readers = futures::future::join_all((0..8).map(|i| read(&sandbox, paths[i % 4])));
        read_bytes = runtime.block_on(readers).iter().sum();
    });
    assert!(read_bytes > 60 << 20, "{read_bytes}");
    assert!(counted.bytes_max < 8 << 20, "{} bytes at once", counted.bytes_max);
}
