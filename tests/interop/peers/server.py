"""An oslo.messaging server that a test drives (see `driven`).

What ran is told as events: {"event": "ran", "server": …, "method": …, …}.
"""

import builtins
import threading
import time

import kombu
import oslo_messaging
from oslo_config import cfg

import driven
import messaging
import notation
import peer_errors

_line = driven.Line()
_servers = {}
_released = threading.Event()
_starting = threading.Lock()
# A dispatcher registers the option that enables the ping endpoint.
oslo_messaging.RPCDispatcher([], None)


class Peer:
    """The methods without a namespace."""

    def __init__(self, name, server):
        self._name = name
        self._server = server

    def echo(self, ctxt, value):
        return value

    def record(self, ctxt, value):
        """Tells that it ran, for what has no answer."""
        self._ran("record", value=value)

    def add(self, ctxt, a, b=10):
        return a + b

    def context(self, ctxt):
        return ctxt

    def who(self, ctxt):
        return self._server

    def nothing(self, ctxt):
        return None

    def sleep(self, ctxt, seconds):
        self._ran("sleep", seconds=seconds)
        threading.Event().wait(seconds)
        return seconds

    def hold(self, ctxt):
        """Returns when the test says `release`."""
        self._ran("hold")
        _released.wait()
        return "released"

    def big(self, ctxt, length):
        return notation.text(length)

    def nan(self, ctxt):
        return float("nan")

    def infinite(self, ctxt):
        return [float("inf"), float("-inf")]

    def huge(self, ctxt):
        return 2**70

    def surrogate(self, ctxt):
        return "before \ud800 after"

    def odd_keys(self, ctxt):
        return {1: "one", None: "none", True: "true", 2.5: "float", "": "empty"}

    def nested(self, ctxt, depth):
        value = []
        for _ in range(depth):
            value = [value]
        return value

    def unencodable(self, ctxt):
        return object()

    def fail(self, ctxt, error, args=(), kwargs=None):
        raise _find(error)(*args, **(kwargs or {}))

    @oslo_messaging.expected_exceptions(peer_errors.PeerException, peer_errors.Positional)
    def fail_expected(self, ctxt, error, args=(), kwargs=None):
        raise _find(error)(*args, **(kwargs or {}))

    def _ran(self, method, **members):
        _line.say(event="ran", server=self._name, method=method, **notation.write(members))


class Versioned:
    """Says which version of which namespace it was."""

    def __init__(self, namespace, version, legacy=None):
        self._name = f"{namespace} {version}"
        self.target = oslo_messaging.Target(
            namespace=namespace, version=version, legacy_namespaces=legacy
        )

    def version(self, ctxt):
        return self._name


class Newest(Versioned):
    def only_here(self, ctxt):
        return "newest"


def start(name, url, topic, server, exchange=None, ping=False):
    """Returns when the server consumes."""
    target = oslo_messaging.Target(topic=topic, server=server, exchange=exchange)
    endpoints = [
        Peer(name, server),
        Versioned("control", "1.5"),
        Newest("control", "2.3"),
        Versioned("renamed", "1.0", legacy=["former"]),
    ]
    transport = messaging.transport(url)
    with _starting:
        cfg.CONF.set_override("rpc_ping_enabled", ping)
        running = oslo_messaging.get_rpc_server(transport, target, endpoints, executor="threading")
    running.start()
    _servers[name] = running
    _wait_for_consumer(url, f"{topic}.{server}")


def _wait_for_consumer(url, queue):
    # The library declares the queues first, and consumes later, in another thread.
    url = url.partition("?")[0].replace("rabbit:", "amqp:", 1)
    with kombu.Connection(url) as connection:
        channel = connection.default_channel
        while not channel.queue_declare(queue, passive=True).consumer_count:
            time.sleep(0.01)


def stop(name):
    """Returns when all that was taken has been run."""
    running = _servers.pop(name)
    running.stop()
    running.wait()
    running.transport.cleanup()


def release():
    """Lets every `hold` return, from now on."""
    _released.set()


def _find(name):
    return getattr(peer_errors, name, None) or getattr(builtins, name)


if __name__ == "__main__":
    driven.drive(_line, {"start": start, "stop": stop, "release": release})
