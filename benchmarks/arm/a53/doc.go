// Package a53 is a model of the Cortex-A53, which has no public description of its pipelines and
// none of use in llvm-mca. It issues two instructions a cycle, in order, and this is what public
// measurements agree on:
//
//   - one vector instruction of 128 bits a cycle, beside it one on general registers or a branch;
//   - a load of vectors takes the whole processor for two cycles for each 128 bits, one for 64 bits: its path is that wide;
//   - beside a load of 64 bits it only moves a general register into half a vector;
//   - results are there after 4 cycles from vector instructions and loads of vectors, 3 from other loads, 1 from the rest.
//
// What LD4R takes is not known: it is a parameter, LD1R and LD2R take as much as their share of it.
// The same holds for 32-bit code and its VLD4 to all lanes. Nor is it sure that a load of vectors
// waits while an FMLA begins to add, four cycles after its start.
package a53
