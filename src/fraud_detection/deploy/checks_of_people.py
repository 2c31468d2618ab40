"""Who signs in, who jobs run as, who is given something, and whether they may make clusters."""

from collections.abc import Iterator
from functools import partial

from fraud_detection.deploy.findings import Check, Lacking
from fraud_detection.deploy.needs import APPLICATION_ID, Needs
from fraud_detection.deploy.workspace import ADMINS, Person, Workspace

MAKES_CLUSTERS = "allow-cluster-create"

SIGN_IN = Check(
    "sign-in",
    "sign-in",
    "a user or service principal that the workspace knows",
    "sign in (`databricks auth login --host …`), name a --profile, or set DATABRICKS_HOST and what the method needs",
    lambda workspace: f"signed in as {workspace.me.name}",
)


def checks_of_people(needs: Needs) -> Iterator[Check]:
    """Principals and groups exist; whoever runs the jobs may make their clusters."""
    for name in sorted(needs.service_principals):
        yield Check(
            "principal",
            f"service principal {name}",
            "an active service principal of this workspace",
            "add it to the workspace, or give its application id as variable service_principal",
            partial(_see_principal, name),
        )
    for name in sorted(needs.groups):
        yield Check(
            "principal",
            f"group {name}",
            "a group of this workspace",
            "add the group to the workspace, or name another by the variables readers and operators",
            partial(_see_group, name),
        )
    if needs.clusters_without_policy:
        yield Check(
            "permission",
            "making clusters",
            f"{needs.run_as or 'whoever deploys'} has {MAKES_CLUSTERS}, or every cluster names a policy",
            "give it *Unrestricted cluster creation*, or have it use a policy (docs/policies.md)",
            partial(_may_make_clusters, needs.run_as),
        )


def runner(workspace: Workspace, run_as: str | None) -> Person:
    """Who the jobs run as.

    Raises:
        Lacking: the workspace does not know it.
    """
    if run_as is None or run_as == workspace.me.name:
        return workspace.me
    known = workspace.service_principal(run_as) if APPLICATION_ID.fullmatch(run_as) else None
    if known is None:
        raise Lacking(f"jobs run as {run_as}, whom the workspace does not know as a service principal")
    return known


def _see_principal(name: str, workspace: Workspace) -> str:
    person = workspace.service_principal(name)
    if person is None:
        raise Lacking("there is none of that application id")
    if not person.active:
        raise Lacking("it is deactivated")
    return "there, and active"


def _see_group(name: str, workspace: Workspace) -> str:
    if not workspace.has_group(name):
        raise Lacking("there is none of that name")
    return "there"


def _may_make_clusters(run_as: str | None, workspace: Workspace) -> str:
    person = runner(workspace, run_as)
    if ADMINS in person.names:
        return f"{person.name} is an administrator"
    if MAKES_CLUSTERS in person.entitlements:
        return f"{person.name} has {MAKES_CLUSTERS}"
    if any(MAKES_CLUSTERS in workspace.group_entitlements(group) for group in person.groups):
        return f"a group of {person.name} has {MAKES_CLUSTERS}"
    raise Lacking(f"neither {person.name} nor a group of it has {MAKES_CLUSTERS}")
