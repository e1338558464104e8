"""The errors of the bank, written as OpenStack writes its own: a message, and the facts by name."""


class InsufficientFunds(Exception):
    def __init__(self, message="insufficient funds", **kwargs):
        super().__init__(message)
        self.kwargs = kwargs
