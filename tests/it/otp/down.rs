//! A store that is gone, or whose answer is lost: no door opens by it.

use kwtsms_async::UserMessage;
use kwtsms_async::otp::{Purpose, StartError, VerifyError};

use super::world::*;

/// Nothing was sent, nothing was verified, and the person is told to come again.
async fn refused(
    world: &World,
    otp: &kwtsms_async::otp::Otp,
    challenge: &kwtsms_async::otp::Challenge,
    code: &str,
) {
    let messages = world.messages();
    let error = otp.start("96551112222", Purpose::LOGIN, &caller()).await.unwrap_err();
    assert!(matches!(error, StartError::Store(_)), "{error:?}");
    assert_eq!(error.user_message(), UserMessage::Unavailable);
    let error = otp.resend(challenge, &caller()).await.unwrap_err();
    assert!(matches!(error, StartError::Store(_)), "{error:?}");
    let error = verify(otp, challenge, code).await.unwrap_err();
    assert!(matches!(error, VerifyError::Store(_)), "{error:?}");
    assert_eq!(error.user_message(), UserMessage::Busy);
    assert_eq!(world.messages(), messages, "nothing is sent");
}

// Guard: an error of the store is a refusal.
#[cfg(feature = "store")]
#[tokio::test]
async fn an_sqlite_file_that_fails_is_a_refusal() {
    let world = World::new(Place::sqlite().await.unwrap());
    let otp = world.otp().await;
    let (challenge, code) = world.start(&otp, NUMBER).await;
    let Place::Sqlite(file) = &world.place else { unreachable!() };
    let beside = rusqlite::Connection::open(&file.path).unwrap();
    beside.execute_batch("ALTER TABLE kwtsms_otp RENAME TO away").unwrap();
    let (capture, guard) = crate::capture::Capture::start();
    #[cfg(feature = "metrics")]
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    #[cfg(feature = "metrics")]
    let counting = ::metrics::set_default_local_recorder(&recorder);
    refused(&world, &otp, &challenge, &code).await;
    drop(guard);
    #[cfg(feature = "metrics")]
    {
        drop(counting);
        let page = recorder.handle().render();
        assert!(page.contains("kwtsms_otp_compared_total{result=\"store\"} 1"), "{page}");
    }
    let told: Vec<_> = capture.all().into_iter().filter(|seen| seen.get("event") == Some("store")).collect();
    let operations: Vec<_> = told.iter().filter_map(|seen| seen.get("operation")).collect();
    assert_eq!(operations, ["reserve", "reserve", "attempt"]);
    beside.execute_batch("ALTER TABLE away RENAME TO kwtsms_otp").unwrap();
    assert_eq!(tries(&otp, &challenge, [code]).await, ["verified"], "and nothing was used up");
}

#[cfg(feature = "postgres")]
mod servers {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};
    use std::time::Duration;

    use kwtsms_async::otp::{OtpStore, Purpose, StartError, VerifyError};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::world::*;
    use super::refused;

    const OPEN: u8 = 0;
    /// Connections are cut.
    const CLOSED: u8 = 1;
    /// What is asked arrives, and the next answer is lost with its connection; others are whole.
    const DEAF_ONCE: u8 = 2;

    /// Something between a service and its server.
    #[derive(Clone)]
    struct Door {
        address: SocketAddr,
        state: Arc<AtomicU8>,
    }

    impl Door {
        async fn to(server: String) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let door = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
            let state = Arc::clone(&door.state);
            tokio::spawn(async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    tokio::spawn(pass_through(stream, server.clone(), Arc::clone(&state)));
                }
            });
            door
        }

        fn set(&self, state: u8) {
            self.state.store(state, Ordering::SeqCst);
        }
    }

    async fn pass_through(mut client: TcpStream, server: String, state: Arc<AtomicU8>) {
        if state.load(Ordering::SeqCst) == CLOSED {
            return;
        }
        let mut server = TcpStream::connect(server).await.unwrap();
        let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
        loop {
            // What is under way is cut too.
            if state.load(Ordering::SeqCst) == CLOSED {
                return;
            }
            tokio::select! {
                read = client.read(&mut asked) => match read {
                    Ok(length) if length > 0 && state.load(Ordering::SeqCst) != CLOSED => {
                        server.write_all(&asked[..length]).await.unwrap();
                    }
                    _ => return,
                },
                read = server.read(&mut answered) => match read {
                    Ok(length) if length > 0 => {
                        let once = state.compare_exchange(DEAF_ONCE, OPEN, Ordering::SeqCst, Ordering::SeqCst);
                        if once.is_ok() {
                            return;
                        }
                        client.write_all(&answered[..length]).await.unwrap();
                    }
                    _ => return,
                },
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
        }
    }

    /// The place behind a door.
    async fn behind_a_door(place: &Place) -> (Door, OtpStore) {
        let url = place.url();
        let (scheme, rest) = url.split_once("://").unwrap();
        let (authority, path) = rest.split_once('/').unwrap();
        let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
        let door = Door::to(host.to_owned()).await;
        let sign = if user.is_empty() { "" } else { "@" };
        let url = format!("{scheme}://{user}{sign}{}/{path}", door.address);
        #[cfg(feature = "redis")]
        if scheme == "redis" {
            return (door, OtpStore::redis(&url).await.unwrap());
        }
        (door, kwtsms_async::Store::open(&url).await.unwrap().into())
    }

    over_servers! {
        a_server_that_is_gone_is_a_refusal_and_goes_on_when_it_is_back
        an_attempt_whose_answer_is_lost_is_not_made_again
        a_start_whose_answer_is_lost_sends_nothing_and_keeps_what_it_took
        an_outcome_that_cannot_be_stored_counts_as_unknown
    }

    async fn a_server_that_is_gone_is_a_refusal_and_goes_on_when_it_is_back(place: Place) {
        let world = World::new(place);
        let (door, store) = behind_a_door(&world.place).await;
        let otp = world.builder_over(store).build().unwrap();
        let (challenge, code) = world.start(&otp, NUMBER).await;
        door.set(CLOSED);
        tokio::time::sleep(Duration::from_millis(100)).await; // longer than the door looks away
        refused(&world, &otp, &challenge, &code).await;
        assert!(
            otp.sweep().await.is_err() || matches!(world.place, Place::Memory(_)) || is_redis(&world.place)
        );
        door.set(OPEN);
        assert_eq!(tries(&otp, &challenge, [code]).await, ["verified"]);
    }

    fn is_redis(place: &Place) -> bool {
        place.url().starts_with("redis")
    }

    // Guard: what was asked of a store is never asked again; asked twice, two attempts were counted.
    async fn an_attempt_whose_answer_is_lost_is_not_made_again(place: Place) {
        let world = World::new(place);
        let (door, store) = behind_a_door(&world.place).await;
        let otp = world.builder_over(store).build().unwrap();
        let (challenge, code) = world.start(&otp, NUMBER).await;
        door.set(DEAF_ONCE);
        let lost = verify(&otp, &challenge, &other_than(&code, 0)).await;
        assert!(matches!(lost, Err(VerifyError::Store(_))), "asked again it was compared: {lost:?}");
        // Counted once or, where the question itself was cut off, not at all; never twice.
        let next = tries(&otp, &challenge, [other_than(&code, 1)]).await;
        assert!(next == ["wrong 3"] || next == ["wrong 4"], "{next:?}");
        door.set(DEAF_ONCE);
        let lost = verify(&otp, &challenge, &code).await;
        assert!(
            matches!(lost, Err(VerifyError::Store(_))),
            "a code of unknown fate lets nobody in: {lost:?}"
        );
    }

    async fn a_start_whose_answer_is_lost_sends_nothing_and_keeps_what_it_took(place: Place) {
        let world = World::new(place);
        let (door, store) = behind_a_door(&world.place).await;
        let otp = world.builder_over(store).build().unwrap();
        world.start(&otp, "96551112222").await;
        door.set(DEAF_ONCE);
        let lost = otp.start(NUMBER, Purpose::LOGIN, &caller()).await.unwrap_err();
        assert!(matches!(lost, StartError::Store(_)), "{lost:?}");
        assert_eq!(world.messages(), 1, "no message goes out for what may not be counted");
        // In PostgreSQL the answer to the counts was lost before the commit was asked for: nothing was taken.
        match otp.start(NUMBER, Purpose::LOGIN, &caller()).await {
            Ok(_) => assert!(!is_redis(&world.place)),
            Err(error) => {
                assert!(matches!(error, StartError::TooSoon(_)) && is_redis(&world.place), "{error:?}")
            }
        }
    }

    async fn an_outcome_that_cannot_be_stored_counts_as_unknown(place: Place) {
        let world = World::new(place);
        let (door, store) = behind_a_door(&world.place).await;
        let otp = world.builder_over(store).build().unwrap();
        let (challenge, before) = world.start(&otp, NUMBER).await;
        world.place.pass(PAUSE).await;
        world
            .sandbox
            .faults()
            .push(kwtsms_async::sandbox::Fault::delay(Duration::from_millis(500)).on("send"));
        let again = tokio::spawn(otp.resend(&challenge, &caller()));
        until(|| world.messages() == 2).await;
        door.set(CLOSED);
        again.await.unwrap().unwrap();
        door.set(OPEN);
        // Accepted, but nobody could write it down: both codes are valid.
        assert_eq!(tries(&otp, &challenge, [before]).await, ["verified"]);
    }
}
