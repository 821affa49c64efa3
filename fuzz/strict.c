/* strict: linked into every harness. What UBSan finds ends it, as what AddressSanitizer finds does; by itself it would be a line that
 * nobody reads. */
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
    return "halt_on_error=1:print_stacktrace=1";
}
