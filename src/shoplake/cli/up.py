"""`shoplake up`: starts the stack."""

from __future__ import annotations


def command() -> None:
    """Start Kafka, Postgres, Valkey, Mongo and the AWS emulator, and wait until all of them answer.

    What runs already is left alone, what has died is started again. The first start fetches Kafka (43 MB).
    Data, ports and passwords are kept in SHOPLAKE_HOME (default: .shoplake in the checkout).

    Example: shoplake up && eval "$(shoplake env)"
    """
    import sys

    from shoplake import platform, stack

    status = stack.up(lambda text: print(text, file=sys.stderr))
    platform.prepare_stack()
    print(f"the stack is up: {len(status.servers)} servers, {status.rss_bytes / 2**20:.0f} MB ({status.home})")
