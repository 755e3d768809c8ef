"""Basic slices as NumPy writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .dims import Extent, show


def slice_items(
    params: tuple,
    dims: tuple[Extent, ...],
    result: tuple[Extent, ...],
    name: Callable[[Extent], str] = show,
) -> tuple[str, ...]:
    """One item per axis of the sliced array, such as "0", ":" or "1:5:2".

    Parameters
    ----------
    params : of the Layout node.
    dims, result : extents before and after.
    name : text of an extent.
    """
    lengths = iter(result)
    return tuple(_item(p, d, lengths, name) for p, d in zip(params, dims, strict=True))


def _item(pair: tuple, dim: Extent, lengths: Iterator[Extent], name: Callable) -> str:
    start, step = pair
    if step is None:
        return str(_bound(start, name))
    length = next(lengths)
    if (start, step) == (0, 1) and length == dim:
        return ":"
    if (start, step) == (-1, -1) and length == dim:
        return "::-1"
    if _written_start(start):
        _, _, first, stop, by = start.definition  # type: ignore[union-attr]
        return _spell(first, stop, by or 1, name)
    definition = getattr(length, "definition", None)
    if definition and definition[0] == "length" and _starts(definition, start, step):
        _, _, first, stop, by = definition
        return _spell(first, stop, by, name)
    if isinstance(start, int) and isinstance(length, int):
        stop = start + length * step
        return _spell(start, None if stop < 0 <= start else stop, step, name)
    rest = places_after(start, length, dim) if step == 1 else None
    if rest is not None:
        return _spell(start, -rest if rest else None, 1, name)
    first = _bound(start, name)
    far = name(length) if step == 1 else f"{step}*{name(length)}"
    stop = f"{first} + {far}" if first != 0 else far
    return f"{first}:{stop}" + ("" if step == 1 else f":{step}")


def _starts(definition: tuple, start: Extent, step: int) -> bool:
    """Whether a slice of this start and step is the one that a length was defined by."""
    _, _, first, _, its_step = definition
    if (its_step or 1) != step:
        return False
    if isinstance(start, int):
        return start == (first if first is not None else 0 if step > 0 else -1)
    return (getattr(start, "definition", None) or ("",))[0] == "start"


def places_after(start: Extent, length: Extent, dim: Extent) -> int | None:
    """How many places of an axis follow a slice of step 1, if that is the same for all extents
    that the slice fits.
    """
    if not isinstance(start, int) or start < 0:
        return None
    if isinstance(length, int) and isinstance(dim, int):
        return dim - start - length
    if length == dim:
        return 0 if start == 0 else None
    kind, source, *rest = getattr(dim, "definition", None) or ("", None)
    if kind == "sum" and source == (length,):
        return rest[0] - start if rest[0] >= start else None
    kind, source, *rest = getattr(length, "definition", None) or ("", None)
    if kind == "sum":
        return None
    if kind != "length" or source != dim or rest[2] not in (None, 1):
        return None
    first, stop = rest[0] or 0, rest[1] or 0
    if isinstance(first, int) and isinstance(stop, int) and first >= 0 >= stop:
        return first - stop - start if first - stop >= start else None
    return None


def _bound(value, name: Callable = show) -> int | str:
    """A position; one that is known at run time only, as the user wrote it."""
    if isinstance(value, int):
        return value
    return value.definition[2] if _written_start(value) else name(value)


def _written_start(value) -> bool:
    return (getattr(value, "definition", None) or ("",))[0] == "start"


def _spell(start, stop, step, name: Callable = show) -> str:
    text = ":".join(
        "" if b is None else str(_bound(b, name))
        for b in (None if start in (0, None) else start, stop)
    )
    return text if step in (1, None) else f"{text}:{step}"


def spelled(key) -> str:
    """One item of an index as a user writes it."""
    if key is Ellipsis:
        return "..."
    if not isinstance(key, slice):
        return str(key)
    parts = ["" if p is None else str(p) for p in (key.start, key.stop, key.step)]
    return ":".join(parts if parts[2] else parts[:2])
