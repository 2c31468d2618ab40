"""What a target of the bundle expects of its workspace, read from the resolved bundle."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runcosts.system_names import LIST_PRICES, NODE_TIMELINE, TASK_TIMELINE, USAGE

Tree = Mapping[str, Any]
APPLICATION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
REFERENCE = re.compile(r"\$\{resources\.(\w+)\.(\w+)\.(\w+)\}")
SECRET = re.compile(r"\{\{secrets/([^/{}]+)/([^/{}]+)\}\}")
EVERYONE = frozenset({"account users", "users"})
KINDS = (
    "principal",
    "permission",
    "node type",
    "runtime",
    "pool",
    "warehouse",
    "catalog",
    "schema",
    "grant",
    "quota",
    "system table",
    "folder",
    "secret",
    "service",
)


@dataclass(frozen=True)
class Schema:
    """A schema that the deployment makes, and who gets which privileges on it."""

    catalog: str
    name: str
    grantees: frozenset[str]

    @property
    def full_name(self) -> str:
        """catalog.schema."""
        return f"{self.catalog}.{self.name}"


@dataclass(frozen=True)
class Pool:
    """An instance pool that exists already, and how many of its nodes the largest cluster takes."""

    pool_id: str
    nodes: int


@dataclass(frozen=True)
class Needs:
    """Everything that must be there before the first deployment.

    Attributes:
        run_as: application id or name that the jobs run as; None for whoever deploys.
        clusters_without_policy: whether a cluster is made that no policy allows.
        folders: home folders that the bundle's files go below.
        secrets: (scope, key) → whether the bundle makes the scope.
        services: kinds of resources that a workspace may not offer.
    """

    run_as: str | None
    node_types: frozenset[str]
    runtimes: frozenset[str]
    clusters_without_policy: bool
    pools: tuple[Pool, ...]
    schemas: tuple[Schema, ...]
    service_principals: frozenset[str]
    groups: frozenset[str]
    warehouses: frozenset[str]
    folders: frozenset[str]
    secrets: Mapping[tuple[str, str], bool]
    services: frozenset[str]
    system_tables: tuple[str, ...]


def read_needs(tree: Tree) -> Needs:
    """What the bundle names, wherever it names it."""
    resources = tree["resources"]
    clusters = [one for one in _maps(resources) if "spark_version" in one]
    principals = _principals(tree)
    return Needs(
        run_as=_run_as(resources),
        node_types=_texts(resources, "node_type_id", "driver_node_type_id"),
        runtimes=_texts(resources, "spark_version") | _preloaded(resources),
        clusters_without_policy=any(not one.get("policy_id") for one in clusters),
        pools=tuple(_pools(clusters)),
        schemas=tuple(_schemas(resources)),
        service_principals=frozenset(name for name in principals if APPLICATION_ID.fullmatch(name)),
        groups=frozenset(name for name in principals if not APPLICATION_ID.fullmatch(name) and "@" not in name),
        warehouses=_texts(resources, "warehouse_id"),
        folders=_folders(tree),
        secrets=_secrets(resources),
        services=frozenset({"apps", "database_instances"} & set(resources)),
        system_tables=tuple(_system_tables(tree)),
    )


def _maps(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _maps(one)


def _texts(value: object, *keys: str) -> frozenset[str]:
    """Every text under one of the keys that is no reference to something that the deployment makes."""
    found = (str(one[key]) for one in _maps(value) for key in keys if one.get(key))
    return frozenset(text for text in found if not text.startswith("${"))


def _preloaded(resources: Tree) -> frozenset[str]:
    return frozenset(text for one in _maps(resources) for text in one.get("preloaded_spark_versions") or ())


def _run_as(resources: Tree) -> str | None:
    named = [one["run_as"] for one in _maps(resources) if isinstance(one.get("run_as"), Mapping)]
    return next((str(value) for one in named for value in one.values()), None)


def _principals(tree: Tree) -> frozenset[str]:
    """Groups and service principals that get permissions or that jobs run as, and whoever is granted something."""
    of_grants = _texts(tree["resources"], "principal")
    named = _texts([tree["resources"], tree.get("permissions")], "group_name", "service_principal_name")
    return (of_grants | named) - EVERYONE


def _pools(clusters: list[Mapping[str, Any]]) -> Iterator[Pool]:
    """The platform's own pools: those of the bundle do not exist yet."""
    wanted: dict[str, int] = {}
    for cluster in clusters:
        pool = str(cluster.get("instance_pool_id") or "$")
        workers = (cluster.get("autoscale") or {}).get("max_workers") or cluster.get("num_workers") or 0
        if not pool.startswith("$"):
            wanted[pool] = max(wanted.get(pool, 0), 1 + int(workers))
    return (Pool(pool, nodes) for pool, nodes in sorted(wanted.items()))


def _schemas(resources: Tree) -> Iterator[Schema]:
    for schema in (resources.get("schemas") or {}).values():
        grantees = frozenset(str(grant["principal"]) for grant in schema.get("grants") or ())
        yield Schema(str(schema["catalog_name"]), str(schema["name"]), grantees)


def _folders(tree: Tree) -> frozenset[str]:
    """The home of a service principal, which the platform makes with it; people have theirs."""
    home = re.match(r"(?:/Workspace)?(/Users/([^/]+))", str(tree.get("workspace", {}).get("root_path", "")))
    return frozenset({home[1]} if home and APPLICATION_ID.fullmatch(home[2]) else ())


def _secrets(resources: Tree) -> dict[tuple[str, str], bool]:
    of_apps = [one["secret"] for one in _maps(resources) if isinstance(one.get("secret"), Mapping)]
    found = [(str(one["scope"]), str(one["key"])) for one in of_apps]
    found += [pair for one in _maps(resources) for text in one.values() for pair in SECRET.findall(str(text))]
    return dict(_owned(resources, scope, key) for scope, key in found)


def _owned(resources: Tree, scope: str, key: str) -> tuple[tuple[str, str], bool]:
    """The scope by its name, and whether the bundle makes it."""
    made = {one.get("name") for one in (resources.get("secret_scopes") or {}).values()}
    reference = REFERENCE.fullmatch(scope)
    name = str(resources[reference[1]][reference[2]][reference[3]]) if reference else scope
    return (name, key), name in made


def _system_tables(tree: Tree) -> Iterator[str]:
    """What the job of costs and `runcosts rightsize` read."""
    named = [one for one in _maps(tree["resources"]) if one.get("name") == "system_catalog"]
    for catalog in sorted({str(one["default"]) for one in named if one.get("default")}):
        yield from (f"{catalog}.{table}" for table in (USAGE, LIST_PRICES, TASK_TIMELINE, NODE_TIMELINE))
