"""Reads texts as Python's `json` does, and says what they hold.

Each line of the input is a text, as the hexadecimal digits of its UTF-8. Each line of the output is one of

    error               it is not JSON for Python
    other               it is not an object
    FLAGS VALUE         its value, and what else is in it: names from FLAGS, separated by commas, or `-`

The value is written so that no two values are written alike: see `value` in `main.rs`.
"""

import json
import math
import struct
import sys

sys.setrecursionlimit(10_000)


class Constant(float):
    """`NaN`, `Infinity` or `-Infinity`, by its word."""


class MinusZero(int):
    """The integer `-0`."""


class Object(list):
    """The members of an object, also those that a later one of the same name replaces."""


def integer(text):
    number = int(text)
    return MinusZero() if text == "-0" else number


def walk(value, depth, flags):
    """Collects what is in a value below `depth` arrays and objects."""
    if isinstance(value, Constant):
        flags.add("constant")
    elif isinstance(value, MinusZero):
        flags.add("minus_zero")
    elif isinstance(value, float) and math.isinf(value):
        flags.add("overflow")
    elif isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        flags.add("too_large")
    elif isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        flags.add("surrogate")
    elif isinstance(value, list):
        # The default of `DecodeLimits` for a value, and the message around it.
        if depth >= 1 + 64:
            flags.add("deep")
        if isinstance(value, Object):
            names = [name for name, _ in value]
            if depth > 0 and len(set(names)) < len(names):
                flags.add("duplicate")
        for element in value:
            # A member is a pair of name and value.
            for part in element if isinstance(element, tuple) else [element]:
                walk(part, depth + 1, flags)


def shown(value):
    if value is None:
        return "n"
    if value is True:
        return "t"
    if value is False:
        return "f"
    if isinstance(value, str):
        return "s" + value.encode("utf-8", "surrogatepass").hex()
    if isinstance(value, float):
        return "d" + struct.pack(">d", value).hex()
    if isinstance(value, int):
        return f"i{int(value)}"
    if isinstance(value, Object):
        members = sorted((shown(name), shown(member)) for name, member in dict(value).items())
        return "{" + "".join(f"{name}:{member}," for name, member in members) + "}"
    return "[" + "".join(shown(element) + "," for element in value) + "]"


def read(text):
    try:
        value = json.loads(text, parse_int=integer, parse_constant=Constant, object_pairs_hook=Object)
    except (ValueError, RecursionError):
        return "error"
    if not isinstance(value, Object):
        return "other"
    flags = set()
    walk(value, 0, flags)
    return f"{','.join(sorted(flags)) or '-'} {shown(value)}"


for line in sys.stdin:
    print(read(bytes.fromhex(line).decode("utf-8")))
