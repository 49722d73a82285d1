"""A real cluster of worker processes: the numbers of one machine, also where a worker is killed, and clear refusals."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest
import rasterio
from distributed import Client

from cnnviz import __version__
from cnnviz import cluster as crews
from cnnviz.cli import main
from cnnviz.errors import ProcessError, SceneError
from cnnviz.layers import Activation, Conv2D, Network, Pool2D
from cnnviz.process import run_scene
from cnnviz.scene import open_scene
from tests.clusters import local_cluster, other_cnnviz
from tests.factory import damage, ramp, raster
from tests.source import ROOT
from tests.test_process import TILED, kill_midway, pixels, shares_of

EDGES = Network(
    [Conv2D("sobel_vertical", padding="same"), Activation("relu"), Conv2D("gaussian_5", padding="same", stride=2)],
    name="edges",
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with local_cluster(tmp_path_factory.mktemp("cluster"), workers=2) as found:
        yield found


@pytest.fixture
def scene(tmp_path):
    image = ramp(1500, 1300, 3)
    image[100:130, 50:200] = 0
    return raster(tmp_path / "scene.tif", image, nodata=0, descriptions=("B03", "B04", "B08"), **TILED)


def test_a_cluster_gives_the_file_that_one_machine_gives(tmp_path, scene, cluster):
    one = run_scene(EDGES, scene, tmp_path / "one.tif").target
    shares = shares_of(EDGES, scene, tmp_path / "many.tif", scheduler=cluster.address)
    assert (tmp_path / "many.tif").read_bytes() == one.read_bytes()
    assert len(set(shares)) > 4
    assert {path.name for path in tmp_path.iterdir()} == {"scene.tif", "one.tif", "many.tif"}


def test_a_worker_that_is_killed_in_mid_run_is_survived(tmp_path, scene, cluster, monkeypatch):
    monkeypatch.setattr(crews, "_POLL", 0.02)
    deep = Network([*EDGES.layers, *[Conv2D("gaussian_7", padding="same")] * 12])
    one = run_scene(deep, scene, tmp_path / "one.tif").target
    cluster.add_worker()
    killed = []
    with Client(cluster.address, set_as_default=False) as watching:
        watching.wait_for_workers(3, timeout=30)
        pids = watching.run(os.getpid)

        def kill_a_busy_one(share):
            busy = [name for name, tasks in watching.processing().items() if tasks]
            if busy and share > 0 and not killed:
                killed.append(pids[busy[0]])
                os.kill(killed[0], signal.SIGKILL)

        how = {"scheduler": cluster.address, "on_progress": kill_a_busy_one}
        run_scene(deep, scene, tmp_path / "many.tif", **how)
    assert len(killed) == 1
    assert (tmp_path / "many.tif").read_bytes() == one.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"scene.tif", "one.tif", "many.tif"}


def content(target):
    """Bytes of a result: of the file, or of a VRT and its tiles."""
    tiles = sorted(target.with_suffix(".tiles").iterdir()) if target.suffix == ".vrt" else []
    return {path.name: path.read_bytes() for path in (target, *tiles)}


@pytest.mark.parametrize("name", ["out.tif", "out.vrt"])
@pytest.mark.parametrize("begun", ["alone", "cluster"])
def test_what_is_begun_in_one_way_and_killed_is_ended_in_the_other(tmp_path, scene, cluster, begun, name, monkeypatch):
    monkeypatch.setattr("cnnviz.parts.LARGEST", 256)
    ways = {"alone": {"memory": "76MB"}, "cluster": {"scheduler": cluster.address, "memory": "80MB"}}
    (tmp_path / "whole").mkdir()
    whole = run_scene(EDGES, scene, tmp_path / "whole" / name).target
    first, second = ways.pop(begun), *ways.values()
    kill_midway(EDGES, scene, tmp_path / name, 0.3, **first)
    assert not (tmp_path / name).exists()
    rest = shares_of(EDGES, scene, tmp_path / name, **second)
    assert 0.15 < rest[0] < 0.9
    assert content(tmp_path / name) == content(whole)
    assert not (tmp_path / f".{name}.run").exists()


def test_a_stopped_run_on_a_cluster_goes_on(tmp_path, scene, cluster):
    def stop(share):
        if share > 0.3:
            raise KeyboardInterrupt

    how = {"scheduler": cluster.address}
    with pytest.raises(KeyboardInterrupt):
        run_scene(EDGES, scene, tmp_path / "out.tif", on_progress=stop, **how)
    assert not (tmp_path / "out.tif").exists()
    assert shares_of(EDGES, scene, tmp_path / "out.tif", **how)[0] > 0.25
    np.testing.assert_array_equal(pixels(tmp_path / "out.tif"), EDGES.apply(open_scene(scene).read().array))
    with pytest.raises(KeyboardInterrupt):
        run_scene(EDGES, scene, tmp_path / "other.tif", on_progress=stop, resume=False, **how)
    assert {path.name for path in tmp_path.iterdir()} == {"scene.tif", "out.tif"}


def test_damaged_blocks_are_named_from_afar(tmp_path, cluster):
    layout = TILED | {"interleave": "band"}
    source = raster(tmp_path / "scene.tif", ramp(300, 200, 2), descriptions=("B04", "B08"), **layout)
    damage(source, (3, 1), band=2)
    how = {"scheduler": cluster.address}
    network = Network([Conv2D("box_3", padding="same")])
    with pytest.raises(SceneError, match=r"band 2 of scene.tif cannot be read in the window of \d+ × 64 pixels at row"):
        run_scene(network, source, tmp_path / "out.tif", **how)
    run = run_scene(network, source, tmp_path / "out.tif", skip_bad_blocks=True, **how)
    assert "B08 of scene.tif, 64 × 64 pixels at row 192, column 64" in run.damages
    alone = run_scene(network, source, tmp_path / "alone.tif", skip_bad_blocks=True)
    np.testing.assert_array_equal(pixels(run.target), pixels(alone.target))


def test_too_little_memory_is_told_for_each_thread(tmp_path, scene, cluster):
    with pytest.raises(ProcessError, match=r"give \d+MB or more for each thread of a worker process, which has 1"):
        run_scene(EDGES, scene, tmp_path / "out.tif", memory="1MB", scheduler=cluster.address)
    assert {path.name for path in tmp_path.iterdir()} == {"scene.tif"}


# What does not answer


def test_a_scheduler_that_does_not_answer_is_one_line(tmp_path, scene, capsys, monkeypatch):
    monkeypatch.setattr(crews, "_ANSWERS", 1.0)
    (tmp_path / "recipe.json").write_text(EDGES.to_json())
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        for address in (f"tcp://127.0.0.1:{port}", "tcp://127.0.0.1:1", "tcp://127.0.0.1:99999"):
            names = (str(tmp_path / name) for name in ("recipe.json", "scene.tif", "out.tif"))
            started = time.monotonic()
            assert main(["run", *names, "--scheduler", address]) == 2
            assert time.monotonic() - started < 10
            out, err = capsys.readouterr()
            assert (out, err.count("\n")) == ("", 1)
            assert f"no scheduler answers at '{address}' within 1 s" in err
    assert {path.name for path in tmp_path.iterdir()} == {"recipe.json", "scene.tif"}


@pytest.mark.parametrize("address", ["", "x", "nonsense", "what://127.0.0.1:1", "tcp://127.0.0.1:port"])
def test_what_is_no_address_of_a_scheduler_is_not_tried(tmp_path, scene, address):
    with pytest.raises(ProcessError, match=r"received the scheduler '.*': an address such as tcp://10\.0\.0\.5:8786"):
        run_scene(EDGES, scene, tmp_path / "out.tif", scheduler=address)
    assert {path.name for path in tmp_path.iterdir()} == {"scene.tif"}


def test_schedulers_without_workers_and_those_that_go_are_told(tmp_path, scene, monkeypatch):
    monkeypatch.setattr(crews, "_ANSWERS", 1.0)
    monkeypatch.setattr(crews, "_HIRES", 0.5)
    (tmp_path / "cluster").mkdir()
    with local_cluster(tmp_path / "cluster", workers=0) as found:
        how = {"scheduler": found.address, "resume": False}
        with pytest.raises(ProcessError, match=r"has no workers: start some on each machine \(dask worker tcp"):
            run_scene(EDGES, scene, tmp_path / "out.tif", **how)
        monkeypatch.setattr(crews, "_ANSWERS", 20.0)
        worker = found.add_worker()
        with pytest.raises(ProcessError, match=r"all workers of tcp\S+ are gone: start some"):
            run_scene(EDGES, scene, tmp_path / "out.tif", on_progress=lambda share: worker.kill(), **how)
        found.add_worker()
        with pytest.raises(
            ProcessError,
            match=r"the scheduler tcp\S+ does not answer any more, and its workers end with it: start them",
        ):
            run_scene(EDGES, scene, tmp_path / "out.tif", on_progress=lambda share: found.scheduler.kill(), **how)
    assert {path.name for path in tmp_path.iterdir()} == {"scene.tif", "cluster"}


def test_a_scheduler_that_falls_silent_is_given_up(tmp_path, scene, monkeypatch):
    monkeypatch.setattr(crews, "_SILENT", 0.5)
    with local_cluster(tmp_path / "cluster", workers=1) as found:

        def freeze(share):
            monkeypatch.setattr(crews, "_ANSWERS", 0.5)  # for the farewell alone
            found.scheduler.send_signal(signal.SIGSTOP)

        with pytest.raises(ProcessError, match=r"the scheduler tcp\S+ does not answer any more, and its workers"):
            run_scene(EDGES, scene, tmp_path / "out.tif", scheduler=found.address, on_progress=freeze)
    assert {path.name for path in tmp_path.iterdir()} == {"scene.tif", "cluster"}


def wait_for_workers(cluster, count):
    """Wait until a cluster has so many workers, no more and no fewer."""
    with Client(cluster.address, set_as_default=False) as watching:
        end = time.monotonic() + 30
        while len(watching.nthreads()) != count:
            assert time.monotonic() < end
            time.sleep(0.02)


@contextmanager
def started(*words):
    """A command of ours in a process of its own."""
    command = [sys.executable, "-m", "cnnviz", *map(str, words)]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def wait_for_windows(journal, running, count):
    """Wait until a run has so many windows done."""
    while not journal.exists() or len(journal.read_text().split("\n")) < count + 3:  # the word, a blank, an open end
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)


def test_a_scheduler_that_is_lost_in_mid_run_is_one_line_and_the_next_run_goes_on(tmp_path, scene):
    (tmp_path / "recipe.json").write_text(EDGES.to_json())
    one = run_scene(EDGES, scene, tmp_path / "one.tif").target
    target, journal = tmp_path / "many.tif", tmp_path / ".many.tif.run" / "journal"
    words = ("run", tmp_path / "recipe.json", scene, target, "--scheduler")
    work = "        damages = _compute("
    slow = other_cnnviz(tmp_path / "slow", "parts.py", work, f"        __import__('time').sleep(0.5)\n{work}")
    with (
        local_cluster(tmp_path / "first", workers=2, package=slow) as found,
        started(*words, found.address) as running,
    ):
        wait_for_windows(journal, running, 1)
        found.scheduler.kill()
        _, err = running.communicate(timeout=60)
    assert (running.returncode, err.count("\n")) == (2, 1)
    assert (
        f"the scheduler {found.address} does not answer any more, and its workers end with it: start them again" in err
    )
    assert not target.exists()
    with local_cluster(tmp_path / "second", workers=2) as found:
        assert shares_of(EDGES, scene, target, scheduler=found.address)[0] > 0
    assert target.read_bytes() == one.read_bytes()
    assert not journal.parent.exists()


def test_a_worker_with_another_cnnviz_is_named_before_anything_is_computed(tmp_path, scene):
    old = other_cnnviz(tmp_path / "old", "__init__.py", f'"{__version__}"', '"0.0.9"')
    bare = other_cnnviz(tmp_path / "bare", "reading.py", "import rasterio\n", "import no_rasterio\n")
    shares = []
    with local_cluster(tmp_path / "cluster", workers=1) as found:
        how = {"scheduler": found.address, "on_progress": shares.append}
        worker = found.add_worker(package=old)
        wait_for_workers(found, 2)
        with pytest.raises(
            ProcessError, match=rf"^worker tcp://127\S+ has cnnviz 0\.0\.9, not {__version__}: give all"
        ):
            run_scene(EDGES, scene, tmp_path / "out.tif", **how)
        worker.kill()
        wait_for_workers(found, 1)
        found.add_worker(package=bare)
        wait_for_workers(found, 2)
        with pytest.raises(
            ProcessError, match=r"^worker \S+ has no cnnviz \S+, or not all .*No module named 'no_rasterio'"
        ):
            run_scene(EDGES, scene, tmp_path / "out.tif", **how)
    assert shares == []


def test_a_worker_with_another_cnnviz_that_comes_late_is_named(tmp_path, scene):
    old = other_cnnviz(tmp_path / "old", "__init__.py", f'"{__version__}"', '"0.0.9"')
    late = []
    with local_cluster(tmp_path / "cluster", workers=1) as found:

        def change_workers(share):
            if not late:
                late.append(found.add_worker(package=old))
                wait_for_workers(found, 2)
                found.processes[1].kill()

        with pytest.raises(ProcessError, match=rf"^worker \S+ has cnnviz 0\.0\.9, not {__version__}: give all"):
            run_scene(EDGES, scene, tmp_path / "out.tif", scheduler=found.address, on_progress=change_workers)
    assert not (tmp_path / "out.tif").exists()


# Folders that are not shared

ELSEWHERE = ("unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"')


@pytest.fixture
def apart(tmp_path):
    """Two folders, ``shared`` and ``own``, and a cluster whose only worker sees nothing of ours in the second."""
    for name in ("shared", "own"):
        (tmp_path / name).mkdir()
    if (
        shutil.which("unshare") is None
        or subprocess.run([*ELSEWHERE, tmp_path, "true"], check=False, stderr=-3).returncode
    ):
        pytest.skip("this system lets nobody give a process mounts of its own")
    with local_cluster(tmp_path / "cluster", workers=1, before=[*ELSEWHERE, str(tmp_path / "own")]) as found:
        yield found


UNSEEN = "input and output must lie where all machines find them under the same path"
APART = {
    "output": ("shared", "own/out.tif", rf"worker \S+ does not see the output's folder: {UNSEEN}"),
    "output in tiles": ("shared", "own/out.vrt", rf"worker \S+ does not see the output's folder: {UNSEEN}"),
    "output of many": (
        "shared",
        "own",
        r"a worker has finished s\.tif, but it is not to be seen here: the output must lie in",
    ),
    "input": ("own", "shared/out.tif", rf"worker \S+ does not see s\.tif: {UNSEEN}"),
    "input of many": ("own", "shared", rf"worker \S+ does not see s\.tif: {UNSEEN}"),
}


@pytest.mark.parametrize(("source", "target", "message"), APART.values(), ids=APART)
def test_folders_that_a_worker_does_not_share_are_one_line(tmp_path, apart, capsys, source, target, message):
    scene = raster(tmp_path / source / "s.tif", ramp(300, 200, 3), **TILED)
    (tmp_path / "recipe.json").write_text(EDGES.to_json())
    words = (tmp_path / "recipe.json", scene, tmp_path / target, "--scheduler", apart.address)
    assert main(["run", *map(str, words)]) == 2
    assert re.fullmatch(rf"python -m cnnviz: {message}.*\n", capsys.readouterr().err)
    assert [path.name for folder in ("shared", "own") for path in (tmp_path / folder).iterdir()] == ["s.tif"]


# Tiles that stay, and a VRT


def in_gdal(vrt, *, size=None):
    """Pixels of a VRT as GDAL itself shows them, in a process where its drivers are on."""
    program = (
        "import sys, numpy, rasterio\n"
        "with rasterio.open(sys.argv[1]) as d:\n"
        "    size = int(sys.argv[3])\n"
        "    numpy.savez(sys.argv[2], pixels=d.read(out_shape=(d.count, size, size)) if size else d.read(),"
        " place=d.transform[:6], names=d.descriptions, crs=d.crs.to_string(), views=d.overviews(1),"
        " source=d.tags()['CNNVIZ_SOURCE'])"
    )
    target = vrt.with_suffix(".npz")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GDAL", "CPL"))}
    subprocess.run([sys.executable, "-c", program, str(vrt), str(target), str(size or 0)], check=True, env=clean)
    with np.load(target) as found:
        target.unlink()
        return dict(found)


@pytest.mark.parametrize("where", ["cluster", "alone"])
def test_a_vrt_shows_tiles_as_one(tmp_path, scene, cluster, where, monkeypatch):
    monkeypatch.setattr("cnnviz.parts.LARGEST", 512)
    how = {"scheduler": cluster.address} if where == "cluster" else {"workers": 2}
    target = run_scene(EDGES, scene, tmp_path / "out.vrt", **how).target
    tiles = sorted(path.name for path in (tmp_path / "out.tiles").iterdir())
    assert tiles == [f"row{row:06}_col{col:06}.tif" for row in (0, 512) for col in (0, 512)]
    shown = in_gdal(target)
    np.testing.assert_array_equal(np.moveaxis(shown["pixels"], 0, -1), EDGES.apply(open_scene(scene).read().array))
    assert tuple(shown["place"]) == EDGES.transform(open_scene(scene).transform, (1500, 1300))[:6]
    assert (list(shown["names"]), str(shown["crs"])) == (["B03", "B04", "B08"], "EPSG:32633")
    assert (list(shown["views"]), str(shown["source"])) == ([2], "scene.tif")
    with rasterio.open(tmp_path / "out.tiles" / tiles[3]) as last:
        assert last.transform @ (0, 0) == EDGES.transform(open_scene(scene).transform, (1500, 1300)) @ (512, 512)
    assert {path.name for path in tmp_path.iterdir()} == {"scene.tif", "out.vrt", "out.tiles"}


def test_a_tile_tells_how_far_it_is_and_can_be_stopped(tmp_path, scene):
    shares = shares_of(EDGES, scene, tmp_path / "out.vrt", memory="80MB")
    assert len(list((tmp_path / "out.tiles").iterdir())) == 1
    assert max(np.diff(shares)) < 0.35
    before = [share for share in shares if 0 < share < 1]
    assert len(before) > 12

    def stop(share):
        if share >= before[-2]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_scene(EDGES, scene, tmp_path / "other.vrt", memory="80MB", on_progress=stop)
    assert {path.name for path in tmp_path.iterdir()} == {"scene.tif", "out.vrt", "out.tiles"}


def test_tiles_go_on_after_a_kill_and_are_replaced_on_demand_alone(tmp_path, scene, monkeypatch):
    monkeypatch.setattr("cnnviz.parts.LARGEST", 512)
    target = tmp_path / "out.vrt"

    def stop(share):
        if share > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_scene(EDGES, scene, target, on_progress=stop)
    assert {path.name for path in tmp_path.iterdir()} == {"scene.tif", ".out.vrt.run"}
    assert shares_of(EDGES, scene, target)[0] > 0.5
    with pytest.raises(ProcessError, match=r"out\.vrt exists"):
        run_scene(EDGES, scene, target)
    target.unlink()
    with pytest.raises(ProcessError, match=r"out\.tiles exists"):
        run_scene(EDGES, scene, target)
    other = Network([Pool2D(3)])
    run_scene(other, scene, target, overwrite=True)
    np.testing.assert_array_equal(
        np.moveaxis(in_gdal(target)["pixels"], 0, -1), other.apply(open_scene(scene).read().array)
    )
    assert {path.name for path in tmp_path.iterdir()} == {"scene.tif", "out.vrt", "out.tiles"}
