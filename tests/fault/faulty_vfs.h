/* SQLite's file system with a fault in it: the N-th write or sync fails, the N-th system call fails, or the machine dies at the N-th
 * sync and what it leaves on its disk is kept. */
#ifndef FAULT_FAULTY_VFS_H
#define FAULT_FAULTY_VFS_H

#include <stdbool.h>

/* What of the writes since each file's last sync has reached the disk when the power goes. A write is so many sectors. */
#define LOSSES(L)                                                                                                \
    L(LOSS_OF_NOTHING, "nothing")         /* the process dies, the machine goes on */                            \
    L(LOSS_OF_ALL, "all")                                                                                        \
    L(LOSS_OF_LATER, "the later half")                                                                           \
    L(LOSS_OF_EARLIER, "the earlier half") /* the disk has written them in another order */                      \
    L(LOSS_TORN, "the later half, and a part of a sector")                                                       \
    L(LOSS_ANY, "each by chance")          /* from `seed` */

enum loss {
#define L(NAME, text) NAME,
    LOSSES(L)
#undef L
        LOSS_COUNT
};

struct faulty_disk {
    unsigned operations; /* writes, truncations and syncs so far */
    unsigned syncs, calls;
    unsigned fail_at; /* this operation fails; 0: none */
    bool fails_on;    /* and all after it */
    int error;        /* SQLITE_IOERR_WRITE, SQLITE_FULL */
    unsigned call_at; /* this system call fails; 0: none */
    int call_errno;
    unsigned kill_at; /* at this sync, before it is done, the disk goes to `crash_folder`; 0: never */
    enum loss loss;
    unsigned seed;
    bool sync_forgets; /* a sync that fails drops what waited for it, and the next one says yes, as Linux does; set kill_at too */
    int checkpoint_pages; /* of the write-ahead log, after which it is checkpointed; 0: as the store has it */
    const char *folder, *crash_folder;
    void (*on_kill)(void);
};

extern struct faulty_disk faulty_disk;

/* Makes it the default file system of SQLite. */
int faulty_vfs_register(void);

/* The machine dies now. */
void faulty_disk_lose_power(void);

/* Forgets what was written and not synced. */
void faulty_disk_forget(void);

#endif
