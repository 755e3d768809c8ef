"""The shape of the files that closedform emits: Jinja templates, never a decision.

Reading order:

c/unit.c.j2          a translation unit
c/prelude.c.j2       headers, and declarations of SIMD functions
c/kernel.c.j2        one kernel: its data, its loops
c/body.c.j2          the statements in a loop, and what is left after it
c/vectors.c.j2       the vector width of the machine
c/vector.c.j2        loops in explicit vectors, their sums kept in registers:
c/dot.c.j2             the innermost axis is summed
c/spread.c.j2          the innermost axis survives
c/hsum.c.j2            the sum of a vector
c/gemm.c.j2          a product of matrices, by a library
c/accumulators.c.j2  identity and combination of accumulators
c/table.c.j2         the static table that the driver runs
c/slice.c.j2         bounds of slices as Python clamps them
c/at.c.j2 ...        one function each: at, clamp, abs, sign, min, max, ipow
numpy/unit.py.j2     a file of NumPy functions that stands alone: header, shapes, definitions,
numpy/function.py.j2   a function per formula,
numpy/check.py.j2      their check against central differences,
numpy/main.py.j2       and what runs it
"""

if __name__ != "closedform.templates":
    raise ImportError("this folder is a part of closedform: write 'import closedform.templates'")
