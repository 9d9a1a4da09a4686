//! `health`: whether a gateway that runs is ready, as the health check of a container asks.

use crate::{harness, tool_with};
use std::{
    io::{Read, Write},
    net::TcpListener,
};

/// No setting but the ones given: a container's check has the service's own, and needs none of its secrets.
fn health(variables: &[(&str, &str)], arguments: &[&str]) -> (i32, String) {
    let said = tool_with(variables, b"", &[&["health"], arguments].concat());
    said.assert_harmless();
    assert_eq!(said.out.lines().count(), usize::from(said.code != 64), "{said:?}");
    (said.code, said.out + &said.err)
}

#[test]
fn a_gateway_that_is_ready_is_well_and_one_that_is_gone_is_not() {
    let gateway = harness::start();
    let admin = gateway.admin_address().to_string();
    let ready = (0, "ready\n".to_owned());
    assert_eq!(health(&[("GATEWAY_ADMIN_LISTEN", &admin)], &[]), ready);
    assert_eq!(health(&[("FILE_SIGNING_SECRET_FILE", "/nowhere")], &["--gateway-admin-listen", &admin]), ready);
    assert_eq!(health(&[], &["--url", &format!("http://{admin}/healthz")]), ready);
    let (code, said) = health(&[], &["--url", &format!("http://{admin}/elsewhere")]);
    assert!(code == 1 && said.contains("/elsewhere: 404: there are /healthz, /readyz, "), "{said}");
    gateway.kill();
    let (code, said) = health(&[("GATEWAY_ADMIN_LISTEN", &admin)], &[]);
    assert!(code == 1 && said.starts_with(&format!("not ready: http://{admin}/readyz: ")), "{said}");
}

#[test]
fn a_gateway_without_its_catalog_is_not_ready_and_says_why() {
    let gateway = harness::setup_without_schema().start_unready();
    let admin = gateway.admin_address().to_string();
    harness::eventually("it says why", harness::PATIENCE, || {
        let (code, said) = health(&[("GATEWAY_ADMIN_LISTEN", &admin)], &[]);
        (code == 1 && said.contains("503: the catalog")).then_some(())
    });
}

/// A server of one connection, which it answers with this and then keeps open.
fn odd_server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let _ = stream.write_all(answer);
        let _ = stream.read_to_end(&mut Vec::new());
    });
    address
}

#[test]
fn what_is_no_gateway_is_not_ready_and_is_not_waited_for() {
    for (answer, words) in [
        (&b""[..], "no answer in time"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", "no answer in time"),
        (b"SSH-2.0-OpenSSH\r\n", "no answer in time"),
    ] {
        let url = format!("http://{}/readyz", odd_server(answer));
        let (code, said) = health(&[], &["--timeout", "1", "--url", &url]);
        assert!(code == 1 && said.contains(words), "{said}");
    }
}

#[test]
fn wrong_usage_of_health_asks_nobody() {
    for (variables, arguments) in [
        (&[("GATEWAY_ADMIN_LISTEN", "everywhere")][..], &[][..]),
        (&[("GATEWAY_ADMIN_LISTEN", "127.0.0.1:0")], &[]),
        (&[], &["--url", "https://gateway/readyz"]),
        (&[], &["--url", "http://user:hunter2@gateway/"]),
        (&[], &["--timeout", "0"]),
        (&[], &["now"]),
    ] {
        let (code, said) = health(variables, arguments);
        assert_eq!(code, 64, "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
