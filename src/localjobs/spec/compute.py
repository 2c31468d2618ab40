"""Clusters, environments and libraries: checked here, priced by sinks, not started on this machine."""

from typing import Any, Literal

from localjobs.spec.settings import Settings, Text, TextMap


class Autoscale(Settings):
    """Bounds of the number of workers."""

    min_workers: int | None = None
    max_workers: int | None = None


class AwsAttributes(Settings):
    """How AWS machines are bought and what disks they have."""

    availability: Literal["ON_DEMAND", "SPOT", "SPOT_WITH_FALLBACK"] | None = None
    ebs_volume_count: int | None = None
    ebs_volume_iops: int | None = None
    ebs_volume_size: int | None = None
    ebs_volume_throughput: int | None = None
    ebs_volume_type: Text | None = None
    first_on_demand: int | None = None
    instance_profile_arn: Text | None = None
    spot_bid_price_percent: int | None = None
    zone_id: Text | None = None


class AzureAttributes(Settings):
    """How Azure machines are bought."""

    availability: Literal["ON_DEMAND_AZURE", "SPOT_AZURE", "SPOT_WITH_FALLBACK_AZURE"] | None = None
    capacity_reservation_group: Text | None = None
    first_on_demand: int | None = None
    log_analytics_info: dict[str, Any] | None = None
    spot_bid_max_price: float | None = None


class GcpAttributes(Settings):
    """How Google machines are bought."""

    availability: Literal["ON_DEMAND_GCP", "PREEMPTIBLE_GCP", "PREEMPTIBLE_WITH_FALLBACK_GCP"] | None = None
    boot_disk_size: int | None = None
    confidential_compute_type: Text | None = None
    first_on_demand: int | None = None
    google_service_account: Text | None = None
    local_ssd_count: int | None = None
    use_preemptible_executors: bool | None = None
    zone_id: Text | None = None


class NewCluster(Settings):
    """A cluster that lives as long as the job run."""

    apply_policy_default_values: bool | None = None
    autoscale: Autoscale | None = None
    autotermination_minutes: int | None = None
    aws_attributes: AwsAttributes | None = None
    azure_attributes: AzureAttributes | None = None
    cluster_log_conf: dict[str, Any] | None = None
    cluster_name: Text | None = None
    custom_tags: TextMap | None = None
    data_security_mode: Text | None = None
    dependency_mode: Text | None = None
    docker_image: dict[str, Any] | None = None
    driver_instance_pool_id: Text | None = None
    driver_node_type_flexibility: dict[str, Any] | None = None
    driver_node_type_id: Text | None = None
    enable_elastic_disk: bool | None = None
    enable_local_disk_encryption: bool | None = None
    gcp_attributes: GcpAttributes | None = None
    init_scripts: tuple[dict[str, Any], ...] | None = None
    instance_pool_id: Text | None = None
    is_single_node: bool | None = None
    kind: Text | None = None
    node_type_id: Text | None = None
    num_workers: int | None = None
    policy_id: Text | None = None
    remote_disk_throughput: int | None = None
    runtime_engine: Literal["NULL", "PHOTON", "STANDARD"] | None = None
    single_user_name: Text | None = None
    spark_conf: TextMap | None = None
    spark_env_vars: TextMap | None = None
    spark_version: Text | None = None
    ssh_public_keys: tuple[Text, ...] | None = None
    total_initial_remote_disk_size: int | None = None
    use_ml_runtime: bool | None = None
    worker_node_type_flexibility: dict[str, Any] | None = None
    workload_type: dict[str, Any] | None = None


class JobCluster(Settings):
    """A cluster that tasks share by its key."""

    job_cluster_key: Text
    new_cluster: NewCluster | None = None
    serverless_compute_id: Text | None = None


class EnvironmentSpec(Settings):
    """What a serverless environment has installed."""

    base_environment: Text | None = None
    client: Text | None = None
    dependencies: tuple[Text, ...] | None = None
    environment_version: Text | None = None
    java_dependencies: tuple[Text, ...] | None = None
    project_environment: Text | None = None


class Environment(Settings):
    """A serverless environment that tasks share by its key."""

    environment_key: Text
    spec: EnvironmentSpec | None = None


class Maven(Settings):
    """A library from a Maven repository."""

    coordinates: Text
    exclusions: tuple[Text, ...] | None = None
    repo: Text | None = None


class Package(Settings):
    """A library from PyPI or CRAN."""

    package: Text
    repo: Text | None = None


class Library(Settings):
    """One library of a task."""

    cran: Package | None = None
    egg: Text | None = None
    jar: Text | None = None
    maven: Maven | None = None
    pypi: Package | None = None
    requirements: Text | None = None
    whl: Text | None = None
