"""Launches of routines on whole arrays: one function per kind.

A launch says by its `group` which pass it is; -1 is the pass that comes last, or the only one.
"""

from __future__ import annotations

from collections.abc import Callable

from .device_plan import Draft, Launch, Routine

THREADS = 256
BLOCKS = 8  # a processor
TILE = 1024  # positions that one block sorts
RUN = 8  # elements that a thread adds up, of a tile of a sum along an axis
SHORT = 4096  # elements of a row that one warp goes through
LAST = -1


def plan_routine(d: Draft, r: Routine) -> None:
    """Add the launches of a routine to a plan."""
    before = len(d.launches)
    PLANS[r.kind](d, r)
    passes = d.launches[before:]
    d.notes.append(
        f"{r.name}: {r.kind}, {len(passes)} launches of up to {max(x.grid for x in passes)} blocks"
    )


def _start(d: Draft, r: Routine, group: int, blocks: int, shared: int = 0) -> None:
    grid = max(1, min(blocks, d.facts.processors * BLOCKS))
    d.launches.append(Launch(r.name, grid, THREADS, shared, group, r))


def _sequence(d: Draft, r: Routine) -> None:
    """A warp goes through each row."""
    _start(d, r, LAST, -(-d.size(r.batch) * 32 // THREADS))


def _cumsum(d: Draft, r: Routine) -> None:
    """Long rows, where there are few of them, go through blocks in pieces: their sums, what is
    before each piece, sums of first elements."""
    batch, n = d.size(r.batch), d.extents[r.extents[0]]
    if n <= SHORT or batch >= d.facts.processors * BLOCKS:
        return _sequence(d, r)
    tile = THREADS * RUN
    wanted = max(1, d.facts.processors * BLOCKS // batch)
    piece = -(-n // (tile * wanted)) * tile
    pieces = -(-n // piece)
    d.words[r.word] = piece
    ((number, item),) = r.work
    d.buffers[number] = batch * pieces * item
    shared = THREADS * item + tile * item
    _start(d, r, 0, batch * pieces, shared)
    _start(d, r, 1, -(-batch // THREADS))
    _start(d, r, 2, batch * pieces, shared)


def _sort(d: Draft, r: Routine, batch: int, n: int) -> None:
    """Tiles in the memory of a block, then neighbouring runs are merged until one is left."""
    passes = 0
    while TILE << passes < n:
        passes += 1
    d.words[r.word] = passes
    _start(d, r, 0, batch * -(-n // TILE), 2 * 4 * TILE)
    for k in range(passes):
        _start(d, r, k + 1, -(-batch * n // THREADS))


def _argsort(d: Draft, r: Routine) -> None:
    batch, n = d.size(r.batch), d.extents[r.extents[0]]
    ((number, item),) = r.work
    d.buffers[number] = batch * n * item
    _sort(d, r, batch, n)


def _scatter_add(d: Draft, r: Routine) -> None:
    """Positions are sorted, so that each place adds up its own in their order."""
    m, width, rows = (d.extents[k] for k in r.extents)
    for number, item in r.work:
        d.buffers[number] = m * item
    _sort(d, r, 1, m)
    _start(d, r, LAST, -(-d.size(r.batch) * width * rows // THREADS))


def _scatter_last(d: Draft, r: Routine) -> None:
    m, rows = (d.extents[k] for k in r.extents)
    _start(d, r, 0, -(-rows // THREADS))
    _start(d, r, LAST, -(-m // THREADS))


def _matrices(*counts: Callable[..., int]) -> Callable[[Draft, Routine], None]:
    """A block for each matrix, with room to decompose it.

    counts  per array of work, of the extents: how many elements a block needs
    """

    def planned(d: Draft, r: Routine) -> None:
        blocks = min(d.size(r.batch), d.facts.processors * 2)
        extents = [d.extents[k] for k in r.extents]
        for (number, item), count in zip(r.work, counts, strict=True):
            d.buffers[number] = blocks * count(*extents) * item
        _start(d, r, LAST, blocks, 16 * THREADS)

    return planned


def _square(n: int, *_: int) -> int:
    return n * n


def _edge(n: int, *_: int) -> int:
    return n


def _whole(m: int, n: int) -> int:
    return m * n


def _smaller_square(m: int, n: int) -> int:
    return min(m, n) ** 2


PLANS: dict[str, Callable[[Draft, Routine], None]] = {
    "cumsum": _cumsum,
    "cumprod": _sequence,
    "recurrence": _sequence,
    "argsort": _argsort,
    "scatter_add": _scatter_add,
    "scatter_last": _scatter_last,
    **dict.fromkeys(("cholesky", "solve_triangular"), _matrices()),
    **dict.fromkeys(("solve", "inv", "det", "logdet", "slogdet"), _matrices(_square, _edge)),
    "eigh": _matrices(_square, _square, lambda n: 2 * n, _edge),
    "svd": _matrices(_whole, _smaller_square, min, min),
    "pinv": _matrices(_whole, _smaller_square, min),
    "qr": _matrices(_whole, min),
    "matrix_power": _matrices(_square, _square),
    "expm": _matrices(lambda n: 6 * n * n, _edge, _edge),
}
