// Package model describes, runs and stores networks. A network is a graph of operators with its
// parameters.
//
// A Graph has inputs, nodes and outputs. Each node applies an operator (Op) to values and makes
// one value. A Model is a Graph with values for its parameters. New builds a chain of operators;
// FromGraph takes any graph. Operators implement rules, which are the interfaces in op.go: infer a
// shape, compute, go backward, become an int8 operator. If a graph needs a rule that an operator
// lacks, the error names the operator and wraps ErrRule.
//
// A Session runs a Model for inference, in float32 or in 8-bit integers. A Pass runs a Model in
// training: forward, with the batch's statistics and dropout, then backward to the gradients of
// the parameters and of the input. Both first rewrite a copy of the graph (rewrite.go): they fold
// BatchNorm into the weights of the operator before it, fuse activations into the operator before
// them, and turn reshapes into views. Sessions and passes plan all buffers when they are made and,
// from their second run on, allocate nothing. Their results do not depend on the number of threads.
// Model.Quantize returns the int8 form of a Model, which is a graph of int8 operators.
//
// The package also has the reference generator and discriminator, and reads and writes
// .safetensors files. Package conv computes convolutions, package simd everything else. Package
// quant chooses the ranges of int8 values. Package internal/engine runs the stages of a program.
// Losses, optimizers and checkpoints are in package train.
package model
