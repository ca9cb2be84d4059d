/* SPDX-License-Identifier: MIT */
#include "os/linux/imports.h"

#if defined(__x86_64__) && defined(__LP64__)
#define KNOWN_MACHINE 1
#define SLOT_CALL R_X86_64_JUMP_SLOT
#define SLOT_ADDRESS R_X86_64_GLOB_DAT
#define SLOT_DATA R_X86_64_64
#elif defined(__aarch64__) && defined(__LP64__)
#define KNOWN_MACHINE 1
#define SLOT_CALL R_AARCH64_JUMP_SLOT
#define SLOT_ADDRESS R_AARCH64_GLOB_DAT
#define SLOT_DATA R_AARCH64_ABS64
#else
#define KNOWN_MACHINE 0
#define SLOT_CALL 1
#define SLOT_ADDRESS 2
#define SLOT_DATA 3
#endif

typedef ElfW(Addr) elf_address;
typedef ElfW(Dyn) elf_entry;
typedef __typeof__(((elf_entry *)0)->d_tag) elf_tag;
typedef ElfW(Rela) elf_relocation;
typedef ElfW(Sym) elf_symbol;
typedef ElfW(Half) elf_version;
typedef ElfW(Verneed) elf_need;
typedef ElfW(Vernaux) elf_need_version;

struct relocations {
	const elf_relocation *first;
	size_t size;
};

/* An object with what its dynamic section says. */
struct inside {
	struct mpg_object object;
	const elf_symbol *symbols;
	const elf_version *versions;	/* of each symbol; NULL if it has none */
	const elf_need *needed;
	size_t soname;
	struct relocations calls, others;
	uintptr_t relro_start, relro_end;	/* whole pages that are read-only by now */
};

static uintptr_t page_of(uintptr_t address)
{
	return address & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
}

/* The loader has put most of its pointers right; not in an object whose section is read-only. */
static const void *pointer(const struct inside *in, elf_address address)
{
	return (const void *)(address < in->object.base ? address + in->object.base : address);
}

static void read_entry(struct inside *in, const elf_entry *entry)
{
	switch (entry->d_tag) {
	case DT_SYMTAB:
		in->symbols = pointer(in, entry->d_un.d_ptr);
		break;
	case DT_STRTAB:
		in->object.strings = pointer(in, entry->d_un.d_ptr);
		break;
	case DT_VERSYM:
		in->versions = pointer(in, entry->d_un.d_ptr);
		break;
	case DT_VERNEED:
		in->needed = pointer(in, entry->d_un.d_ptr);
		break;
	case DT_JMPREL:
		in->calls.first = pointer(in, entry->d_un.d_ptr);
		break;
	case DT_PLTRELSZ:
		in->calls.size = entry->d_un.d_val;
		break;
	case DT_RELA:
		in->others.first = pointer(in, entry->d_un.d_ptr);
		break;
	case DT_RELASZ:
		in->others.size = entry->d_un.d_val;
		break;
	case DT_SONAME:
		in->soname = entry->d_un.d_val;
		break;
	default:
		break;
	}
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* False for one that imports nothing, such as the kernel's. */
static bool look_inside(struct inside *in, const struct dl_phdr_info *info)
{
	const elf_entry *dynamic = NULL;

	*in = (struct inside){ .object = { .path = info->dlpi_name,
					   .base = info->dlpi_addr,
					   .segments = info->dlpi_phdr,
					   .n_segments = info->dlpi_phnum } };
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const mpg_segment *segment = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type == PT_DYNAMIC)
			dynamic = (const elf_entry *)start;
		if (segment->p_type == PT_GNU_RELRO) {
			in->relro_start = page_of(start);
			in->relro_end = page_of(start + segment->p_memsz);
		}
	}
	in->object.dynamic = dynamic;
	for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++)
		read_entry(in, dynamic);
	if (!in->symbols || !in->object.strings)
		return false;
	in->object.soname = in->soname
		? in->object.strings + in->soname
		: last_part(*in->object.path ? in->object.path : program_invocation_short_name);
	return true;
}

bool mpg_object_contains(const struct mpg_object *object, const void *address)
{
	for (size_t i = 0; i < object->n_segments; i++) {
		const mpg_segment *segment = &object->segments[i];
		uintptr_t offset = (uintptr_t)address - object->base - segment->p_vaddr;

		if (segment->p_type == PT_LOAD && offset < segment->p_memsz)
			return true;
	}
	return false;
}

static bool is_writable_by_its_segment(const struct mpg_object *object, uintptr_t address)
{
	for (size_t i = 0; i < object->n_segments; i++) {
		const mpg_segment *segment = &object->segments[i];
		uintptr_t offset = address - object->base - segment->p_vaddr;

		if (segment->p_type == PT_LOAD && segment->p_flags & PF_W
		    && offset < segment->p_memsz)
			return true;
	}
	return false;
}

/* Beside libc and the loader, what takes calls away from libc as we do and must find it. */
static bool is_left_alone(const struct mpg_object *object)
{
	static const char *const sonames[] = {
		"libc.so.*",	  "libpthread.so.*", "libdl.so.*",    "librt.so.*",
		"ld-linux*.so.*", "ld64.so.*",	     "libasan.so.*",  "libubsan.so.*",
		"libtsan.so.*",	  "liblsan.so.*",    "libclang_rt.*",
	};

	for (size_t i = 0; i < sizeof(sonames) / sizeof(sonames[0]); i++)
		if (fnmatch(sonames[i], object->soname, 0) == 0)
			return true;
	return mpg_object_contains(object, (const void *)is_left_alone);
}

/* The library that the version of a symbol was taken from. */
static const char *library_of(const struct inside *in, size_t symbol)
{
	const elf_need *need = in->needed;
	unsigned version;

	if (!in->versions || !need)
		return NULL;
	version = in->versions[symbol] & 0x7fff;
	while (true) {
		const elf_need_version *aux =
			(const elf_need_version *)((const char *)need + need->vn_aux);

		for (unsigned i = 0; i < need->vn_cnt; i++) {
			if (aux->vna_other == version)
				return in->object.strings + need->vn_file;
			aux = (const elf_need_version *)((const char *)aux + aux->vna_next);
		}
		if (!need->vn_next)
			return NULL;
		need = (const elf_need *)((const char *)need + need->vn_next);
	}
}

/* Others read the slot meanwhile: it is stored as a whole. */
static int store(const struct inside *in, void *_Atomic *slot, void *value)
{
	uintptr_t page = page_of((uintptr_t)slot);
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	bool sealed = page >= in->relro_start && page < in->relro_end;

	if (sealed && mprotect((void *)page, size, PROT_READ | PROT_WRITE) < 0)
		return -errno;
	atomic_store_explicit(slot, value, memory_order_release);
	if (sealed && mprotect((void *)page, size, PROT_READ) < 0)
		return -errno;
	return 0;
}

static bool is_lazy(const struct inside *in, const elf_symbol *symbol, const void *value)
{
	bool is_own = symbol->st_shndx != SHN_UNDEF
		&& (uintptr_t)value == in->object.base + symbol->st_value;

	return !is_own && mpg_object_contains(&in->object, value);
}

/* AddressSanitizer has slots of its own between an object's variables, where nobody may read. */
__attribute__((no_sanitize("address"), noinline)) static void *load(void *_Atomic *slot)
{
	return atomic_load_explicit(slot, memory_order_relaxed);
}

static int visit_slot(const struct inside *in, const elf_relocation *relocation,
		      struct mpg_imports_visitor *visitor)
{
	size_t index = ELF64_R_SYM(relocation->r_info);
	unsigned type = ELF64_R_TYPE(relocation->r_info);
	uintptr_t address = in->object.base + relocation->r_offset;
	void *_Atomic *slot = (void *_Atomic *)address;
	const elf_symbol *symbol = &in->symbols[index];
	struct mpg_import import = { .object = &in->object, .is_data = type == SLOT_DATA };
	void *chosen;
	int r = 0;

	if (!index || (type != SLOT_CALL && type != SLOT_ADDRESS && type != SLOT_DATA)
	    || !is_writable_by_its_segment(&in->object, address) || address % sizeof(void *) != 0)
		return 0;
	import.name = in->object.strings + symbol->st_name;
	import.value = load(slot);
	/* A weak import of what nobody has. */
	if (!import.value)
		return 0;
	import.from = library_of(in, index);
	import.lazy = type == SLOT_CALL && is_lazy(in, symbol, import.value);
	chosen = visitor->choose(&import, visitor->argument);
	if (!chosen)
		return 0;
	if (chosen != import.value)
		r = store(in, slot, chosen);
	if (r == 0)
		visitor->chosen++;
	return r;
}

static int visit_slots(const struct inside *in, const struct relocations *relocations,
		       struct mpg_imports_visitor *visitor)
{
	size_t n = relocations->first ? relocations->size / sizeof(*relocations->first) : 0;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = visit_slot(in, &relocations->first[i], visitor);
	return r;
}

/* What dl_iterate_phdr() says each time, and what comes of the walk. */
struct walk {
	struct mpg_imports_visitor *visitor;
	unsigned long long adds, subs;
	bool changed;
	int result;
};

static int count(struct dl_phdr_info *info, size_t size, void *argument)
{
	struct walk *walk = argument;

	(void)size;
	walk->adds = info->dlpi_adds;
	walk->subs = info->dlpi_subs;
	return 1;
}

static int visit_object(struct dl_phdr_info *info, size_t size, void *argument)
{
	struct walk *walk = argument;
	struct mpg_imports_visitor *visitor = walk->visitor;
	struct inside in;

	(void)size;
	walk->changed = info->dlpi_adds != walk->adds || info->dlpi_subs != walk->subs;
	if (walk->changed)
		return 1;
	if (!look_inside(&in, info) || is_left_alone(&in.object)
	    || (visitor->enter && !visitor->enter(&in.object, visitor->argument)))
		return 0;
	walk->result = visit_slots(&in, &in.calls, visitor);
	if (walk->result == 0)
		walk->result = visit_slots(&in, &in.others, visitor);
	return walk->result != 0;
}

/*
 * An object that another thread is loading is in the list before its slots are filled, and while
 * its pages are still to be written. dladdr() waits for the end of that: what was in the list
 * before, and is alone in it afterwards, is complete.
 */
int mpg_imports_rewrite(struct mpg_imports_visitor *visitor)
{
	struct walk walk = { .visitor = visitor };
	Dl_info info;

	visitor->chosen = 0;
	if (!KNOWN_MACHINE)
		return -ENOTSUP;
	do {
		dl_iterate_phdr(count, &walk);
		dladdr((const void *)is_left_alone, &info);
		dl_iterate_phdr(visit_object, &walk);
	} while (walk.changed);
	return walk.result;
}

struct visit {
	void (*visit)(const struct mpg_object *object, void *argument);
	void *argument;
};

static int show_object(struct dl_phdr_info *info, size_t size, void *argument)
{
	const struct visit *visit = argument;
	struct inside in;

	(void)size;
	if (look_inside(&in, info))
		visit->visit(&in.object, visit->argument);
	return 0;
}

void mpg_objects_visit(void (*visit)(const struct mpg_object *object, void *argument),
		       void *argument)
{
	struct visit v = { visit, argument };

	dl_iterate_phdr(show_object, &v);
}

static const elf_entry *next_entry(const elf_entry *entry, elf_tag tag)
{
	for (; entry && entry->d_tag != DT_NULL; entry++)
		if (entry->d_tag == tag)
			return entry;
	return NULL;
}

bool mpg_object_needs(const struct mpg_object *object, const char *soname)
{
	const elf_entry *entry = next_entry(object->dynamic, DT_NEEDED);

	for (; entry; entry = next_entry(entry + 1, DT_NEEDED))
		if (strcmp(object->strings + entry->d_un.d_val, soname) == 0)
			return true;
	return false;
}

bool mpg_object_has_rpath(const struct mpg_object *object)
{
	return next_entry(object->dynamic, DT_RPATH) && !next_entry(object->dynamic, DT_RUNPATH);
}

/* Found once: the library is never unloaded. */
static struct {
	_Atomic uintptr_t start, end;
} ours;

static void find_ours(const struct mpg_object *object, void *argument)
{
	(void)argument;
	if (!mpg_object_contains(object, (const void *)is_left_alone))
		return;
	for (size_t i = 0; i < object->n_segments; i++) {
		const mpg_segment *segment = &object->segments[i];
		uintptr_t start = object->base + segment->p_vaddr;

		if (segment->p_type != PT_LOAD)
			continue;
		if (!ours.start || start < ours.start)
			ours.start = start;
		if (start + segment->p_memsz > ours.end)
			ours.end = start + segment->p_memsz;
	}
}

bool mpg_imports_is_ours(const void *address)
{
	if (!ours.end)
		mpg_objects_visit(find_ours, NULL);
	return (uintptr_t)address >= ours.start && (uintptr_t)address < ours.end;
}

unsigned long long mpg_imports_loaded(void)
{
	struct walk walk = { 0 };

	dl_iterate_phdr(count, &walk);
	return walk.adds;
}
