"""An oslo.messaging server of the echo, or a client that calls it.

    peer.py server URL    says "ready", and serves until its input ends
    peer.py client URL    says "ready"; then, for each line "CALLERS SECONDS",
                          calls for so long and says in JSON what it has seen
"""

import json
import logging
import statistics
import sys
import threading
import time

import oslo_messaging
from oslo_config import cfg

TEXT = "the quick brown fox"


class Parrot:
    target = oslo_messaging.Target(namespace="bench", version="1.0")

    def echo(self, ctxt, text, number):
        return {"text": text, "number": number}


def serve(transport):
    target = oslo_messaging.Target(topic="bench-python", server="bench-1")
    server = oslo_messaging.get_rpc_server(transport, target, [Parrot()], executor="threading")
    server.start()
    say("ready")
    sys.stdin.read()


def call(transport):
    target = oslo_messaging.Target(topic="bench-python", namespace="bench", version="1.0")
    client = oslo_messaging.get_rpc_client(transport, target)
    say("ready")
    for line in sys.stdin:
        callers, seconds = line.split()
        say(json.dumps(turn(client, int(callers), float(seconds))))


def turn(client, callers, seconds):
    latencies = []
    started = time.monotonic()
    end = started + seconds
    threads = [threading.Thread(target=caller, args=(client, end, latencies)) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - started
    return {
        "calls_per_second": len(latencies) / took,
        "latency": statistics.median(latencies) * 1e6,
    }


def caller(client, end, latencies):
    number, before = 0, time.monotonic()
    while before < end:
        answer = client.call({}, "echo", text=TEXT, number=number)
        assert answer == {"text": TEXT, "number": number}, answer
        now = time.monotonic()
        latencies.append(now - before)
        number, before = number + 1, now


def say(text):
    print(text, flush=True)


if __name__ == "__main__":
    role, url = sys.argv[1:]
    # It warns of more callers than there are connections in its pool.
    logging.basicConfig(level=logging.ERROR)
    cfg.CONF([], project="bench", default_config_files=[])
    {"server": serve, "client": call}[role](oslo_messaging.get_rpc_transport(cfg.CONF, url=url))
