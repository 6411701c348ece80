"""Prepare a Terraform root module: data folder, CLI configuration, environment and `init`."""

from __future__ import annotations

import fcntl
import hashlib
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from shoplake import environ, paths, private_files
from shoplake.errors import InfraError
from shoplake.infra import provider_mirror
from shoplake.infra.environments import Environment
from shoplake.infra.terraform import Binary
from shoplake.infra.terraform_output import Report

INIT_TIMEOUT_S = 600
LOCK_TIMEOUT_S = 900
# Of the caller's TF_ and AWS_ variables only these pass: the rest could point Terraform at another state or cloud.
KEPT = ("AWS_CA_BUNDLE", "TF_LOG", "TF_LOG_PATH")


def shell_environment(
    environment: Environment, binary: Binary, variables: Mapping[str, str], aws: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables that plain `terraform -chdir=…` needs. They contain passwords in plain text."""
    backend = environment.root / "backend.hcl" if environment.on_aws else f"path={environment.state}"
    return {
        **{key: value for key, value in aws.items() if key.startswith("AWS_")},
        **{f"TF_VAR_{name}": value for name, value in variables.items()},
        "TF_DATA_DIR": str(environment.data_dir),
        "TF_CLI_CONFIG_FILE": str(write_cli_config(binary)),
        "TF_CLI_ARGS_init": f"-reconfigure {shlex.quote(f'-backend-config={backend}')}",
    }


def process_environment(shell: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a Terraform process: the caller's, without variables that could misdirect it."""
    ours = {"TMPDIR": str(paths.socket_folder()), "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}
    return environ.terraform({**shell, **ours}, *KEPT)


def write_cli_config(binary: Binary) -> Path:
    """The CLI configuration of this stack, readable by its owner alone (the user's own may hold tokens)."""
    path = paths.home() / "terraform" / "cli.tfrc"
    _write(path, provider_mirror.cli_config(binary.command))
    return path


@contextmanager
def exclusive(environment: Environment, report: Report) -> Iterator[None]:
    """Allow one run per environment and stack at a time. The kernel releases the lock when its owner dies.

    Raises:
        InfraError: another run did not end in time.
    """
    private_files.folder(environment.folder.parent)
    private_files.folder(environment.folder)
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    with open(environment.folder / "run.lock", "a+", opener=private_files.opener) as lock:
        if not _try_lock(lock.fileno()):
            report(f"another run on '{environment.name}' is in progress; waiting for it")
            while not _try_lock(lock.fileno()):
                if time.monotonic() > deadline:
                    raise InfraError(
                        f"another run on '{environment.name}' has not ended within {LOCK_TIMEOUT_S} s",
                        fix=f"read its log {environment.log}, or stop it, then try again",
                    )
                time.sleep(0.2)
        yield


def init(environment: Environment, binary: Binary, shell: Mapping[str, str], report: Report) -> None:
    """`terraform init`, unless nothing that it depends on has changed.

    Raises:
        InfraError: Terraform could not get ready; the message ends with what it said.
    """
    stamp = environment.folder / "initialised"
    wanted = _fingerprint(environment, binary, shell)
    if _initialised(environment) and stamp.is_file() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    report(f"init with {binary}")
    answer = _run_init(environment, binary, shell)
    lock_file = environment.root / ".terraform.lock.hcl"
    if answer.returncode and lock_file.exists():
        # Left by another platform, mirror or product, whose checksums differ. See docs/adr/0001.
        lock_file.unlink(missing_ok=True)
        answer = _run_init(environment, binary, shell)
    if answer.returncode:
        raise InfraError(
            f"`{binary.command} init` failed in {environment.root}:\n{answer.stdout.strip()}",
            fix="without internet, set TF_PLUGIN_MIRROR to a provider mirror; `shoplake doctor` says what was found",
        )
    _write(stamp, wanted)


def selected(environment: Environment) -> str:
    """Return the selected Terraform workspace. Empty if none was ever selected."""
    chosen = environment.data_dir / "environment"
    return chosen.read_text(encoding="utf-8").strip() if chosen.is_file() else ""


def copy_of_root(environment: Environment, added: Mapping[str, str]) -> Path:
    """Copy the root module next to the state and add files. The copy uses the same modules, providers and state."""
    copy = environment.folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    tree = next(folder for folder in environment.root.parents if (folder / "modules").is_dir())
    root = copy / environment.root.relative_to(tree)
    private_files.folder(root)
    (copy / "modules").symlink_to(tree / "modules")
    lock_file = environment.root.glob(".terraform.lock.hcl")
    for file in [*environment.root.glob("*.tf"), *environment.root.glob("*.tfvars"), *lock_file]:
        private_files.write(root / file.name, file.read_bytes())
    for name, text in added.items():
        private_files.write(root / name, text.encode())
    return root


def _run_init(environment: Environment, binary: Binary, shell: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [str(binary.path), "init", "-no-color", "-input=false"],
            cwd=environment.root,
            env=process_environment(shell),
            stdin=subprocess.DEVNULL,
            umask=private_files.UMASK,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=INIT_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InfraError(
            f"`{binary.command} init` did not finish within {INIT_TIMEOUT_S} s",
            fix="check the connection to registry.terraform.io, or set TF_PLUGIN_MIRROR to a provider mirror",
        ) from error


def _initialised(environment: Environment) -> bool:
    providers = environment.data_dir / "providers"
    return (
        (environment.data_dir / "modules" / "modules.json").is_file()
        and (environment.root / ".terraform.lock.hcl").is_file()
        and any(providers.glob(f"*/*/*/*/{provider_mirror.platform_name()}/*"))
    )


def _fingerprint(environment: Environment, binary: Binary, shell: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for name in ("TF_DATA_DIR", "TF_CLI_ARGS_init"):
        digest.update(shell[name].encode())
    digest.update(f"{binary.command} {binary.version}".encode())
    digest.update(Path(shell["TF_CLI_CONFIG_FILE"]).read_bytes())
    modules = environment.root.parents[1] / "modules"
    root = environment.root
    for file in sorted([*root.glob("*.tf"), *root.glob("backend.hcl"), *modules.glob("*/versions.tf")]):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(path: Path, text: str) -> None:
    """Write atomically, so that another process never reads an incomplete file."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    private_files.folder(path.parent)
    private_files.write(path, text.encode())
