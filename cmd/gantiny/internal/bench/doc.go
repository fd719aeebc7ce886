// Package bench measures how long networks take: each layer of a generator or of a training step
// beside the peak that the machine has at that moment, and the suite of cases that small boards are
// compared by. Flags and files are the command's.
package bench
