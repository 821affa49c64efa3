/* A harness without libFuzzer: runs each file of the folders that are named once, as a test. What a fuzzer ever found stays
 * found, also by compilers that have no fuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *read = f ? malloc(INPUT_MAX) : NULL;
    size_t n = read ? fread(read, 1, INPUT_MAX, f) : 0;
    /* A copy of just its size, so that a byte beyond it is seen. */
    uint8_t *data = read ? malloc(n ? n : 1) : NULL;
    if (f)
        (void)fclose(f);
    if (!data) {
        (void)fprintf(stderr, "%s: it cannot be read\n", path);
        free(read);
        return -1;
    }
    memcpy(data, read, n);
    free(read);
    (void)LLVMFuzzerTestOneInput(data, n);
    free(data);
    return 0;
}

static int replay_folder(const char *folder)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (const struct dirent *e; d && (e = readdir(d));) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] == '.')
            continue;
        /* So that a crash has a name. */
        (void)fprintf(stderr, "%s\n", path);
        if (replay_file(path) < 0) {
            n = -1;
            break;
        }
        n++;
    }
    if (d)
        (void)closedir(d);
    return n;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (replay_folder(argv[i]) <= 0) {
            (void)fprintf(stderr, "%s: there is nothing to replay\n", argv[i]);
            return 1;
        }
    return 0;
}
