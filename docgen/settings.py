"""The reference of settings: the typed tree, and the variables that are read beside it."""

from __future__ import annotations

import inspect
import re
from typing import Any, get_args

from pydantic import BaseModel, SecretStr

from docgen import markdown
from shoplake import paths
from shoplake.settings import SECTIONS_WITH_SECRETS, Settings

INTRODUCTION = """
Terraform writes the settings of an environment to SSM Parameter Store (`/shoplake/ENV/SECTION/FIELD`) and its secrets
to Secrets Manager (`shoplake/ENV/SECTION`); the program reads them from there. A variable of the environment
overrides one: two underscores stand between section and field.
"""

DEFAULTS = """
## Defaults of options

A file `shoplake.toml` in the current folder has defaults for the options of commands. The command line and the
variables of the environment override it.

```toml
environment = "staging"      # for every command that has this option

[generate]
scenario = "black-friday"
events = 200_000

[lake.maintain]
min-files = 4

[profiles.ci.generate]       # with --profile ci, or SHOPLAKE_PROFILE=ci
events = 20_000
```

A name that does not exist is an error. The options `--yes` and `--purge` have to be typed.
"""

# What is read beside the tree. A test holds the list to the source.
VARIABLES = {
    "SHOPLAKE_HOME": (
        "State of this stack: ports, passwords, data, logs. Default: `.shoplake/` of the checkout; installed, "
        "`shoplake/` below `XDG_STATE_HOME`."
    ),
    "SHOPLAKE_ROOT": "A checkout whose Terraform and Compose files are used in place of the installed ones.",
    "SHOPLAKE_CONFIG": "A file with defaults of options. Default: `shoplake.toml` in the current folder.",
    "SHOPLAKE_PROFILE": "A profile of that file; the same as `--profile`.",
    "SHOPLAKE_PORT_BASE": (
        "At a stack's first start: the servers get the ports from here on, the same ones after `down --purge`."
    ),
    "SHOPLAKE_AWS_ENDPOINT": "At a stack's first start: an emulator that runs already, instead of one of its own.",
    "SHOPLAKE_STACK_FILE": "Addresses of servers that somebody else runs (containers), instead of a stack here.",
    "SHOPLAKE_MAVEN_URL": "Maven repository that Kafka's jars come from. Default: Maven Central.",
    "SHOPLAKE_TERRAFORM_URL": "Where Terraform is downloaded from, if none is installed.",
    "SHOPLAKE_OPENLINEAGE_URL": "An OpenLineage endpoint, such as Marquez. Each run of a job is sent to it.",
    "SHOPLAKE_OPENLINEAGE_API_KEY": "The key that the endpoint expects.",
    "SHOPLAKE_WORKFLOWS": "A folder of your own workflows, beside those that are shipped. An absolute path.",
    "SHOPLAKE_WORKFLOW_WEBHOOK": "An address that gets one POST for each run of a workflow that failed.",
    "SHOPLAKE_FAILPOINT": "For tests of reliability: kill, freeze or fail a process at a named place.",
    "SHOPLAKE_DEBUG": "Show the traceback of an error; what `--debug` sets.",
}
WRITTEN = {
    "SHOPLAKE_STACK": "Set for each server that a stack starts, so that it is known again.",
    "SHOPLAKE_EXPORTED": "Set by `shoplake env`: the names of its variables, for `shoplake env --unset`.",
    "SHOPLAKE_PROJECT": "Set for Compose: the project's name.",
    "SHOPLAKE_LAUNCHED_AS": "Set by the launcher of a checkout: how it was started, for advice in messages.",
    "SHOPLAKE_IN_BACKGROUND": "Set by `--detach` in the command that it starts: its name.",
    "SHOPLAKE_WORKFLOW_ENVIRONMENT": "Set by `workflow up` for Dagster's servers: the environment that they work on.",
    "SHOPLAKE_DAGSTER_POSTGRES_LOGIN": "Set by `workflow` for Dagster: if that address has a login token.",
    "SHOPLAKE_DAGSTER_POSTGRES_URL": "Set by `workflow` for Dagster: the address of its records in Postgres.",
}
OTHERS = {
    "SHOPLAKE_IMAGE": "In docker-compose.yml: the image of shoplake's own containers. Default: `shoplake:dev`.",
    "XDG_CACHE_HOME": "Downloads, shared by all stacks, are in `shoplake/` below it. Default: `~/.cache`.",
    "XDG_STATE_HOME": "Of an installed package: state is in `shoplake/` below it. Default: `~/.local/state`.",
    "NO_COLOR": "No colour, even on a terminal.",
}


def page() -> str:
    """Each section's fields with their variables, then the other variables."""
    sections = [_section(name, field.annotation) for name, field in Settings.model_fields.items()]
    others = markdown.table(
        ("variable", "meaning"), ((markdown.code(n), text) for n, text in (VARIABLES | OTHERS).items())
    )
    return markdown.page("Settings", INTRODUCTION, *filter(None, sections), DEFAULTS, f"## Other variables\n\n{others}")


def read_in_source() -> set[str]:
    """Variables whose names stand in the source as a string of their own."""
    pattern = re.compile(r"""["'](SHOPLAKE_[A-Z]+(?:_[A-Z]+)*)["']""")
    files = [*(paths.project_root() / "src").rglob("*.py"), *(paths.project_root() / "generators").rglob("*.py")]
    return {name for file in files for name in pattern.findall(file.read_text(encoding="utf-8"))}


def _section(name: str, model: Any) -> str:  # noqa: ANN401
    if not (inspect.isclass(model) and issubclass(model, BaseModel)):
        return ""
    rows = [
        (
            markdown.code(f"{name}.{field}"),
            markdown.code(f"SHOPLAKE_{name}__{field}".upper()),
            _type(info.annotation),
            "needed" if info.is_required() else _default(info.default),
        )
        for field, info in model.model_fields.items()
    ]
    what = (inspect.getdoc(model) or "").partition("\n\n")[0]
    kept = " Its secrets are in Secrets Manager." if name in SECTIONS_WITH_SECRETS else ""
    return f"## {name}\n\n{what}{kept}\n\n{markdown.table(('field', 'variable', 'type', 'default'), rows)}"


def _default(value: Any) -> str:  # noqa: ANN401
    return "" if value is None or isinstance(value, SecretStr) else markdown.code(str(value))


def _type(annotation: Any) -> str:  # noqa: ANN401
    parts = get_args(annotation)
    if parts and all(isinstance(part, str) for part in parts):
        return " or ".join(markdown.code(part) for part in parts)
    if type(None) in parts:
        return _type(parts[0])
    named = {"SecretStr": "secret", "Path": "file", "str": "text", "int": "number", "bool": "true or false"}
    return named.get(getattr(annotation, "__name__", ""), "file" if "Path" in str(annotation) else str(annotation))
