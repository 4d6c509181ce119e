/* probe.c - can the thread sanitizer be trusted here?
 *
 * Without an argument: threads share memory in the ways of this library, in order. A report is
 * false, and the tests would drown in such. With the argument "loop" or "lock": a true race, which
 * must be reported.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define N 4000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int counter;

static void *count(void *racing)
{
    for (int i = 0; i < N; i++) {
        if (!racing) pthread_mutex_lock(&lock);
        counter++;
        if (!racing) pthread_mutex_unlock(&lock);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const char *race = argc > 1 ? argv[1] : "";
    static double x[N], sum;
    int per = strcmp(race, "loop") ? 1 : 2;
    for (int round = 0; round < 20; round++) {
#pragma omp parallel for schedule(static)
        for (int i = 0; i < N; i++) x[i] = i;
#pragma omp parallel for schedule(dynamic)
        for (int i = 0; i < N; i++) x[i / per] += round;
#pragma omp parallel
        {
            double own = 0;
#pragma omp for schedule(static) nowait
            for (int i = 0; i < N; i++) own += x[N - 1 - i];
#pragma omp critical(probe)
            sum += own;
#pragma omp barrier
#pragma omp for reduction(+ : sum)
            for (int i = 0; i < N; i++) sum += x[i];
        }
    }

    pthread_t t;
    if (pthread_create(&t, NULL, count, strcmp(race, "lock") ? NULL : &t)) return 1;
    count(strcmp(race, "lock") ? NULL : &t);
    pthread_join(t, NULL);
    printf("%g %d\n", sum, counter);
    return 0;
}
