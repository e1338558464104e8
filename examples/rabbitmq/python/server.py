"""A server for the Rust client, with oslo.messaging alone.

    python examples/rabbitmq/python/server.py rabbit://guest:guest@localhost/
"""

import sys
import threading

import oslo_messaging
from oslo_config import cfg

import bank_errors


class Ledger:
    target = oslo_messaging.Target(namespace="bank", version="1.2")

    @oslo_messaging.expected_exceptions(bank_errors.InsufficientFunds)
    def withdraw(self, ctxt, cents):
        if cents > 1000:
            missing = cents - 1000
            raise bank_errors.InsufficientFunds(f"{missing} cents short", missing=missing)
        return 1000 - cents


class Control:
    def __init__(self):
        self.stopped = threading.Event()

    def stop(self, ctxt):
        self.stopped.set()


def main(url):
    cfg.CONF([])
    control = Control()
    transport = oslo_messaging.get_rpc_transport(cfg.CONF, url=url)
    target = oslo_messaging.Target(topic="bank", server="bank-1")
    server = oslo_messaging.get_rpc_server(
        transport, target, [Ledger(), control], executor="threading")
    server.start()
    print("server: listens on topic bank", flush=True)
    control.stopped.wait()
    server.stop()
    server.wait()
    print("server: stopped")


if __name__ == "__main__":
    main(sys.argv[1])
