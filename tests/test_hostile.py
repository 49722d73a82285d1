"""Damaged bytes: every file opens and reads, or says in one sentence that it does not."""

import subprocess
import sys
from pathlib import Path

import pytest
import rasterio.shutil

from cnnviz.reading import quiet
from tests.factory import ramp, raster

ROUNDS = 300

_FUZZ = """
import random, resource, sys, warnings
from pathlib import Path
from cnnviz.errors import CnnvizError
from cnnviz.scene import open_scene

warnings.simplefilter("error")
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30,) * 2)
source, rounds = Path(sys.argv[1]), int(sys.argv[2])
good = source.read_bytes()
damaged = source.with_name(f"damaged{source.suffix}")
dice = random.Random(source.name)
ended = {"well": 0, "refused": 0}
for _ in range(rounds):
    data = bytearray(good)
    for _ in range(dice.choice((1, 2, 4, 16))):
        place = dice.randrange(min(len(data), dice.choice((64, 400, len(data)))))
        data[place] = dice.choice((dice.randrange(256), 0, 255, data[place] ^ (1 << dice.randrange(8))))
    if dice.random() < 0.25:
        del data[dice.randrange(len(data)) :]
    damaged.write_bytes(data)
    try:
        scene = open_scene(damaged)
        scene.describe().as_dict()
        scene.read(max_size=16)
        scene.read((0, 0, 32, 32))
        ended["well"] += 1
    except CnnvizError as error:
        assert "\\n" not in str(error) and str(source.parent) not in str(error), error
        ended["refused"] += 1
assert ended["refused"], ended
print("each ended well or was refused")
"""

SEEDS = {
    "tiles.tif": {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate", "nodata": 0},
    "strips.tif": {"compress": "lzw", "interleave": "pixel", "overviews": (2,), "bigtiff": "YES"},
    "jpeg.tif": {"compress": "jpeg", "tiled": True, "blockxsize": 16, "blockysize": 16},
    "picture.jp2": "JP2OpenJPEG",
    "picture.jpg": "JPEG",
    "picture.png": "PNG",
}


@pytest.mark.skipif(sys.platform == "win32", reason="limits memory as Unix does")
@pytest.mark.parametrize("name", sorted(SEEDS))
def test_damaged_bytes_never_surprise(name, tmp_path):
    how = SEEDS[name]
    if isinstance(how, dict):
        seed = raster(tmp_path / name, ramp(48, 40, 3, "uint8"), **how)
    else:
        seed = tmp_path / name
        plain = raster(tmp_path / "plain.tif", ramp(48, 40, 3, "uint8"))
        with quiet():
            rasterio.shutil.copy(plain, seed, driver=how)
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", _FUZZ, str(seed), str(ROUNDS)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)
    assert done.stdout == "each ended well or was refused\n", done.stderr[-2000:]
