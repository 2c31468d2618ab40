"""What `make setup` leaves for the sessions of this machine."""

import psutil
import pytest

from fraud_detection.local_spark import CLASS_ARCHIVE


@pytest.mark.classic("Java is the server's")
def test_a_session_maps_the_classes_that_set_up_recorded(spark):
    java = psutil.Process(spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid())
    assert str(CLASS_ARCHIVE) in {area.path for area in java.memory_maps()}
