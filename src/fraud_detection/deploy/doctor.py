"""The examination of a workspace before the first deployment: reads, and changes nothing."""

from collections.abc import Callable, Collection, Iterator

from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config

from fraud_detection.deploy.checks_of_compute import checks_of_compute
from fraud_detection.deploy.checks_of_data import checks_of_data
from fraud_detection.deploy.checks_of_people import SIGN_IN, checks_of_people
from fraud_detection.deploy.checks_of_services import checks_of_services
from fraud_detection.deploy.findings import UNREADABLE, Check, Finding, examine, failure, skip
from fraud_detection.deploy.needs import Needs
from fraud_detection.deploy.workspace import Workspace

PATIENCE_SECONDS = 20  # the SDK's own is five minutes for each question


def checks_for(needs: Needs) -> tuple[Check, ...]:
    """Everything to look at, sign-in aside."""
    parts = (checks_of_people, checks_of_compute, checks_of_data, checks_of_services)
    return tuple(check for part in parts for check in part(needs))


def diagnose(needs: Needs, connect: Callable[[], WorkspaceClient], skipped: Collection[str] = ()) -> Iterator[Finding]:
    """Findings as they come; without a sign-in nothing else is asked."""
    try:
        workspace = Workspace(connect())
    except UNREADABLE as error:  # nobody is signed in, or the host is no address
        yield failure(SIGN_IN, error)
        return
    first = examine(SIGN_IN, workspace)
    yield first
    if first.level == "ok":
        for check in checks_for(needs):
            yield skip(check) if check.kind in skipped else examine(check, workspace)


def connect(profile: str | None) -> WorkspaceClient:
    """The client of the workspace that a profile or the environment names, without the SDK's long patience."""
    return WorkspaceClient(
        config=Config(profile=profile, retry_timeout_seconds=PATIENCE_SECONDS, http_timeout_seconds=PATIENCE_SECONDS)
    )
