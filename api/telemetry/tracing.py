"""Traces by OpenTelemetry, where the settings say where to; without that nothing of it is imported."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol


class Span(Protocol):
    """Something that takes time; its name and what it was are told when it has ended."""

    def end(self, name: str, attributes: Mapping[str, str | int]) -> None: ...


class Tracing(Protocol):
    @contextmanager
    def request(self, headers: Mapping[str, str]) -> Iterator[Span]:
        """A request, as part of its caller's trace; operations that begin meanwhile are parts of it."""
        ...

    def start_operation(self) -> Span: ...

    async def close(self) -> None:
        """Sends what is left, for a few seconds at most."""
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
