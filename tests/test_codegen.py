import subprocess
import sys

import numpy as np
import pytest

from cnnviz.errors import ModelError, RecipeError
from cnnviz.layers import Activation, Conv2D, Network, Pool2D
from cnnviz.padding import resolve_padding
from cnnviz.portable import same_padding
from tests.random_networks import BORDERS, random_network


def ran(code, image):
    """What the script's own function makes of an image."""
    script = {}
    exec(compile(code, "script", "exec"), script)
    return script["run"](image)


def assert_same(found, expected):
    assert found.dtype == expected.dtype == np.float32
    largest = np.nanmax(np.abs(expected), initial=1e-3)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * largest)


@pytest.mark.parametrize("seed", range(10))
def test_numpy_code_gives_the_same_numbers_for_fifty_random_networks(seed):
    rng = np.random.default_rng(seed)
    for _ in range(50):
        network, image = random_network(rng, borders=BORDERS)
        image[rng.random(image.shape) < 0.01] = np.nan
        assert_same(ran(network.to_code("numpy"), image), network.apply(image))


def test_keras_code_gives_the_same_numbers_for_random_networks():
    pytest.importorskip("keras")
    rng = np.random.default_rng(0)
    for _ in range(150):
        network, image = random_network(rng)
        assert_same(ran(network.to_code("keras"), image), network.apply(image))


@pytest.mark.parametrize("shape", [(9, 8), (9, 8, 1)])
@pytest.mark.parametrize("target", ["numpy", "keras"])
def test_code_takes_one_band_with_or_without_its_axis(target, shape):
    network = Network([Conv2D("sobel_vertical", padding="same"), Pool2D(2)])
    image = np.arange(72, dtype=np.uint16).reshape(shape)
    assert_same(ran(network.to_code(target), image), network.apply(image))


def test_code_runs_where_cnnviz_is_not(tmp_path):
    network = Network([Conv2D(np.ones((2, 2, 3, 2)), [1, 2], padding="full", border="wrap"), Pool2D(2)])
    image = np.random.default_rng(1).normal(size=(7, 9, 3)).astype(np.float32)
    np.save(tmp_path / "image.npy", image)
    use = "\nimport sys\nnp.save('maps.npy', run(np.load('image.npy')))\nassert 'cnnviz' not in sys.modules\n"
    (tmp_path / "script.py").write_text(network.to_code("numpy") + use, encoding="utf-8")
    subprocess.run([sys.executable, "-I", "script.py"], cwd=tmp_path, check=True)
    assert_same(np.load(tmp_path / "maps.npy"), network.apply(image))


def test_code_reads_as_a_script():
    network = Network(
        [Conv2D("sobel_vertical", 0.5, padding="same", border="reflect"), Activation("relu")],
        name="edges",
        bands=["B04"],
    )
    code = network.to_code("numpy")
    assert code.startswith("# edges, on B04\n\nimport numpy as np\n")
    assert "    # 1: 3 × 3 Sobel–Feldman, vertical\n    pads = ((1, 1), (1, 1))\n" in code
    assert 'x = np.pad(x, (*pads, (0, 0)), mode="reflect")\n    x = convolve(x, SOBEL_VERTICAL) + 0.5\n' in code
    assert "cnnviz" not in code
    assert "def pool" not in code


def test_keras_code_names_plain_layers():
    network = Network([Conv2D(np.ones((3, 3, 2, 4)), padding="same", stride=2), Activation("relu"), Pool2D(2)])
    code = network.to_code("keras")
    options = 'filters=4, kernel_size=(3, 3), strides=(2, 2), padding="same", use_bias=False, name="conv_1"'
    assert f"conv_1 = layers.Conv2D({options})\n    x = conv_1(x)\n" in code
    assert "conv_1.set_weights([WEIGHTS_1])\n" in code
    assert 'x = layers.ReLU(name="relu_2")(x)' in code
    assert 'x = layers.MaxPooling2D(pool_size=(2, 2), name="pool_3")(x)' in code


@pytest.mark.parametrize("name", ['"""; raise SystemExit', "'; raise SystemExit #", "\\", "# {x}"])
def test_a_name_stays_a_comment(name):
    network = Network([Activation("relu")], name=name, bands=[name])
    for target in ("numpy", "keras"):
        assert ran(network.to_code(target), np.ones((2, 2))).sum() == 4


def test_a_target_that_is_not_known_is_refused():
    with pytest.raises(RecipeError, match="received target 'torch': one of keras, numpy is expected"):
        Network([Activation("relu")]).to_code("torch")


def test_keras_code_refuses_what_keras_cannot_say():
    with pytest.raises(ModelError, match="pad with zeros alone"):
        Network([Conv2D("box_3", padding=1, border="wrap")]).to_code("keras")


def test_the_padding_that_scripts_carry_is_the_one_used_here():
    for size in range(1, 20):
        for kernel, stride, dilation in np.ndindex(6, 4, 3):
            setting = (kernel + 1, stride + 1, dilation + 1)
            pads = resolve_padding("same", (size, size), kernel + 1, stride=stride + 1, dilation=dilation + 1)
            assert same_padding(size, *setting) == pads[0]
