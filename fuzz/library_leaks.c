/* What the libraries of Debian 12 forget when a text is malformed: libfyaml 0.7 a scanner's buffer, libjq 1.6
 * the tokens before the mistake. Who reads such texts is born for it: a checker has one definition, the
 * supervisor one file. Linked by the harnesses of definitions, expressions and the configuration; the others
 * look for leaks. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml\nleak:libjq";
}
