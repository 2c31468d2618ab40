"""Folders, secrets, and kinds of things that not every workspace offers."""

from collections.abc import Iterator
from functools import partial

from fraud_detection.deploy.findings import Check, Lacking
from fraud_detection.deploy.needs import Needs
from fraud_detection.deploy.workspace import Workspace

LISTINGS = {"apps": "/api/2.0/apps", "database_instances": "/api/2.0/database/instances"}


def checks_of_services(needs: Needs) -> Iterator[Check]:
    """What the bundle's files, the app and its store need."""
    for folder in sorted(needs.folders):
        mend = "add the principal to the workspace; its home folder comes with it"
        yield Check("folder", folder, "a folder that who deploys may see", mend, partial(_has_folder, folder))
    for (scope, key), made in sorted(needs.secrets.items()):
        yield _check_of_secret(scope, key, made=made)
    for kind in sorted(needs.services):
        mend = f"enable {kind.replace('_', ' ')} in the workspace, or leave resources/serving.yml out"
        yield Check("service", kind.replace("_", " "), "offered by this workspace", mend, partial(_offers, kind))


def _check_of_secret(scope: str, key: str, *, made: bool) -> Check:
    mend = f"`databricks secrets put-secret {scope} {key}`"
    expected = "there"
    if made:
        expected = "no scope yet, for the deployment makes it; or the secret in it"
    else:
        mend = f"`databricks secrets create-scope {scope}` if there is none, then {mend}"
    return Check("secret", f"secret {scope}/{key}", expected, mend, partial(_has_secret, scope, key, made=made))


def _has_folder(folder: str, workspace: Workspace) -> str:
    found = workspace.client.workspace.get_status(folder)
    if not (found.path or "").endswith(folder):
        raise Lacking(f"the answer is about {found.path}")
    return "there"


def _has_secret(scope: str, key: str, workspace: Workspace, *, made: bool) -> str:
    if scope not in workspace.secret_scopes:
        if made:
            return "no scope yet; put the secret once the deployment has made it"
        raise Lacking("there is no such scope, or who is signed in may not see it")
    if key not in {one.key for one in workspace.client.secrets.list_secrets(scope)}:
        raise Lacking(f"the scope is there, without {key}")
    return "there"


def _offers(kind: str, workspace: Workspace) -> str:
    some = workspace.read(LISTINGS[kind]).get(kind)
    return "offered" if some else "offered, none yet"
