// Package engine runs programs: stages of work over arenas of memory, on the workers of a pool. It
// knows no operator. A float32 session, an int8 one and a training pass are lists of stages that
// package model makes; here they are cut into shares, run, stopped by a context, reported to an
// observer, and their values are placed in as little memory as the times of their use allow.
package engine
