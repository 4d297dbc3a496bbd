"""What plugins keep beside a report, in a registry of their own: between two processes it would be lost."""

from __future__ import annotations

import sys
from typing import Any, Optional

BDD = "pytest_bdd.reporting"


def pack(report: Any) -> Optional[dict[str, Any]]:
    """pytest-bdd: the scenario, which its Cucumber and Gherkin reports are made of."""
    registry = getattr(sys.modules.get(BDD), "test_report_context_registry", None)
    context = registry.get(report) if registry is not None else None
    return None if context is None else {"scenario": context.scenario, "name": context.name}


def unpack(report: Any, content: dict[str, Any]) -> None:
    """The reverse, where the plugin is loaded here too."""
    reporting: Any = sys.modules.get(BDD)
    if reporting is not None:
        reporting.test_report_context_registry[report] = reporting.ReportContext(**content)
