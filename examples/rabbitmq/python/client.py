"""A client of the Rust server, with oslo.messaging alone.

    python examples/rabbitmq/python/client.py rabbit://guest:guest@localhost/
"""

import sys

import oslo_messaging
from oslo_config import cfg

import bank_errors


def main(url):
    cfg.CONF([])
    transport = oslo_messaging.get_rpc_transport(
        cfg.CONF, url=url, allowed_remote_exmods=[bank_errors.__name__])
    target = oslo_messaging.Target(topic="bank", namespace="bank", version="1.0")
    bank = oslo_messaging.get_rpc_client(transport, target, timeout=10)

    left = bank.call({"user": "ada"}, "withdraw", cents=300)
    print(f"client: {left} cents left")
    try:
        bank.call({"user": "ada"}, "withdraw", cents=1200)
    except bank_errors.InsufficientFunds as error:
        print(f"client: insufficient funds, {error.kwargs['missing']} cents short")
    bank.prepare(namespace=None).call({}, "stop")
    transport.cleanup()


if __name__ == "__main__":
    main(sys.argv[1])
