"""A process that a test drives: one JSON command a line in, one JSON answer a line out.

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

import notation

_REMOTE = "_Remote"


class Line:
    """The way out. Libraries that print write to standard error instead."""

    def __init__(self):
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        self._lock = threading.Lock()
        os.dup2(2, 1)

    def say(self, **members):
        with self._lock:
            self._out.write(json.dumps(members, allow_nan=False) + "\n")
            self._out.flush()


def drive(line, commands):
    """Runs what is asked for until nothing more can be: `commands` by name."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    for asked in sys.stdin:
        command = json.loads(asked)
        threading.Thread(target=_run, args=(line, commands, command), daemon=True).start()
    # Threads that wait for a broker would hold up an ordinary exit.
    os._exit(0)


def _run(line, commands, command):
    number, name = command.pop("id"), command.pop("do")
    try:
        result = notation.write(commands[name](**notation.read(command)))
    except Exception as error:
        line.say(id=number, error=describe(error))
    else:
        line.say(id=number, result=result)


def describe(error):
    """What a program could find out about an exception."""
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
    return notation.write(described)


def _cut(name):
    return name[: -len(_REMOTE)] if name.endswith(_REMOTE) else name
