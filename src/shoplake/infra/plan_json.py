"""Reads the JSON of a Terraform plan: its resources, and where in the configuration a value comes from. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

Json: TypeAlias = Any  # what `json.loads` gives, of a shape that only its path tells

INDEX = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource, or data source read during apply: what is planned, which of it only AWS will know, what it was."""

    address: str
    module: tuple[str, ...]
    mode: str
    type: str
    name: str
    index: str
    actions: tuple[str, ...]
    values: Mapping[str, Any]
    unknown: Mapping[str, Any]
    prior: Mapping[str, Any]

    def get(self, *path: str | int) -> Json:
        """The planned value at a path; None where there is none yet."""
        return _at(self.values, path)

    def is_unknown(self, *path: str | int) -> bool:
        """Whether only AWS will know the value at a path."""
        return _at(self.unknown, path) is True


@dataclass(frozen=True)
class Plan:
    """The JSON of `terraform show -json`."""

    content: Mapping[str, Any]

    @cached_property
    def changes(self) -> tuple[Resource, ...]:
        """All that the plan speaks of, also what it deletes."""
        return tuple(_resource(change) for change in self.content.get("resource_changes", []))

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """What will exist after the plan, without data sources."""
        return tuple(
            one for one in self.changes if one.mode == "managed" and one.actions not in (("delete",), ("forget",))
        )

    def of_type(self, *types: str) -> Iterator[Resource]:
        """Resources of these types."""
        return (resource for resource in self.resources if resource.type in types)

    def data(self, type_: str) -> Iterator[Resource]:
        """Data sources of a type that are read during apply."""
        return (one for one in self.changes if one.mode == "data" and one.type == type_)

    def comes_from(self, resource: Resource, path: Sequence[str | int], type_: str) -> bool:
        """Whether the expression at a path of a resource refers, through variables and outputs, to that type."""
        module = self._module(resource.module)
        declared = [r for r in module.get("resources", []) if (r["type"], r["name"]) == (resource.type, resource.name)]
        expression = _at(declared[0].get("expressions", {}), path) if declared else None
        return self._reaches(resource.module, _references(expression), type_)

    def _reaches(self, module: tuple[str, ...], references: Sequence[str], type_: str) -> bool:
        return any(self._leads(module, reference, type_) for reference in references)

    def _leads(self, module: tuple[str, ...], reference: str, type_: str) -> bool:
        head, *rest = INDEX.sub("", reference).split(".")
        if head == "var" and module:
            call = self._module(module[:-1])["module_calls"][module[-1]]
            return self._reaches(module[:-1], _references(call.get("expressions", {}).get(rest[0])), type_)
        if head == "module" and len(rest) > 1:
            child = (*module, rest[0])
            output = self._module(child).get("outputs", {}).get(rest[1], {})
            return self._reaches(child, _references(output.get("expression")), type_)
        return type_ in (head, f"{head}.{rest[0]}" if rest else head)

    def _module(self, path: Sequence[str]) -> Mapping[str, Any]:
        module: Mapping[str, Any] = self.content["configuration"]["root_module"]
        for name in path:
            module = module["module_calls"][name]["module"]
        return module


def _resource(change: Mapping[str, Any]) -> Resource:
    names = INDEX.sub("", change.get("module_address", "")).split(".")[1::2]
    return Resource(
        address=change["address"],
        module=tuple(names),
        mode=change["mode"],
        type=change["type"],
        name=change["name"],
        index=str(change.get("index", "")),
        actions=tuple(change["change"]["actions"]),
        values=change["change"].get("after") or {},
        unknown=change["change"].get("after_unknown") or {},
        prior=change["change"].get("before") or {},
    )


def _at(value: Json, path: Sequence[str | int]) -> Json:
    for step in path:
        if isinstance(step, int) and isinstance(value, list) and len(value) > step:
            value = value[step]
        elif isinstance(step, str) and isinstance(value, Mapping):
            value = value.get(step)
        else:
            return None
    return value


def _references(expression: Json) -> list[str]:
    """Every reference in an expression, also of nested blocks."""
    if isinstance(expression, Mapping):
        found = list(expression.get("references", []))
        return found + [ref for key, inner in expression.items() if key != "references" for ref in _references(inner)]
    if isinstance(expression, list):
        return [reference for inner in expression for reference in _references(inner)]
    return []
