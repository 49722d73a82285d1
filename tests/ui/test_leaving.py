"""Files of visitors who have closed their tab."""

from cnnviz.scene import open_scene
from cnnviz.ui import jobs, leaving
from cnnviz.ui.leaving import Leavers
from cnnviz.ui.visit import Visit
from tests.factory import ramp, raster


def test_a_visits_files_go_when_its_tab_is_away_for_longer_than_it_can_come_back():
    leavers, here, away = Leavers(), Visit(), Visit()
    leavers.add("here", here)
    leavers.add("away", away)
    leavers.sweep(lambda tab: tab == "here", 0.0)
    leavers.sweep(lambda tab: tab == "here", 149.0)
    assert away.folder.exists()
    leavers.sweep(lambda tab: tab == "here", 150.0)
    assert (here.folder.exists(), away.folder.exists()) == (True, False)


def test_results_go_within_a_minute_of_their_tab_and_the_visitors_own_files_stay():
    assert jobs.AWAY + leaving._WATCH <= 60
    leavers, visit = Leavers(), Visit()
    leavers.add("tab", visit)
    result, opened = visit.new_result(".tif"), raster(visit.new_result(".tif"), ramp(8, 8))
    confidence, upload = result.with_name(f"{result.stem}_confidence.tif"), visit.folder / "upload.tif"
    for path in (result, confidence, upload):
        path.write_bytes(b"x")
    visit.keep(open_scene(opened))
    for now, there in ((0.0, False), (jobs.AWAY - 1, False), (jobs.AWAY, True), (100.0, False)):
        leavers.sweep(lambda tab, there=there: there, now)
    assert result.exists()
    leavers.sweep(lambda tab: False, 100.0 + jobs.AWAY)
    assert {*visit.folder.iterdir()} == {opened, upload}
    result.write_bytes(b"of a run that could not be ended at once")
    leavers.sweep(lambda tab: False, 110.0 + jobs.AWAY)
    assert {*visit.folder.iterdir()} == {opened, upload}
    leavers.sweep(lambda tab: False, 100.0 + leaving.GONE)
    assert not visit.folder.exists()


def test_a_tab_that_comes_back_starts_anew():
    leavers, visit = Leavers(), Visit()
    leavers.add("tab", visit)
    for now, there in ((0.0, False), (149.0, True), (150.0, False), (299.0, False)):
        leavers.sweep(lambda tab, there=there: there, now)
    assert visit.folder.exists()
    leavers.sweep(lambda tab: False, 300.0)
    assert not visit.folder.exists()


def test_visits_are_not_kept_alive():
    leavers = Leavers()
    folder = Visit().folder
    leavers.add("tab", Visit())
    leavers.sweep(lambda tab: False, 0.0)
    assert not folder.exists()
