// Package engine runs programs: stages of work over arenas of memory, on the workers of a pool. It
// knows no operator. A float32 session, an int8 session and a training pass are lists of stages
// that package model makes. This package cuts the stages into shares, runs them, stops when a
// context is done, and reports to an observer. It places values in arenas by liveness, so that
// values that are never in use at the same time share memory.
package engine
