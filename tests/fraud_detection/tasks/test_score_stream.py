"""The stream's task: whom it publishes to."""

import asyncio
from datetime import UTC, datetime

import polars as pl

from fraud_detection.features import single_node
from fraud_detection.scoring.online.launch import load_settings, open_store
from fraud_detection.scoring.stream import publish_nowhere
from fraud_detection.tables import Tables
from fraud_detection.tasks.arguments import Arguments
from fraud_detection.tasks.context import Context
from fraud_detection.tasks.context import load_settings as load_task_settings
from fraud_detection.tasks.score_stream import make_publish


def context_of(file, folder):
    arguments = Arguments(as_of="2018-06-10", settings=str(file) if file else "")
    return Context("score_stream", arguments, load_task_settings(arguments), Tables("c", "s", folder), folder)


def test_batches_go_to_the_store_of_the_online_app_only_where_the_settings_say_so(tmp_path):
    assert make_publish(context_of(None, tmp_path)) is publish_nowhere
    file = tmp_path / "settings.yml"
    file.write_text(f"scoring: {{publish_online: true}}\nserving: {{store_file: {tmp_path / 'online.db'}}}\n")
    rows = pl.DataFrame(
        {
            "transaction_id": ["a", "b"],
            "event_time": [datetime(2018, 6, 9, hour, tzinfo=UTC) for hour in (1, 2)],
            "customer_id": ["c", "c"],
            "terminal_id": ["m", "n"],
            "amount_cents": [100, 200],
            "is_fraud": pl.Series([None, None], dtype=pl.Boolean),
            "known_at": pl.Series([None, None], dtype=pl.Datetime("us", "UTC")),
        }
    )
    publish = make_publish(context_of(file, tmp_path))
    for _ in range(2):  # as after a restart
        publish(single_node.compute_features(rows))
    assert asyncio.run(count(load_settings(str(file)))) == 2


async def count(settings):
    store = open_store(settings)
    try:
        return await store.count()
    finally:
        await store.close()
