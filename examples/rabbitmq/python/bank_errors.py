"""The errors of the bank: a message and keyword arguments, as OpenStack's exceptions have."""


class InsufficientFunds(Exception):
    def __init__(self, message="insufficient funds", **kwargs):
        super().__init__(message)
        self.kwargs = kwargs
