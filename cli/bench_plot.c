/* bench_plot.c: `rnncc bench --plot FILE.svg`, by gnuplot.
 *
 * Debian has no small C library that draws charts: PLplot brings Qt and wxWidgets, cairo draws lines but no axes, GNU libplot is
 * no longer kept.  gnuplot is, its language is stable, and nobody needs it who draws nothing: so it is a program that is
 * started, not a library that everyone links with; where it is missing, --plot is refused by name.
 */
#include "cli/bench.h"
#include "runtime/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void plot_check(Ctx *cx, const Options *o)
{
	if (o->via == VIA_INTERPRET) fail(cx, "--plot %s: the interpreter has no kernels to draw", o->plot);
	if (!path_ends_with(o->plot, ".svg")) fail(cx, "--plot %s: draws SVG only; the name must end in .svg", o->plot);
	if (system("command -v gnuplot >/dev/null 2>&1")) /* NOLINT: no word of it comes from outside */
		fail(cx, "--plot %s: there is no gnuplot in PATH, which draws (Debian: gnuplot-nox)", o->plot);
}

/* In gnuplot's single quotes nothing has a meaning but the quote itself, which is doubled. */
static const char *quoted(Ctx *cx, const char *text)
{
	Buf b;
	buf_init(&b, cx->arena);
	buf_puts(&b, "'");
	for (const char *c = printable(cx->arena, text); *c; c++)
		buf_write(&b, *c == '\'' ? "''" : c, *c == '\'' ? 2 : 1);
	buf_puts(&b, "'");
	return b.text;
}

/* Rows from the top: a label, and one or two bars.  ("$name" is a block of data.) */
static void put_runs(Ctx *cx, Buf *b, const Runs *runs)
{
	buf_puts(b, "$runs << EOD\n");
	for (int i = 0; i < runs->n; i++)
		if (!runs->items[i].why_not) buf_printf(b, "%d %.9g\n", i, runs->items[i].times.min_us);
	buf_puts(b, "EOD\nset ytics (");
	for (int i = 0; i < runs->n; i++) buf_printf(b, "%s%s %d", i ? ", " : "", quoted(cx, runs->items[i].label), i);
	buf_printf(b, ") noenhanced\nset yrange [%d.5:-0.5]\n", runs->n - 1);
	buf_puts(b,
		"set title 'ways to compile' noenhanced\nset xlabel 'us a call, best'\nset xrange [0:*]\n"
		"plot $runs using ($2/2):1:($2/2):(0.35) with boxxyerror lc rgb '#4477aa' notitle\n");
}

static void put_kernels(Ctx *cx, Buf *b, const Profile *p)
{
	buf_puts(b, "$kernels << EOD\n");
	for (int i = 0; i < p->n; i++) buf_printf(b, "%d %.9g %.9g\n", i, p->kernels[i].us, p->kernels[i].bound_us);
	buf_puts(b, "EOD\nset ytics (");
	for (int i = 0; i < p->n; i++)
		buf_printf(b, "%s%s %d", i ? ", " : "", quoted(cx, p->kernels[i].kernel->name), i);
	buf_printf(b, ") noenhanced\nset yrange [%d.5:-0.5]\n", p->n - 1);
	buf_puts(b,
		"set title 'kernels, and the time that the machine''s limit gives them'\nset xlabel 'us a call, best'\nset xrange [0:*]\n"
		"plot $kernels using ($2/2):1:($2/2):(0.35) with boxxyerror lc rgb '#4477aa' title 'measured',"
		" $kernels using ($3/2):1:($3/2):(0.12) with boxxyerror lc rgb '#ddcc77' title 'limit'\n");
}

void plot_draw(Ctx *cx, const Options *o, const Runs *runs, const Profile *p)
{
	enum { ROW = 18, AXES = 90 }; /* pixels */
	const int upper = AXES + ROW * runs->n, lower = AXES + ROW * p->n, height = 30 + upper + lower;
	Buf b;
	buf_init(&b, cx->arena);
	buf_printf(&b, "set terminal svg size 800,%d font 'sans-serif,11' noenhanced\nset output %s\n", height,
		quoted(cx, o->plot));
	buf_puts(&b,
		"set style fill solid noborder\nset tics nomirror\nset border 3\nset key bottom right\nset lmargin 28\n");
	buf_printf(&b, "set multiplot title %s\n", quoted(cx, path_base(cx->arena, o->args[0])));
	buf_printf(&b, "set size 1,%.4f\nset origin 0,%.4f\n", (double)upper / height, (double)lower / height);
	put_runs(cx, &b, runs);
	buf_printf(&b, "set size 1,%.4f\nset origin 0,0\n", (double)lower / height);
	put_kernels(cx, &b, p);
	buf_puts(&b, "unset multiplot\n");
	FILE *gnuplot = popen("gnuplot", "w"); /* NOLINT: likewise */
	if (!gnuplot) fail(cx, "--plot %s: gnuplot cannot be started", o->plot);
	fwrite(b.text, 1, b.size, gnuplot);
	if (pclose(gnuplot)) fail(cx, "--plot %s: gnuplot could not draw it", o->plot);
}
