"""What a run computes: a network that fits its imagery. It travels to other machines, and says what its result is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

from cnnviz import __version__
from cnnviz.blocks import Shape
from cnnviz.journal import fingerprint
from cnnviz.layers import Network
from cnnviz.scratch import Labels
from cnnviz.sources import Imagery

# Nanoseconds for a number that is read, a product, and a number that is written: rough, for the shares of a run.
_READ, _PRODUCT, _WRITTEN = 6.0, 0.1, 22.0


@dataclass(frozen=True)
class Job:
    """A network that fits its imagery, and what is asked of the run."""

    network: Network
    imagery: Imagery
    skip_bad_blocks: bool = False

    @property
    def shape(self) -> Shape:
        """Rows, columns and maps of the result."""
        return self.network.output_shape(self.imagery.shape)

    @property
    def labels(self) -> Labels:
        """What the result says about itself."""
        return Labels(
            self.imagery.crs,
            self.network.transform(self.imagery.transform, self.imagery.shape),
            self.network.labels(self.imagery.shape[2])[-1],
            {
                "TIFFTAG_SOFTWARE": f"cnnviz {__version__}",
                "CNNVIZ_VERSION": __version__,
                "CNNVIZ_RECIPE": _recipe(self.network),
                "CNNVIZ_SOURCE": self.imagery.name,
                **self.imagery.remarks,
            },
        )

    @property
    def word(self) -> str:
        """Fingerprint of what is computed; not of how: memory and workers may change between runs."""
        return fingerprint(
            {
                "tags": self.labels.tags,
                "bands": self.imagery.band_names,
                "source": self.imagery.key,
                "skip": self.skip_bad_blocks,
            }
        )

    def writing_share(self, computing: int = 1, writing: int = 1) -> float:
        """About how much of a run turns pixels into the final file, 0…1, with so many cores for either."""
        written = prod(self.shape) * _WRITTEN * 1e-9 / writing
        return written / (self.seconds() / computing + written)

    def seconds(self, *, reads: float = 1.0) -> float:
        """About how long one core reads, each pixel so many times, and computes."""
        products = sum(self.network.multiply_adds(self.imagery.shape))
        return (prod(self.imagery.shape) * reads * _READ + products * _PRODUCT) * 1e-9


@lru_cache(maxsize=4)
def _recipe(network: Network) -> str:
    """The whole recipe: a result says how it came about, however many weights that takes."""
    return network.to_json(longest=None)


def fitted(network: Network, imagery: Imagery, *, skip_bad_blocks: bool = False) -> Job:
    """A network with the imagery's band names. Raises CnnvizError where they do not fit together."""
    network.output_shape(imagery.shape)
    return Job(Network(network.layers, bands=imagery.band_names, name=network.name), imagery, skip_bad_blocks)
