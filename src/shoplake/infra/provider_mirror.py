"""Find a copy of the AWS provider on this machine, so that Terraform needs no internet."""

from __future__ import annotations

import contextlib
import os
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shoplake import paths
from shoplake.errors import TerraformUnavailable, UsageError

PROVIDER_VERSION = "5.100.0"  # as pinned in terraform/environments/*/versions.tf
REGISTRIES = {"terraform": "registry.terraform.io", "tofu": "registry.opentofu.org"}
SYSTEM_FOLDERS = (Path("/opt"), Path("/usr/local/lib"), Path("/usr/local/share"))
# Begins what is added to a user's configuration. `shoplake env` makes the result the user's own, so it must be known.
ADDED = "# Added by shoplake; what stands below is written anew by each command.\n"
SYSTEM_DEPTH = 3  # folders between one of those and the registry's


@dataclass(frozen=True, slots=True)
class Mirror:
    """A Terraform filesystem mirror that contains the provider for this platform."""

    path: Path
    why: str

    def __str__(self) -> str:
        return f"{PROVIDER_VERSION} in the mirror {self.path} ({self.why})"


def platform_name() -> str:
    """This platform as HashiCorp names it, such as `linux_amd64`."""
    machine = platform.machine().lower()
    architecture = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    return f"{platform.system().lower()}_{architecture.get(machine, machine)}"


def find(command: str) -> Mirror | None:
    """The first mirror that has the provider, or None: then the registry is asked.

    Raises:
        InfraError: `TF_PLUGIN_MIRROR` names a folder without it.
    """
    named = os.environ.get("TF_PLUGIN_MIRROR")
    if named:
        return _named(Path(named).resolve(), command)
    return next((found for found in _candidates(command) if _has_provider(found.path, command)), None)


def cli_config(command: str) -> str:
    """Text of the CLI configuration: the user's own, with the mirror added where it says nothing of installation.

    Raises:
        InfraError: `TF_PLUGIN_MIRROR` names a folder without the provider.
    """
    own = _user_config()
    if "TF_PLUGIN_MIRROR" not in os.environ and installs_providers(own):
        return own
    found = find(command)
    return "".join([_without_installation(own), _installation(found, command)])


def installs_providers(config: str) -> bool:
    """Whether a CLI configuration already says where providers come from."""
    return re.search(r"^\s*provider_installation\s*\{", config, re.MULTILINE) is not None


def _installation(found: Mirror | None, command: str) -> str:
    if found is None:
        return ""
    provider = f"{REGISTRIES[command]}/hashicorp/aws"
    path = str(found.path).replace("\\", "\\\\").replace('"', '\\"')
    return (
        f"{ADDED}"
        "provider_installation {\n"
        f'  filesystem_mirror {{\n    path    = "{path}"\n    include = ["{provider}"]\n  }}\n'
        f'  direct {{\n    exclude = ["{provider}"]\n  }}\n'
        "}\n"
    )


def _without_installation(config: str) -> str:
    """The user's configuration, unless its own installation would contradict the mirror the user named."""
    return "" if installs_providers(config) else config


def _user_config() -> str:
    """What the user's CLI configuration says; empty when there is none to read."""
    named = os.environ.get("TF_CLI_CONFIG_FILE")
    try:
        text = (Path(named) if named else paths.user_home() / ".terraformrc").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, UsageError):
        return ""
    return text.partition(ADDED)[0].rstrip("\n") + "\n" if ADDED in text else text


def _named(path: Path, command: str) -> Mirror:
    if not _has_provider(path, command):
        raise TerraformUnavailable(
            f"TF_PLUGIN_MIRROR is {path}, which has no {REGISTRIES[command]}/hashicorp/aws "
            f"{PROVIDER_VERSION} for {platform_name()}",
            fix=f"create one with `terraform providers mirror {path}`, or unset TF_PLUGIN_MIRROR",
        )
    return Mirror(path=path, why="TF_PLUGIN_MIRROR")


def _candidates(command: str) -> Iterator[Mirror]:
    for path in _implied_directories():
        yield Mirror(path=path, why="a directory Terraform searches")
    for folder in SYSTEM_FOLDERS:
        for depth in range(1, SYSTEM_DEPTH + 1):
            pattern = "/".join(["*"] * depth + [REGISTRIES[command], "hashicorp", "aws"])
            for provider in sorted(folder.glob(pattern)):
                yield Mirror(path=provider.parents[2], why=f"found under {folder}")


def _implied_directories() -> Iterator[Path]:
    """Terraform's own, in its order: https://developer.hashicorp.com/terraform/cli/config/config-file."""
    yield Path.cwd() / "terraform.d" / "plugins"
    data_home = os.environ.get("XDG_DATA_HOME", "")
    with contextlib.suppress(UsageError):
        yield paths.user_home() / ".terraform.d" / "plugins"
        data_home = data_home or str(paths.user_home() / ".local" / "share")
    data_dirs = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    for base in [data_home, *data_dirs.split(":")]:
        if base:
            yield Path(base) / "terraform" / "plugins"


def _has_provider(path: Path, command: str) -> bool:
    """Whether the folder has the pinned provider for this platform, unpacked or as a zip."""
    provider = path / REGISTRIES[command] / "hashicorp" / "aws"
    unpacked = provider / PROVIDER_VERSION / platform_name()
    packed = provider / f"terraform-provider-aws_{PROVIDER_VERSION}_{platform_name()}.zip"
    return unpacked.is_dir() or packed.is_file()
