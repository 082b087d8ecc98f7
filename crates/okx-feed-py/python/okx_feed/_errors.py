"""The exceptions of okx_feed."""

from __future__ import annotations


class OkxFeedError(Exception):
    """The base of all exceptions of this package, and what has no class of its own.

    An argument of a wrong type is a `TypeError`, as everywhere in Python. What protocols of Python
    ask for stays what it is: `IndexError`, `AttributeError`, `StopIteration`, `BufferError`; and
    `OSError` where the system has no descriptor left.
    """


class ConfigError(OkxFeedError, ValueError):
    """The value of an argument or of an option is wrong. The text says which, and what there is."""


class StoppedError(OkxFeedError, RuntimeError):
    """The client has stopped."""


class ForkedError(OkxFeedError, RuntimeError):
    """The object belongs to the parent process: its thread does not run in this one."""


class _NoKeyError(OkxFeedError, KeyError):
    # KeyError shows the representation of its text.
    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class NotSubscribedError(_NoKeyError):
    """Nothing of that name is subscribed, or it has not what was asked for."""


class UnknownInstrumentError(_NoKeyError):
    """The catalogue has no instrument of that id."""


class DecodeError(OkxFeedError, ValueError):
    """A frame is malformed.

    `kind` is the fault, such as ``level_shape``; `offset` the byte of the text, 0 if unknown.
    """

    def __init__(self, text: str, kind: str = "", offset: int = 0) -> None:
        super().__init__(text)
        self.kind = kind
        self.offset = offset


class ReplayError(OkxFeedError):
    """Captures can't be played: a file can't be read, or is not what was asked for."""


class RestError(OkxFeedError):
    """A request of the REST interface has failed for good.

    `code` is the exchange's, where it has refused the request; else ``None``.
    """

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code


class DecimalError(OkxFeedError, ArithmeticError):
    """A text is no number, it has too many digits, or is no whole number of ticks or lots."""
