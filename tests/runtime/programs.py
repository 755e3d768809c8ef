"""Programs written by hand against `abi.h`, as the emitter would write them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from closedform.emit.program import Argument, Program
from closedform.runtime import loader

HEAD = """#include "abi.h"
#include <string.h>
#include <time.h>
#define DATA(type, i) ((type *)f->data[i])
#define ROWS for (int64_t i = begin; i < end; i++)
static int stopped(const cf_frame *f) { return __atomic_load_n(f->stop, __ATOMIC_RELAXED); }
"""
F64, F32 = np.dtype("float64"), np.dtype("float32")


def table(
    arrays: Sequence[str],
    stages: Sequence[str],
    *,
    arguments: int,
    dims: int,
    scalars: int = 0,
    externals: int = 0,
    define: str = "NULL",
) -> str:
    """The C text of the table of a program."""
    return f"""
static const cf_array arrays[] = {{{", ".join(arrays)}}};
static const cf_stage stages[] = {{{", ".join(stages)}}};
const cf_program closedform_program = {{CF_ABI_VERSION, {dims}, {arguments}, {len(arrays)},
    {scalars}, {externals}, {len(stages)}, arrays, stages, {define}}};
"""


def array(scope: str, item: int, *dims: int | str) -> str:
    return f"{{{scope}, {item}, {len(dims)}, {{{', '.join(map(str, dims)) or 0}}}}}"


def fold(kernels: str, count: int, *, axis: int = 0, work: str | None = None, **functions) -> str:
    identity = functions.get("identity", "NULL")
    combine = functions.get("combine", "NULL")
    works = f"1, {work}" if work else "0, NULL"
    return f"{{CF_FOLD, {axis}, {count}, {kernels}, {identity}, {combine}, {works}}}"


def once(kernels: str, count: int = 1) -> str:
    return f"{{CF_ONCE, 0, {count}, {kernels}, NULL, NULL, 0, NULL}}"


AXPY = (  # z = p x + y
    HEAD
    + """
static int32_t axpy(const cf_frame *f, int64_t begin, int64_t end)
{
    const double *x = DATA(const double, 0), *y = DATA(const double, 1);
    double *z = DATA(double, 2);
    ROWS z[i] = f->scalar[0] * x[i] + y[i];
    return CF_OK;
}
static cf_kernel *const kernels[] = {axpy};
static const cf_work work = {2, 0, {0}};
"""
    + table(
        [array("CF_ARGUMENT", 8, 0)] * 3,
        [fold("kernels", 1, work="&work")],
        arguments=3,
        dims=1,
        scalars=1,
    )
)

SPREAD = (  # sum of squared distances from the column means, and the distances row by row
    HEAD
    + """
enum { X, TOTAL, ROW, SUMS, SQUARES, CENTRED };
static void clear_sums(const cf_frame *f) { memset(f->data[SUMS], 0, 8 * f->extent[1]); }
static void add_sums(const cf_frame *into, const cf_frame *from)
{
    for (int64_t k = 0; k < into->extent[1]; k++)
        ((double *)into->data[SUMS])[k] += ((double *)from->data[SUMS])[k];
}
static int32_t sum(const cf_frame *f, int64_t begin, int64_t end)
{
    int64_t d = f->extent[1];
    ROWS for (int64_t k = 0; k < d; k++) DATA(double, SUMS)[k] += DATA(double, X)[i * d + k];
    return CF_OK;
}
static void clear_squares(const cf_frame *f) { *DATA(double, SQUARES) = 0; }
static void add_squares(const cf_frame *into, const cf_frame *from)
{
    *(double *)into->data[SQUARES] += *(double *)from->data[SQUARES];
}
static int32_t centre(const cf_frame *f, int64_t begin, int64_t end)
{
    int64_t d = f->extent[1], n = f->extent[0];
    for (int64_t k = 0; k < d; k++)
        ROWS DATA(double, CENTRED)[k * f->panel + i - begin] =
            DATA(double, X)[i * d + k] - DATA(double, SUMS)[k] / n;
    return CF_OK;
}
static int32_t square(const cf_frame *f, int64_t begin, int64_t end)
{
    ROWS {
        double s = 0;
        for (int64_t k = 0; k < f->extent[1]; k++) {
            double c = DATA(double, CENTRED)[k * f->panel + i - begin];
            s += c * c;
        }
        DATA(double, ROW)[i] = s;
        *DATA(double, SQUARES) += s;
    }
    return CF_OK;
}
static int32_t finish(const cf_frame *f, int64_t begin, int64_t end)
{
    *DATA(double, TOTAL) = *DATA(double, SQUARES);
    return CF_OK;
}
static cf_kernel *const first[] = {sum}, *const second[] = {centre, square};
static cf_kernel *const last[] = {finish};
static const cf_work work = {20, 1, {1}};
"""
    + table(
        [
            array("CF_ARGUMENT", 8, 0, 1),
            array("CF_ARGUMENT", 8),
            array("CF_ARGUMENT", 8, 0),
            array("CF_ACCUMULATOR", 8, 1),
            array("CF_ACCUMULATOR", 8),
            array("CF_PANEL", 8, 1, "CF_PANEL_EXTENT"),
        ],
        [
            fold("first", 1, work="&work", identity="clear_sums", combine="add_sums"),
            fold("second", 2, work="&work", identity="clear_squares", combine="add_squares"),
            once("last"),
        ],
        arguments=3,
        dims=2,
    )
)

PANELS = (  # rows of the panel of each row, and the number of parts; a row takes some workspace
    HEAD
    + """
static void one(const cf_frame *f) { *DATA(double, 2) = 1; }
static void add(const cf_frame *into, const cf_frame *from)
{
    *(double *)into->data[2] += *(double *)from->data[2];
}
static int32_t measure(const cf_frame *f, int64_t begin, int64_t end)
{
    if (begin == 0)
        DATA(double, 0)[0] = f->panel;
    ROWS if (i > 0) DATA(double, 0)[i] = end - begin;
    return CF_OK;
}
static int32_t finish(const cf_frame *f, int64_t begin, int64_t end)
{
    *DATA(double, 1) = *DATA(double, 2);
    return CF_OK;
}
static cf_kernel *const kernels[] = {measure}, *const last[] = {finish};
static const cf_work work = {1, 1, {1}};
"""
    + table(
        [
            array("CF_ARGUMENT", 8, 0),
            array("CF_ARGUMENT", 8),
            array("CF_ACCUMULATOR", 8),
            array("CF_PANEL", 8, "CF_PANEL_EXTENT", 1),
            array("CF_SHARED", 8, 1),
        ],
        [fold("kernels", 1, work="&work", identity="one", combine="add"), once("last")],
        arguments=2,
        dims=2,
    )
)

SLOW = (  # one millisecond a panel; counts the rows that were done
    HEAD
    + """
static int32_t nap(const cf_frame *f, int64_t begin, int64_t end)
{
    struct timespec t = {0, 1000000};
    nanosleep(&t, NULL);
    ROWS DATA(double, 1)[i] = DATA(double, 0)[i];
    return CF_OK;
}
static cf_kernel *const kernels[] = {nap};
static const cf_work work = {1000, 0, {0}};
"""
    + table(
        [array("CF_ARGUMENT", 8, 0), array("CF_ARGUMENT", 8, 0)],
        [fold("kernels", 1, work="&work")],
        arguments=2,
        dims=1,
    )
)

HUGE = (  # needs more workspace than there is
    HEAD
    + """
static int32_t fill(const cf_frame *f, int64_t begin, int64_t end)
{
    ROWS DATA(double, 1)[i] = 1;
    return CF_OK;
}
static cf_kernel *const kernels[] = {fill};
"""
    + table(
        [array("CF_ARGUMENT", 8, 0), array("CF_ARGUMENT", 8, 0), array("CF_SHARED", 8, 1, 2)],
        [fold("kernels", 1)],
        arguments=2,
        dims=3,
    )
)

STEP = (  # w' = w - p g and c' = c + 1, output w; fails where g[0] < 0
    HEAD
    + """
static int32_t step(const cf_frame *f, int64_t begin, int64_t end)
{
    const double *g = DATA(double, 0), *w = DATA(double, 1);
    if (g[0] < 0)
        return 99;
    ROWS {
        DATA(double, 3)[i] = w[i];
        DATA(double, 4)[i] = w[i] - f->scalar[0] * g[i];
    }
    return CF_OK;
}
static int32_t count(const cf_frame *f, int64_t begin, int64_t end)
{
    DATA(double, 5)[0] = DATA(double, 2)[0] + 1;
    return CF_OK;
}
static cf_kernel *const kernels[] = {step}, *const last[] = {count};
"""
    + table(
        [
            array("CF_ARGUMENT", 8, 0),
            array("CF_ARGUMENT", 8, 0),
            array("CF_ARGUMENT", 8),
            array("CF_ARGUMENT", 8, 0),
            array("CF_ARGUMENT", 8, 0),
            array("CF_ARGUMENT", 8),
        ],
        [once("last"), fold("kernels", 1)],
        arguments=6,
        dims=1,
        scalars=1,
    )
)

DIFFERENCES = (  # of neighbours, of strided input, scaled by a constant vector
    HEAD
    + """
static void define(int64_t *extent) { extent[1] = extent[0] - 1; }
static int32_t differences(const cf_frame *f, int64_t begin, int64_t end)
{
    const char *x = f->data[0];
    int64_t step = f->stride[0];
    ROWS DATA(float, 2)[i] = DATA(float, 1)[0] *
        (*(const float *)(x + (i + 1) * step) - *(const float *)(x + i * step));
    return CF_OK;
}
static cf_kernel *const kernels[] = {differences};
"""
    + table(
        [array("CF_ARGUMENT", 4, 0), array("CF_ARGUMENT", 4, 2), array("CF_ARGUMENT", 4, 1)],
        [fold("kernels", 1, axis=1)],
        arguments=3,
        dims=3,
        define="define",
    )
)


def load(source: str, arguments: Sequence[Argument] = (), dims=()) -> loader.Loaded:
    return loader.load(Program(lambda: source, source, "c", tuple(arguments), tuple(dims)))


def rows(*spec: tuple) -> list[tuple[str, int, tuple[int, ...], str]]:
    """Arguments as an entry takes them: kind, dtype, dims and, unless "C", layout."""
    return [(k, np.dtype(t).num, dims, *(layout or ["C"])) for k, t, dims, *layout in spec]


def axpy(native, parameter: float = 2.0, **options):
    loaded = load(AXPY)
    arguments = rows(("input", F64, (0,)), ("input", F64, (0,)), ("output", F64, (0,)))
    options = {"parameters": [parameter], "result": "single", **options}
    return native.Entry(loaded.address, loaded, arguments, [-1], **options)


def spread(native, **options):
    loaded = load(SPREAD)
    arguments = rows(("input", F64, (0, 1)), ("output", F64, ()), ("output", F64, (0,)))
    options = {"result": "list", **options}
    return native.Entry(loaded.address, loaded, arguments, [-1, -1], **options)


def slow(native):
    loaded = load(SLOW)
    arguments = rows(("input", F64, (0,)), ("output", F64, (0,)))
    return native.Entry(loaded.address, loaded, arguments, [-1], result="single")


def huge(native, power: int):
    loaded = load(HUGE.replace("POWER", "2"))
    arguments = rows(("input", F64, (0,)), ("output", F64, (0,)))
    return native.Entry(loaded.address, loaded, arguments, [-1, 2**20, 2**power], result="single")


def step(native, weights: list, counter: list, rate: float = 0.5, **options):
    loaded = load(STEP)
    arguments = rows(
        ("input", F64, (0,)),
        ("shared", F64, (0,)),
        ("shared", F64, ()),
        ("output", F64, (0,)),
        ("update", F64, (0,)),
        ("update", F64, ()),
    )
    options = {
        "cells": [weights, counter],
        "parameters": [rate],
        "update_cells": [0, counter],
        "result": "single",
        **options,
    }
    return native.Entry(loaded.address, loaded, arguments, [-1], **options)


def differences(native, scale: np.ndarray):
    loaded = load(DIFFERENCES)
    arguments = rows(
        ("input", F32, (0,), "strided"), ("constant", F32, (2,)), ("output", F32, (1,))
    )
    options = {"constants": [scale], "result": ("gaps",)}
    return native.Entry(loaded.address, loaded, arguments, [-1, -1, -1], **options)
