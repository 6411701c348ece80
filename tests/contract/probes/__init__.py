"""One probe per service: what the API really does on an emulator. A probe leaves its things behind, under its name."""

from __future__ import annotations

from botocore.exceptions import ClientError

from shoplake.stack import Support
from tests.contract.probes import access, messages, servers, stores
from tests.contract.probes.judging import Probe
from tests.emulators import Running

PROBES: dict[str, Probe] = {**access.PROBES, **messages.PROBES, **servers.PROBES, **stores.PROBES}


def found(service: str, running: Running, name: str) -> Support:
    """How much of a service there is; `name` is new to the emulator."""
    try:
        return PROBES[service](running, name)
    except ClientError as error:
        if _nobody_answered(error):
            return Support.MISSING
        raise


def _nobody_answered(error: ClientError) -> bool:
    """LocalStack says so (501); MiniStack takes what it cannot place for S3, whose answer the API cannot read."""
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status == 501 or error.response["Error"]["Code"] == str(status)
