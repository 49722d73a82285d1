"""Make the embedded sample scene and its labels again: ``python -m data.make_sample``, in the folder above."""

from pathlib import Path

from cnnviz.synthetic_file import write_sample

FOLDER = Path(__file__).parent


def main() -> None:
    """Write both files beside this script."""
    scene, labels = FOLDER / "sentinel2.tif", FOLDER / "sentinel2_labels.tif"
    write_sample(scene, labels=labels, overwrite=True)
    for file in (scene, labels):
        print(f"{file.name}: {file.stat().st_size / 2**20:.2f} MB")


if __name__ == "__main__":
    main()
