/* main.c: the rnncc command: finds the subcommand, reports its error. */
#include "cli/cli.h"
#include "frontend/weights/weights.h"

#include <stdio.h>
#include <string.h>

static const Command *const commands[] = {&command_compile, &command_run, &command_test, &command_bench,
	&command_inspect, &command_opt, &command_fmt, &command_ops, &command_targets};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *to)
{
	fprintf(to,
		"Usage: rnncc COMMAND [OPTION...] ...\n\nCompiles trained recurrent networks to standalone C.\n\nCommands:\n");
	for (int i = 0; i < N_COMMANDS; i++) fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(to,
		"\n`rnncc COMMAND --help` describes a command; `rnncc --version` prints the version.\n\n"
		"Example:\n  rnncc compile model.onnx -o generated\n");
}

static const Command *find_command(const char *name)
{
	for (int i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i]->name, name)) return commands[i];
	return NULL;
}

static void unknown_command(const char *word)
{
	const char *names[N_COMMANDS];
	for (int i = 0; i < N_COMMANDS; i++) names[i] = commands[i]->name;
	const char *near = nearest_name(word, MAX_TYPING_ERRORS, N_COMMANDS, names);
	Arena *arena = arena_new();
	fprintf(stderr, "rnncc: unknown command '%s'", printable_message(arena, word));
	arena_free(arena);
	if (near) fprintf(stderr, "; did you mean %s?", near);
	fputs("\n\n", stderr);
}

static int run(const Command *command, int argc, char **argv, char **all)
{
	Ctx *cx = ctx_new();
	Options options;
	volatile int status = options_parse(command, cx->arena, argc, argv, &options);
	options.argv = all;
	if (status < 0) {
		TRY (cx) {
			status = command->run(cx, &options);
			/* a full disk or a closed pipe must not look like success */
			if (fflush(stdout) || ferror(stdout)) fail(cx, "standard output cannot be written");
		} else {
			fflush(stdout);
			print_error(cx);
			status = STATUS_FAULT;
		}
	}
	ctx_free(cx);
	return status;
}

int main(int argc, char **argv)
{
	if (argc > 1 &&
		(!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || (!strcmp(argv[1], "help") && argc == 2))) {
		print_help(stdout);
		return STATUS_OK;
	}
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		puts("rnncc " RNNCC_VERSION);
		return STATUS_OK;
	}
	if (argc > 2 && !strcmp(argv[1], "help") && find_command(argv[2]))
		return run(find_command(argv[2]), 2, (char *[]){argv[2], (char *)"--help", NULL}, argv);
	const Command *command = argc > 1 ? find_command(argv[1]) : NULL;
	if (command) return run(command, argc - 1, argv + 1, argv);
	if (argc > 1) unknown_command(argv[1]);
	print_help(stderr);
	return STATUS_USAGE;
}
