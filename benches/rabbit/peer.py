"""An oslo.messaging server of the echo, or a client that calls it.

    peer.py server URL    prints "ready", and serves until its input ends
    peer.py client URL    prints "ready"; then, for each line "CALLERS SECONDS",
                          calls for so long and prints the sample as JSON
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


class Echo:
    target = oslo_messaging.Target(namespace="bench", version="1.0")

    def echo(self, ctxt, text, number):
        return {"text": text, "number": number}


def serve(transport):
    target = oslo_messaging.Target(topic="bench-python", server="bench-1")
    server = oslo_messaging.get_rpc_server(transport, target, [Echo()], executor="threading")
    server.start()
    write("ready")
    sys.stdin.read()


def call(transport):
    target = oslo_messaging.Target(topic="bench-python", namespace="bench", version="1.0")
    client = oslo_messaging.get_rpc_client(transport, target)
    write("ready")
    for line in sys.stdin:
        callers, seconds = line.split()
        write(json.dumps(measure(client, int(callers), float(seconds))))


def measure(client, callers, seconds):
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
        reply = client.call({}, "echo", text=TEXT, number=number)
        assert reply == {"text": TEXT, "number": number}, reply
        now = time.monotonic()
        latencies.append(now - before)
        number, before = number + 1, now


def write(text):
    print(text, flush=True)


if __name__ == "__main__":
    role, url = sys.argv[1:]
    # oslo.messaging warns if there are more callers than connections in its pool.
    logging.basicConfig(level=logging.ERROR)
    cfg.CONF([], project="bench", default_config_files=[])
    {"server": serve, "client": call}[role](oslo_messaging.get_rpc_transport(cfg.CONF, url=url))
