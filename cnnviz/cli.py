"""The command line: ``python -m cnnviz COMMAND``.

Exit code 0, or 2 with one line on standard error that says what was got, what is expected and what to do.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn

from cnnviz import cli_info, cli_run
from cnnviz.errors import CnnvizError
from cnnviz.synthetic import DEFAULT_SEED
from cnnviz.synthetic_file import write_sample

_PROGRAM = "python -m cnnviz"
_FAILED = 2


class _Parser(argparse.ArgumentParser):
    """Argparse, but with its complaints on one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(_FAILED, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, or 2 after one line on standard error."""
    given = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], None] = given.command
    try:
        command(given)
    except CnnvizError as error:
        return _complain(str(error))
    except OSError as error:  # a path that the system does not let us look at
        name = Path(error.filename).name if isinstance(error.filename, str | PathLike) else "input or output"
        return _complain(f"{name:.80}: {error.strerror or error}; check the path, and who may read and write there")
    except KeyboardInterrupt:
        return _complain("stopped before it was done; no file was left behind")
    return 0


def _complain(message: str) -> int:
    print(f"{_PROGRAM}: {' '.join(message.split())}", file=sys.stderr)
    return _FAILED


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=_PROGRAM, description="Convolutional networks on remote-sensing images.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    cli_info.add_arguments(
        _add_command(commands, "info", cli_info.info, about=cli_info.ABOUT, example=cli_info.EXAMPLE)
    )
    _add_sample(commands)
    cli_run.add_arguments(_add_command(commands, "run", cli_run.run, about=cli_run.ABOUT, example=cli_run.EXAMPLE))
    return parser


def _add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], None], *, about: str, example: str
) -> argparse.ArgumentParser:
    """Add a command whose help ends with an example that works as typed."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=about,
        description=f"{about[0].upper()}{about[1:]}.",
        epilog=f"example:\n  {_PROGRAM} {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=run)
    return parser


def _add_sample(commands: Any) -> None:
    parser = _add_command(
        commands,
        "sample",
        _sample,
        about="write a synthetic Sentinel-2 scene of any size",
        example="sample scene.tif --rows 2048 --cols 3072 --seed 7 --labels classes.tif",
    )
    parser.add_argument("out", metavar="OUT.tif", help="the GeoTIFF to write: 13 bands, uint16")
    parser.add_argument("--rows", type=int, default=512, metavar="N", help="rows of 10 m (default: 512)")
    parser.add_argument("--cols", type=int, default=512, metavar="N", help="columns of 10 m (default: 512)")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, metavar="N", help="another seed, another world")
    parser.add_argument("--labels", metavar="CLASSES.tif", help="also write the land cover, 8 classes, uint8")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")


def _sample(given: argparse.Namespace) -> None:
    shown = _show_progress if sys.stderr.isatty() else None
    write_sample(
        given.out,
        size=(given.rows, given.cols),
        seed=given.seed,
        labels=given.labels,
        overwrite=given.overwrite,
        on_progress=shown,
    )


def _show_progress(share: float) -> None:
    print(f"\r{share:5.0%}", end="\n" if share >= 1 else "", file=sys.stderr, flush=True)
