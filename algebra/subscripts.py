"""Basic slices as NumPy writes them."""

from __future__ import annotations

from .dims import Extent


def slice_items(
    params: tuple, dims: tuple[Extent, ...], result: tuple[Extent, ...]
) -> tuple[str, ...]:
    """One item per axis of the sliced array, such as "0", ":" or "1:5:2".

    Parameters
    ----------
    params : of the Layout node.
    dims, result : extents before and after.
    """
    lengths = iter(result)
    return tuple(_item(p, d, lengths) for p, d in zip(params, dims, strict=True))


def _item(pair: tuple, dim: Extent, lengths) -> str:
    start, step = pair
    if step is None:
        return str(_bound(start))
    length = next(lengths)
    if (start, step) == (0, 1) and length == dim:
        return ":"
    if (start, step) == (-1, -1) and length == dim:
        return "::-1"
    definition = getattr(length, "definition", None)
    if definition and definition[0] == "length":
        return _spell(*definition[2:])
    stop = start + length * step if isinstance(start, int) and isinstance(length, int) else None
    return _spell(start, None if stop is not None and stop < 0 and start >= 0 else stop, step)


def _bound(value) -> int | str:
    """A position; one that is known at run time only, as the user wrote it."""
    definition = getattr(value, "definition", None)
    return definition[2] if definition else value


def _spell(start, stop, step) -> str:
    text = ":".join(
        "" if b is None else str(_bound(b)) for b in ("" if start in (0, None) else start, stop)
    )
    return text if step == 1 else f"{text}:{step}"
