"""Other machines: a dask.distributed cluster that makes parts of a run, or whole runs.

Machines find the files under the same paths; only orders and answers go through the network. distributed unpacks them
with pickle: a scheduler belongs on a private network, among machines that trust each other.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pkgutil import resolve_name
from queue import Empty, SimpleQueue
from socket import gethostname
from typing import Any, Protocol, TypeVar

from cnnviz import __version__
from cnnviz.errors import CnnvizError, ProcessError

Order = TypeVar("Order")
Item = TypeVar("Item")
Answer = TypeVar("Answer")
Tell = Callable[[float], None]
Work = Callable[[Order, Item, Tell], Answer]

_ANSWERS = 10.0  # seconds in which a scheduler answers
_SILENT = 30.0  # seconds after which a scheduler that has answered before is given up
_HIRES = 30.0  # seconds without a single worker, which may be starting anew, before a run gives up
_POLL = 0.5
_AHEAD = 2  # parts at hand for each thread
_TOPMOST = "cnnviz.batch:__version__"  # the module that needs all others that a worker runs


class Hands(Protocol):
    """Whoever does the work, piece by piece."""

    @property
    def threads(self) -> int:
        """How many pieces are worked on at one time."""

    def spread(
        self, work: Work[Order, Item, Answer], order: Order, items: Iterable[Item], wait: Tell
    ) -> Iterator[tuple[Item, Answer]]:
        """Do ``work(order, item, tell)`` for every item; yield each with its answer as it is done, in any order.

        ``wait`` is called now and then, with the share that is done of an item, 0…1, where only one is under way; what
        it raises ends the work. Raises what ``work`` raises, and ProcessError.
        """


class Alone:
    """The own process, which does one piece after the other."""

    threads = 1

    def spread(
        self, work: Work[Order, Item, Answer], order: Order, items: Iterable[Item], wait: Tell
    ) -> Iterator[tuple[Item, Answer]]:
        """See :meth:`Hands.spread`."""
        for item in items:
            wait(0.0)
            yield item, work(order, item, wait)


@dataclass
class Crew:
    """The workers of a scheduler that has answered."""

    client: Any
    address: str
    _seen: float = field(default_factory=time.monotonic)

    @property
    def threads(self) -> int:
        """Threads of all workers."""
        return sum(self._threads().values())

    @property
    def workers(self) -> int:
        """Worker processes."""
        return len(self._threads())

    @property
    def broadest(self) -> int:
        """Threads of the worker process that has most of them."""
        return max(self._threads().values(), default=1)

    def _threads(self) -> dict[str, int]:
        """Threads of each worker process. Raises ProcessError where the scheduler does not answer."""
        try:
            found: dict[str, int] = self.client.nthreads(callback_timeout=_SILENT)
        except Exception as error:
            raise self._lost() from error
        return found

    def spread(
        self, work: Work[Order, Item, Answer], order: Order, items: Iterable[Item], wait: Tell
    ) -> Iterator[tuple[Item, Answer]]:
        """See :meth:`Hands.spread`. Where a worker is lost, others do its items again."""
        done: SimpleQueue[Any] = SimpleQueue()
        shared, queue = self.client.submit(_same, order, pure=False), iter(items)
        running: dict[Any, Item] = {}
        try:
            while True:
                for item in islice(queue, max(_AHEAD * self._crew_size() - len(running), 0)):
                    future = self.client.submit(_tried, work, shared, item, __version__, pure=False)
                    running[future] = item
                    future.add_done_callback(done.put)
                if not running:
                    return
                future = self._next(done, wait)
                yield running.pop(future), self._answer(future)
        finally:
            self._drop([*running, shared])

    def _crew_size(self) -> int:
        """Threads that there are now, one at least. Raises ProcessError where all workers are gone for long."""
        threads, now = self.threads, time.monotonic()
        if threads:
            self._seen = now
        elif now - self._seen > _HIRES:
            raise ProcessError(
                f"all workers of {self.address} are gone: start some (dask worker {self.address}), then the same "
                "command again"
            )
        return max(threads, 1)

    def _next(self, done: SimpleQueue[Any], wait: Tell) -> Any:
        while True:
            wait(0.0)
            try:
                return done.get(timeout=_POLL)
            except Empty:
                self._crew_size()

    def _answer(self, future: Any) -> Any:
        """Return what a worker answered; raise what it raised."""
        from distributed import KilledWorker

        if future.status == "cancelled":
            raise self._lost()
        try:
            answer = future.result()
        except KilledWorker:
            raise ProcessError(
                f"several workers of {self.address} ended one after the other over the same part: give them more "
                "memory, or this run less (--memory)"
            ) from None
        except Exception as error:
            raise ProcessError(f"a worker of {self.address} failed: {_one_line(error)}; see its log") from error
        if isinstance(answer, _Refusal):
            raise answer.kind(answer.text)
        return answer

    def _lost(self) -> ProcessError:
        return ProcessError(
            f"the scheduler {self.address} does not answer any more, and its workers end with it: start them again, "
            "then the same command again"
        )

    def _drop(self, futures: list[Any]) -> None:
        if self.client.status == "running":
            self.client.cancel(futures, force=True)


@dataclass(frozen=True)
class _Refusal:
    """An error of ours: as an exception it would travel with its causes, which do not travel."""

    kind: type[CnnvizError]
    text: str


def _tried(work: Work[Order, Item, Answer], order: Order, item: Item, version: str) -> Answer | _Refusal:
    if version != __version__:
        return _Refusal(ProcessError, _differs(gethostname(), version, __version__))
    try:
        return work(order, item, lambda share: None)
    except CnnvizError as error:
        return _Refusal(type(error), str(error))


def _same(order: Order) -> Order:
    return order


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}{': ' if text else ''}{text:.200}"


@contextmanager
def connected(address: str) -> Iterator[Crew]:
    """Give the workers of the scheduler at ``address``, such as ``tcp://10.0.0.5:8786``. Raises ProcessError."""
    try:
        from distributed import Client
    except ImportError:
        raise ProcessError("many machines need dask's distributed: pip install distributed") from None
    _check_address(address)
    with _hushed():
        try:
            _knock(address)
            client: Any = Client(address, timeout=_ANSWERS, set_as_default=False)  # type: ignore[no-untyped-call]
        except Exception as error:  # whoever listens there may answer anything
            raise ProcessError(
                f"no scheduler answers at {address!r:.80} within {_ANSWERS:.0f} s ({_one_line(error):.120}): "
                "check the address, such as tcp://10.0.0.5:8786, and that dask scheduler runs there"
            ) from None
        try:
            _await_workers(client, address)
            _check_workers(client)
            yield Crew(client, address)
        finally:
            client.close(timeout=_ANSWERS)


def _check_address(address: str) -> None:
    from distributed.comm.addressing import get_address_host_port

    try:
        get_address_host_port(address)
    except ValueError:
        raise ProcessError(
            f"received the scheduler {address!r:.80}: an address such as tcp://10.0.0.5:8786 is expected"
        ) from None


def _knock(address: str) -> None:
    """Raise unless something that speaks as distributed does answers in time: its client waits for that for ever."""
    from distributed.comm.core import connect
    from distributed.security import Security

    async def talk() -> None:
        how: Any = Security().get_connection_args("client")  # type: ignore[no-untyped-call]
        meeting: Any = connect(address, timeout=_ANSWERS, **how)  # type: ignore[no-untyped-call]
        comm = await asyncio.wait_for(meeting, _ANSWERS)
        await comm.close()

    # On a thread of its own: a notebook has an event loop on this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, talk()).result()


def _await_workers(client: Any, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=_ANSWERS)
    except TimeoutError:
        raise ProcessError(
            f"the scheduler {address} has no workers: start some on each machine (dask worker {address})"
        ) from None


def _check_workers(client: Any) -> None:
    """Raise where a worker that is there could not run what is sent; those that come later are asked with each part."""
    for worker, found in client.run(resolve_name, _TOPMOST, on_error="return").items():
        if isinstance(found, Exception):
            if not isinstance(found, OSError):  # which says that it has just gone
                raise ProcessError(_differs(worker, f"{__version__}, or not all that it needs ({_one_line(found)})"))
        elif found != __version__:
            raise ProcessError(_differs(worker, __version__, found))


def _differs(worker: str, wanted: str, found: str = "") -> str:
    return (
        f"worker {worker} has {f'cnnviz {found}, not' if found else 'no cnnviz'} {wanted}: give all machines the same"
    )


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep distributed's own log off the terminal: what matters to a run is told by the run."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in ("distributed", "tornado")]
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
