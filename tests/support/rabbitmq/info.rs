//! Queries about and commands to a running node.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::processes::POLL_INTERVAL;
use super::term::{binary, records, table};
use super::{Node, NodeError};

/// How long a queue may be listed without counts. RabbitMQ 4 lists it as soon as its declaration begins.
const DECLARATION_TIMEOUT: Duration = Duration::from_secs(10);

/// Defines `Live(Key, Value, Info)`: the number of messages of a quorum queue, asked of its leader. What the node lists is up to 5 s
/// old, and 0 before that.
const LIVE: &str = "Ask = fun(Query, V, I) -> \
    case lists:keyfind(<<\"x-queue-type\">>, 1, proplists:get_value(arguments, I)) of \
        {_, _, <<\"quorum\">>} -> \
            {ok, Q} = rabbit_amqqueue:lookup(proplists:get_value(name, I)), \
            case catch ra:leader_query(amqqueue:get_pid(Q), Query, 5000) of \
                {ok, {_, N}, _} -> N; \
                _ -> V end; \
        _ -> V end end, \
    Live = fun (messages, V, I) -> Ask(fun rabbit_fifo:query_messages_total/1, V, I); \
               (messages_unacknowledged, V, I) -> Ask(fun rabbit_fifo:query_messages_checked_out/1, V, I); \
               (_, V, _) -> V end";

/// A queue, as the node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueInfo {
    /// Its name.
    pub name: String,
    /// Whether it outlives a restart of the node.
    pub durable: bool,
    /// Whether only the connection that declared it may use it.
    pub exclusive: bool,
    /// Whether it is deleted with its last consumer.
    pub auto_delete: bool,
    /// The arguments of its declaration: text as it is, another value as Erlang prints it.
    pub arguments: BTreeMap<String, String>,
    /// How many messages are ready, or delivered and not acknowledged.
    pub messages: usize,
    /// How many messages are delivered and not acknowledged.
    pub unacknowledged: usize,
    /// How many consumers it has.
    pub consumers: usize,
}

/// A connection, as the node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Its virtual host.
    pub vhost: String,
    /// The user that opened it.
    pub user: String,
    /// `running`, `blocked` and so on.
    pub state: String,
    /// The client's port.
    pub peer_port: u16,
    /// How many channels it has.
    pub channels: usize,
    /// The heartbeat interval in seconds.
    pub heartbeat: usize,
}

/// A channel, as the node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelInfo {
    /// Its virtual host.
    pub vhost: String,
    /// Its number in its connection.
    pub number: u16,
    /// How many consumers it has.
    pub consumers: usize,
    /// How many messages each consumer may have unacknowledged.
    pub prefetch: usize,
    /// How many messages they have unacknowledged.
    pub unacknowledged: usize,
    /// Whether what is published on it is confirmed.
    pub confirms: bool,
}

/// The result of a query or command. It fails if the node is not running, or does not know the object.
type Answer<T = ()> = Result<T, NodeError>;

#[allow(clippy::missing_errors_doc, reason = "said once, of `Answer`")]
impl Node {
    /// Creates virtual hosts, in which `guest` has all permissions.
    pub async fn create_vhosts(&self, names: &[&str]) -> Answer {
        let names: Vec<_> = names.iter().map(|name| binary(name)).collect();
        self.tell(format!(
            "[begin ok = rabbit_vhost:add(V, <<\"test\">>), \
             ok = rabbit_auth_backend_internal:set_permissions( \
             <<\"guest\">>, V, <<\".*\">>, <<\".*\">>, <<\".*\">>, <<\"test\">>) end || V <- [{}]]",
            names.join(",")
        ))
        .await
    }

    /// Creates a virtual host, in which `guest` has all permissions. It takes ten milliseconds.
    pub async fn create_vhost(&self, name: &str) -> Answer {
        self.create_vhosts(&[name]).await
    }

    /// Deletes a virtual host and everything in it.
    pub async fn delete_vhost(&self, name: &str) -> Answer {
        self.tell(format!("rabbit_vhost:delete({}, <<\"test\">>)", binary(name))).await
    }

    /// Adds a user without permissions. [`allow`](Self::allow) grants them.
    pub async fn add_user(&self, name: &str, password: &str) -> Answer {
        let (name, password) = (binary(name), binary(password));
        self.tell(format!(
            "ok = rabbit_auth_backend_internal:add_user({name}, {password}, <<\"test\">>)"
        ))
        .await
    }

    /// Grants a user the permissions to configure, write and read what matches these expressions.
    pub async fn allow(
        &self,
        user: &str,
        vhost: &str,
        [configure, write, read]: [&str; 3],
    ) -> Answer {
        let arguments = [user, vhost, configure, write, read, "test"].map(binary).join(",");
        self.tell(format!("ok = rabbit_auth_backend_internal:set_permissions({arguments})")).await
    }

    /// Raises or clears the memory alarm. While it is raised, connections that publish are blocked.
    pub async fn alarm(&self, on: bool) -> Answer {
        let resource = "{resource_limit, memory, node()}";
        let change = if on {
            format!("rabbit_alarm:set_alarm({{{resource}, []}})")
        } else {
            format!("rabbit_alarm:clear_alarm({resource})")
        };
        // The change is only a notification. A question behind it waits until the alarm process has told all connections, so
        // that they know before they read what is published next.
        self.tell(format!("begin {change}, rabbit_alarm:get_alarms() end")).await
    }

    /// Has the node write declarations to disk. Versions before 4 keep them in Mnesia: there a kill loses the declarations of
    /// about the last two seconds, durable or not.
    pub async fn sync(&self) -> Answer {
        self.tell("mnesia:system_info(is_running) =:= no orelse mnesia:sync_log()".into()).await
    }

    /// Returns the queues of a virtual host.
    pub async fn queues(&self, vhost: &str) -> Answer<Vec<QueueInfo>> {
        let rows = format!(
            "begin {LIVE}, [[Live(K, V, I) || {{K, V}} <- I, K =/= arguments] ++ \
             [X || {{N, _, V}} <- proplists:get_value(arguments, I), X <- [N, V]] || \
             I <- rabbit_amqqueue:info_all({}, [name, durable, exclusive, auto_delete, messages, \
             messages_unacknowledged, consumers, arguments])] end",
            binary(vhost)
        );
        let queue = |fields: Vec<&str>| {
            let [name, durable, exclusive, auto_delete, messages, unacknowledged, consumers, ..] =
                fields[..]
            else {
                return None;
            };
            let arguments = fields[7..].chunks_exact(2);
            Some(QueueInfo {
                name: name.to_owned(),
                durable: durable.parse().ok()?,
                // Of quorum queues, which cannot be, it is empty.
                exclusive: exclusive == "true",
                auto_delete: auto_delete.parse().ok()?,
                arguments: arguments.map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect(),
                messages: messages.parse().ok()?,
                unacknowledged: unacknowledged.parse().ok()?,
                consumers: consumers.parse().ok()?,
            })
        };
        let deadline = Instant::now() + DECLARATION_TIMEOUT;
        loop {
            let queues = read(&self.eval(table(&rows)).await?, queue);
            if queues.is_ok() || Instant::now() > deadline {
                return queues;
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Returns all connections.
    pub async fn connections(&self) -> Answer<Vec<ConnectionInfo>> {
        let rows = "[[V || {_, V} <- I] || I <- rabbit_networking:connection_info_all( \
                    [vhost, user, state, peer_port, channels, timeout])]";
        self.rows(rows, |fields| {
            let [vhost, user, state, peer_port, channels, heartbeat] = fields[..] else {
                return None;
            };
            Some(ConnectionInfo {
                vhost: vhost.to_owned(),
                user: user.to_owned(),
                state: state.to_owned(),
                peer_port: peer_port.parse().ok()?,
                channels: channels.parse().ok()?,
                heartbeat: heartbeat.parse().ok()?,
            })
        })
        .await
    }

    /// Returns all channels.
    pub async fn channels(&self) -> Answer<Vec<ChannelInfo>> {
        let rows = "[[V || {_, V} <- I] || I <- rabbit_channel:info_all([vhost, number, \
                    consumer_count, prefetch_count, \
                    messages_unacknowledged, confirm])]";
        self.rows(rows, |fields| {
            let [vhost, number, consumers, prefetch, unacknowledged, confirms] = fields[..] else {
                return None;
            };
            Some(ChannelInfo {
                vhost: vhost.to_owned(),
                number: number.parse().ok()?,
                consumers: consumers.parse().ok()?,
                prefetch: prefetch.parse().ok()?,
                unacknowledged: unacknowledged.parse().ok()?,
                confirms: confirms.parse().ok()?,
            })
        })
        .await
    }

    /// Closes the connections of a virtual host, as an operator would. One that ends meanwhile cannot be asked, and is left out.
    pub async fn close_connections(&self, vhost: &str) -> Answer {
        self.tell(format!(
            "[rabbit_networking:close_connection(C, \"closed by the test\") || \
             C <- rabbit_networking:connections(), \
             (catch rabbit_networking:connection_info(C, [vhost])) =:= [{{vhost, {}}}]]",
            binary(vhost)
        ))
        .await
    }

    async fn tell(&self, expression: String) -> Answer {
        self.eval(expression).await.map(drop)
    }

    async fn rows<T>(&self, rows: &str, row: impl Fn(Vec<&str>) -> Option<T>) -> Answer<Vec<T>> {
        let deadline = Instant::now() + DECLARATION_TIMEOUT;
        loop {
            match self.eval(table(rows)).await {
                Ok(text) => return read(&text, row),
                // The node asks other nodes, one of which may have died a moment ago.
                Err(error) if error.0.contains("throw: timeout") && Instant::now() < deadline => {
                    sleep(POLL_INTERVAL).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Reads the rows of a table.
fn read<T>(text: &str, row: impl Fn(Vec<&str>) -> Option<T>) -> Answer<Vec<T>> {
    let read = |record: Vec<&str>| {
        let odd = format!("{record:?}");
        row(record).ok_or_else(|| NodeError(format!("the node answers with {odd}")))
    };
    records(text).into_iter().map(read).collect()
}
