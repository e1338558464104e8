"""Sends and reads raw messages, also those that no well-behaved peer would send (see `command_loop`)."""

import amqp
import kombu

import command_loop
import messaging

_url = None


def connect(url):
    global _url
    _url = url


def declare(queue, exchange=None):
    """Declares a queue. If an exchange is named, declares it too and binds the queue to it."""
    with kombu.Connection(_url) as connection:
        channel = connection.default_channel
        channel.queue_declare(queue, durable=False, auto_delete=False)
        if exchange:
            channel.exchange_declare(exchange, "topic", durable=False, auto_delete=False)
            channel.queue_bind(queue, exchange, queue)


def delete(queue):
    with kombu.Connection(_url) as connection:
        connection.default_channel.queue_delete(queue)


def publish(routing_key, body, exchange="", encoding="utf-8", **properties):
    """Publishes a message. The `encoding` latin-1 turns characters up to 255 into any bytes."""
    properties.setdefault("content_type", "application/json")
    properties.setdefault("content_encoding", "utf-8")
    with kombu.Connection(_url) as connection:
        channel = connection.default_channel
        message = amqp.Message(body.encode(encoding), **properties)
        channel.basic_publish(message, exchange=exchange, routing_key=routing_key)


def get(queue, timeout):
    """Consumes the next message of a queue. Waits for it."""
    got = []
    with kombu.Connection(_url) as connection:
        channel = connection.default_channel
        channel.basic_qos(0, 1, False)
        channel.basic_consume(queue, callback=got.append)
        while not got:
            connection.drain_events(timeout=timeout)
        channel.basic_ack(got[0].delivery_tag)
        return {"body": got[0].body, "properties": got[0].properties}


def wait_for_consumer(queue):
    """Returns when the queue has a consumer, as it has while a `get` waits."""
    messaging.wait_for_consumer(_url, queue)


if __name__ == "__main__":
    command_loop.run(command_loop.Output(), {
        "connect": connect,
        "declare": declare,
        "delete": delete,
        "publish": publish,
        "get": get,
        "wait_for_consumer": wait_for_consumer,
    })
