"""The Model Serving endpoint of the plain model: made with its first champion, moved to each new one."""

import logging
from typing import Final

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service.serving import (
    EndpointCoreConfigInput,
    EndpointTag,
    ServedEntityInput,
)

SERVED: Final = "champion"

log = logging.getLogger(__name__)


def name_endpoint(model: str) -> str:
    """An endpoint's name allows no dots: the last part of the model's, with its schema so that targets differ."""
    return "-".join(model.split(".")[-2:])


def serve_version(client: WorkspaceClient, endpoint: str, model: str, version: int, size: str) -> str:
    """Let an endpoint serve a version; it answers with the one before until the new one is ready.

    Nothing is waited for: the platform keeps the old version, and says so, where the new one does not start.

    Args:
        client: of the workspace.
        endpoint: its name; made if there is none.
        model: catalog.schema.name.
        version: must be registered.
        size: of its compute; it scales to zero.

    Returns:
        "made", "updated" or "same".
    """
    served = ServedEntityInput(
        name=SERVED, entity_name=model, entity_version=str(version), workload_size=size, scale_to_zero_enabled=True
    )
    try:
        found = client.serving_endpoints.get(endpoint)
    except NotFound:
        tags = [EndpointTag(key="project", value="fraud")]
        config = EndpointCoreConfigInput(endpoint, served_entities=[served])
        client.serving_endpoints.create(endpoint, config=config, tags=tags)
        return _tell("made", endpoint, version)
    if _serves(found.pending_config or found.config, served):
        return _tell("same", endpoint, version)
    client.serving_endpoints.update_config(endpoint, served_entities=[served])
    return _tell("updated", endpoint, version)


def _serves(config: object, wanted: ServedEntityInput) -> bool:
    entities = getattr(config, "served_entities", None) or []
    return [(one.entity_name, one.entity_version, one.workload_size) for one in entities] == [
        (wanted.entity_name, wanted.entity_version, wanted.workload_size)
    ]


def _tell(done: str, endpoint: str, version: int) -> str:
    log.info("endpoint %s: %s, version %d", endpoint, done, version)
    return done
