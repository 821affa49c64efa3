/* SQLite's file system with a fault in it: the N-th write or sync fails, or the state of the disk at the N-th sync is kept. */
#ifndef FAULT_FAULTY_VFS_H
#define FAULT_FAULTY_VFS_H

#include <stdbool.h>

struct faulty_disk {
    unsigned operations; /* writes, truncations and syncs so far */
    unsigned syncs;
    unsigned fail_at; /* this operation fails; 0: none */
    bool fails_on;    /* and all after it */
    int error;        /* SQLITE_IOERR_WRITE, SQLITE_FULL */
    unsigned kill_at; /* at this sync, before it is done, copies go to `crash_folder`; 0: never */
    bool loses_unsynced; /* the copies are of each file as it was last synced: the rest was in the page cache */
    const char *folder, *crash_folder;
    void (*on_kill)(void);
};

extern struct faulty_disk faulty_disk;

/* Makes it the default file system of SQLite. */
int faulty_vfs_register(void);

/* Copies a file, if it is there. */
void copy_file(const char *from, const char *to);

#endif
