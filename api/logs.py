"""Structured logs, as JSON or for people; those of the libraries go the same way."""

import logging
import re
import sys
from typing import Literal

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
    renderers: list[Processor] = [
        _printable,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain_traceback),
    ]
    if log_format == "json":
        tracebacks = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
        renderers = [tracebacks, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Redacting(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
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


class _Redacting(structlog.stdlib.ProcessorFormatter):
    """What nobody meant to log is taken out of the finished line, wherever it came from."""

    def format(self, record: logging.LogRecord) -> str:
        return _TOKEN.sub("[token]", _ADDRESS.sub("[address]", super().format(record)))


def _is_no_access(record: logging.LogRecord) -> bool:
    return record.levelno > logging.INFO or '"WebSocket %s"' not in str(record.msg)


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Nothing that was sent to us moves the cursor of a terminal or begins a line."""
    return {name: _escaped(value) if isinstance(value, str) else value for name, value in event.items()}


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
