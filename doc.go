// Package gantiny draws pictures with small generative networks.
//
// Open takes a model that gantiny trained, quantized or imported, in float32 or in 8-bit integers.
// Draw makes images of it. Image i of a seed is the same image whatever else is drawn with it, on
// any number of threads and, in 8-bit integers, on any machine.
//
// Nothing of the trainer, the data sets, the command line or the network is linked by programs that
// import this package. Package model, below it, has the graph, sessions that allocate nothing, and
// what else a program may want of a model.
package gantiny
