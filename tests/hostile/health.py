"""Asks a server on this port for its health again and again; writes when, and how many seconds it took.

A process of its own, so that a test that is busy itself does not lengthen what is measured.
"""

import sys
import time
from http.client import HTTPConnection, HTTPException

_PAUSE_SECONDS = 0.02  # far less than what is too long, and little beside what is being tested
_PATIENCE_SECONDS = 60  # that of tests/support/patience.py; this file is run alone


def main(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_SECONDS)
    while True:
        began = time.monotonic()
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except (HTTPException, OSError):  # an idle connection may be closed at any time
            connection.close()
        else:
            sys.stdout.write(f"{began} {time.monotonic() - began}\n")
            sys.stdout.flush()
        time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    main(int(sys.argv[1]))
