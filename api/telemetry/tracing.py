"""The interface of tracing, and the no-op that is used unless an endpoint is set; OpenTelemetry is not imported."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol


class Span(Protocol):
    """A timed operation; its name and attributes are set when it ends."""

    def end(self, name: str, attributes: Mapping[str, str | int]) -> None: ...


class Tracing(Protocol):
    @contextmanager
    def request(self, headers: Mapping[str, str]) -> Iterator[Span]:
        """A request's span, within the caller's trace; operations started meanwhile are its children."""
        ...

    def start_operation(self) -> Span: ...

    async def close(self) -> None:
        """Sends what is left, taking a few seconds at most."""
        ...


class _NoSpan:
    def end(self, name: str, attributes: Mapping[str, str | int]) -> None:
        pass


class NoTracing:
    _span = _NoSpan()

    @contextmanager
    def request(self, headers: Mapping[str, str]) -> Iterator[Span]:  # noqa: ARG002
        yield self._span

    def start_operation(self) -> Span:
        return self._span

    async def close(self) -> None:
        pass
