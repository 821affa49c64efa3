/* passphrase: asked for before the first role starts, and kept for the vault's restarts. Must hold: it is in no file of the
 * configuration, no argument, no environment, and in wiped memory only. Called by main. */
#include "supervisor/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

/* The first line, or all of it; a line that is too long is an error, not half a passphrase. */
static int read_line(int fd, struct buffer *ret)
{
    for (;;) {
        char c = 0;
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0 || c == '\n')
            return 0;
        int r = buffer_append_byte(ret, (uint8_t)c);
        if (r < 0)
            return r;
    }
}

static int read_terminal(struct buffer *ret)
{
    struct termios old, quiet;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &old) < 0)
        return read_line(STDIN_FILENO, ret);
    quiet = old;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    (void)fprintf(stderr, "Passphrase of the root key: ");
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    int r = read_line(STDIN_FILENO, ret);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
    (void)fprintf(stderr, "\n");
    return r;
}

static int open_credential(const char *name, struct diag *reterr)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    _cleanup_close_ int dir = folder && !strchr(name, '/') ? open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    int fd = dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? diag_set(reterr, -SP_EKEY, "rootKey.passphraseCredential: systemd gave no credential of the name %s", name)
                  : fd;
}

int passphrase_read(const char *credential, struct buffer *ret, struct diag *reterr)
{
    _cleanup_close_ int fd = credential ? open_credential(credential, reterr) : -1;
    if (credential && fd < 0)
        return fd;
    int r = credential ? read_line(fd, ret) : read_terminal(ret);
    if (r == 0 && ret->len && ret->p[ret->len - 1] == '\r')
        buffer_truncate(ret, ret->len - 1);
    if (r < 0)
        return diag_set(reterr, r, "the passphrase cannot be read: %s", error_text(r));
    return ret->len ? 0 : diag_set(reterr, -SP_EKEY, "the passphrase is empty");
}
