/* langid_main.c: say in which language each line of a text is written, with the code that rnncc makes of langid.onnx.
 *
 *     rnncc compile models/langid.onnx --dim T=1..512 -o build
 *     cc -std=c99 -O2 -Ibuild models/langid_main.c build/langid.c -lm -o langid
 *     ./langid models/langid_lines.txt
 *
 * Reads the file named, or standard input. A line is UTF-8; what comes after its first 512 bytes is not looked at. A
 * line may begin with the expected language and a tab ("fr<TAB>Il fait froid."): then the answers are counted too.
 * Exit status 0, or 1 if a file cannot be read, a call fails, or an expected language is missed.
 */
#include "langid.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MAX_BYTES = 512, N_LANGUAGES = 9 };

/* In the order of the model's scores: LANGUAGES in langid.py. */
static const char *const languages[N_LANGUAGES] = {"de", "en", "es", "fr", "it", "nl", "pl", "pt", "sv"};

/* Workspace, with room to align it: C99 has no alignas. */
static unsigned char memory[LANGID_WORKSPACE_BYTES + LANGID_ALIGN];

static void *aligned_workspace(void)
{
	uintptr_t past = (uintptr_t)memory % LANGID_ALIGN;
	return memory + (past ? LANGID_ALIGN - past : 0);
}

/* Reads a line without its end, at most `size - 1` bytes of it, and skips the rest. Returns 0 at the end of the file. */
static int read_line(FILE *in, char *line, size_t size)
{
	size_t n = 0;
	int c, any = 0;
	while ((c = getc(in)) != EOF && c != '\n') {
		any = 1;
		if (n + 1 < size && c != '\r') line[n++] = (char)c;
	}
	line[n] = '\0';
	return any || c == '\n';
}

/* The text of a line, and in `expected` (at least 3 bytes) the code before its tab, or "" if there is none. */
static const char *split_code(const char *line, char *expected)
{
	expected[0] = '\0';
	if (strlen(line) < 3 || line[2] != '\t') return line;
	memcpy(expected, line, 2);
	expected[2] = '\0';
	return line + 3;
}

int main(int argc, char **argv)
{
	static char line[MAX_BYTES + 4]; /* the code, the tab, the text, the NUL */
	static int32_t text[MAX_BYTES];
	float scores[N_LANGUAGES];
	void *workspace = aligned_workspace();
	FILE *in = argc > 1 ? fopen(argv[1], "rb") : stdin;
	long n_lines = 0, n_expected = 0, n_correct = 0;
	double seconds = 0;

	if (!in) {
		perror(argv[1]);
		return 1;
	}
	while (read_line(in, line, sizeof line)) {
		char expected[3];
		const char *bytes = split_code(line, expected);
		size_t n = strlen(bytes);
		if (n == 0) continue;
		if (n > MAX_BYTES) n = MAX_BYTES;
		for (size_t i = 0; i < n; i++) text[i] = (unsigned char)bytes[i];

		clock_t start = clock();
		int status = langid_run((int64_t)n, text, scores, workspace);
		seconds += (double)(clock() - start) / (double)CLOCKS_PER_SEC;
		if (status != 0) {
			fprintf(stderr, "langid_run: error %d\n", status);
			return 1;
		}

		int best = 0;
		for (int k = 1; k < N_LANGUAGES; k++)
			if (scores[k] > scores[best]) best = k;
		n_lines++;
		if (expected[0]) {
			n_expected++;
			n_correct += strcmp(expected, languages[best]) == 0;
		}
		printf("%s %5.1f%%  %s%s\n", languages[best], 100 * (double)scores[best], bytes,
			expected[0] && strcmp(expected, languages[best]) != 0 ? "   <-- wrong" : "");
	}
	if (ferror(in)) {
		perror(argc > 1 ? argv[1] : "stdin");
		return 1;
	}
	if (in != stdin) fclose(in);

	printf("\n%ld lines", n_lines);
	if (n_expected > 0) printf(", %ld of %ld correct", n_correct, n_expected);
	if (n_lines > 0) printf(", %.1f microseconds a line", 1e6 * seconds / (double)n_lines);
	printf(", workspace %lu bytes", (unsigned long)LANGID_WORKSPACE_BYTES);
#ifdef LANGID_WEIGHTS_BYTES
	printf(", weights %lu bytes", (unsigned long)LANGID_WEIGHTS_BYTES);
#endif
	printf("\n");
	return n_correct < n_expected;
}
