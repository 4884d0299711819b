/* main.c: random well-typed graphs, interpreter against compiled C.
 *
 *     fuzz_graphs [--seconds N] [--seed N] [--count N]       random graphs; the first that differs is shrunk and printed
 *     fuzz_graphs FILE.ir...                                 those graphs
 *
 * A graph is determined by its seed.  Batches of graphs share a module and run in a child process, so that a crash of the
 * compiler or of its code is a find like any other.  Values that only exact operations lead to must be equal; the others
 * may differ by what rounding explains: the interpreter is asked again with inputs changed by a millionth, and a hundred
 * times that change is tolerated.  Operations that jump (floor, comparisons, sorting ...) get exact operands only.
 * All variants of a numeric profile, whatever their lanes, threads and chunks, must give the same bits, and so must a
 * second call on a workspace that held something else.  Where a graph has a step, streams of it must give what the run gives.
 */
#include "fuzz_graphs.h"

#include <limits.h>
#include <sys/mman.h>
#include <time.h>

static int find_in_batch(uint64_t first, int n, int variant)
{
	for (int i = 0; i < n; i++) {
		Job job = {.first = first + (uint64_t)i, .n = 1, .variant = variant};
		const int outcome = run_in_child(&job, false);
		if (outcome == OK) continue;
		fprintf(stderr, "seed %llu, %s: outcome %d\n", (unsigned long long)job.first, variants[variant].name,
			outcome);
		shrink(job.first, NULL, variant, outcome);
		return 1;
	}
	return 0;
}

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f) {
		perror(path);
		return 1;
	}
	char *text = calloc(1, 1 << 20);
	const size_t n = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	text[n] = 0;
	int failed = 0;
	for (int v = 0; v < n_variants; v++) {
		if (!variant_runs(&variants[v])) continue;
		Job job = {.first = 1, .n = 1, .variant = v, .text = text};
		const int outcome = run_in_child(&job, false);
		if (outcome == OK) continue;
		fprintf(stderr, "%s, %s: outcome %d\n", path, variants[v].name, outcome);
		failed++;
	}
	free(text);
	return failed;
}

/* Shared with the children. */
static Digests *digests_new(void)
{
	Digests *made = mmap(
		NULL, (size_t)n_variants * sizeof *made, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (made != MAP_FAILED) return made;
	perror("mmap");
	exit(1);
}

/* Of the variants of one profile, which give the same bits. */
static int count_other_bits(uint64_t first, int n, Digests *of)
{
	int n_finds = 0;
	for (int i = 0; i < n; i++)
		for (int v = 1; v < n_variants; v++) {
			int with = 0;
			while (with < v && (!of[with][i] || profile_of(&variants[with]) != profile_of(&variants[v])))
				with++;
			if (with == v || !profile_of(&variants[v]) || !of[v][i] || of[v][i] == of[with][i]) continue;
			printf("seed %llu: other bits as %s than as %s\n", (unsigned long long)first + (unsigned)i,
				variants[v].name, variants[with].name);
			n_finds++;
			break;
		}
	return n_finds;
}

int main(int argc, char **argv)
{
	long seconds = 60, count = LONG_MAX, max_finds = 1;
	uint64_t seed = 1;
	int files = 0, failed = 0, only = -1;
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		if (!strcmp(argv[i], "--seconds")) seconds = atol(value), i++;
		else if (!strcmp(argv[i], "--seed")) seed = strtoull(value, NULL, 0), i++;
		else if (!strcmp(argv[i], "--count")) count = atol(value), i++;
		else if (!strcmp(argv[i], "--finds")) max_finds = atol(value), i++;
		else if (!strcmp(argv[i], "--variant")) only = atoi(value), i++;
		else files++, failed += run_file(argv[i]);
	}
	if (files) return failed != 0;
	setenv("OMP_WAIT_POLICY", "passive", 0); /* there may be fewer cores than threads */
	Digests *digests = digests_new();
	time_t end = time(NULL) + seconds;
	long n_graphs = 0, n_finds = 0;
	for (int round = 0; time(NULL) < end && n_graphs < count && n_finds < max_finds; round++) {
		const int n = count - n_graphs < BATCH ? (int)(count - n_graphs) : BATCH;
		memset(digests, 0, (size_t)n_variants * sizeof *digests);
		for (int v = 0; v < n_variants && n_finds < max_finds && time(NULL) < end; v++) {
			/* The JIT's with the model's own weights are quick and run always, the others in turn. */
			const bool often = !variants[v].cc && !narrows(&variants[v]);
			if (only >= 0 ? v != only : !often && (round + v) % 4) continue;
			if (!variant_runs(&variants[v])) continue;
			Job job = {.first = seed, .n = n, .variant = v, .quiet = true, .digests = digests[v]};
			if (run_in_child(&job, true) != OK) n_finds += find_in_batch(seed, n, v);
		}
		n_finds += count_other_bits(seed, n, digests);
		seed += (uint64_t)n;
		n_graphs += n;
	}
	printf("%ld graphs, the last seed %llu; %ld differed\n", n_graphs, (unsigned long long)seed - 1, n_finds);
	return n_finds != 0;
}
