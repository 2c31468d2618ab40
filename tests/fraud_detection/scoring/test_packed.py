import numpy as np
from pyspark import cloudpickle

from fraud_detection.scoring.packed import make_judge, pack, unpack
from fraud_detection.scoring.settings import ScoringSettings


def test_what_travels_scores_as_what_was_packed(make_scorer):
    scorer = make_scorer()
    matrix = np.random.default_rng(3).uniform(0, 100, (200, 2)).astype(np.float32)
    arrived = unpack(pack(scorer))
    assert (arrived.features, arrived.threshold) == (scorer.features, scorer.threshold)
    np.testing.assert_array_equal(arrived.probabilities(matrix), scorer.probabilities(matrix))


def test_a_process_loads_a_model_once_also_where_it_arrives_with_each_task(make_scorer):
    judge = make_judge(pack(make_scorer(seed=9)), ScoringSettings())
    before = unpack.cache_info()
    for _ in range(3):  # as many tasks of one worker
        list(cloudpickle.loads(cloudpickle.dumps(judge))(iter([])))
    after = unpack.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 2)
