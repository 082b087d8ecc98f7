"""The exceptions of okx_feed."""

from __future__ import annotations


class OkxFeedError(Exception):
    """The base of all exceptions of this package."""


class ConfigError(OkxFeedError, ValueError):
    """An option, an argument or a name is wrong. The text says which, and what there is."""


class StoppedError(OkxFeedError, RuntimeError):
    """The client has stopped."""


class ForkedError(OkxFeedError, RuntimeError):
    """The object belongs to the parent process: its thread does not run in this one."""


class NotSubscribedError(OkxFeedError, KeyError):
    """Nothing of that name is subscribed, or it has not what was asked for."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


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
    """A number has too many digits, or is no whole number of ticks or lots."""
