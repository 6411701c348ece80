"""A worker, or a command, whose clock is wrong by `SHOPLAKE_FAULTS_CLOCK_S` seconds: started in the real one's place.

Python's clocks are moved before anything else is imported. Libraries that ask the kernel themselves (Arrow's S3 client)
see the right time.
"""

from __future__ import annotations

import ctypes
import datetime
import gc
import os
import sys
import time

CLOCK_S = "SHOPLAKE_FAULTS_CLOCK_S"


def move(by_s: float) -> None:
    """Every way in which Python code asks what time it is."""
    now, now_ns = time.time, time.time_ns
    time.time = lambda: now() + by_s
    time.time_ns = lambda: now_ns() + int(by_s * 1e9)
    for name in ("gmtime", "localtime"):
        convert = getattr(time, name)
        setattr(time, name, lambda seconds=None, convert=convert: convert(time.time() if seconds is None else seconds))
    # The class itself is changed, not replaced: who asks whether a type is `datetime` means this very one.
    methods = gc.get_referents(datetime.datetime.__dict__)[0]
    methods["now"] = classmethod(lambda cls, tz=None: cls.fromtimestamp(time.time(), tz))
    methods["utcnow"] = classmethod(lambda cls: cls.now(datetime.UTC).replace(tzinfo=None))
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime.datetime))


def main() -> int:
    move(float(os.environ[CLOCK_S]))
    from shoplake import sinks
    from shoplake.streaming import worker

    if sys.argv[1] in (*sinks.SINKS, worker.DEAD_LETTERS):
        return worker.main()
    from shoplake.cli.main import main as command

    command()
    return 0


if __name__ == "__main__":
    sys.exit(main())
