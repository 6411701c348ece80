"""Becomes a server: notes its own pid, gives up root where told to, then replaces itself. Run as a script, on its own.

    python -I -S drop_privileges.py PID_FILE|- UID:GID:CAPABILITY|- COMMAND…

The pid and the start time are on disk before the server exists, so however the command that starts it ends, `down`
finds it. Code between fork and exec is not safe in a program with threads, hence a program of its own. It imports
nothing of ours.
"""

import ctypes
import os
import struct
import sys
from pathlib import Path

_PR_SET_KEEPCAPS, _PR_SET_SECUREBITS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 8, 28, 47, 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAPABILITY_VERSION_3 = 0x20080522
_UMASK = 0o077  # what a server writes is its account's alone


def main() -> None:
    """Never returns where all goes well; on failure the reason goes to the server's log."""
    pid_file, identity, *command = sys.argv[1:]
    os.umask(_UMASK)
    if pid_file != "-":
        _note_pid(Path(pid_file))
    try:
        if identity != "-":
            _become(*identity.split(":"))
        os.execv(command[0], command)  # noqa: S606 - that is what it is for
    except OSError as error:
        sys.exit(f"{command[0]} could not be started: {error}")


def _note_pid(path: Path) -> None:
    # The name in field 2 may hold spaces; field 22 is the start time, see proc_pid_stat(5).
    started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_text(f"{os.getpid()} {started}\n")
    temporary.replace(path)


def _become(uid: str, gid: str, capability: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if capability:
        _check(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))
        # access(2), by which initdb looks for `postgres`, ignores capabilities of others than root unless this is set.
        # Where it may not be set, a program below a closed folder is not found, and all else works.
        libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(int(gid))
    os.setuid(int(uid))
    if capability:
        bit = 1 << int(capability)
        header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0))
        data = ctypes.create_string_buffer(struct.pack("=6I", bit, bit, bit, 0, 0, 0))
        _check(libc.capset(header, data))
        _check(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, int(capability), 0, 0))


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), "the capability to enter root's folders could not be kept")


if __name__ == "__main__":
    main()
