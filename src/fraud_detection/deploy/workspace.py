"""What a workspace answers, each question asked once. Nothing here writes: every request is a GET."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import count, islice
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.compute import NodeType
from databricks.sdk.service.iam import ComplexValue, ServicePrincipal, User

ADMINS = "admins"
MATCHES = 100  # of a filter that names one; the SDK would read pages for ever where a server ignores their number
Privileges = Mapping[str, frozenset[str]]
EVERYONE = frozenset({"account users"})


@dataclass(frozen=True)
class Person:
    """A user or a service principal; `names` are all that grants may know it by, its groups included."""

    name: str
    active: bool
    names: frozenset[str]
    groups: tuple[str, ...]
    entitlements: frozenset[str]


class Workspace:
    """One examination's answers."""

    def __init__(self, client: WorkspaceClient) -> None:
        """`client` is signed in, or fails at its first question."""
        self.client = client
        self._grants: dict[tuple[str, str], Privileges] = {}

    @cached_property
    def me(self) -> Person:
        """Who is signed in.

        Raises:
            ValueError: the answer names nobody.
        """
        user = self.client.current_user.me()
        if not user.user_name:
            raise ValueError("the answer to who is signed in names nobody")
        return _person(user.user_name, user)

    @cached_property
    def node_types(self) -> Mapping[str, NodeType]:
        """What machines the workspace offers, by their id."""
        return {one.node_type_id: one for one in self.client.clusters.list_node_types().node_types or ()}

    @cached_property
    def runtimes(self) -> frozenset[str]:
        """The keys of the runtime versions on offer."""
        return frozenset(str(one.key) for one in self.client.clusters.spark_versions().versions or ())

    @cached_property
    def secret_scopes(self) -> frozenset[str]:
        """The names of the scopes that who is signed in may see."""
        return frozenset(str(one["name"]) for one in self.read("/api/2.0/secrets/scopes/list").get("scopes") or ())

    def read(self, path: str) -> Mapping[str, Any]:
        """An answer as it came, where the SDK's own reading takes one of another form for an empty list.

        Raises:
            TypeError: it is no JSON object.
        """
        answer = self.client.api_client.do("GET", path)
        if not isinstance(answer, Mapping):
            raise TypeError(f"the answer of {path} is {answer!r:.80}; expected a JSON object")
        return answer

    def service_principal(self, application_id: str) -> Person | None:
        """A principal of the workspace; None if there is none of that id."""
        query = f'applicationId eq "{application_id}"'
        for one in islice(self.client.service_principals.list(filter=query), MATCHES):
            if one.application_id == application_id:
                return _person(application_id, one)
        return None

    def has_group(self, name: str) -> bool:
        """Whether a group of that name is in the workspace."""
        found = islice(self.client.groups.list(filter=f'displayName eq "{name}"'), MATCHES)
        return any(one.display_name == name for one in found)

    def group_entitlements(self, group_id: str) -> frozenset[str]:
        """What a group lets its members do."""
        return _values(self.client.groups.get(group_id).entitlements)

    def privileges(self, kind: str, full_name: str) -> Privileges:
        """Who has which privileges on a catalog, schema or table, inherited ones included."""
        known = self._grants.get((kind, full_name))
        if known is None:
            known = self._grants[kind, full_name] = self._read_privileges(kind, full_name)
        return known

    def _read_privileges(self, kind: str, full_name: str) -> Privileges:
        found: dict[str, frozenset[str]] = {}
        token = None
        for _ in count():
            # 0: pages of the server's size; without, the platform warns, large answers fail.
            page = self.client.grants.get_effective(kind, full_name, max_results=0, page_token=token)
            for one in page.privilege_assignments or ():
                named = frozenset(grant.privilege.value for grant in one.privileges or () if grant.privilege)
                found[str(one.principal)] = found.get(str(one.principal), frozenset()) | named
            token = page.next_page_token
            if not token:
                break
        return found


def _person(name: str, record: User | ServicePrincipal) -> Person:
    groups = record.groups or []
    called = frozenset(str(group.display) for group in groups if group.display)
    ids = tuple(str(group.value) for group in groups if group.value)
    names = frozenset({name}) | called | EVERYONE
    return Person(name, record.active is not False, names, ids, _values(record.entitlements))


def _values(values: Iterable[ComplexValue] | None) -> frozenset[str]:
    return frozenset(str(one.value) for one in values or () if one.value)
