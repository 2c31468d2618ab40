"""Catalog, schema, grants, quotas, and the platform's own tables."""

from collections.abc import Iterator
from functools import partial

from databricks.sdk.errors.platform import NotFound

from fraud_detection.deploy.checks_of_people import runner
from fraud_detection.deploy.findings import Check, Lacking
from fraud_detection.deploy.needs import Needs, Schema
from fraud_detection.deploy.workspace import Person, Workspace

ALL = "ALL_PRIVILEGES"
OVER_SCHEMA = {ALL, "MANAGE"}


def checks_of_data(needs: Needs) -> Iterator[Check]:
    """The catalog is there, its rights suffice, and the tables of costs can be read."""
    for catalog in sorted({schema.catalog for schema in needs.schemas}):
        mend = "create it, have this workspace use it, or set the variable catalog"
        yield Check("catalog", f"catalog {catalog}", "there, and open to this workspace", mend, partial(_see, catalog))
        mend = f"an account administrator raises it, or `--skip quota`: only such a one may ask about {catalog}"
        names = [schema.full_name for schema in needs.schemas if schema.catalog == catalog]
        look = partial(_has_room, catalog, names)
        yield Check("quota", f"schemas of {catalog}", "room for those that are not there", mend, look)
        mend = f"GRANT USE CATALOG ON CATALOG {catalog} TO whoever runs the jobs"
        use = partial(_runner_may, needs.run_as, "catalog", catalog, "USE_CATALOG")
        yield Check("grant", f"use of {catalog} by jobs", "USE_CATALOG for whoever runs the jobs", mend, use)
    for schema in needs.schemas:
        yield from _checks_of_schema(schema)
    for table in needs.system_tables:
        yield from _checks_of_system_table(table, needs.run_as)


def _checks_of_schema(schema: Schema) -> Iterator[Check]:
    catalog, name = schema.catalog, schema.full_name
    expected = "absent and who deploys may create it, or there and who deploys may manage it"
    mend = f"GRANT USE CATALOG, CREATE SCHEMA ON CATALOG {catalog}, or MANAGE ON SCHEMA {name}, TO whoever deploys"
    yield Check("schema", f"schema {name}", expected, mend, partial(_may_own, schema))
    for grantee in sorted(schema.grantees):
        mend = f"GRANT USE CATALOG ON CATALOG {catalog} TO `{grantee}`; the bundle grants on the schema only"
        use = partial(_has, (grantee,), "catalog", catalog, "USE_CATALOG")
        yield Check("grant", f"use of {catalog} by {grantee}", "USE_CATALOG", mend, use)


def _checks_of_system_table(table: str, run_as: str | None) -> Iterator[Check]:
    catalog, schema, _ = table.split(".")
    mend = f"an account administrator enables the system schema {schema}"
    yield Check("system table", table, "there", mend, partial(_see_table, table))
    for kind, name, privilege in (
        ("catalog", catalog, "USE_CATALOG"),
        ("schema", f"{catalog}.{schema}", "USE_SCHEMA"),
        ("table", table, "SELECT"),
    ):
        mend = f"GRANT {privilege.replace('_', ' ')} ON {kind.upper()} {name} TO whoever runs the jobs"
        look = partial(_runner_may, run_as, kind, name, privilege)
        yield Check(
            "system table", f"{privilege} of {name} for {table}", "granted to whoever runs the jobs", mend, look
        )


def _see(catalog: str, workspace: Workspace) -> str:
    found = workspace.client.catalogs.get(catalog)
    if found.name != catalog:
        raise Lacking(f"the answer is about {found.name}")
    return f"there, owned by {found.owner}"


def _see_table(table: str, workspace: Workspace) -> str:
    found = workspace.client.tables.get(table)
    if found.full_name != table:
        raise Lacking(f"the answer is about {found.full_name}")
    return "there"


def _has_room(catalog: str, names: list[str], workspace: Workspace) -> str:
    absent = [name for name in names if not _is_there(name, workspace)]
    if not absent:
        return f"{', '.join(names)} is there already"
    quota = workspace.client.resource_quotas.get_quota("catalog", catalog, "schema-quota").quota_info
    if quota is None or quota.quota_count is None or quota.quota_limit is None:
        raise Lacking("the answer has no count or no limit")
    if quota.quota_count + len(absent) > quota.quota_limit:
        raise Lacking(f"{quota.quota_count} of {quota.quota_limit} schemas")
    return f"{quota.quota_count} of {quota.quota_limit} schemas"


def _is_there(schema: str, workspace: Workspace) -> bool:
    try:
        found = workspace.client.schemas.get(schema)
    except NotFound:
        return False
    if found.full_name != schema:
        raise Lacking(f"the answer is about {found.full_name}")
    return True


def _may_own(schema: Schema, workspace: Workspace) -> str:
    me = workspace.me
    try:
        owner = workspace.client.schemas.get(schema.full_name).owner
    except NotFound:
        _has(me.names, "catalog", schema.catalog, "USE_CATALOG", workspace)
        return "absent; " + _has(me.names, "catalog", schema.catalog, "CREATE_SCHEMA", workspace)
    if owner in me.names:
        return f"there, owned by {owner}"
    held = _held(me.names, "schema", schema.full_name, workspace)
    if not held & OVER_SCHEMA:
        raise Lacking(f"there, owned by {owner}; {me.name} has {_told(held)}")
    return f"there; {me.name} has {_told(held)}"


def _runner_may(run_as: str | None, kind: str, name: str, privilege: str, workspace: Workspace) -> str:
    person: Person = runner(workspace, run_as)
    return _has(person.names, kind, name, privilege, workspace)


def _has(
    names: tuple[str, ...] | frozenset[str], kind: str, full_name: str, privilege: str, workspace: Workspace
) -> str:
    held = _held(frozenset(names), kind, full_name, workspace)
    if not held & {privilege, ALL} and not _owns(frozenset(names), kind, full_name, workspace):
        raise Lacking(f"{privilege} is missing on {kind} {full_name}; granted is {_told(held)}")
    return f"{privilege} on {kind} {full_name}"


def _held(names: frozenset[str], kind: str, full_name: str, workspace: Workspace) -> frozenset[str]:
    granted = workspace.privileges(kind, full_name)
    return frozenset().union(*(granted.get(name, frozenset()) for name in names))


def _owns(names: frozenset[str], kind: str, full_name: str, workspace: Workspace) -> bool:
    """An owner has all privileges without a grant."""
    return kind == "catalog" and workspace.client.catalogs.get(full_name).owner in names


def _told(held: frozenset[str]) -> str:
    return ", ".join(sorted(held)) or "nothing"
