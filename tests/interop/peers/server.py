"""An oslo.messaging server that a test drives (see `command_loop`).

Methods that ran are reported as events: {"event": "ran", "server": …, "method": …, …}.
"""

import builtins
import threading

import oslo_messaging
from oslo_config import cfg

import command_loop
import messaging
import value_encoding
import peer_errors

_output = command_loop.Output()
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
        """Reports that it ran, for casts, which have no answer."""
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
        """Returns when the test sends the command `release`."""
        self._ran("hold")
        _released.wait()
        return "released"

    def big(self, ctxt, length):
        return value_encoding.text(length)

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
        _output.write(event="ran", server=self._name, method=method, **value_encoding.write(members))


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
    """Starts a server. Returns when it consumes."""
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
    # The library declares the queues first, and consumes later, in another thread.
    messaging.wait_for_consumer(url, f"{topic}.{server}")


def stop(name):
    """Stops a server. Returns when all received calls have run."""
    running = _servers.pop(name)
    running.stop()
    running.wait()
    running.transport.cleanup()


def release():
    """Lets every `hold` return, now and later."""
    _released.set()


def _find(name):
    return getattr(peer_errors, name, None) or getattr(builtins, name)


if __name__ == "__main__":
    command_loop.run(_output, {"start": start, "stop": stop, "release": release})
