"""Runs the commands of a test: one JSON command a line in, one JSON answer a line out.

    {"id": 7, "do": "call", …}  ->  {"id": 7, "result": …}
                                or  {"id": 7, "error": {"module": …, "class": …, …}}
    at any time                 ->  {"event": "ran", …}

Commands run side by side, so answers may overtake each other. The end of the
input ends the process.
"""

import json
import logging
import os
import sys
import threading

import value_encoding

_REMOTE = "_Remote"


class Output:
    """Writes answers and events. Libraries that print write to standard error instead."""

    def __init__(self):
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        self._lock = threading.Lock()
        os.dup2(2, 1)

    def write(self, **members):
        with self._lock:
            self._out.write(json.dumps(members, allow_nan=False) + "\n")
            self._out.flush()


def run(output, commands):
    """Runs commands, by their names in `commands`, until the input ends."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    for asked in sys.stdin:
        command = json.loads(asked)
        threading.Thread(target=_run, args=(output, commands, command), daemon=True).start()
    # Threads that wait for a broker would hold up an ordinary exit.
    os._exit(0)


def _run(output, commands, command):
    number, name = command.pop("id"), command.pop("do")
    try:
        result = value_encoding.write(commands[name](**value_encoding.read(command)))
    except Exception as error:
        output.write(id=number, error=describe(error))
    else:
        output.write(id=number, result=result)


def describe(error):
    """Returns what a program could find out about an exception."""
    kind = type(error)
    remote = kind.__name__.endswith(_REMOTE) and kind.__module__.endswith(_REMOTE)
    described = {
        "module": _cut(kind.__module__),
        "class": _cut(kind.__name__),
        "rebuilt": remote,
        "bases": [f"{base.__module__}.{base.__name__}" for base in kind.__mro__[1:]],
        "args": error.args,
        "kwargs": getattr(error, "kwargs", None),
        "text": str(error),
        "exc_type": getattr(error, "exc_type", None),
        "value": getattr(error, "value", None),
    }
    return value_encoding.write(described)


def _cut(name):
    return name[: -len(_REMOTE)] if name.endswith(_REMOTE) else name
