// Package engine runs programs: stages of work over arenas of memory, on the workers of a pool. It
// knows no operator. A float32 session, an int8 one and a training pass are lists of stages that
// package model makes. This package divides them into shares, runs them, stops them when a context
// is done and reports to an observer. It places values in memory by liveness: values that are never
// in use at the same time share an arena.
package engine
