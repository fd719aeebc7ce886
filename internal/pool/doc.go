// Package pool runs one function on a fixed set of persistent workers.
//
// It exists for short parallel sections that follow one another closely: a
// forward pass enters one per layer, some of them 20 microseconds long. The
// workers spin for a bounded while between sections and park when nothing
// comes. The work is cut statically by Split, so that what a worker computes
// depends on the number of parts alone and never on timing.
//
// There are no queues, futures or task graphs here: one Run is one barrier.
package pool
