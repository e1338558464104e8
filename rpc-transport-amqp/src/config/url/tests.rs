use std::time::Duration;

use super::{options, oslo_options, parse};
use crate::config::{Config, Identity, Login, QuorumLimits, StableNames};
use crate::wire::{NATIVE, OSLO};

const SECOND: Duration = Duration::from_secs(1);

fn config_of(url: &str) -> Config {
    parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn error_of(url: &str) -> String {
    match parse(url) {
        Ok(config) => panic!("{url} is read as {config:?}"),
        Err(error) => error.to_string(),
    }
}

fn first_address(url: &str) -> (String, u16) {
    let host = &config_of(url).hosts[0];
    (host.name.clone(), host.port)
}

#[test]
fn a_bare_url_has_the_defaults_of_its_scheme() {
    let config = config_of("amqp://broker");
    assert_eq!((config.dialect, config.exchange.as_str()), (NATIVE, "rpc"));
    assert!(config.queues.durable && !config.queues.quorum && !config.queues.auto_delete);
    assert_eq!((config.prefetch, config.max_message), (64, 16 * 1024 * 1024));
    assert_eq!((config.heartbeat, config.connect_timeout), (10 * SECOND, 5 * SECOND));
    assert_eq!(config.queues.transient_ttl, Some(60 * SECOND));
    assert_eq!(config.missing_reply_queue_timeout, 60 * SECOND);
    assert_eq!(config.consumer_timeout, Some(1800 * SECOND));
    assert_eq!((config.login, config.tls), (Login::Plain, None));
    let process = format!(":{}", std::process::id());
    assert!(config.connection_name.ends_with(&process), "{}", config.connection_name);

    let config = config_of("rabbit://broker");
    assert_eq!((config.dialect, config.exchange.as_str()), (OSLO, "openstack"));
    assert!(!config.queues.durable && !config.queues.quorum && !config.queues.auto_delete);
    assert_eq!(config.queues.transient_ttl, Some(60 * SECOND));
    assert!(config.ignored_options.is_empty() && config.warnings.is_empty());
}

#[test]
fn the_scheme_decides_port_and_tls() {
    assert_eq!(first_address("amqp://broker"), ("broker".to_owned(), 5672));
    assert_eq!(first_address("AMQPS://broker"), ("broker".to_owned(), 5671));
    assert_eq!(first_address("rabbit://broker?ssl=1"), ("broker".to_owned(), 5672));
    assert_eq!(first_address("amqps://broker:1"), ("broker".to_owned(), 1));
    assert!(config_of("amqps://broker").tls.is_some());
}

#[test]
fn other_schemes_are_rejected() {
    for url in ["mem://x", "kombu+memory://", "broker:5672", "", "rabbit:broker"] {
        assert!(error_of(url).contains("it must begin with `amqp://`"), "{url}");
    }
}

#[test]
fn virtual_hosts_are_parsed_as_programs_write_them() {
    for (url, name) in [
        ("amqp://h", "/"),
        ("amqp://h/", "/"),
        ("amqp://h//", "/"),
        ("amqp://h/%2f", "/"),
        ("amqp://h?prefetch=1", "/"),
        ("amqp://h/nova", "nova"),
        ("amqp://h/a%20b%2Fc?prefetch=1", "a b/c"),
        ("amqp://h/%2525", "%25"),
        ("rabbit://h", "/"),
        ("rabbit://h/", "/"),
        ("rabbit://h//", "/"),
        ("rabbit://h//nova", "/nova"),
        ("rabbit://h/%2f?ssl=0", "/"),
        ("rabbit://h/%252f", "/"),
        ("rabbit://h/a+b", "a+b"),
    ] {
        assert_eq!(config_of(url).virtual_host, name, "{url}");
    }
    assert!(error_of(&format!("amqp://h/{}", "v".repeat(256))).contains("has 256 bytes"));
    assert!(error_of("amqp://h/%ff").contains("the virtual host is not UTF-8"));
}

#[test]
fn a_transport_url_of_openstack_works_as_it_stands() {
    let config = config_of(
        "rabbit://nova:s3cret@10.0.0.1:5672,nova:s3cret@10.0.0.2:5672,nova:s3cret@[fd00::3]:5671\
         //?ssl=1&ssl_version=TLSv1_2&ssl_ca_file=/etc/ssl/ca.pem&ssl_cert_file=/etc/ssl/me.pem\
         &rabbit_quorum_queue=true&rabbit_quorum_delivery_limit=5\
         &rabbit_quorum_max_memory_length=0&rabbit_quorum_max_memory_bytes=1048576\
         &rabbit_transient_quorum_queue=Yes&rabbit_transient_queues_ttl=1800\
         &amqp_auto_delete=on&heartbeat_timeout_threshold=60&heartbeat_rate=3\
         &rabbit_qos_prefetch_count=10&rabbit_interval_max=30&kombu_reconnect_delay=0.5\
         &kombu_missing_consumer_retry_timeout=20&rabbit_login_method=EXTERNAL\
         &kombu_compression=gzip&use_queue_manager=true&hostname=node1&processname=nova-api\n",
    );
    let names: Vec<_> = config.hosts.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(names, ["10.0.0.1", "10.0.0.2", "fd00::3"]);
    assert_eq!(config.virtual_host, "/");
    let tls = config.tls.unwrap();
    assert_eq!(tls.ca_file, Some("/etc/ssl/ca.pem".into()));
    let both = Identity { certificate: "/etc/ssl/me.pem".into(), key: "/etc/ssl/me.pem".into() };
    assert_eq!(tls.identity, Some(both));
    let queues = config.queues;
    let (host, process) = ("node1".to_owned(), "nova-api".to_owned());
    assert_eq!(queues.stable_names, StableNames { enabled: true, host, process });
    assert!(queues.quorum && queues.transient_quorum && queues.auto_delete);
    let limits = QuorumLimits {
        delivery_limit: Some(5),
        max_memory_length: None,
        max_memory_bytes: Some(1 << 20),
    };
    assert_eq!((queues.limits, queues.transient_ttl), (limits, Some(1800 * SECOND)));
    assert_eq!((config.heartbeat, config.prefetch), (60 * SECOND, 10));
    assert_eq!(
        (config.backoff.max, config.missing_reply_queue_timeout),
        (30 * SECOND, 20 * SECOND)
    );
    assert_eq!(config.login, Login::External);
    let ignored = ["ssl_version", "heartbeat_rate", "kombu_reconnect_delay", "kombu_compression"];
    assert_eq!(config.ignored_options, ignored);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn own_options_are_accepted_by_every_scheme() {
    for url in ["amqps://h", "rabbit://h"] {
        let config = config_of(&format!(
            "{url}?exchange=a%2Bb&connection_name=b+c&quorum=1&prefetch=9&heartbeat=7&login=plain\
             &connect_timeout=0.5&transient_ttl=0&max_message=4096&consumer_timeout=1.5"
        ));
        assert_eq!((config.exchange.as_str(), config.connection_name.as_str()), ("a+b", "b c"));
        assert_eq!((config.prefetch, config.max_message), (9, 4096));
        assert_eq!((config.heartbeat, config.connect_timeout), (7 * SECOND, SECOND / 2));
        assert_eq!(config.consumer_timeout, Some(SECOND * 3 / 2));
        assert!(config.queues.quorum && config.queues.transient_ttl.is_none());
    }
    assert_eq!(config_of("amqp://h?consumer_timeout=0").consumer_timeout, None);
    assert_eq!(config_of("rabbit://h?control_exchange=neutron").exchange, "neutron");
    let tls =
        config_of("amqps://h?server_name=broker&cert_file=c&key_file=k&ca_file=a").tls.unwrap();
    assert_eq!(tls.server_name.as_deref(), Some("broker"));
    assert_eq!(tls.identity, Some(Identity { certificate: "c".into(), key: "k".into() }));
}

#[test]
fn booleans_are_those_of_oslo_config() {
    for (text, expected) in [
        ("1", true),
        ("TRUE", true),
        ("yes", true),
        ("On", true),
        ("0", false),
        ("False", false),
        ("NO", false),
        ("off", false),
    ] {
        assert_eq!(config_of(&format!("rabbit://h?ssl={text}")).tls.is_some(), expected, "{text}");
    }
    assert!(error_of("rabbit://h?ssl=ja").contains("`ssl` is `ja`; expected `true` or `false`"));
}

#[test]
fn zero_means_our_default_where_python_has_no_limit() {
    let config = config_of("rabbit://h?rabbit_qos_prefetch_count=0&heartbeat_timeout_threshold=0");
    assert_eq!((config.prefetch, config.heartbeat), (64, 10 * SECOND));
    assert_eq!(config.warnings.len(), 1);
    assert!(config.warnings[0].contains("the heartbeat is 10s"), "{:?}", config.warnings);
    assert_eq!(config_of("rabbit://h?rabbit_transient_queues_ttl=0").queues.transient_ttl, None);
}

#[test]
fn a_stream_of_fanouts_needs_the_options_that_it_needs_in_python() {
    let recommended = "use_queue_manager=true&rabbit_quorum_queue=true\
                       &rabbit_transient_quorum_queue=true&rabbit_stream_fanout=true";
    for count in ["", "&rabbit_qos_prefetch_count=7"] {
        let config = config_of(&format!("rabbit://h?{recommended}{count}"));
        assert!(config.queues.stream_fanout && config.warnings.is_empty());
    }
    let text = error_of("rabbit://h?rabbit_stream_fanout=true");
    assert!(text.contains("`rabbit_transient_quorum_queue=true`"), "{text}");
    for url in [
        format!("rabbit://h?{recommended}&rabbit_qos_prefetch_count=0"),
        format!("rabbit://h?rabbit_qos_prefetch_count=0&{recommended}"),
    ] {
        let text = error_of(&url);
        assert!(text.contains("`rabbit_qos_prefetch_count=0` has no limit"), "{text}");
    }
    assert!(!config_of("rabbit://h?rabbit_stream_fanout=false").queues.stream_fanout);
    assert!(config_of("amqp://h?stream_fanout=true").queues.stream_fanout);
}

#[test]
fn a_stream_keeps_fanouts_as_long_as_in_python_unless_the_url_says_so() {
    for (option, age) in [
        ("", Some(1800 * SECOND)),
        ("?rabbit_transient_queues_ttl=600", Some(600 * SECOND)),
        ("?transient_ttl=0.5", Some(SECOND / 2)),
        ("?rabbit_transient_queues_ttl=0", None),
    ] {
        assert_eq!(config_of(&format!("rabbit://h{option}")).queues.stream_max_age, age);
    }
}

#[test]
fn invalid_values_are_rejected_with_the_valid_ones() {
    for (option, expected) in [
        ("prefetch=0", "a whole number from 1 to 65535"),
        ("heartbeat=70000", "a whole number from 1 to 65535"),
        ("max_message=16MiB", "a whole number from 1"),
        ("connect_timeout=0", "seconds, from 1ms"),
        ("connect_timeout=NaN", "seconds, from 1ms"),
        ("consumer_timeout=-1", "seconds, from 0ns to 4294967295s"),
        ("transient_ttl=-1", "seconds, from 0ns to 4294967.295s"),
        ("login=RABBIT-CR-DEMO", "`PLAIN`, `AMQPLAIN` or `EXTERNAL`"),
    ] {
        let text = error_of(&format!("amqp://h?{option}"));
        assert!(text.contains(expected), "{text}");
    }
    let long = format!("rabbit://h?control_exchange={}", "e".repeat(256));
    assert!(error_of(&long).contains("the exchange's name has 256 bytes"));
}

#[test]
fn options_without_value_are_ignored() {
    let config = config_of("rabbit://h?ssl=&prefetch&&colour=&exchange=a");
    assert_eq!((config.tls, config.prefetch, config.exchange.as_str()), (None, 64, "a"));
}

#[test]
fn unknown_options_are_named_with_a_suggestion() {
    for (url, text) in [
        ("amqp://h?hearbeat=3", "unknown option `hearbeat`; did you mean `heartbeat`?"),
        ("amqp://h?colour=red", "unknown option `colour`; the options are exchange, quorum"),
        ("amqp://h?ssl=1", "`ssl` is for `rabbit://`"),
        ("amqp://h?use_queue_manager=1", "`use_queue_manager` is for `rabbit://`"),
        ("rabbit://h?rabbit_quorum_queues=1", "did you mean `rabbit_quorum_queue`?"),
        ("rabbit://h?heartbeat_rates=1", "did you mean `heartbeat_rate`?"),
        ("rabbit://h?colour=red", "neither in oslo.messaging's group"),
        ("rabbit://h?ssl=1&ssl=1", "the option `ssl` is given twice"),
    ] {
        assert!(error_of(url).contains(text), "{}", error_of(url));
    }
    let secret = error_of("rabbit://h?password=hunter2");
    assert!(secret.contains("`password`") && !secret.contains("hunter2"), "{secret}");
}

#[test]
fn options_without_the_expected_effect_cause_a_warning() {
    for option in
        ["ssl_enforce_hostname_verification=false", "rabbit_ha_queues=1", "ssl_ca_file=/ca.pem"]
    {
        let config = config_of(&format!("rabbit://h?{option}"));
        assert_eq!((config.warnings.len(), config.tls), (1, None), "{option}");
    }
    let config = config_of("rabbit://h?ssl_enforce_hostname_verification=1&rabbit_ha_queues=0");
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert_eq!(config_of("rabbit://a:b@one,two").warnings.len(), 1);
}

#[test]
fn tls_options_without_tls_are_rejected_by_the_native_schemes() {
    assert!(error_of("amqp://h?ca_file=/ca.pem").contains("write `amqps://`"));
    assert!(error_of("amqps://h?key_file=/me.key").contains("no certificate file"));
}

#[test]
fn a_misplaced_password_is_redacted_and_encoding_is_advised() {
    for url in [
        "rabbit://ada:hunt/er2@h/v",
        "rabbit://ada:hunt?er2@h/v",
        "rabbit://ada:hunt#er2@h/v",
        "rabbit://ada:12/er2@h/v",
        "rabbit://ada:hunt@x/er2@h/v",
        "rabbit://ada:hunt,er2@h/v",
        "rabbit://ada:hunt#er2",
        "rabbit://ada:hunter2",
        "rabbit://ada:hunt:er2",
        "rabbit://[hunter2",
        "rabbit://ada:hunter2@one,bob:hunter2",
        "rabbit://ada:hunter2@one:5672,bob:hunter2/v",
        "amqps://ada:hunt er2",
    ] {
        let text = error_of(url);
        assert!(text.contains("percent-encode"), "{text}");
        let shown = text.split_once("percent-encode").unwrap().0;
        for secret in ["ada", "hunt", "er2"] {
            assert!(!shown.contains(secret), "{url}: {text}");
        }
    }
    for url in ["ada:hunter2@h", "amqp:ada:hunter2@h", "ada:hunter2://h", "http://ada:hunter2@h"] {
        let text = error_of(url);
        assert!(!text.contains("hunter2") && text.contains("must begin with"), "{text}");
    }
}

#[test]
fn errors_in_options_show_the_hosts_but_not_the_users() {
    let text = error_of("rabbit://ada:p@ss@one,bob:word@two:1/v?colour=red");
    assert!(text.starts_with("cannot use the transport `rabbit://…@two:1/v`: "), "{text}");
}

#[test]
fn every_option_with_an_effect_is_documented() {
    let page = include_str!("../builder.rs");
    for (name, _) in options::OPTIONS.iter().chain(oslo_options::OPTIONS) {
        assert!(page.contains(&format!("`{name}")), "{name}");
    }
}
