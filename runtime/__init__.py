"""Compile, cache, load, call: where a program becomes something callable.

Reading order:

signature.py       what a user wrote in `function(...)`, checked
forms.py           the graph of a function as written, and its compute form
extents.py         which extents are equal, and what they are at a call
arguments.py       from what a caller passes to arrays
function.py        `function` and what it returns
specialisation.py  one compiled form of a function, for given dtypes and layouts in memory
results.py         handing back what NumPy computed; updates all at once
meaning.py         what each primitive means in NumPy
interpreter.py     the NumPy target: a graph evaluated node by node
shared.py          variables with a value
elementwise.py     functions of plain SymPy symbols
evaluation.py      `Tensor.eval`
debug.py           `mode="DebugMode"`
explain.py         what `Function.explain` shows
derivation.py      `steps`
pickling.py        functions in pickles
toolchain.py       finding and running a compiler
store.py           files that appear whole or not at all
cache.py           compiled programs, by key
loader.py          from program text to a table in memory
native.py          the extension that calls programs, or else `native_fallback.py` over ctypes
doctor.py          `python -m closedform`
"""

if __name__ != "closedform.runtime":
    raise ImportError("this folder is a part of closedform: write 'import closedform.runtime'")
