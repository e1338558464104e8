"""An oslo.messaging client that a test drives (see `command_loop`)."""

import oslo_messaging

import command_loop
import messaging

_transports = {}


def connect(url, name="main", allow=()):
    _transports[name] = messaging.transport(url, allow)


def disconnect(name="main"):
    _transports.pop(name).cleanup()


def call(method, args, **how):
    client, ctxt = _prepare(**how)
    return client.call(ctxt, method, **args)


def cast(method, args, **how):
    client, ctxt = _prepare(**how)
    return client.cast(ctxt, method, **args)


def fanout(method, args, **how):
    client, ctxt = _prepare(fanout=True, **how)
    return client.cast(ctxt, method, **args)


def can_send_version(version, **how):
    client, _ = _prepare(**how)
    return client.can_send_version(version)


def _prepare(target, transport="main", ctxt=None, prepare=None, fanout=None, **options):
    make = getattr(oslo_messaging, "get_rpc_client", oslo_messaging.RPCClient)
    client = make(_transports[transport], oslo_messaging.Target(**target), **options)
    changes = dict(prepare or {})
    if fanout:
        changes["fanout"] = True
    return client.prepare(**changes), ctxt or {}


if __name__ == "__main__":
    command_loop.run(command_loop.Output(), {
        "connect": connect,
        "disconnect": disconnect,
        "call": call,
        "cast": cast,
        "fanout": fanout,
        "can_send_version": can_send_version,
    })
