"""Land cover over scenes: the same classes as the network in memory, in the right place, and counts by brute force."""

import json

import numpy as np
import pytest
import rasterio
from affine import Affine

from cnnviz.errors import ProcessError
from cnnviz.land_cover import NODATA, Legend, agreement, land_cover, scaled
from cnnviz.layers import Activation, Conv2D, Network, Pool2D
from cnnviz.process import Options
from cnnviz.reading import quiet
from tests.factory import PLACE, raster

NAMES = ("water", "forest", "town")
LEGEND = Legend(NAMES, ((0, 0, 255), (0, 128, 0), (255, 0, 0)))


def classifier(rng, *, end=()):
    """A small network as of a model for chips of 8 × 8: jump 2, three classes."""
    layers = [
        Conv2D(rng.normal(size=(3, 3, 2, 4)), rng.normal(size=4)),
        Activation("relu"),
        Pool2D(2),
        Conv2D(rng.normal(size=(3, 3, 4, 3)) * 0.1, rng.normal(size=3)),
    ]
    return Network([*layers, *end])


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def scene(tmp_path, rng):
    image = rng.integers(0, 10_000, (700, 1100, 2)).astype(np.uint16)
    image[100:120, 200:230] = 65535
    return raster(tmp_path / "scene.tif", image, nodata=65535)


def read(path):
    with quiet(), rasterio.open(path) as dataset:
        return dataset.read(1), dataset.transform, dataset.profile


def expected(network, scene):
    with quiet(), rasterio.open(scene) as dataset:
        pixels = np.moveaxis(dataset.read(), 0, -1).astype(np.float32)
    pixels[pixels == 65535] = np.nan
    return network.apply(pixels)


@pytest.mark.parametrize("end", [(), (Activation("softmax"),)])
def test_the_map_is_the_largest_share_of_the_network_in_memory(scene, tmp_path, rng, end):
    network = scaled(classifier(rng, end=end), 1e-4)
    found = land_cover(network, scene, tmp_path / "cover.tif", legend=LEGEND, options=Options(memory="90MB", workers=2))
    shares = expected(network if end else Network([*network.layers, Activation("softmax")]), scene)
    best = np.where(np.isnan(shares).any(axis=2), NODATA, shares.argmax(axis=2))
    classes, transform, profile = read(found.target)
    np.testing.assert_array_equal(classes, best)
    np.testing.assert_allclose(read(found.confidence)[0], shares.max(axis=2), rtol=1e-5)
    assert transform.almost_equals(network.transform(PLACE, (700, 1100)))
    assert (profile["dtype"], profile["nodata"], profile["crs"].to_epsg()) == ("uint8", NODATA, 32633)
    assert found.counts == tuple(int((best == number).sum()) for number in range(3))
    assert (best == NODATA).any()
    assert found.shape == best.shape


def test_the_map_carries_names_and_colours(scene, tmp_path, rng):
    found = land_cover(classifier(rng), scene, tmp_path / "cover.tif", legend=LEGEND)
    with quiet(), rasterio.open(found.target) as dataset:
        assert json.loads(dataset.tags()["CNNVIZ_CLASSES"]) == {"0": "water", "1": "forest", "2": "town"}
        assert dataset.colormap(1)[1] == (0, 128, 0, 255)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cover.tif", "cover_confidence.tif", "scene.tif"]


def test_a_stopped_run_goes_on_and_leaves_no_half_map(scene, tmp_path, rng):
    network, target = classifier(rng), tmp_path / "cover.tif"
    options = Options(memory="80MB", workers=1)

    def stop(share):
        if share > 0.2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        land_cover(network, scene, target, legend=LEGEND, options=options, on_progress=stop)
    assert not target.exists()
    shares = []
    land_cover(network, scene, target, legend=LEGEND, options=options, on_progress=shares.append)
    assert shares[0] > 0.05
    assert shares == sorted(shares)
    assert shares[-1] == 1
    network = Network([*network.layers, Activation("softmax")])
    kept = read(target)[0]
    np.testing.assert_array_equal(kept[kept != NODATA], expected(network, scene).argmax(axis=2)[kept != NODATA])


def test_agreement_is_counted_where_the_centres_lie(scene, tmp_path, rng):
    found = land_cover(classifier(rng), scene, tmp_path / "cover.tif", legend=LEGEND)
    labels = rng.integers(0, 5, (640, 1100)).astype(np.uint8)
    path = raster(tmp_path / "labels.tif", labels)
    values = {1: 0, 2: 1, 4: 2}
    classes, transform, _ = read(found.target)
    confusion = np.zeros((3, 3), np.int64)
    for row, col in np.ndindex(classes.shape):
        x, y = transform.c + transform.a * (col + 0.5), transform.f + transform.e * (row + 0.5)
        left, top = (x - PLACE.c) / PLACE.a, (y - PLACE.f) / PLACE.e
        if classes[row, col] != NODATA and int(top) < 640 and labels[int(top), int(left)] in values:
            confusion[values[labels[int(top), int(left)]], classes[row, col]] += 1
    np.testing.assert_array_equal(agreement(found.target, path, values), confusion)
    assert confusion.sum() > 50_000


def test_labels_elsewhere_are_refused(scene, tmp_path, rng):
    found = land_cover(classifier(rng), scene, tmp_path / "cover.tif", legend=LEGEND)
    other = raster(tmp_path / "other.tif", np.ones((9, 9), np.uint8), crs="EPSG:4326")
    with pytest.raises(ProcessError, match="different coordinate systems"):
        agreement(found.target, other, {1: 0})
    far = raster(tmp_path / "far.tif", np.ones((9, 9), np.uint8), transform=Affine(10, 0, 9e6, 0, -10, 9e6))
    assert agreement(found.target, far, {1: 0}).sum() == 0


def test_a_network_too_large_for_a_recipe_runs_all_the_same(tmp_path, rng):
    scene = raster(tmp_path / "small.tif", rng.integers(0, 100, (100, 100, 2)).astype(np.uint16))
    large = Network([Conv2D(rng.normal(size=(9, 9, 2, 600))), Pool2D(40), Conv2D(rng.normal(size=(1, 1, 600, 600)))])
    network = Network([*large.layers, Conv2D(rng.normal(size=(1, 1, 600, 3)))])
    found = land_cover(network, scene, tmp_path / "cover.tif", legend=LEGEND)
    assert sum(found.counts) == 4


def test_classes_must_be_as_many_as_maps(scene, tmp_path, rng):
    with pytest.raises(ProcessError, match="3 maps for 2 classes"):
        land_cover(classifier(rng), scene, tmp_path / "cover.tif", legend=Legend(("a", "b")))
    with pytest.raises(ProcessError, match="1 colours for 3 classes"):
        land_cover(classifier(rng), scene, tmp_path / "cover.tif", legend=Legend(NAMES, ((0, 0, 0),)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scene.tif"]
