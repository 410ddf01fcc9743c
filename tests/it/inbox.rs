//! The inbox from Rust, through both doors and under paused time.

use std::time::Duration;

use kwtsms_async::sandbox::{MessageState, Sandbox};
use kwtsms_async::transport::Endpoint;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::sandbox_doors::{Door, both, message};

const NUMBER: &str = "96598765432";

fn text(user: &str, number: &str, text: &str) -> Value {
    json!({"username": user, "password": "s3cret", "sender": "KWT-TEST", "mobile": number, "message": text, "test": "1"})
}

#[tokio::test]
async fn the_inbox_finds_by_number_words_and_account() {
    for (sandbox, door) in both().await {
        for (user, number, words) in [
            ("alice", "96598765432", "Your OTP for MYAPP is: 123456"),
            ("alice", "96541234567", "رمز التحقق: ١٢٣٤٥٦"),
            ("bob", "96598765432", "Good morning"),
        ] {
            assert_eq!(door.verdict(Endpoint::Send, &text(user, number, words)).await.unwrap(), "OK");
        }
        let inbox = sandbox.inbox();
        assert_eq!(inbox.messages().len(), 3);
        assert_eq!(inbox.to("+965 9876 5432").len(), 2);
        assert_eq!(inbox.to("٠٠٩٦٥٩٨٧٦٥٤٣٢").len(), 2);
        assert_eq!(inbox.to("9876-5432").len(), 2);
        for nobody in ["965987654", "1234567890", "nobody", ""] {
            assert_eq!(inbox.to(nobody).len(), 0, "{nobody}");
        }
        assert_eq!(inbox.search("myapp")[0].text(), "Your OTP for MYAPP is: 123456");
        assert_eq!(inbox.search("التحقق").len(), 1);
        assert_eq!(inbox.search("4123").len(), 1);
        // A piece of an id is not looked for: whoever looks for digits would find another message by chance.
        let id = inbox.messages()[0].id().to_owned();
        assert_eq!(inbox.search(&id.to_uppercase())[0].id(), id);
        assert_eq!(inbox.search(&id[1..]).len(), 0);
        assert_eq!(inbox.clone().of("bob").to(NUMBER)[0].text(), "Good morning");

        // The newest message with a code, not the newest message.
        assert_eq!(sandbox.otp(NUMBER).as_deref(), Some("123456"));
        assert_eq!(sandbox.otp("96541234567").as_deref(), Some("123456"));
        assert_eq!(inbox.clone().of("bob").otp(NUMBER), None);

        assert_eq!(inbox.clone().of("alice").clear(), 2);
        assert_eq!(inbox.messages().len(), 1);
        assert_eq!(sandbox.forgotten_messages(), 0);
        // They were stuck, and nobody could delete them any more. Credits have nothing to do with it.
        assert_eq!(sandbox.account("alice").queued(), 0);
        assert_eq!(sandbox.account("alice").balance(), 998);
    }
}

#[tokio::test]
async fn a_message_shows_what_was_asked_for_and_the_request_without_its_password() {
    for (sandbox, door) in both().await {
        let mut body = message(NUMBER);
        body["sender"] = "MY-SHOP".into();
        assert_eq!(door.verdict(Endpoint::Send, &body).await.unwrap(), "OK");
        let message = sandbox.wait_for(NUMBER).await;
        assert_eq!((message.asked_sender(), message.sender()), ("MY-SHOP", "KWT-SMS"));
        let (head, posted) = message.request().split_once("\n\n").unwrap();
        assert!(head.starts_with("POST /API/send/ HTTP/1.1\nContent-Type: application/json"), "{head}");
        body["password"] = "***".into();
        assert_eq!(serde_json::from_str::<Value>(posted).unwrap(), body);
        assert!(!message.request().contains("s3cret"));
    }
}

#[tokio::test]
async fn each_message_is_handed_out_once_in_the_order_of_arrival() {
    for (sandbox, door) in both().await {
        for words in ["first", "second"] {
            door.post(Endpoint::Send, &text("alice", NUMBER, words)).await.unwrap();
        }
        assert_eq!(sandbox.wait_for(NUMBER).await.text(), "first");
        assert_eq!(sandbox.wait_for("+965 9876 5432").await.text(), "second");
        let nothing = timeout(Duration::from_millis(20), sandbox.wait_for(NUMBER)).await;
        assert!(nothing.is_err());
        // Whoever waits for an account has an order of its own.
        assert_eq!(sandbox.inbox().of("alice").wait_for(NUMBER).await.text(), "first");

        let third = text("alice", NUMBER, "third");
        let (message, _) = tokio::join!(sandbox.wait_for(NUMBER), door.post(Endpoint::Send, &third));
        assert_eq!(message.text(), "third");
    }
}

#[tokio::test]
async fn a_message_to_several_numbers_is_handed_out_for_each_and_to_one_waiter_each() {
    for (sandbox, door) in both().await {
        let body = text("alice", "96598765432,96541234567", "x");
        let (first, second, _) = tokio::join!(
            sandbox.wait_for("96598765432"),
            sandbox.wait_for("96541234567"),
            door.post(Endpoint::Send, &body)
        );
        assert_eq!(first.id(), second.id());

        let (one, two) = (text("alice", NUMBER, "one"), text("alice", NUMBER, "two"));
        let (a, b, ..) = tokio::join!(
            sandbox.wait_for(NUMBER),
            sandbox.wait_for(NUMBER),
            door.post(Endpoint::Send, &one),
            door.post(Endpoint::Send, &two)
        );
        assert_ne!(a.id(), b.id());
    }
}

#[tokio::test(start_paused = true)]
async fn under_paused_time_a_wait_ends_when_the_message_comes() {
    let sandbox = Sandbox::in_process();
    let door = Door::InProcess(sandbox.transport());
    let started = Instant::now();
    let late = async {
        sleep(Duration::from_secs(90)).await;
        door.post(Endpoint::Send, &message(NUMBER)).await
    };
    let (message, _) = tokio::join!(sandbox.wait_for(NUMBER), late);
    assert_eq!(started.elapsed(), Duration::from_secs(90));
    assert_eq!(message.accepted_at() - started, Duration::from_secs(90));

    let none = timeout(Duration::from_secs(3600), sandbox.wait_for("96541234567")).await;
    assert!(none.is_err());
    assert_eq!(started.elapsed(), Duration::from_secs(3690));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_dropped_has_taken_nothing() {
    let sandbox = Sandbox::in_process();
    let door = Door::InProcess(sandbox.transport());
    assert!(timeout(Duration::from_secs(1), sandbox.wait_for(NUMBER)).await.is_err());
    door.post(Endpoint::Send, &message(NUMBER)).await.unwrap();
    assert_eq!(sandbox.wait_for(NUMBER).await.text(), "Hello");
}

#[tokio::test(start_paused = true)]
async fn a_message_is_there_when_it_is_accepted_and_not_when_its_answer_arrives() {
    let sandbox = Sandbox::builder().latency(Duration::from_secs(20)).in_process();
    let door = Door::InProcess(sandbox.transport());
    let started = Instant::now();
    let body = message(NUMBER);
    tokio::select! {
        message = sandbox.wait_for(NUMBER) => assert_eq!(message.text(), "Hello"),
        _ = door.post(Endpoint::Send, &body) => panic!("the answer was first"),
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_message_abroad_is_queued_sent_and_delivered() {
    let sandbox = Sandbox::builder().drain_per_second(1).reports_after(Duration::from_secs(60)).in_process();
    let door = Door::InProcess(sandbox.transport());
    door.post(Endpoint::Send, &message("971501234567")).await.unwrap();
    door.post(Endpoint::Send, &message(NUMBER)).await.unwrap();
    let states = || sandbox.messages().iter().map(|message| message.state()).collect::<Vec<_>>();
    assert_eq!(states(), [MessageState::Queued; 2]);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(states(), [MessageState::Sent, MessageState::Queued]);
    sleep(Duration::from_secs(59)).await;
    assert_eq!(states(), [MessageState::Sent; 2]);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(states(), [MessageState::Delivered, MessageState::Sent]);
    // To the gateway it is sent: `status` knows nothing of deliveries, `dlr` does.
    let id = sandbox.messages()[0].id().to_owned();
    let mut body = json!({"username": "alice", "password": "s3cret", "msgid": id});
    let (_, status) = door.post(Endpoint::Status, &body).await.unwrap();
    assert!(status.contains("\"sent\""), "{status}");
    assert_eq!(door.verdict(Endpoint::Dlr, &body).await.unwrap(), "OK");
    body["msgid"] = sandbox.messages()[1].id().into();
    assert_eq!(door.verdict(Endpoint::Dlr, &body).await.unwrap(), "ERR021");
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(states(), [MessageState::Delivered, MessageState::Sent]);
}

#[tokio::test]
async fn debug_of_an_inbox_shows_no_text_number_or_password() {
    for (sandbox, door) in both().await {
        door.post(Endpoint::Send, &message(NUMBER)).await.unwrap();
        let shown = format!("{:?} {:?}", sandbox.inbox().of("alice"), sandbox.wait_for(NUMBER).await);
        for secret in ["s3cret", "Hello", NUMBER] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
