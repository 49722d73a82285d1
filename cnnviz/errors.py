"""What can go wrong, as one small tree.

::

    CnnvizError (ValueError)
    ├── GeometryError     sizes, padding, stride or bands that do not fit together
    ├── KernelError       a kernel that is not a grid of finite numbers
    ├── SceneError        a raster that cannot be opened, read or placed
    │   ├── UnsafeError   a file or path that is refused before it is read
    │   └── DamagedError  pixels that cannot be read, in a file that can be opened
    ├── RecipeError       a recipe, link or setting that says something impossible
    ├── DataError         a data set that cannot be learned from
    ├── ModelError        a model that cannot be built, read or run
    │   └── DivergedError a training whose loss is no number any more
    └── ProcessError      a run over a whole scene that cannot start or go on

Every message says what was received, what is expected, and what to do. They are safe to show to a visitor:
no message carries a path of the server other than the name that the visitor gave.
"""


class CnnvizError(ValueError):
    """Base of every error that a user's input can cause."""


class GeometryError(CnnvizError):
    """Sizes, padding, stride or bands that do not fit together."""


class KernelError(CnnvizError):
    """A kernel that is not a grid of finite numbers of an allowed size."""


class SceneError(CnnvizError):
    """A raster that cannot be opened, read or placed."""


class UnsafeError(SceneError):
    """A file or path that is refused before it is read."""


class DamagedError(SceneError):
    """Pixels that cannot be read, in a file that can be opened."""


class RecipeError(CnnvizError):
    """A recipe, link or setting that says something impossible."""


class DataError(CnnvizError):
    """A data set that cannot be learned from."""


class ModelError(CnnvizError):
    """A model that cannot be built, read or run."""


class DivergedError(ModelError):
    """A training whose loss is no number any more."""


class ProcessError(CnnvizError):
    """A run over a whole scene that cannot start or go on."""
