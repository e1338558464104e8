"""Messages made by hand, for what no well-behaved peer would send (see `driven`)."""

import amqp
import kombu

import driven

_url = None


def connect(url):
    global _url
    _url = url


def declare(queue, exchange=None):
    """A queue, reached by its name through the default exchange, and a topic exchange if named."""
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
    """`encoding` latin-1 makes any bytes of characters up to 255."""
    properties.setdefault("content_type", "application/json")
    properties.setdefault("content_encoding", "utf-8")
    with kombu.Connection(_url) as connection:
        channel = connection.default_channel
        message = amqp.Message(body.encode(encoding), **properties)
        channel.basic_publish(message, exchange=exchange, routing_key=routing_key)


def get(queue, timeout):
    """The next message of a queue; waits for it."""
    got = []
    with kombu.Connection(_url) as connection:
        channel = connection.default_channel
        channel.basic_qos(0, 1, False)
        channel.basic_consume(queue, callback=got.append)
        while not got:
            connection.drain_events(timeout=timeout)
        channel.basic_ack(got[0].delivery_tag)
        return {"body": got[0].body, "properties": got[0].properties}


if __name__ == "__main__":
    driven.drive(driven.Line(), {
        "connect": connect,
        "declare": declare,
        "delete": delete,
        "publish": publish,
        "get": get,
    })
