"""`shoplake` with batches so small that a kill meets many of them half done: `python -m … COMMAND`."""

from __future__ import annotations

from shoplake.cli.main import main
from shoplake.sinks.lake import archive
from shoplake.streaming import rebuild
from shoplake.streaming.reader import Limits

BATCH = 100

archive.BATCH_ROWS = BATCH
rebuild.LIMITS = dict.fromkeys(rebuild.REBUILDABLE, Limits(max_records=BATCH, linger_s=0.0))

if __name__ == "__main__":
    main()
