"""Polls the health of the server on a port, and prints the start and the duration of each check in seconds.

Runs as a process of its own, so that a busy test does not distort the durations.
"""

import sys
import time
from http.client import HTTPConnection, HTTPException

_PAUSE_SECONDS = 0.02  # far below the limit that matters, and a negligible load
_PATIENCE_SECONDS = 120  # as in tests/support/patience.py, which this script cannot import


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
