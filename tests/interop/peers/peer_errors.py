"""Exceptions in the style of OpenStack's services: a template, and the keywords that fill it."""


class PeerException(Exception):
    template = "an unknown error occurred"

    def __init__(self, message=None, **kwargs):
        self.kwargs = kwargs
        super().__init__(message or self.template % kwargs)


class InsufficientFunds(PeerException):
    template = "%(missing)d cents short"


class AccountNotFound(PeerException):
    template = "no account %(account)s"


class Positional(Exception):
    """Takes its arguments by position, and keeps no `kwargs`."""

    def __init__(self, code, reason):
        super().__init__(code, reason)


class Fatal(BaseException):
    """No `Exception`: is not rebuilt."""
