// Package csource writes generators in 8-bit integers as C: one file of C99 that needs nothing
// else, for microcontrollers, and draws the same bytes as package model. The parts of the programs
// that it writes are in the folder c.
package csource
