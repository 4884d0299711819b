/* aot.c: modules by way of the user's C compiler.
 *
 * The files are written to a private directory under $TMPDIR, the compiler is run there without a shell, the shared
 * library is opened and the directory removed at once, whatever happened: a mapped library needs no name.
 *
 * A symbol of the host is handed over as an absolute address by the linker's --defsym. Position-independent code reaches
 * it through the global offset table, and the dynamic linker (glibc since 2.28) does not relocate absolute symbols.
 */
#include "module.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIBRARY "rnncc-module.so"

typedef struct {
	Module base;
	void *library;
} CcModule;

/* Only what the library itself defines: dlsym also searches the libraries that it depends on, libc among them. */
static void *cc_symbol(const Module *module, const char *name)
{
	void *library = ((const CcModule *)module)->library;
	void *address = dlsym(library, name);
	struct link_map *map;
	Dl_info owner;
	if (!address || dlinfo(library, RTLD_DI_LINKMAP, &map) || !dladdr(address, &owner)) return NULL;
	return (uintptr_t)owner.dli_fbase == map->l_addr ? address : NULL;
}

static void cc_unload(Module *module)
{
	dlclose(((CcModule *)module)->library);
	free(module);
}

static char *make_directory(char **error)
{
	const char *parent = getenv("TMPDIR");
	char *directory = module_text("%s/rnncc-XXXXXX", parent && *parent ? parent : "/tmp");
	if (mkdtemp(directory)) return directory;
	*error = module_text("module: cannot make a directory in $TMPDIR: %s: %s", directory, strerror(errno));
	free(directory);
	return NULL;
}

/* Everything in it goes, also what a compiler may have left behind. */
static void remove_directory(char *directory)
{
	DIR *listing = opendir(directory);
	if (listing) {
		for (struct dirent *entry; (entry = readdir(listing));) unlinkat(dirfd(listing), entry->d_name, 0);
		closedir(listing);
	}
	rmdir(directory);
	free(directory);
}

static bool write_file(const char *directory, const ModuleFile *file, char **error)
{
	char *path = module_text("%s/%s", directory, file->name);
	FILE *stream = fopen(path, "wxe");
	bool ok = stream && fputs(file->text, stream) >= 0;
	if (stream && fclose(stream)) ok = false;
	if (!ok) *error = module_text("module: cannot write %s: %s", path, strerror(errno));
	free(path);
	return ok;
}

/* The command's words, then everything else. */
static ModuleArgs command_line(
	const char *directory, const ModuleFile *files, size_t n_files, const ModuleOptions *options)
{
	const char *command = options->cc ? options->cc : getenv("RNNCC_CC");
	if (!command || !command[strspn(command, " ")]) command = "cc";

	ModuleArgs args = {0};
	module_words(&args, command);
	module_flags(&args, options);
	module_arg(&args, "-shared");
	module_arg(&args, "-Wl,-z,defs"); /* a missing symbol is reported with the function that needs it */
	for (size_t i = 0; i < options->n_symbols; i++)
		module_arg(&args, "-Wl,--defsym=%s=0x%" PRIxPTR, options->symbols[i].name,
			(uintptr_t)options->symbols[i].address);
	module_arg(&args, "-o");
	module_arg(&args, "%s/" LIBRARY, directory);
	for (size_t i = 0; i < n_files; i++)
		if (module_is_source(&files[i])) module_arg(&args, "%s/%s", directory, files[i].name);
	module_arg(&args, "-lm");
	return args;
}

/* Starts a program that reads nothing and writes, both ways, to a pipe whose reading end is returned. */
static int start(char *const argv[], pid_t *child, char **error)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC)) {
		*error = module_text("module: cannot make a pipe: %s", strerror(errno));
		return -1;
	}
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
	int failure = posix_spawnp(child, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (!failure) return ends[0];
	close(ends[0]);
	*error = module_text("module: cannot run the C compiler `%s`: %s (install one, or name it in $RNNCC_CC)",
		argv[0], strerror(failure));
	return -1;
}

static char *read_all(int fd)
{
	char *text = NULL, chunk[4096];
	size_t size;
	FILE *stream = module_need(open_memstream(&text, &size));
	for (ssize_t n; (n = read(fd, chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR);)
		if (n > 0) fwrite(chunk, 1, (size_t)n, stream);
	fclose(stream);
	return module_need(text);
}

/* How a child ended, in words; NULL for success. */
static char *wait_for(pid_t child)
{
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR) return module_text("was lost (%s)", strerror(errno));
	if (WIFSIGNALED(status))
		return module_text("was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	return WEXITSTATUS(status) ? module_text("failed with exit status %d", WEXITSTATUS(status)) : NULL;
}

static bool compile(
	const char *directory, const ModuleFile *files, size_t n_files, const ModuleOptions *options, char **error)
{
	ModuleArgs args = command_line(directory, files, n_files, options);
	pid_t child;
	int output = start(args.word, &child, error);
	if (output >= 0) {
		char *messages = read_all(output);
		char *failure = wait_for(child);
		close(output);
		if (failure) {
			char *prefix = module_text("%s/", directory);
			module_strip(messages, prefix);
			*error = module_text("module: the C compiler `%s` %s\n%s", args.word[0], failure, messages);
			free(prefix);
		}
		free(failure);
		free(messages);
	}
	module_args_free(&args);
	return !*error;
}

/* GCC's OpenMP run-time would be unmapped with the last library that needs it, under the feet of its waiting threads. */
static void pin_openmp(void) { dlopen("libgomp.so.1", RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE); }

static Module *open_library(const char *directory, char **error)
{
	char *path = module_text("%s/" LIBRARY, directory);
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	free(path);
	if (!library) {
		*error = module_text("module: cannot load the compiled library: %s", dlerror());
		return NULL;
	}
	pin_openmp();
	CcModule *module = module_need(malloc(sizeof *module));
	*module = (CcModule){{cc_symbol, cc_unload}, library};
	return &module->base;
}

Module *module_load_cc(const ModuleFile *files, size_t n_files, const ModuleOptions *options, char **error)
{
	char *directory = make_directory(error);
	if (!directory) return NULL;
	bool ok = true;
	for (size_t i = 0; ok && i < n_files; i++) ok = write_file(directory, &files[i], error);
	Module *module =
		ok && compile(directory, files, n_files, options, error) ? open_library(directory, error) : NULL;
	remove_directory(directory);
	return module;
}
