"""The parts that the peers share."""

import time

import kombu
import oslo_messaging
from oslo_config import cfg

# Parts of the library read the global configuration, whichever one they are given.
cfg.CONF([], project="interop", default_config_files=[])


def transport(url, allow=()):
    """Creates a transport. Options of the driver stand in the URL's query.

    `allow` names the modules whose exceptions are rebuilt.
    """
    return oslo_messaging.get_rpc_transport(cfg.CONF, url=url, allowed_remote_exmods=list(allow))


def wait_for_consumer(url, queue):
    """Returns when the queue has a consumer."""
    url = url.partition("?")[0].replace("rabbit:", "amqp:", 1)
    with kombu.Connection(url) as connection:
        channel = connection.default_channel
        while not channel.queue_declare(queue, passive=True).consumer_count:
            time.sleep(0.01)
