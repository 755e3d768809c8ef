"""What the user means: tensors, shapes, dtypes, derivative rules, printing.

Reading order:

origin.py          the user's file and line
errors.py          one class of error per stage; what was found, where, how to fix it
suggestions.py     what a wrong name was meant to be
dims.py            extents of axes: numbers, named dims, fresh dims; which are equal
dtypes.py          dtypes as in NumPy 2; what is weak
primitives.py      the table of scalar primitives: one row each
scalar.py          the expressions inside elementwise maps: unique, never evaluated
node.py            the few kinds of nodes that everything is made of
graph.py           traversals: iterative, memoised, linear
assumptions.py     what may be promised about inputs
literal.py         numbers, arrays and extents that users write into expressions
build.py           builds nodes as written, with the user's line
protocol.py        what Python asks of a handle: facts, comparison, truth, pickling
words.py           what a composite is called as it was written
methods.py         methods of tensors that other modules define
tensor.py          the handle a user holds: NumPy's operators and methods
elementwise.py     arithmetic, exponentials, angles, rounding, under NumPy's names
choices.py         choices, comparisons, truth values
bits.py            bits of integers
special.py         special functions under SciPy's names, activations
operations.py      the elementwise operations as a table, for documentation and tests
array_operations.py  operations on whole arrays: an example of each, for the same
dispatch.py        NumPy functions applied to tensors
constructors.py    inputs: scalar, vector, matrix and their relatives
functions.py       the elementwise functions and functions of whole arrays
vocabulary.py      which module has which function
subscripts.py      basic slices as NumPy writes them
indexing.py        slices and reshape with extents that may be symbolic
shapes.py          shapes that users write: sums and products of extents
axes.py            axes moved, inserted, dropped, reversed, repeated
products.py        dot, matmul, outer, einsum and their relatives
routines.py        the table of routines on whole arrays: scans, sorting, scattering
reductions.py      products, variances, norms, logical and cumulative reductions
gathering.py       indexing with arrays of integers, take, sort
scattering.py      writing at positions: the adjoint of a gather
joining.py         arrays side by side, split, repeated, rolled, padded
creation.py        arrays made of numbers and extents; triangles and diagonals
stacking.py        shorthands for arrays side by side; grids
statistics.py      averages, medians, covariances, reductions without NaN
linalg.py          inverses, systems, determinants, decompositions
tutorial.py        words that only Theano has
caret.py           a place in a text that was read
parse_words.py     the names that a text may use
parse_hints.py     what to write instead of the notation of books
parse_tree.py      from Python's syntax tree of a text to tensors, through a whitelist
parsing.py         `parse`: text in
gradient.py        grad, jacobian, hessian: handles on one symbolic node
known.py           gradients of intermediates that are known from elsewhere
differentiation.py products with Jacobians and Hessians
identities.py      identities that derivatives respect, and one that shows values
cloning.py         copies of expressions with parts replaced
partials.py        derivatives of scalar primitives: one row each
pullback.py        derivatives of nodes: one pull-back row per kind
adjoints.py        pull-backs of routines: one row each
pushforward.py     derivatives along tangents: one push-forward row per kind
matrix_adjoints.py pull-backs of the routines of linear algebra
late.py            verbs of tensors that later stages implement, bound once by the door
notation.py        formulas without a layout: the tree that both printers share
normal_form.py     how formulas are built: flat products, scalars in front
sums.py            how sums are: like terms collected, what terms share written once
view.py            a formula with the axes along which it runs
factorgraph.py     sums of products in matrix notation
bodies.py          bodies of maps as formulas: one row per primitive
softmax_notation.py   softmax where it is written as an exponential less a logsumexp
triangle_notation.py  tril and triu where they are written as choices
names.py           a name of its own for every variable of a formula
symbols.py         users' names as LaTeX
spelling.py        precedence, parentheses and signs, for both printers
marks.py           how much there is to read in a formula
abbreviation.py    names for what is long and repeated
display_request.py what a printing verb is given, and which form it shows
transcription.py   a graph in display form becomes notation
layout.py          numerator and denominator layout of derivatives
written.py         text of a graph as written, every operation in parentheses
wrapping.py        positions that count from the end
routine_notation.py  routines in matrix notation: one row each
array_pieces.py    pieces of NumPy text, and contractions of them
array_names.py     identifiers and numbers of ASCII text
array_maps.py      elementwise maps as NumPy text
array_lines.py     definitions of NumPy text
array_text.py      ASCII text that NumPy evaluates, for every node
text.py            `pp`: text of tensors
unicode_text.py    the same formulas with the signs of mathematics
latex.py           `latex`: tensors as in textbooks
sympy_bridge.py    plain SymPy expressions become tensors
sympy_bodies.py    bodies in SymPy's own classes
sympy_elements.py  tensors become plain SymPy, element by element
canonical.py       canonical text of a graph, for keys
version.py         the version of this library
serialise.py       a graph as flat JSON
decoding.py        atoms, arrays and bodies out of saved text, checked
deserialise.py     a graph out of saved text, checked
graph_check.py     what every node satisfies
"""

if __name__ != "closedform.algebra":
    raise ImportError("this folder is a part of closedform: write 'import closedform.algebra'")
