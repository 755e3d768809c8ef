/* Runs programs outside Python: every buffer is a heap block of exactly the size it needs, so that a sanitizer
 * sees the first byte too many. Reads jobs from one file and writes results to another; see standalone.py.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

extern const cf_program *const programs[]; /* made by standalone.py */

typedef struct {
    const cf_program *program;
    int64_t threads, deterministic, callers;
    int64_t inputs;
    void **block;      /* one per input */
    char **data;       /* where its first element is */
    int64_t *stride;
    int64_t *extent;
    double *scalar;
    void **external;
    char ***output;    /* per caller, one per output */
    int32_t *status;   /* per caller */
} job_t;

typedef struct {
    job_t *job;
    int64_t number;
} caller_t;

static void need(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "standalone: %s\n", what);
        exit(2);
    }
}

static void *allocate(size_t bytes)
{
    void *block = malloc(bytes);
    need(block != NULL, "no memory");
    return block;
}

static void get(FILE *file, void *place, size_t bytes)
{
    need(fread(place, 1, bytes, file) == bytes, "the jobs end too early");
}

static int64_t number(FILE *file)
{
    int64_t n;
    get(file, &n, sizeof n);
    return n;
}

static size_t output_bytes(const job_t *job, int64_t i)
{
    const cf_array *array = &job->program->array[i];
    size_t bytes = (size_t)array->item;
    for (int32_t k = 0; k < array->rank; k++)
        bytes *= (size_t)job->extent[array->dim[k]];
    return bytes;
}

static int32_t go_on(void *context)
{
    (void)context;
    return 0;
}

/* Twice with one workspace, as a function called twice does. */
static void *call(void *argument)
{
    const caller_t *caller = argument;
    job_t *job = caller->job;
    int64_t count = job->program->arguments;
    char **data = allocate(sizeof(char *) * (size_t)(count + 1));
    cf_block block = {NULL, 0};
    for (int64_t i = 0; i < count; i++)
        data[i] = i < job->inputs ? job->data[i] : job->output[caller->number][i - job->inputs];
    for (int again = 0; again < 2; again++) {
        cf_call run = {data, job->stride, job->extent, job->scalar, job->external, &block, go_on, NULL,
                       (int32_t)job->threads, (int32_t)job->deterministic, 0};
        job->status[caller->number] = cf_run(job->program, &run);
    }
    cf_release(&block);
    free(data);
    return NULL;
}

static void read_inputs(FILE *file, job_t *job)
{
    size_t count = (size_t)job->program->arguments;
    job->inputs = number(file);
    job->block = allocate(sizeof(void *) * (count + 1));
    job->data = allocate(sizeof(char *) * (count + 1));
    job->stride = calloc(count + 1, sizeof(int64_t) * CF_MAX_RANK);
    need(job->stride != NULL, "no memory");
    for (int64_t i = 0; i < job->inputs; i++) {
        size_t bytes = (size_t)number(file);
        int64_t offset = number(file);
        get(file, job->stride + i * CF_MAX_RANK, sizeof(int64_t) * CF_MAX_RANK);
        job->block[i] = allocate(bytes);
        get(file, job->block[i], bytes);
        job->data[i] = (char *)job->block[i] + offset;
    }
}

static void read_tables(FILE *file, job_t *job, void *library)
{
    const cf_program *program = job->program;
    job->extent = allocate(sizeof(int64_t) * (size_t)(program->dims + 1));
    job->scalar = allocate(sizeof(double) * (size_t)(program->scalars + 1));
    job->external = allocate(sizeof(void *) * (size_t)(program->externals + 1));
    get(file, job->extent, sizeof(int64_t) * (size_t)program->dims);
    get(file, job->scalar, sizeof(double) * (size_t)program->scalars);
    for (int32_t i = 0; i < program->externals; i++) {
        char name[64] = {0};
        get(file, name, sizeof name - 1);
        job->external[i] = library == NULL ? NULL : dlsym(library, name);
        need(job->external[i] != NULL, name);
    }
    if (program->define != NULL)
        program->define(job->extent);
}

static void run_callers(job_t *job)
{
    size_t callers = (size_t)job->callers;
    pthread_t *thread = allocate(sizeof(pthread_t) * callers);
    caller_t *caller = allocate(sizeof(caller_t) * callers);
    for (size_t c = 0; c < callers; c++) {
        caller[c] = (caller_t){job, (int64_t)c};
        need(pthread_create(&thread[c], NULL, call, &caller[c]) == 0, "no thread");
    }
    for (size_t c = 0; c < callers; c++)
        pthread_join(thread[c], NULL);
    free(caller);
    free(thread);
}

/* Allocates and runs; every caller must get the bits of the first. */
static void run_job(job_t *job, FILE *results)
{
    int64_t outputs = job->program->arguments - job->inputs;
    job->output = allocate(sizeof(char **) * (size_t)job->callers);
    job->status = allocate(sizeof(int32_t) * (size_t)job->callers);
    for (int64_t c = 0; c < job->callers; c++) {
        job->output[c] = allocate(sizeof(char *) * (size_t)(outputs + 1));
        for (int64_t i = 0; i < outputs; i++)
            job->output[c][i] = allocate(output_bytes(job, job->inputs + i));
    }
    run_callers(job);
    for (int64_t c = 0; c < job->callers; c++) {
        need(job->status[c] == CF_OK, "a call failed");
        for (int64_t i = 0; i < outputs; i++) {
            size_t bytes = output_bytes(job, job->inputs + i);
            need(memcmp(job->output[c][i], job->output[0][i], bytes) == 0, "callers got other bits");
            if (c == 0)
                need(fwrite(job->output[c][i], 1, bytes, results) == bytes, "no room for results");
        }
    }
    for (int64_t c = 0; c < job->callers; c++) {
        for (int64_t i = 0; i < outputs; i++)
            free(job->output[c][i]);
        free(job->output[c]);
    }
    free(job->output);
    free(job->status);
}

static void free_job(job_t *job)
{
    for (int64_t i = 0; i < job->inputs; i++)
        free(job->block[i]);
    free(job->block);
    free(job->data);
    free(job->stride);
    free(job->extent);
    free(job->scalar);
    free(job->external);
}

int main(int argc, char **argv)
{
    FILE *file, *results;
    void *library = NULL;
    need(argc == 4, "jobs, results, library");
    file = fopen(argv[1], "rb");
    results = fopen(argv[2], "wb");
    need(file != NULL && results != NULL, "no files");
    if (argv[3][0] != '\0')
        need((library = dlopen(argv[3], RTLD_NOW)) != NULL, "no library");
    for (int64_t jobs = number(file); jobs > 0; jobs--) {
        job_t job = {.program = programs[number(file)]};
        need(job.program->abi == CF_ABI_VERSION, "another abi");
        job.threads = number(file);
        job.deterministic = number(file);
        job.callers = number(file);
        read_inputs(file, &job);
        read_tables(file, &job, library);
        run_job(&job, results);
        free_job(&job);
    }
    fclose(file);
    need(fclose(results) == 0, "no room for results");
    return 0;
}
