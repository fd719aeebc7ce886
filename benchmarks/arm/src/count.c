// A plugin for qemu-user that counts the instructions of a program's first thread, or with the argument threads=all of all threads, block by
// block. At the end it writes a line for each translated block, "ADDRESS INSTRUCTIONS TIMES", to the file that QEMU_COUNTS names. It declares what it uses of qemu's plugin
// interface, version 1, because distributions do not package the header.
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
typedef struct {
	const char *target_name;
	struct {
		int min, cur;
	} version;
	bool system_emulation;
	struct {
		int smp_vcpus, max_vcpus;
	} system;
} plugin_info;
struct translation;
enum registers { NO_REGISTERS };

size_t qemu_plugin_tb_n_insns(const struct translation *tb);
uint64_t qemu_plugin_tb_vaddr(const struct translation *tb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct translation *tb, void (*f)(unsigned thread, void *), enum registers r, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*f)(plugin_id, struct translation *));
void qemu_plugin_register_atexit_cb(plugin_id id, void (*f)(plugin_id, void *), void *data);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

// Blocks are never freed: code that is translated again counts in a new one at the same address.
struct block {
	uint64_t address, length, executed;
	struct block *next;
};
static struct block *blocks;
static bool all_threads;

static void executed(unsigned thread, void *data)
{
	struct block *b = data;
	if (all_threads || thread == 0)
		b->executed++;
}

// qemu translates under a lock of its own.
static void translated(plugin_id id, struct translation *tb)
{
	(void)id;
	struct block *b = calloc(1, sizeof *b);
	if (!b)
		abort();
	b->address = qemu_plugin_tb_vaddr(tb);
	b->length = qemu_plugin_tb_n_insns(tb);
	b->next = blocks;
	blocks = b;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, NO_REGISTERS, b);
}

static void finished(plugin_id id, void *data)
{
	(void)id, (void)data;
	const char *name = getenv("QEMU_COUNTS");
	FILE *f = name ? fopen(name, "w") : NULL;
	if (!f) {
		fprintf(stderr, "count: cannot write to QEMU_COUNTS\n");
		return;
	}
	for (struct block *b = blocks; b; b = b->next)
		fprintf(f, "%" PRIx64 " %" PRIu64 " %" PRIu64 "\n", b->address, b->length, b->executed);
	fclose(f);
}

EXPORT int qemu_plugin_install(plugin_id id, const plugin_info *info, int argc, char **argv)
{
	(void)info;
	all_threads = argc > 0 && strcmp(argv[0], "threads=all") == 0;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finished, NULL);
	return 0;
}
