"""Structured logs, as JSON or for people; those of the libraries go the same way."""

import json
import logging
import re
import sys
from contextlib import suppress
from typing import Any, Literal

import structlog
from structlog.dev import plain_traceback
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

# Databases and mail servers put what they were given into their errors. Bounded, so that a long line is as quick.
_ADDRESS = re.compile(r"[^\s\"'<>()=,;:@]{1,64}@[\w-][\w.-]{0,254}")
_TOKEN = re.compile(r"\beyJ[\w-]{2,}\.[\w-]*(?:\.[\w-]*)?")


def configure(log_format: Literal["json", "console"]) -> None:
    """One line an event on stderr, with time, level and the request's id, and without address or token."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    # Local variables hold tokens and e-mail addresses: they stay out of tracebacks.
    console = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain_traceback)
    renderers: list[Processor] = [_printable, _redacting(console)]
    if log_format == "json":
        tracebacks = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
        renderers = [tracebacks, _redacting(structlog.processors.JSONRenderer(_to_json))]
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=_Lines,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    of_libraries = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=of_libraries))
    logging.captureWarnings(capture=True)  # they would be lines of another form
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # Its access log has no request id and tells nothing that ours does not. That of websockets goes with its errors,
    # and has whole addresses, which may have tokens in them.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").addFilter(_is_no_access)
    # It tells at each look at the tables what kind of database they are in.
    logging.getLogger("alembic").setLevel(logging.WARNING)


class _Lines:
    """Writes our own lines past the standard library's logging, which takes longer for one than all else together.

    A line that cannot be written is lost, and nothing else with it.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def msg(self, line: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    debug = info = warning = error = exception = critical = msg


_encoder = json.JSONEncoder(default=repr)


def _to_json(event: EventDict, **_settings: Any) -> str:  # whatever structlog gives to json.dumps
    return _encoder.encode(event)


def _redacting(render: Processor) -> Processor:
    """What nobody meant to log is taken out of the finished line, wherever it came from."""

    def redacted(logger: WrappedLogger, method: str, event: EventDict) -> str:
        line = str(render(logger, method, event))
        line = _ADDRESS.sub("[address]", line) if "@" in line else line
        return _TOKEN.sub("[token]", line) if "eyJ" in line else line

    return redacted


def _is_no_access(record: logging.LogRecord) -> bool:
    return record.levelno > logging.INFO or '"WebSocket %s"' not in str(record.msg)


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Nothing that was sent to us moves the cursor of a terminal or begins a line."""
    return {name: _escaped(value) if isinstance(value, str) else value for name, value in event.items()}


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
