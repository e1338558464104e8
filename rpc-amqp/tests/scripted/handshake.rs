//! The handshake: logins, refusals, and whatever is not AMQP.

use std::io;

use amq_protocol::frame::AMQPFrame;
use amq_protocol::protocol::connection;
use rpc_amqp::{Connection, Error, InvalidArgument, Login, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::broker::{Broker, options, play, within};
use crate::frames;

/// Does the broker's part of the handshake up to a step: 0 has read the protocol header, 1 the login, 2 the virtual host.
async fn advance(broker: &mut Broker, step: usize) {
    let _ = broker.frame().await;
    if step >= 1 {
        broker.send(&[frames::start("PLAIN")]).await;
        let _ = broker.start_ok().await;
    }
    if step >= 2 {
        broker.send(&[frames::tune(0, 4096, 0)]).await;
        let _ = broker.tune_ok_and_open().await;
    }
}

/// Opens a connection to whatever answers with these bytes.
async fn answered_with(bytes: &[u8]) -> Error {
    let (client, mut other) = duplex(1024);
    let options = options();
    let other = async {
        let mut protocol = [0; 8];
        other.read_exact(&mut protocol).await.unwrap();
        assert_eq!(&protocol, b"AMQP\x00\x00\x09\x01");
        other.write_all(bytes).await.unwrap();
        let rest = other.read(&mut protocol).await.unwrap();
        assert_eq!(rest, 0, "the client goes on");
    };
    let opened = async {
        // Dropped before the other side looks for the end of the stream.
        Connection::open(client, &options).await.map(drop)
    };
    within(async { tokio::join!(opened, other) }).await.0.unwrap_err()
}

async fn login(login: Login) -> (String, Vec<u8>) {
    let options = Options { login, ..options() };
    let (opened, start_ok, _broker) = play(&options, async |broker| {
        let _ = broker.frame().await;
        broker.send(&[frames::start("AMQPLAIN EXTERNAL PLAIN")]).await;
        let start_ok = broker.start_ok().await;
        broker.send(&[frames::tune(0, 0, 0)]).await;
        let _ = broker.tune_ok_and_open().await;
        broker.send(&[frames::open_ok()]).await;
        start_ok
    })
    .await;
    assert!(opened.unwrap().is_open());
    (start_ok.mechanism.to_string(), start_ok.response.as_bytes().to_vec())
}

#[tokio::test(start_paused = true)]
async fn each_login_sends_its_mechanism_and_its_response() {
    let (user, password) = ("jo", "pä\0ss");
    let (name, response) =
        login(Login::Plain { user: user.into(), password: password.into() }).await;
    assert_eq!((name.as_str(), response), ("PLAIN", "\0jo\0pä\0ss".as_bytes().to_vec()));
    let plain = Login::AmqPlain { user: user.into(), password: password.into() };
    let (name, response) = login(plain).await;
    let table = "\x05LOGINS\0\0\0\x02jo\x08PASSWORDS\0\0\0\x06pä\0ss";
    assert_eq!((name.as_str(), response), ("AMQPLAIN", table.as_bytes().to_vec()));
    assert_eq!(login(Login::External).await, ("EXTERNAL".to_owned(), Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn the_client_introduces_itself_with_its_name_and_capabilities() {
    let options = Options { name: "näme".into(), virtual_host: "/häuser".into(), ..options() };
    let (opened, (start_ok, open), _broker) = play(&options, async |broker| {
        let _ = broker.frame().await;
        broker.send(&[frames::start("PLAIN")]).await;
        let start_ok = broker.start_ok().await;
        broker.send(&[frames::tune(0, 0, 0)]).await;
        let (_, open) = broker.tune_ok_and_open().await;
        broker.send(&[frames::open_ok()]).await;
        (start_ok, open)
    })
    .await;
    assert!(opened.is_ok());
    let properties = start_ok.client_properties.inner();
    assert_eq!(
        properties["connection_name"].as_long_string().unwrap().as_bytes(),
        "näme".as_bytes()
    );
    let capabilities = properties["capabilities"].as_field_table().unwrap();
    for name in [
        "authentication_failure_close",
        "basic.nack",
        "connection.blocked",
        "consumer_cancel_notify",
    ] {
        assert_eq!(capabilities.inner()[name].as_bool(), Some(true), "{name}");
    }
    assert_eq!(start_ok.locale.as_str(), "en_US");
    assert_eq!(open.virtual_host.as_str(), "/häuser");
}

#[tokio::test(start_paused = true)]
async fn a_close_at_any_step_is_reported_with_its_code_and_text_and_confirmed() {
    for (step, code, text) in [
        (0, 320, "CONNECTION_FORCED - broker is starting"),
        (1, 403, "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN."),
        (2, 530, "NOT_ALLOWED - vhost / not found"),
    ] {
        let (opened, (), mut broker) = play(&options(), async |broker| {
            advance(broker, step).await;
            broker.send(&[frames::connection_close(code, text)]).await;
        })
        .await;
        let error = opened.unwrap_err();
        let said = error.broker().unwrap();
        assert_eq!((said.code, said.text.as_str(), said.closes_connection), (code, text, true));
        assert_eq!(error.to_string(), format!("the broker closed the connection: {code} {text}"));
        assert!(!error.is_channel_error());
        broker.expect_close_ok().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_stream_at_any_step_is_an_error_of_the_stream() {
    for step in 0..3 {
        for beginning in [&b""[..], b"\x01", b"\x01\0\0\0\0\0\x04\0\x0a"] {
            let (client, mut broker) = crate::broker::stream(1024);
            let options = options();
            let broker = async move {
                advance(&mut broker, step).await;
                broker.send(&[beginning.to_vec()]).await;
            };
            let (opened, ()) =
                within(async { tokio::join!(Connection::open(client, &options), broker) }).await;
            match opened.unwrap_err() {
                Error::Io(error) => assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof),
                other => panic!("{other:?} in step {step}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_in_the_wrong_place_at_any_step_breaks_the_protocol() {
    for step in 0..3 {
        let wrong = [frames::tune(0, 0, 0), frames::start("PLAIN"), frames::start("PLAIN")];
        let (opened, (), mut broker) = play(&options(), async |broker| {
            advance(broker, step).await;
            broker.send(&[wrong[step].clone()]).await;
        })
        .await;
        let error = opened.unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{error:?} in step {step}");
        broker.expect_end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn frames_that_belong_to_no_handshake_break_the_protocol() {
    let wrong = [
        frames::channel_open_ok(1),
        frames::body(0, b"x"),
        frames::raw(1, 1, &[0, 10, 0, 10]),
        frames::raw(1, 0, &[0, 10]),
        frames::raw(1, 0, &[0, 99, 0, 99]),
    ];
    for bytes in wrong {
        let error = answered_with(&bytes).await;
        assert!(matches!(error, Error::Protocol(_)), "{error:?} after {bytes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_challenge_breaks_the_protocol() {
    let challenge = connection::Secure { challenge: "who are you?".into() };
    let (opened, (), mut broker) = play(&options(), async |broker| {
        advance(broker, 1).await;
        broker.send(&[frames::connection(connection::AMQPMethod::Secure(challenge))]).await;
    })
    .await;
    let error = opened.unwrap_err();
    assert!(matches!(error, Error::Protocol(_)), "{error:?}");
    assert!(error.to_string().contains("Secure"), "{error}");
    broker.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn a_login_that_the_broker_does_not_offer_is_not_tried() {
    // `AMQPLAIN` ends with the name of the other one.
    let (opened, (), mut broker) = play(&options(), async |broker| {
        let _ = broker.frame().await;
        broker.send(&[frames::start("AMQPLAIN RABBIT-CR-DEMO")]).await;
    })
    .await;
    let error = opened.unwrap_err();
    assert!(
        matches!(&error, Error::NoSuchLogin(offered) if **offered == *"AMQPLAIN RABBIT-CR-DEMO")
    );
    assert!(error.to_string().contains("AMQPLAIN RABBIT-CR-DEMO"), "{error}");
    broker.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn whatever_is_not_amqp_is_told_apart_from_a_broken_stream() {
    let answers: [&[u8]; 5] = [
        b"AMQP\x00\x00\x09\x01",
        b"AMQP\x03\x01\x00\x00",
        b"\x15\x03\x03\x00\x02\x02\x46",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x01\0\0\0\0\0\x04\0\x0a\0\x0a!",
    ];
    for answer in answers {
        let error = answered_with(answer).await;
        assert!(matches!(error, Error::NotAmqp), "{error:?} after {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_may_come_in_pieces_with_heartbeats_between() {
    let (opened, (), mut broker) = play(&options(), async |broker| {
        let _ = broker.frame().await;
        let start = [frames::heartbeat(), frames::start("PLAIN"), frames::heartbeat()].concat();
        for byte in start {
            broker.send(&[vec![byte]]).await;
            tokio::task::yield_now().await;
        }
        let _ = broker.start_ok().await;
        broker.send(&[frames::tune(0, 4096, 0)]).await;
        let _ = broker.tune_ok_and_open().await;
        broker.send(&[frames::open_ok()]).await;
    })
    .await;
    drop(opened.unwrap());
    let _ = broker.confirm_close().await;
}

#[tokio::test(start_paused = true)]
async fn a_virtual_host_that_is_too_long_is_refused_before_anything_is_sent() {
    let (client, mut broker) = crate::broker::stream(1024);
    let options = Options { virtual_host: "x".repeat(256), ..options() };
    let error = within(Connection::open(client, &options)).await.unwrap_err();
    let expected = InvalidArgument::NameTooLong { what: "the virtual host", bytes: 256 };
    assert!(matches!(error, Error::InvalidArgument(it) if it == expected));
    broker.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_given_up_ends_the_stream() {
    let (client, mut broker) = crate::broker::stream(1024);
    let options = options();
    let limit = std::time::Duration::from_secs(10);
    let opened = tokio::time::timeout(limit, Connection::open(client, &options)).await;
    assert!(opened.is_err());
    assert!(matches!(broker.frame().await, AMQPFrame::ProtocolHeader(_)));
    broker.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_right_behind_the_handshake_is_not_lost() {
    let (client, mut broker) = crate::broker::stream(1024);
    let options = options();
    let script = async {
        advance(&mut broker, 2).await;
        // In one write, so that the handshake reads both.
        broker.send(&[frames::open_ok(), frames::blocked("no disk")]).await;
    };
    let (opened, ()) =
        within(async { tokio::join!(Connection::open(client, &options), script) }).await;
    let mut blocked = opened.as_ref().unwrap().blocked();
    let reason = within(blocked.wait_for(Option::is_some)).await.unwrap().clone();
    assert_eq!(reason.as_deref(), Some("no disk"));
}

#[tokio::test(start_paused = true)]
async fn a_close_right_behind_the_handshake_is_reported() {
    let (opened, (), mut broker) = play(&options(), async |broker| {
        advance(broker, 2).await;
        broker.send(&[frames::open_ok(), frames::connection_close(320, "shutdown")]).await;
    })
    .await;
    let error = within(opened.unwrap().closed()).await;
    assert_eq!(error.broker().map(|it| it.code), Some(320), "{error:?}");
    broker.expect_close_ok().await;
}
