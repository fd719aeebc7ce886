// Package model holds networks: a graph of operators with their parameters, what rewrites make of
// it, the two ways to run it, and the file format.
//
// A Graph has inputs, nodes and outputs; a node applies an operator (Op) to values. A Model is a
// graph with values for its parameters; New builds one that is a chain. What can be done with an
// operator follows from the rules that its type has, see op.go: infer a shape, compute, go backward,
// become an int8 operator. An operator that lacks a rule that a graph needs is an error that names
// it.
//
// A Session runs a Model for inference, in float32 or in 8-bit integers; a Pass runs it for training,
// forward with the batch's statistics and dropout, then backward to the gradients of parameters and
// input. Both first rewrite a copy of the graph, see rewrite.go: BatchNorm is folded into the weights
// before it, an activation becomes part of the operator before it, a reshape moves nothing. Both plan
// every buffer when they are made, allocate nothing afterwards, and have the same results for any
// number of threads. Quantize makes the int8 form of a Model: a graph of int8 operators.
//
// The reference generator and discriminator are here, and the .safetensors files of models. The
// arithmetic of convolutions is package conv's, that of everything else package simd's; the ranges of
// int8 values are chosen by package quant; stages of work are run by internal/engine. Losses,
// optimizers and checkpoints are package train's.
package model
