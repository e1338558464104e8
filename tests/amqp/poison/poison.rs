//! Generated hostile messages in every queue and exchange.

use rpc_tests::support::poll::until;
use rpc_tests::support::rabbitmq::UrlForm;

use crate::hostile_env::HostileEnv;

/// How many hostile messages each test publishes.
const MESSAGES: usize = 240;

fn seed() -> u64 {
    let given = std::env::var("RPC_FAULT_SEED").ok().map(|seed| seed.parse().unwrap());
    // Five digits are enough, and can be typed.
    let seed = given.unwrap_or_else(|| fastrand::u64(..100_000));
    println!("RPC_FAULT_SEED={seed}");
    seed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_messages_cost_only_themselves() {
    for form in [UrlForm::Amqp, UrlForm::Rabbit] {
        let mut env = HostileEnv::start(form, "hostile").await;
        env.publish_beside_callers(MESSAGES, seed(), true).await;
        env.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_messages_are_dead_lettered_where_a_policy_says_so() {
    for form in [UrlForm::Amqp, UrlForm::Rabbit] {
        let mut env = HostileEnv::start(form, "dead letters").await;
        // Not for the queues that are the publisher's.
        let policy = r#"{"dead-letter-exchange": "", "dead-letter-routing-key": "dead"}"#;
        let queues = "^(?!sink|copies|dead)";
        let set = ["set_policy", "-p", &env.vhost, "all", queues, policy, "--apply-to", "queues"];
        env.node.ctl(&set).await.unwrap();
        // Expired messages would be dead-lettered as well.
        env.publish_beside_callers(MESSAGES, seed(), false).await;
        let rejected =
            env.rejections("rejected a message").len() + env.rejections("rejected a reply").len();
        assert!(rejected > MESSAGES / 4, "{rejected} of {MESSAGES} messages were rejected");
        let mut dead = 0;
        until(&format!("{rejected} messages are dead-lettered"), async || {
            let queues = env.node.queues(&env.vhost).await.unwrap();
            dead = queues.iter().find(|queue| queue.name == "dead").unwrap().messages;
            assert!(dead <= rejected, "{dead} messages were dead-lettered, and {rejected} logged");
            dead == rejected
        })
        .await;
        env.end().await;
    }
}
