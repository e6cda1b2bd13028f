"""Database faults, and how to recognise them by the driver's errors."""

import os
import socket
import sqlite3
import ssl

import asyncpg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

# Raised by statements that run on the driver's connection.
DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, sqlite3.Error)

# Conflicts between transactions: serialization failure and deadlock.
_CONFLICTS = frozenset({"40001", "40P01"})
# A lock or a statement took too long.
_TIMEOUTS = frozenset({"55P03", "57014", "SQLITE_BUSY", "SQLITE_LOCKED"})
# The database is unusable or read-only; PostgreSQL has whole classes of such codes too (53: insufficient resources).
_OUTAGES = frozenset(
    {
        "25006",
        "SQLITE_CANTOPEN",
        "SQLITE_CORRUPT",
        "SQLITE_FULL",
        "SQLITE_IOERR",
        "SQLITE_NOTADB",
        "SQLITE_READONLY",
    }
)
_OUTAGE_CLASSES = frozenset({"08", "28", "3D", "53", "57", "58"})
_DENIED = "42501"


class BusyError(Exception):
    """The transaction waited too long and was abandoned; nothing was stored."""


class UnavailableError(Exception):
    """The database cannot be reached or cannot write; as far as is known, nothing was stored.

    The message names the database and the reason, for operators: clients never see it.
    """


class DeniedError(UnavailableError):
    """The database role lacks a permission."""


class UnknownOutcomeError(UnavailableError):
    """The answer to a commit was lost: the transaction is stored, is not, or will be in a moment."""


class NewerTablesError(UnavailableError):
    """A newer version has migrated the database."""

    def __init__(self, place: str) -> None:
        super().__init__(f"{place} was migrated by a newer version of Shortship; run that version.")


class FileInUseError(Exception):
    """Another process is writing to this SQLite file."""


class LostError(Exception):
    """The connection was lost; the statement in flight may have been executed."""


class LostCommitError(LostError):
    """The connection was lost during a commit."""


FAULTS = (DBAPIError, sa.exc.TimeoutError, OSError, LostError, *DRIVER_ERRORS)


def code_of(error: Exception) -> str:
    """PostgreSQL's SQLSTATE, SQLite's name without details (SQLITE_IOERR for SQLITE_IOERR_WRITE), or ""."""
    fault = getattr(error, "orig", error)
    name = getattr(fault, "sqlite_errorname", "")
    return "_".join(name.split("_")[:2]) or getattr(fault, "sqlstate", None) or ""


def is_lost(error: Exception) -> bool:
    """Whether the connection was lost or never made."""
    return isinstance(error, OSError | LostError) or (isinstance(error, DBAPIError) and error.connection_invalidated)


def is_transient(error: Exception) -> bool:
    """Whether to retry the transaction: it conflicted with another one, or its connection was lost or never made."""
    return is_lost(error) or code_of(error) in _CONFLICTS


def is_busy(error: Exception) -> bool:
    return isinstance(error, sa.exc.TimeoutError) or code_of(error) in _CONFLICTS | _TIMEOUTS


def is_outage(error: Exception) -> bool:
    """Whether the database cannot be reached or used."""
    code = code_of(error)
    return not is_busy(error) and (is_lost(error) or code in _OUTAGES or code[:2] in _OUTAGE_CLASSES)


def is_denied(error: Exception) -> bool:
    return code_of(error) == _DENIED


def root_cause(error: BaseException) -> BaseException:
    """The operating system's or the driver's error behind this one."""
    while not isinstance(error, (OSError, *DRIVER_ERRORS)) and error.__cause__:
        error = error.__cause__
    return error


def reason_of(error: BaseException) -> str:
    """What went wrong, in the words of its source, which never include the password."""
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, OSError) and error.errno and not isinstance(error, ssl.SSLError):
        return str(error.strerror) if isinstance(error, socket.gaierror) else os.strerror(error.errno)
    return str(error).partition("\n")[0]
