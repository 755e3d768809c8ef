/* Driver, pool and interpreter.c as one file, for a compiler at run time. */
#define _GNU_SOURCE
#pragma GCC visibility push(default)
#include "driver.h"
#pragma GCC visibility pop
#include "pool.c"

#include "driver.c"
#include "interpreter.c"
