"""Weeks by hand: jobs of one task on m5d.large nodes, whose minutes are stated."""

import datetime as dt
import json
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from runcosts.cli import app
from runcosts.estimate_cli import make_outlook
from runcosts.plan.batches import find_batches
from runcosts.plan.moves import Window, propose
from runcosts.plan.peaks import hours, overloads, peak, spans_of
from runcosts.plan.week import plan_week

MONDAY = dt.date(2026, 11, 23)
OFF_PEAK = Window(22 * 60, 6 * 60)


def make_job(cron, workers=1, zone="UTC", pool=None, **more):
    nodes = {"instance_pool_id": pool} if pool else {"node_type_id": "m5d.large"}
    task = {"task_key": "work", "new_cluster": {**nodes, "num_workers": workers}}
    return {"name": "n", "schedule": {"quartz_cron_expression": cron, "timezone_id": zone}, "tasks": [task], **more}


@pytest.fixture
def make_week(tmp_path):
    def make(minutes=60, pools=None, *, even_paused=False, **jobs):
        tree = {"resources": {"jobs": jobs, "instance_pools": pools or {}}}
        return plan_week(tree, make_outlook(tmp_path, 0, Decimal(minutes)), MONDAY, even_paused=even_paused)

    return make


def test_jobs_that_meet_add_their_nodes_and_one_that_ends_makes_room_for_one_that_begins(make_week):
    # a: 02:00 to 03:00 with 3 nodes; b: 02:30 to 03:30 with 2; c: 03:00 to 04:00 with 4.
    jobs = {"a": make_job("0 0 2 * * ?", 2), "b": make_job("0 30 2 * * ?"), "c": make_job("0 0 3 * * ?", 3)}
    spans = spans_of(make_week(**jobs).jobs)
    top = peak(spans)
    assert (top.nodes, f"{top.moment:%a %H:%M}", top.what) == (6, "Mon 03:00", ("b.work", "c.work"))
    assert hours(spans, dt.datetime(2026, 11, 23, tzinfo=dt.UTC))[6][:6] == [0, 0, 5, 6, 0, 0]


def test_a_limit_is_passed_from_the_first_node_too_many_to_the_last(make_week):
    jobs = {"a": make_job("0 0 2 ? * MON", 2), "b": make_job("0 30 2 ? * MON"), "c": make_job("0 0 3 ? * MON", 3)}
    (found,) = overloads(spans_of(make_week(**jobs).jobs), {"all nodes": 4})
    assert f"{found.begin:%H:%M} {found.end:%H:%M}" == "02:30 03:30"
    assert (found.nodes, found.limit) == (6, 4)


def test_days_of_a_schedule_are_those_of_its_zone(make_week):
    # Monday 01:00 in Tokyo is Sunday 16:00 UTC: the last day of this week.
    week = make_week(a=make_job("0 0 1 ? * MON", zone="Asia/Tokyo"))
    assert [f"{start:%a %H:%M}" for start in week.jobs[0].starts] == ["Sun 16:00"]


def test_a_pool_has_a_limit_of_its_own(make_week):
    pool = {"node_type_id": "m5d.large", "max_capacity": 3}
    own = "${resources.instance_pools.small.id}"
    jobs = {"a": make_job("0 0 2 ? * MON", 1, pool=own), "b": make_job("0 0 2 ? * MON", 1)}
    spans = spans_of(make_week(pools={"small": pool}, **jobs).jobs)
    assert (peak(spans).nodes, peak(spans, "pool small").nodes) == (4, 2)


def test_tasks_that_share_a_cluster_need_its_nodes_once(make_week):
    job = make_job("0 0 2 ? * MON")
    job["job_clusters"] = [{"job_cluster_key": "k", "new_cluster": {"node_type_id": "m5d.large", "num_workers": 1}}]
    job["tasks"] = [
        {"task_key": "one", "job_cluster_key": "k"},
        {"task_key": "two", "job_cluster_key": "k", "depends_on": [{"task_key": "one"}]},
    ]
    (need,) = make_week(a=job).jobs[0].needs
    assert (need.task_key, need.begin, need.end, need.nodes) == ("one, two", 0, 7200, 2)


def test_the_shorter_job_is_moved_to_the_nearest_quarter_that_keeps_the_limit(make_week):
    # Both at 02:00 with 3 nodes of 4: the first is moved past the other; an hour earlier is as near as an hour later.
    jobs = {"a": make_job("0 0 2 * * ?", 2), "b": make_job("0 0 2 * * ?", 2)}
    moves, left = propose(make_week(**jobs).jobs, {"all nodes": 4}, OFF_PEAK)
    assert [(move.job, move.before, move.after, move.cron) for move in moves] == [
        ("a", "02:00", "01:00", "0 0 1 * * ?")
    ]
    assert left == []


def test_a_job_by_day_is_moved_to_the_night_where_it_raises_no_peak(make_week):
    jobs = {"day": make_job("0 30 14 ? * MON-FRI", 2), "night": make_job("0 0 22 * * ?", 2)}
    moves, _ = propose(make_week(**jobs).jobs, {}, OFF_PEAK)
    # The nearest quarter in 22:00-06:00 is 22:00, where the other runs and both would be 6 nodes; 23:00 is free.
    assert [(move.job, move.after, move.cron) for move in moves] == [("day", "23:00", "0 0 23 ? * MON-FRI")]


def test_what_no_move_mends_is_said(make_week):
    moves, left = propose(make_week(a=make_job("0 0 2 ? * MON", 9)).jobs, {"all nodes": 4}, OFF_PEAK)
    assert moves == []
    assert left == ["all nodes: 10 of 4 from Mon 02:00 on, whatever is moved"]


def test_a_job_that_runs_every_hour_is_not_moved(make_week):
    moves, _ = propose(make_week(minutes=5, a=make_job("0 0 * * * ?")).jobs, {}, OFF_PEAK)
    assert moves == []


def test_a_continuous_job_is_up_all_the_time_even_before_its_first_run(tmp_path):
    stream = make_job("") | {"continuous": {}}
    del stream["schedule"]
    week = plan_week({"resources": {"jobs": {"stream": stream}}}, make_outlook(tmp_path, 0), MONDAY)
    assert peak(spans_of(week.jobs)).nodes == 2


def test_a_continuous_job_is_up_all_the_time_and_is_not_moved(make_week):
    stream = make_job("", 2) | {"continuous": {"pause_status": "UNPAUSED"}}
    del stream["schedule"]
    jobs = make_week(stream=stream, a=make_job("0 0 2 ? * MON")).jobs
    assert hours(spans_of(jobs), dt.datetime(2026, 11, 23, tzinfo=dt.UTC))[0][:4] == [3, 3, 5, 3]
    assert propose(jobs, {}, OFF_PEAK) == ([], [])


def test_jobs_without_a_schedule_and_paused_ones_are_named(make_week):
    jobs = {"none": {"name": "n", "tasks": []}, "off": make_job("0 0 2 * * ?")}
    jobs["off"]["schedule"]["pause_status"] = "PAUSED"
    assert [note.partition(": left out: ")[0] for note in make_week(**jobs).notes] == ["none", "off"]
    assert [job.job for job in make_week(even_paused=True, **jobs).jobs] == ["off"]


def test_a_task_without_past_runs_takes_its_whole_timeout_and_that_is_said(tmp_path):
    job = make_job("0 0 2 ? * MON")
    job["tasks"][0]["timeout_seconds"] = 1800
    week = plan_week({"resources": {"jobs": {"a": job}}}, make_outlook(tmp_path, 0), MONDAY)
    assert week.jobs[0].seconds == 1800
    assert week.notes == ("a.work: no past runs; taken as its whole timeout of 1800 s",)


def test_a_loop_has_room_for_what_ends_before_the_jobs_timeout(tmp_path, make_row):
    # An iteration took 20 minutes and cost .3295: two at a time, in two hours 6 x 2.
    loop = {"task_key": "each", "for_each_task": {"concurrency": 2, "task": {"task_key": "one"}}}
    tree = {"resources": {"jobs": {"tries": {"name": "tries", "timeout_seconds": 7200, "tasks": [loop]}}}}
    rows = [vars(make_row(job_name="[dev me] tries", task_key="one")), vars(make_row(job_name="other", task_key="one"))]
    (found,) = find_batches(tree, make_outlook(tmp_path), rows)
    assert (found.most, found.minutes, found.cost) == (12, 20, Decimal("0.329500"))


def test_the_command_prints_json_and_fails_beyond_a_limit(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.runcosts]\nnode_limit = 4\nassumed_minutes = {'a.work' = 30}\n")
    bundle = tmp_path / "bundle.json"
    bundle.write_text(json.dumps({"resources": {"jobs": {"a": make_job("0 0 2 ? * MON", 4)}}}))
    options = ["plan", "--root", str(tmp_path), "--bundle", str(bundle), "--from", "2026-11-23"]
    done = CliRunner().invoke(app, [*options, "-o", "json"])
    told = json.loads(done.output)
    assert done.exit_code == 1
    assert told["limits"] == {"all nodes": 4}
    assert told["peak"]["moment"] == "2026-11-23T02:00:00+00:00"
    assert told["hours"][0][:4] == [0, 0, 5, 0]
    assert (
        "OVER THE LIMIT of all nodes: 5 of 4, Mon 02:00 to Mon 02:30 (a.work)"
        in CliRunner().invoke(app, options).output
    )
