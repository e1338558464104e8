"""Encodes the values that a test and a Python peer send each other.

JSON carries most of them as they are. What it cannot carry, or would hide,
is an object with one member whose name begins with a dollar sign:

    {"$float": "nan"}            also "inf" and "-inf"
    {"$int": "1180591620717…"}   beyond 64 bits
    {"$chars": [55296, 97]}      a string of these code points, surrogates too
    {"$map": [[1, "a"], …]}      keys that are no strings, or begin with "$"
    {"$text": 1000000}           the alphabet over and over, to that length
    {"$object": "…"}             anything else; only from Python, as its repr
"""

import math

_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_LONG = 10_000


def text(length):
    return (_ALPHABET * (length // len(_ALPHABET) + 1))[:length]


_READERS = {
    "$float": float,
    "$int": int,
    "$chars": lambda points: "".join(map(chr, points)),
    "$map": lambda pairs: {read(key): read(value) for key, value in pairs},
    "$text": text,
}


def read(value):
    """Returns the Python value that an encoded value stands for."""
    if isinstance(value, list):
        return [read(item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1:
            [(name, inner)] = value.items()
            if name in _READERS:
                return _READERS[name](inner)
        return {key: read(item) for key, item in value.items()}
    return value


def write(value):
    """Returns the encoded form of a Python value."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else {"$int": str(value)}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": str(value)}
    if isinstance(value, str):
        return _write_text(value)
    if isinstance(value, (list, tuple)):
        return [write(item) for item in value]
    if isinstance(value, dict):
        if all(isinstance(key, str) and _is_plain(key) for key in value):
            return {key: write(item) for key, item in value.items()}
        return {"$map": [[write(key), write(item)] for key, item in value.items()]}
    return {"$object": repr(value)}


def _is_plain(key):
    return not key.startswith("$") and _is_unicode(key)


def _is_unicode(value):
    return not any("\ud800" <= char <= "\udfff" for char in value)


def _write_text(value):
    if not _is_unicode(value):
        return {"$chars": [ord(char) for char in value]}
    if len(value) >= _LONG and value == text(len(value)):
        return {"$text": len(value)}
    return value
