/* near.c: the name that may have been meant. */
#include "frontend/weights/weights.h"

#include <ctype.h>
#include <string.h>

enum { MAX_NAME = 200 }; /* of names that a person might have mistyped */

static bool same(char a, char b) { return tolower((unsigned char)a) == tolower((unsigned char)b); }
static int smaller(int a, int b) { return a < b ? a : b; }

/* Letters inserted, left out, replaced, or swapped with the next.  Source: Damerau 1964, as "optimal string alignment". */
static int distance(const char *a, const char *b)
{
	int rows[3][MAX_NAME + 1], *before = rows[0], *last = rows[1], *now = rows[2];
	const int n = (int)strlen(a), m = (int)strlen(b);
	for (int j = 0; j <= m; j++) last[j] = before[j] = j;
	for (int i = 1; i <= n; i++) {
		now[0] = i;
		for (int j = 1; j <= m; j++) {
			int d = smaller(last[j - 1] + !same(a[i - 1], b[j - 1]), smaller(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				d = smaller(d, before[j - 2] + 1);
			now[j] = d;
		}
		int *old = before;
		before = last, last = now, now = old;
	}
	return last[m];
}

const char *nearest_name(const char *name, int most, int n, const char *const *names)
{
	if (strlen(name) > MAX_NAME) return NULL;
	const char *best = NULL;
	const size_t length = strlen(name);
	for (int i = 0; i < n; i++) {
		if (strlen(names[i]) > MAX_NAME) continue;
		const int d = distance(name, names[i]);
		const bool longer = strlen(names[i]) != length; /* a letter is sooner mistaken than left out */
		if (d > most || (d == most && best && (longer || strlen(best) == length))) continue;
		most = d;
		best = names[i];
	}
	return best;
}
