/* faults_sqlite: SQLite's allocations, in the same count as ours. Without its lookaside buffers, which would hide small ones. */
#include <sqlite3.h>

#include "faults.h"

static sqlite3_mem_methods real_memory;

static void *x_malloc(int n)
{
    return fault_now() ? NULL : real_memory.xMalloc(n);
}

static void *x_realloc(void *p, int n)
{
    return fault_now() ? NULL : real_memory.xRealloc(p, n);
}

bool faults_init_sqlite(void)
{
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory) != SQLITE_OK)
        return false;
    sqlite3_mem_methods memory = real_memory;
    memory.xMalloc = x_malloc;
    memory.xRealloc = x_realloc;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &memory) == SQLITE_OK && sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK;
}
