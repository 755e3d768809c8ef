/* A small pool of threads. One job uses it at a time; whoever finds it busy works alone. */
#ifndef CLOSEDFORM_POOL_H
#define CLOSEDFORM_POOL_H
#include <stdint.h>

#define CF_MAX_PARTS 256 /* parts of one job */
#define CF_MAX_LANES 256 /* threads that may work on one job, the caller included */

/* Does one part. `lane` is the number of the thread within the job; lane 0 is the caller. */
typedef void cf_task(void *context, int32_t part, int32_t lane);

/* Called by the caller, again and again, while it waits for the others. */
typedef void cf_attend(void *context);

/* Does parts 0 .. parts-1 with at most `lanes` threads and returns when all are done. Workers and callers
 * together are no more than the threads that are allowed, unless callers alone are. */
void cf_pool_run(cf_task *task, cf_attend *attend, void *context, int32_t parts, int32_t lanes);

/* +1: the caller has a series of jobs, between which workers should stay awake; -1: it has ended. */
void cf_pool_expect(int32_t more);

/* Threads that a call may use, the caller included: 1 until somebody says. */
int32_t cf_threads(void);

/* Whether somebody has said. A forked child knows only a number that was set. */
int32_t cf_threads_known(void);

void cf_set_threads(int32_t threads);

/* Sets the number unless it is known. */
void cf_assume_threads(int32_t threads);

#endif
