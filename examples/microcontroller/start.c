/* How a Cortex-M gets to newlib's start-up code: the stack and the first instruction. */
#include <stdint.h>

extern void _start(void);
extern char __stack;

void reset(void);
void reset(void) { _start(); }

union word {
  void *pointer;
  void (*function)(void);
};

__attribute__((section(".vectors"), used)) static const union word vectors[2] = {{.pointer = &__stack}, {.function = reset}};
