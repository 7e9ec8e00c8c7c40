"""An import contract that import-linter lacks: a list of what may be imported, where all else is forbidden."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from importlinter import Contract, ContractCheck, fields, output
from importlinter.application.contract_utils import AlertLevel, remove_ignored_imports_and_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grimp import ImportGraph
    from importlinter.domain.imports import ImportExpression


class OnlyContract(Contract):
    """``modules``, and every own module they reach, import ``may_import`` and the standard library, no more.

    A package in ``modules`` stands for all that is in it. Imports inside functions count: a path that is to stay
    light must not grow a slow import anywhere.
    """

    # import-linter replaces each field with its value on the instance.
    modules = cast("list[str]", fields.ListField(subfield=fields.StringField()))
    may_import = cast("list[str]", fields.ListField(subfield=fields.StringField(), default=[]))
    ignore_imports = cast(
        "list[ImportExpression]", fields.ListField(subfield=fields.ImportExpressionField(), default=[])
    )

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 - import-linter's signature
        """Walk from the modules along their imports; a module that is not there is a fault of the contract."""
        remove_ignored_imports_and_report(
            graph=graph, ignore_imports=self.ignore_imports, unmatched_alerting=AlertLevel.ERROR
        )
        allowed = {*sys.stdlib_module_names, *self.may_import}
        found = sorted(
            f"{importer} -> {imported}"
            for importer in _reached(graph, self.modules)
            for imported in graph.find_modules_directly_imported_by(importer)
            if graph.is_module_squashed(imported) and imported not in allowed
        )
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each import that is not on the list."""
        for line in check.metadata["found"]:
            output.print_error(f"- {line}", bold=False)
        output.new_line()


def _reached(graph: ImportGraph, names: list[str]) -> set[str]:
    seen: set[str] = set()
    waiting = [module for name in names for module in (name, *graph.find_descendants(name))]
    while waiting:
        module = waiting.pop()
        if module not in seen and not graph.is_module_squashed(module):
            seen.add(module)
            waiting += [*graph.find_modules_directly_imported_by(module), *_packages_around(module)]
    return seen


def _packages_around(module: str) -> Iterator[str]:
    """The packages whose ``__init__`` runs when ``module`` is imported."""
    parts = module.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts)))
