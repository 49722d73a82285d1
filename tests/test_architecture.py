"""The house: which room may lean on which, who owns the heavy libraries, and what a light server never loads."""

import subprocess
import sys

import pytest

from tests.source import PAGES, imports, modules

#: The rooms by floor, from the ground up; each room is its modules in the order in which they lean on each other.
#: A module may import from any floor below and from what stands before it in its own room. New modules go here.
FLOORS = (
    {"errors": ["errors"]},
    {
        "sensors": ["sensor_tables", "band_names", "calibration", "sensors"],
        "kernels": ["grids", "kernels"],
        "convolve": ["padding", "engines", "convolve", "matrix"],
        "statistics": ["statistics"],
        "windows": ["windows"],
        "memory": ["memory"],
        "scores": ["scores"],
        "text": ["text"],
    },
    {
        "layers": [
            "geometry", "weights", "portable", "blocks", "recipe", "shorthand", "keras_plan", "codegen", "layers",
            "presets", "ready", "map_facts", "backward",
        ],
        "scene": [
            "gdal", "headers", "formats", "paths", "reading", "salvage", "ground", "facts", "description", "geotiff",
            "scene", "first_look", "overviews",
        ],
        "render": ["render", "figures"],
        "pooling": ["pooling", "translation"],
        "volume": ["filters", "volume"],
        "walk": ["walk"],
        "chips": ["chips"],
    },
    {
        "samples": [
            "synthetic_noise", "synthetic_materials", "synthetic_land", "synthetic_fields", "synthetic_town",
            "synthetic_cover", "synthetic", "synthetic_file", "samples",
        ],
        "models": [
            "layer_steps", "architecture", "keras_graph", "from_keras", "model_options", "model_graph", "model_files",
            "keras_run", "keras_fields", "keras_reach", "layer_maps", "gradients", "occlusion", "explain", "opened",
            "models",
        ],
        "process": [
            "tiles", "sources", "budget", "reader", "products", "feed", "scratch", "tiff", "packing", "pyramid", "cog",
            "journal", "job", "parts", "cluster", "mosaic", "apart", "process", "estimate", "batch", "land_cover",
        ],
    },
    {
        "datasets": ["idx", "chip_files", "chip_scene", "datasets"],
        "training": [
            "labelled", "plans", "history", "moments", "augment", "engine", "loop", "fitting", "search", "training",
            "shield",
        ],
    },
    {"cli": ["cli_info", "cli_run", "cli", "__main__"], "ui": ["ui"]},
)  # fmt: skip

#: Methods that open a room upstairs, when they are called and not before.
DOORS = {("layers", "models"), ("layers", "codegen")}

#: Who may import a library; the names are rooms.
OWNERS = {
    "rasterio": {"scene", "samples", "process"},
    "distributed": {"process"},
    "keras": {"models", "training", "datasets"},
    "h5py": {"models"},
    "tensorflow": {"models", "training"},
    "sklearn": {"samples", "training", "datasets"},
    "matplotlib": {"render"},
    "streamlit": {"ui"},
    "altair": {"ui"},
}

PLACES = {
    module: (floor, room, step)
    for floor, rooms in enumerate(FLOORS)
    for room, names in rooms.items()
    for step, module in enumerate(names)
}


def place(module):
    """Floor, room and step of a module; everything below ``ui`` is one room."""
    return PLACES[module.split(".")[0]]


def ours(full_name):
    """The module of ours that an imported name belongs to, or ``""``."""
    parts = full_name.split(".")
    if parts[0] != "cnnviz":
        return ""
    known = modules()
    return next((name for end in range(len(parts), 1, -1) if (name := ".".join(parts[1:end])) in known), "")


def may_lean(above, below):
    """Whether module ``above`` may import ``below`` while it is loaded."""
    (floor, room, step), (lower, other, earlier) = place(above), place(below)
    return lower < floor or (room == other and (earlier < step or room == "ui"))


def leanings(module, path, *, inside_functions):
    """Every ``(module, other module of ours)`` that an import of this file makes."""
    return {(module, found) for name in imports(path, inside_functions=inside_functions) if (found := ours(name))}


ROOMS = {name: path for name, path in modules().items() if name}


def test_every_module_has_its_place_and_every_place_its_module():
    assert {name.split(".")[0] for name in ROOMS} == set(PLACES)


@pytest.mark.parametrize("module", ROOMS)
def test_imports_run_one_way(module):
    found = leanings(module, ROOMS[module], inside_functions=False)
    assert [pair for pair in found if not may_lean(*pair)] == []


@pytest.mark.parametrize("module", ROOMS)
def test_imports_inside_functions_run_the_same_way_but_for_the_known_doors(module):
    found = leanings(module, ROOMS[module], inside_functions=True)
    assert [pair for pair in found if not may_lean(*pair) and pair not in DOORS] == []


def test_no_two_modules_import_each_other_in_a_circle():
    below = {name: {b for _, b in leanings(name, path, inside_functions=False)} for name, path in ROOMS.items()}
    while free := {name for name, needs in below.items() if not needs & below.keys()}:
        below = {name: needs for name, needs in below.items() if name not in free}
    assert below == {}


@pytest.mark.parametrize("module", ROOMS)
def test_heavy_libraries_are_imported_by_their_owners_alone(module):
    path, room = ROOMS[module], place(module)[1]
    names = {name.split(".")[0] for inside in (False, True) for name in imports(path, inside_functions=inside)}
    assert {name for name in names & OWNERS.keys() if room not in OWNERS[name]} == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_pages_know_streamlit_and_the_ui_alone(path):
    names = {name for inside in (False, True) for name in imports(path, inside_functions=inside)}
    assert {name for name in names if not name.startswith(("streamlit", "cnnviz.ui."))} == set()


def test_importing_every_room_loads_nothing_heavy():
    names = [f"cnnviz.{module}" for module in ROOMS if module != "__main__"]
    heavy = {"tensorflow", "keras", "h5py", "sklearn", "matplotlib", "pandas", "dask", "distributed"}
    program = f"import sys\nfor name in {names}: __import__(name)\nprint(*sorted(set(sys.modules) & {heavy}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.returncode) == ([], 0), done.stderr
