/*
 * Files as C strings: embed OUT.h NAME=FILE... writes a header with "static const char NAME[]" for each. Built and run
 * while condaimg is built, so that what is in a page can be kept, read and linted as the files that it is.
 */
#include <stdio.h>
#include <string.h>

static int embed(FILE *out, const char *name, int n_name, const char *path)
{
	FILE *in = fopen(path, "rb");
	int c, bad;

	if (!in) {
		perror(path);
		return -1;
	}
	fprintf(out, "static const char %.*s[] =\n\t\"", n_name, name);
	while ((c = getc(in)) != EOF) {
		if (c == '\n')
			fputs("\\n\"\n\t\"", out);
		else if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c > 0x7e || c == '?')
			fprintf(out, "\\%03o", c);
		else
			putc(c, out);
	}
	fputs("\";\n", out);
	bad = ferror(in);
	fclose(in);
	return bad ? -1 : 0;
}

int main(int argc, char **argv)
{
	FILE *out = argc > 1 ? fopen(argv[1], "wb") : NULL;
	int rc = 0;

	if (!out) {
		perror(argc > 1 ? argv[1] : "embed OUT.h NAME=FILE...");
		return 1;
	}
	for (int i = 2; i < argc && rc == 0; i++) {
		const char *eq = strchr(argv[i], '=');

		rc = eq ? embed(out, argv[i], (int)(eq - argv[i]), eq + 1) : -1;
	}
	if (ferror(out) || fclose(out) != 0)
		rc = -1;
	return rc < 0 ? 1 : 0;
}
