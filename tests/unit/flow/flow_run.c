/* flow_run DEFINITION [INPUT [SCRIPT]]: runs a definition file with scripted results (transcript.h) and
 * prints what it did. */
#include <stdio.h>

#include "transcript.h"

static void print(const char *name, struct slice s)
{
    printf("%s: %.*s\n", name, SLICE_ARGS(s));
}

int main(int argc, char **argv)
{
    struct buffer files[3] = {BUFFER_MAX(LIMIT_DEFINITION), BUFFER_MAX(LIMIT_BODY), BUFFER_MAX(LIMIT_BODY)};
    struct transcript t;
    if (argc < 2 || argc > 4)
        return 2;
    for (int i = 1; i < argc; i++)
        if (!read_file(argv[i], &files[i - 1]))
            return 2;
    transcript_run(buffer_slice(&files[0]), buffer_slice(&files[1]), buffer_slice(&files[2]), &t);
    print("findings", buffer_slice(&t.findings));
    print("manifest", buffer_slice(&t.manifest));
    printf("code: %d\nstatus: %s\n", t.code, t.status ? step_status_text((int)t.status) : "none");
    print("effects", buffer_slice(&t.effects));
    print("trace", buffer_slice(&t.trace));
    print("output", buffer_slice(&t.output));
    print("context", buffer_slice(&t.context));
    print("error", buffer_slice(&t.error));
    bool failed = t.code < 0;
    transcript_free(&t);
    for (int i = 0; i < 3; i++)
        buffer_free(&files[i]);
    return failed ? 1 : t.status == STEP_FAULTED ? 3 : 0;
}
