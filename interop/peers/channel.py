"""JSON lines with the test: commands come in on stdin, answers and news go out on stdout."""

import json
import os
import sys
import threading


class Channel:
    def __init__(self):
        # Libraries print; what they print goes where the log goes, so that stdout carries lines of ours only.
        self._out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def tell(self, **message):
        line = json.dumps(message, default=str)
        with self._lock:
            self._out.write(line + "\n")

    def commands(self):
        for line in sys.stdin:
            yield json.loads(line)
