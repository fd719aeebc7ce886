// Command compare says what a change costs: it runs the benchmarks of two commits by turns and
// compares their times by medians and benchstat's test, or counts the instructions of one operation
// of each under qemu, which are the same on a busy machine. It ends with status 1 where a benchmark
// got slower by more than a threshold. docs/performance.md shows how to read it.
//
// It is a module of its own, so that golang.org/x/perf reaches no user of the library.
package main
