/* clang_shim.cpp: the only C++ of the project.
 *
 * Clang's C interface parses and diagnoses, but cannot emit code; LLVM's C interface looks symbols up only in the main
 * library of an LLJIT, which since LLVM 17 links against the whole process. So this file has one function for each.
 * Tested with LLVM 14; where it is known to differ in a later one, both are written.
 */
#include "clang_shim.h"

#include <clang/Basic/Diagnostic.h>
#include <clang/Basic/DiagnosticOptions.h>
#include <clang/CodeGen/CodeGenAction.h>
#include <clang/Driver/Compilation.h>
#include <clang/Driver/Driver.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/CompilerInvocation.h>
#include <clang/Frontend/TextDiagnosticPrinter.h>
#include <llvm/ExecutionEngine/Orc/Core.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/VirtualFileSystem.h>
#if LLVM_VERSION_MAJOR >= 17
#include <llvm/TargetParser/Host.h>
#else
#include <llvm/Support/Host.h>
#endif

#include <cstring>

using llvm::IntrusiveRefCntPtr;

/* The files given, in front of the real ones: the C library's headers are still found. */
static IntrusiveRefCntPtr<llvm::vfs::FileSystem> file_system(const ModuleFile *files, size_t n_files)
{
	auto memory = llvm::makeIntrusiveRefCnt<llvm::vfs::InMemoryFileSystem>();
	for (size_t i = 0; i < n_files; i++)
		memory->addFile(std::string(CLANG_SHIM_DIRECTORY) + files[i].name, 0,
			llvm::MemoryBuffer::getMemBuffer(files[i].text));
	auto overlay = llvm::makeIntrusiveRefCnt<llvm::vfs::OverlayFileSystem>(llvm::vfs::getRealFileSystem());
	overlay->pushOverlay(memory);
	return overlay;
}

static std::unique_ptr<llvm::Module> compile(const ModuleFile *files, size_t n_files, size_t source,
	const ModuleArgs *flags, const char *resource_dir, llvm::LLVMContext &context, llvm::raw_ostream &messages)
{
	auto system = file_system(files, n_files);
	IntrusiveRefCntPtr<clang::DiagnosticOptions> style(new clang::DiagnosticOptions());
	clang::TextDiagnosticPrinter printer(messages, style.get());
	auto diagnostics = clang::CompilerInstance::createDiagnostics(style.get(), &printer, false);

	/* Clang's driver turns the flags of the command into those of the compiler proper: it knows the host's processor
	 * and where the C library's headers are. The program's name matters only for the latter. */
	std::string program = std::string(resource_dir) + "/../../../bin/clang";
	std::string path = std::string(CLANG_SHIM_DIRECTORY) + files[source].name;
	clang::driver::Driver driver(program, llvm::sys::getDefaultTargetTriple(), *diagnostics, "rnncc", system);
	driver.setCheckInputsExist(false);
	std::vector<const char *> words = {program.c_str(), "-resource-dir", resource_dir, "-c", path.c_str()};
	words.insert(words.end(), flags->word, flags->word + flags->n);
	std::unique_ptr<clang::driver::Compilation> compilation(driver.BuildCompilation(words));
	if (!compilation || diagnostics->hasErrorOccurred() || compilation->getJobs().empty()) return nullptr;

	auto invocation = std::make_shared<clang::CompilerInvocation>();
	const auto &arguments = compilation->getJobs().begin()->getArguments();
	if (!clang::CompilerInvocation::CreateFromArgs(*invocation, arguments, *diagnostics)) return nullptr;
	/* A command may leave its memory to the system at exit; we stay. */
	invocation->getFrontendOpts().DisableFree = false;
	invocation->getCodeGenOpts().DisableFree = false;

	clang::CompilerInstance instance;
	instance.setInvocation(invocation);
	instance.setVerboseOutputStream(messages);
	instance.createDiagnostics(&printer, false);
	instance.setFileManager(new clang::FileManager(clang::FileSystemOptions(), system));
	/* Despite its name this runs the optimiser too, for the processor asked for once LLVM's target is initialised. */
	clang::EmitLLVMOnlyAction action(&context);
	return instance.ExecuteAction(action) ? action.takeModule() : nullptr;
}

LLVMModuleRef clang_shim_compile(const ModuleFile *files, size_t n_files, size_t source, const ModuleArgs *flags,
	const char *resource_dir, LLVMContextRef context, char **messages)
{
	std::string text;
	llvm::raw_string_ostream stream(text);
	auto module = compile(files, n_files, source, flags, resource_dir, *llvm::unwrap(context), stream);
	stream.flush();
	*messages = strdup(text.c_str());
	return llvm::wrap(module.release());
}

char *clang_shim_link(LLVMOrcExecutionSessionRef session, LLVMOrcJITDylibRef library, char *const *names,
	size_t n_names, uint64_t *addresses)
{
	/* LLVM's own C interface makes these references with the same casts. */
	auto &execution = *reinterpret_cast<llvm::orc::ExecutionSession *>(session);
	auto *dylib = reinterpret_cast<llvm::orc::JITDylib *>(library);
	llvm::orc::SymbolLookupSet wanted;
	for (size_t i = 0; i < n_names; i++) wanted.add(execution.intern(names[i]));
	auto found = execution.lookup({{dylib, llvm::orc::JITDylibLookupFlags::MatchAllSymbols}}, std::move(wanted));
	if (!found) return strdup(llvm::toString(found.takeError()).c_str());
	for (size_t i = 0; i < n_names; i++) {
		auto symbol = (*found)[execution.intern(names[i])];
#if LLVM_VERSION_MAJOR >= 17
		addresses[i] = symbol.getAddress().getValue();
#else
		addresses[i] = symbol.getAddress();
#endif
	}
	return nullptr;
}
