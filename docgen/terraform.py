"""The reference of the Terraform modules: resources, variables and outputs, beside each README's example."""

from __future__ import annotations

import re
from pathlib import Path

from docgen import hcl, markdown
from shoplake import paths

FOLDER = "docs/reference/terraform"
WIDE = 60
INTRODUCTION = """
One module is one logical thing with its IAM. [Environments](../../terraform.md) only compose them. Each has an
example in its README, which is planned in CI, and tests of its own (`terraform test`).

![modules of an AWS environment, and what each takes from which](../../diagrams/terraform.svg)
"""


def pages() -> dict[str, str]:
    """The index and a page per module, by path."""
    folder = paths.project_root() / "terraform" / "modules"
    modules = sorted(each for each in folder.iterdir() if (each / "main.tf").is_file())
    rows = [(f"[{each.name}]({each.name}.md)", _summary(each)) for each in modules]
    index = markdown.page("Terraform modules", INTRODUCTION, markdown.table(("module", "what it is"), rows))
    return {f"{FOLDER}/index.md": index, **{f"{FOLDER}/{each.name}.md": module_page(each) for each in modules}}


def module_page(module: Path) -> str:
    """The README of a module, then what it makes, takes and gives."""
    readme = (module / "README.md").read_text(encoding="utf-8").partition("\n")[2]
    made = sorted({block.labels[0] for block in hcl.blocks(module, "resource")})
    return markdown.page(
        module.name,
        readme,
        "## Makes\n\n" + ", ".join(markdown.code(each) for each in made),
        "## Variables\n\n" + markdown.table(("name", "meaning", "type", "default"), _variables(module)),
        *_shapes(module),
        "## Outputs\n\n" + markdown.table(("name", "meaning"), _outputs(module)),
    )


def _variables(module: Path) -> list[tuple[str, str, str, str]]:
    return [
        (
            markdown.code(block.labels[0]),
            block.string("description"),
            markdown.code(_outline(block.arguments.get("type", "any"))),
            markdown.code(_short(block.arguments["default"])) if "default" in block.arguments else "needed",
        )
        for block in hcl.blocks(module, "variable")
    ]


def _outline(expression: str) -> str:
    """A type in a few words; what objects hold is left out where it would be long."""
    text = _short(expression)
    return (
        text
        if len(text) <= WIDE
        else f"{text.partition('object(')[0]}object" + ")" * text.partition("object(")[0].count("(")
    )


def _shapes(module: Path) -> list[str]:
    """The types that the table leaves out, whole."""
    wide = [b for b in hcl.blocks(module, "variable") if len(_short(b.arguments.get("type", ""))) > WIDE]
    return [f"`{b.labels[0]}`:\n\n{markdown.block(b.arguments['type'], 'hcl')}" for b in wide]


def _outputs(module: Path) -> list[tuple[str, str]]:
    return [(markdown.code(b.labels[0]), b.string("description")) for b in hcl.blocks(module, "output")]


def _short(expression: str) -> str:
    """An expression on one line, without its comments."""
    text = re.sub(r"\s+", " ", re.sub(r"(?m)#.*$", "", expression)).strip()
    return re.sub(r"([({\[]) | ([)}\]])", r"\1\2", text)


def _summary(module: Path) -> str:
    text = (module / "README.md").read_text(encoding="utf-8").split("\n\n")[1]
    return re.split(r"(?<=\.)\s", " ".join(text.split()))[0]


def references(environment: str) -> dict[str, list[str]]:
    """Per module of an environment, the modules whose outputs it takes, directly or through locals."""
    folder = paths.project_root() / "terraform" / "environments" / environment
    local_text = "\n".join(block.text for block in hcl.blocks(folder, "locals"))
    locals_ = {name: value for name, value in _local_values(local_text).items() if "module." in value}
    found = {}
    for block in hcl.blocks(folder, "module"):
        text = block.text
        for name in re.findall(r"local\.(\w+)", text):
            text += locals_.get(name, "")
        found[block.labels[0]] = sorted(set(re.findall(r"module\.(\w+)", text)) - {block.labels[0]})
    return found


def _local_values(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if match := hcl.ARGUMENT.match(line):
            name = match[1]
            found[name] = match[2]
        elif name:
            found[name] += line
    return found
