"""Structured logs, as JSON or for people, including those of libraries."""

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

# Databases and mail servers quote their input in errors. The patterns are bounded, so that long lines stay fast.
_ADDRESS = re.compile(r"[^\s\"'<>()=,;:@]{1,64}@[\w-][\w.-]{0,254}")
_TOKEN = re.compile(r"\beyJ[\w-]{2,}\.[\w-]*(?:\.[\w-]*)?")


def configure(log_format: Literal["json", "console"]) -> None:
    """Logs one line per event to stderr, with time, level and request id, and with addresses and tokens redacted."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    # Local variables hold tokens and e-mail addresses, so they stay out of tracebacks.
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
    logging.captureWarnings(capture=True)  # otherwise they bypass the format
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # Its access log has no request id and adds nothing to ours. For websockets it goes to the error log, with whole
    # addresses, which may contain tokens.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").addFilter(_is_no_access)
    # It logs the kind of database each time it looks at the tables.
    logging.getLogger("alembic").setLevel(logging.WARNING)


class _Lines:
    """Writes our own lines past the standard library's logging, which takes longer than all other work on a line.

    structlog's WriteLogger does not know its name, and raises what stderr raises: here an unwritable line is dropped.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def msg(self, line: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    debug = info = warning = error = exception = critical = msg


_encoder = json.JSONEncoder(default=repr)


def _to_json(event: EventDict, **_settings: Any) -> str:  # arguments of json.dumps
    return _encoder.encode(event)


def _redacting(render: Processor) -> Processor:
    """Redacts the finished line, so that nothing slips through, wherever it came from."""

    def redacted(logger: WrappedLogger, method: str, event: EventDict) -> str:
        line = str(render(logger, method, event))
        line = _ADDRESS.sub("[address]", line) if "@" in line else line
        return _TOKEN.sub("[token]", line) if "eyJ" in line else line

    return redacted


def _is_no_access(record: logging.LogRecord) -> bool:
    return record.levelno > logging.INFO or '"WebSocket %s"' not in str(record.msg)


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escapes control characters: no input moves a terminal's cursor or starts a line."""
    return {name: _escaped(value) if isinstance(value, str) else value for name, value in event.items()}


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
