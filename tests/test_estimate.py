"""What a run would take: measured on a piece, without what happens once, and with what is read more than once."""

import time
from dataclasses import replace

import pytest

from cnnviz import estimate
from cnnviz.budget import plan_run, strips_of
from cnnviz.job import fitted
from cnnviz.layers import Conv2D, Network
from cnnviz.products import open_imagery
from tests.factory import ramp, raster


def test_what_a_first_call_alone_takes_does_not_count():
    calls = []

    def work():
        calls.append(len(calls))
        time.sleep(0.1 if len(calls) == 1 else 0)
        return calls[-1]

    seconds, result = estimate._warm(work)
    assert seconds < 0.1
    assert result in calls[1:]


def test_what_takes_long_is_done_once(monkeypatch):
    monkeypatch.setattr(estimate, "_LONG", 0.0)
    calls = []
    estimate._warm(lambda: calls.append(1))
    assert calls == [1]


@pytest.mark.parametrize(("block", "times"), [(64, 1), (512, 8)])
def test_blocks_that_strips_share_are_counted_for_each(tmp_path, block, times):
    scene = raster(tmp_path / "s.tif", ramp(1024, 512, 3), tiled=True, blockxsize=block, blockysize=block)
    job = fitted(Network([Conv2D("box_3", padding="same")]), open_imagery(scene))
    rows = [each for each, _ in job.network.axes(job.imagery.shape)]
    plan = plan_run(job.network, job.imagery, memory=10**9, workers=1)
    plan = replace(plan, strips=strips_of(job.network, rows, 64))
    assert estimate._decoded(job, plan) == times * 1024 * 512
