"""Basic slices as NumPy writes them."""

from __future__ import annotations

from .dims import Extent, added, show


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
    if not isinstance(start, int) and not _written_start(start):
        return f"{_bound(start)}:{show(added((start, length)))}"
    stop = start + length * step if isinstance(start, int) and isinstance(length, int) else None
    return _spell(start, None if stop is not None and stop < 0 and start >= 0 else stop, step)


def _bound(value) -> int | str:
    """A position; one that is known at run time only, as the user wrote it."""
    return value.definition[2] if _written_start(value) else show(value)


def _written_start(value) -> bool:
    return (getattr(value, "definition", None) or ("",))[0] == "start"


def _spell(start, stop, step) -> str:
    text = ":".join(
        "" if b is None else str(_bound(b)) for b in ("" if start in (0, None) else start, stop)
    )
    return text if step == 1 else f"{text}:{step}"


def spelled(key) -> str:
    """One item of an index as a user writes it."""
    if key is Ellipsis:
        return "..."
    if not isinstance(key, slice):
        return str(key)
    parts = ["" if p is None else str(p) for p in (key.start, key.stop, key.step)]
    return ":".join(parts if parts[2] else parts[:2])
