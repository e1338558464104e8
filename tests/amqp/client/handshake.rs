//! Logins and limits.

use rpc_amqp::{BrokerError, Connection, Error, Login, Options};
use rpc_tests::support::poll::until;

use crate::broker::{Broker, CHANNEL_MAX, declare, in_time};

fn refusal(answer: Result<Connection, Error>) -> BrokerError {
    let error = answer.unwrap_err();
    error.broker().unwrap_or_else(|| panic!("not the broker's error: {error}")).clone()
}

#[tokio::test]
async fn a_wrong_password_is_refused_with_the_brokers_words() {
    let broker = Broker::shared("wrong password").await;
    let (user, password) = ("guest".to_owned(), "sesame".to_owned());
    let logins = [
        Login::Plain { user: user.clone(), password: password.clone() },
        Login::AmqPlain { user, password },
    ];
    for login in logins {
        let error = refusal(broker.open(&Options { login, ..broker.options() }).await);
        assert_eq!((error.code, error.closes_connection), (403, true));
        assert!(error.text.starts_with("ACCESS_REFUSED - Login was refused"), "{}", error.text);
        assert!(!error.to_string().contains("sesame"), "{error}");
    }
}

#[tokio::test]
async fn both_forms_of_a_password_log_in_and_a_form_that_is_not_offered_is_named() {
    let broker = Broker::shared("logins").await;
    let (user, password) = ("guest".to_owned(), "guest".to_owned());
    let login = Login::AmqPlain { user, password };
    let connection = broker.open(&Options { login, ..broker.options() }).await.unwrap();
    in_time("the close", connection.close(200, "goodbye")).await.unwrap();
    let options = Options { login: Login::External, ..broker.options() };
    let error = broker.open(&options).await.unwrap_err();
    let Error::NoSuchLogin(offered) = &error else { panic!("another error: {error}") };
    assert!(offered.split(' ').any(|mechanism| mechanism == "PLAIN"), "{offered}");
}

#[tokio::test]
async fn a_virtual_host_that_does_not_exist_is_named() {
    let broker = Broker::shared("exists").await;
    let options = Options { virtual_host: "nowhere".into(), ..broker.options() };
    let error = refusal(broker.open(&options).await);
    assert_eq!((error.code, error.closes_connection), (530, true));
    assert!(error.text.contains("nowhere"), "{}", error.text);
    assert_eq!((error.class, error.method), (10, 40), "over connection.open");
}

#[tokio::test]
async fn a_user_without_permissions_is_refused_by_the_virtual_host() {
    let broker = Broker::shared("strangers").await;
    broker.node.add_user("stranger", "password").await.unwrap();
    let login = Login::Plain { user: "stranger".into(), password: "password".into() };
    let error = refusal(broker.open(&Options { login, ..broker.options() }).await);
    assert_eq!(error.code, 530);
    assert!(error.text.contains("stranger"), "{}", error.text);
}

#[tokio::test]
async fn a_connection_beyond_the_limit_of_a_virtual_host_is_refused_until_another_is_closed() {
    let broker = Broker::shared("crowded").await;
    let limit = r#"{"max-connections": 2}"#;
    broker.node.ctl(&["set_vhost_limits", "-p", "crowded", limit]).await.unwrap();
    let first = broker.connect().await;
    let second = broker.connect().await;
    // The broker counts a connection a moment after it has opened it.
    let refused = async || broker.open(&broker.options()).await.err();
    until("the limit is reached", async || refused().await.is_some()).await;
    let error = refused().await.unwrap();
    let error = error.broker().unwrap();
    assert_eq!((error.code, error.closes_connection), (530, true));
    assert!(error.text.contains("connection limit (2) is reached"), "{}", error.text);
    assert!(first.is_open() && second.is_open());
    in_time("the close", first.close(200, "goodbye")).await.unwrap();
    until("there is room for one more", async || refused().await.is_none()).await;
    assert!(second.is_open());
}

#[tokio::test]
async fn no_more_channels_are_opened_than_both_sides_allow() {
    let (broker, _turn) = Broker::alone("few channels").await;
    for (wanted, granted) in [(3, 3), (CHANNEL_MAX + 1, CHANNEL_MAX), (0, CHANNEL_MAX)] {
        let options = Options { channel_max: wanted, ..broker.options() };
        let connection = broker.open(&options).await.unwrap();
        let mut channels = Vec::new();
        for _ in 0..granted {
            channels.push(in_time("a channel", connection.open_channel()).await.unwrap());
        }
        let error = in_time("a channel", connection.open_channel()).await.unwrap_err();
        assert!(matches!(error, Error::TooManyChannels(limit) if limit == granted), "{error}");
        let last = channels.pop().unwrap();
        in_time("the close", last.close(200, "goodbye")).await;
        channels.push(in_time("a channel", connection.open_channel()).await.unwrap());
        for channel in &channels {
            declare(channel, "q").await.unwrap();
        }
    }
}
