"""`localjobs lint`."""

from enum import StrEnum
from typing import Annotated

import typer

from localjobs.cli.console import EXIT_NOT_SUCCESSFUL, EXIT_REFUSED, explaining_errors, progress_console
from localjobs.cli.options import Root, Target, Variables, make_request


class Report(StrEnum):
    """How lint prints."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


Format = Annotated[Report, typer.Option("-o", "--output", help="How to print.")]


def lint_command(
    target: Target = None, bundle_root: Root = None, var: Variables = None, output: Format = Report.TEXT
) -> None:
    """Find what is wrong with the bundle, without a workspace.

    A rule is switched off by `# localjobs: off RULE: REASON`, on the line of the finding or on one of its own, or in
    pyproject.toml under [tool.localjobs.lint.off]. Exit status: 0 without findings, 1 with, 2 for a refused bundle.

    Example: localjobs lint -t prod -o sarif > lint.sarif
    """
    from localjobs.lint.formats import as_json, as_sarif, as_text
    from localjobs.lint.lint import lint
    from localjobs.lint.rules import REFUSED, RULES

    with explaining_errors():
        request = make_request(bundle_root, target, var)
        findings = lint(request)
    if output is Report.SARIF:
        print(as_sarif(findings, request.root))  # noqa: T201 - the result of the command
    elif output is Report.JSON:
        print(as_json(findings, request.root))  # noqa: T201 - the same
    elif findings:
        print(as_text(findings))  # noqa: T201 - the same
    else:
        progress_console().print(f"nothing found by {len(RULES)} rules")
    refused = any(finding.rule is REFUSED for finding in findings)
    raise typer.Exit(EXIT_REFUSED if refused else EXIT_NOT_SUCCESSFUL if findings else 0)
