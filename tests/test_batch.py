"""Many scenes with one command: a line for each, those that are there already left out, whole scenes on a cluster."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio

from cnnviz.batch import targets
from cnnviz.cli import main
from cnnviz.errors import ProcessError
from cnnviz.layers import Activation, Conv2D, Network, Pool2D
from cnnviz.process import run_scene
from cnnviz.recipe import MAX_TEXT
from cnnviz.scene import open_scene
from tests.clusters import local_cluster
from tests.factory import ramp, raster

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own, on saving
NETWORK = Network([Conv2D("sobel_vertical", padding="same"), Activation("relu")], name="edges")


@pytest.fixture
def place(tmp_path):
    """Folder with a recipe, four scenes in ``scenes``, and a folder ``maps``."""
    (tmp_path / "recipe.json").write_text(NETWORK.to_json())
    for folder in ("scenes", "maps"):
        (tmp_path / folder).mkdir()
    for seed in range(4):
        raster(
            tmp_path / "scenes" / f"s{seed}.tif", ramp(120, 90, 2, seed=seed), tiled=True, blockxsize=64, blockysize=64
        )
    return tmp_path


def run(place, *options, scenes="scenes/*.tif"):
    return main(["run", str(place / "recipe.json"), str(place / scenes), str(place / "maps"), *options])


def check(place, seed):
    with rasterio.open(place / "maps" / f"s{seed}.tif") as dataset:
        found = np.moveaxis(dataset.read(), 0, -1)
    np.testing.assert_array_equal(found, NETWORK.apply(open_scene(place / "scenes" / f"s{seed}.tif").read().array))


def test_a_folder_gets_a_file_for_each_scene(place, capsys):
    assert run(place) == 0
    out, err = capsys.readouterr()
    assert [line.split(",")[0] for line in out.splitlines()] == [f"s{n}.tif → s{n}.tif: 120 × 90 × 2" for n in range(4)]
    assert err == ""
    for seed in range(4):
        check(place, seed)
    assert len(list((place / "maps").iterdir())) == 4


def test_what_is_there_is_left_and_what_is_missing_is_made(place, capsys):
    (place / "maps" / "s2.tif").write_bytes(b"precious")
    assert run(place) == 2
    line = capsys.readouterr().err
    assert "1 of 4 scenes could not be run (s2.tif): s2.tif exists" in line
    assert line.count("\n") == 1
    (place / "maps" / "s2.tif").unlink()
    before = (place / "maps" / "s1.tif").stat().st_mtime_ns
    assert run(place) == 0
    assert capsys.readouterr().out.count("is there already") == 3
    assert (place / "maps" / "s1.tif").stat().st_mtime_ns == before
    check(place, 2)
    (place / "recipe.json").write_text(Network([Activation("tanh")]).to_json())
    assert run(place) == 2
    assert "4 of 4 scenes could not be run (s0.tif, s1.tif, s2.tif …)" in capsys.readouterr().err
    assert run(place, "--overwrite") == 0


def test_recipes_of_any_length_are_read_kept_whole_and_known_again(place, capsys):
    weights = np.random.default_rng(0).normal(size=(1, 1, 600, 600))
    wide = Network([Pool2D(40), Conv2D(np.ones((1, 1, 2, 600))), Conv2D(weights), Conv2D(np.ones((1, 1, 600, 1)))])
    recipe = wide.to_json(longest=None)
    assert len(recipe) > MAX_TEXT
    (place / "recipe.json").write_text(recipe)
    assert run(place) == 0
    with rasterio.open(place / "maps" / "s0.tif") as dataset:
        tags = dataset.tags()
    made = Network.from_json(tags["CNNVIZ_RECIPE"], longest=None)
    assert (made.layers, made.bands) == (wide.layers, ("band 1", "band 2"))
    assert run(place) == 0
    assert capsys.readouterr().out.count("is there already") == 4
    assert open_scene(place / "maps" / "s0.tif").shape == (3, 2, 1)


def test_an_estimate_of_many_writes_nothing(place, capsys):
    assert run(place, "--estimate") == 0
    assert capsys.readouterr().out.count("about 0 s with") == 4
    assert list((place / "maps").iterdir()) == []


@pytest.mark.parametrize(
    ("scenes", "message"), [("scenes/q*.tif", r"q\*\.tif matches no file"), ("scenes/**/x[12]", "matches no file")]
)
def test_patterns_that_match_nothing_are_one_line(place, capsys, scenes, message):
    assert run(place, scenes=scenes) == 2
    assert message.replace("\\", "") in capsys.readouterr().err


def test_scenes_of_the_same_name_are_refused():
    with pytest.raises(ProcessError, match=r"s\.tif and s\.jp2 would both be written to s\.tif"):
        targets(["a/s.tif", "b/s.jp2"], Path("maps"))


def test_patterns_may_name_the_bands_of_one_scene(place):
    names = ("recipe.json", "scenes/s[01].tif", "out.tif")
    for seed in (0, 1):
        raster(place / "scenes" / f"s{seed}.tif", ramp(50, 40, seed=seed))
    assert main(["run", *(str(place / name) for name in names)]) == 0
    with rasterio.open(place / "out.tif") as dataset:
        assert dataset.descriptions == ("s0", "s1")


def test_a_cluster_takes_whole_scenes(place, capsys, tmp_path_factory):
    (place / "scenes" / "s9.tif").write_text("no raster")
    with local_cluster(tmp_path_factory.mktemp("cluster"), workers=2) as found:
        assert run(place, "--scheduler", found.address) == 2
        out, err = capsys.readouterr()
        assert out.count("120 × 90 × 2") == 4
        assert err.startswith("python -m cnnviz: 1 of 5 scenes could not be run (s9.tif): s9.tif is not a GeoTIFF")
        for seed in range(4):
            check(place, seed)
        shutil.rmtree(place / "maps")
        (place / "maps").mkdir()
        assert run(place, "--scheduler", found.address, scenes="scenes/s1.tif") == 0
    check(place, 1)


# Keras models


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    import keras

    from cnnviz.models import save_model

    keras.utils.set_random_seed(1)
    layers = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.MaxPooling2D(2), keras.layers.Conv2D(2, 3)]
    built = keras.Sequential([keras.Input((20, 20, 2)), keras.layers.Rescaling(0.01), *layers])
    path = tmp_path_factory.mktemp("model") / "model.keras"
    save_model(built, path)
    return built, path


def test_a_keras_model_runs_over_a_scene(place, model, capsys):
    import keras

    built, path = model
    source = place / "scenes" / "s0.tif"
    assert main(["run", str(path), str(source), str(place / "out.tif")]) == 0
    assert capsys.readouterr().err == ""
    with rasterio.open(place / "out.tif") as dataset:
        found = np.moveaxis(dataset.read(), 0, -1)
    image = open_scene(source).read().array
    expected = keras.ops.convert_to_numpy(built(image[None, 40:60, 30:50]))[0]
    np.testing.assert_allclose(found[20:27, 15:22], expected, rtol=1e-4, atol=1e-5)
    run_scene(built, source, place / "same.tif")
    assert (place / "same.tif").read_bytes() == (place / "out.tif").read_bytes()


def test_bands_are_picked_for_a_model(place, model, capsys):
    image = ramp(60, 50, 3)
    raster(place / "scenes" / "s0.tif", image, descriptions=("B03", "B04", "B08"))
    names = [str(model[1]), str(place / "scenes" / "s0.tif"), str(place / "out.tif")]
    assert main(["run", *names]) == 2
    assert "received 3 bands" in capsys.readouterr().err
    assert main(["run", *names, "--bands", "B08, B03"]) == 0
    with rasterio.open(place / "out.tif") as dataset:
        found = np.moveaxis(dataset.read(), 0, -1)
    expected = Network.from_keras(model[0]).apply(image[..., [2, 0]].astype(np.float32))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("content", [None, b"no zip"])
def test_models_that_cannot_be_read_are_one_line(place, capsys, content):
    path = place / "model.keras"
    if content is not None:
        path.write_bytes(content)
    assert main(["run", str(path), str(place / "scenes" / "s0.tif"), str(place / "out.tif")]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert not (place / "out.tif").exists()
