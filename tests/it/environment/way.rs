//! The way to the gateway as the environment names it: clear text, proxies, certificates.

use super::*;

#[test]
fn clear_text_to_another_machine_is_allowed_by_name_only() {
    let url = ("KWTSMS_BASE_URL", "http://sandbox:4010/API/");
    let error = Dir::new().error(&and(&[url]));
    assert!(error.contains("KWTSMS_ALLOW_HTTP=1"), "{error}");
    assert!(Dir::new().error(&and(&[url, ("KWTSMS_ALLOW_HTTP", "0")])).contains("https://"));
    assert!(
        Dir::new().error(&and(&[url, ("KWTSMS_ALLOW_HTTP", "yes")])).contains("KWTSMS_ALLOW_HTTP must be")
    );
    let said = Dir::new().settings(&and(&[url, ("KWTSMS_ALLOW_HTTP", "1")]));
    assert_eq!(said["host"], "sandbox:4010");
}

#[cfg(feature = "sandbox")] // where the capture of events is
#[test]
fn clear_text_to_another_machine_warns() {
    use kwtsms_async::events::event;

    let builder = |url: &str| Client::builder("user", "s3cret").base_url(url).allow_http();
    let (capture, _on) = crate::capture::Capture::start();
    builder("https://sandbox:4010/API/").build().unwrap();
    builder("http://127.0.0.1:4010/API/").build().unwrap();
    assert_eq!(capture.named(event::CLEAR_TEXT).len(), 0);
    builder("http://sandbox:4010/API/").build().unwrap();
    assert_eq!(capture.named(event::CLEAR_TEXT).last().unwrap().level, tracing::Level::WARN);
    assert!(builder("http://sandbox:4010/API/").unpaced().build().is_err(), "it is not this machine");
    assert!(builder("http://www.kwtsms.com/API/").build().is_err(), "never for the real one");
}

#[test]
#[ignore = "it is the process that another test of this module runs"]
fn a_process_that_asks_for_the_balance() {
    let Ok(_) = std::env::var(CASE) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = match Client::from_env() {
        Ok(client) => runtime.block_on(client.balance().into_future()).unwrap_err(),
        Err(error) => error,
    };
    let said = json!({
        "kind": error.kind().as_str(),
        "error": format!("{error:#}"),
        "shown": crate::raw_server::shown(&error),
        "action": error.action(),
    });
    println!("{SAID}{said}");
}

/// A proxy that lets nobody through, and what it heard.
fn closed_proxy() -> (String, std::sync::Arc<std::sync::Mutex<String>>) {
    use std::io::{Read, Write};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heard = std::sync::Arc::<std::sync::Mutex<String>>::default();
    let ears = heard.clone();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && socket.read_exact(&mut byte).is_ok() {
                request.push(byte[0]);
            }
            ears.lock().unwrap().push_str(&String::from_utf8_lossy(&request));
            let _ =
                socket.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
        }
    });
    (address, heard)
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn a_proxy_of_the_environment_is_named_without_its_password_and_one_that_cannot_be_read_is_an_error() {
    let (address, heard) = closed_proxy();
    let asks = |variables: &[(&str, &str)]| {
        Dir::new().said_by("way::a_process_that_asks_for_the_balance", "", &and(variables))
    };
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let said = asks(&[(name, &format!("http://me:hunter2@{address}"))]);
        assert_eq!(said["kind"], "connect", "{said}");
        let error = said["error"].as_str().unwrap();
        assert!(error.contains(&format!("the proxy http://{address} that {name} names")), "{error}");
        assert!(!said["shown"].as_str().unwrap().contains("hunter2"), "{said}");
        assert!(said["action"].as_str().unwrap().contains("check the proxy"), "{said}");
    }
    let heard = heard.lock().unwrap().clone();
    assert!(heard.starts_with("CONNECT www.kwtsms.com:443 HTTP/1.1\r\n"), "{heard}");
    assert!(
        heard.to_ascii_lowercase().contains("proxy-authorization: basic") && !heard.contains("s3cret"),
        "{heard}"
    );

    for (value, says) in
        [("http://me:hun/ter2@proxy:3128", "cannot be read"), ("socks5://proxy:1080", "another kind")]
    {
        let said = asks(&[("HTTPS_PROXY", value)]);
        let error = said["error"].as_str().unwrap();
        assert_eq!(said["kind"], "config", "{said}");
        assert!(error.contains("HTTPS_PROXY") && error.contains(says), "{error}");
        assert!(!said["shown"].as_str().unwrap().contains("ter2"), "{said}");
    }
    let local = [("HTTPS_PROXY", "://"), ("KWTSMS_BASE_URL", "http://127.0.0.1:9/API/")];
    assert!(Dir::new().settings(&and(&local))["host"].is_string(), "no proxy is asked for this machine");
}

#[cfg(all(target_os = "linux", any(feature = "rustls", feature = "native-tls")))]
#[test]
fn certificates_that_are_named_and_not_there_are_an_error_that_names_them() {
    for (key, value) in [("SSL_CERT_FILE", "/nonexistent/ca.pem"), ("SSL_CERT_DIR", "/nonexistent/certs")] {
        let said = Dir::new().settings(&and(&[(key, value)]));
        let shown = said["shown"].as_str().unwrap_or_else(|| panic!("{said}"));
        assert!(shown.contains(key) && shown.contains(value), "{shown}");
    }
}
