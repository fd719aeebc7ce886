// Package gantiny draws pictures with small generative networks.
//
// Open takes a model that gantiny trained, quantized or imported, in float32 or in 8-bit integers.
// Draw makes images with it. Image i of a seed is always the same image, whatever else is drawn
// with it and on any number of threads. In 8-bit integers it is the same on any machine, too.
//
// Programs that import this package link neither the trainer, the data sets and the command line
// nor network code. Package model, below it, has the graph, sessions that allocate nothing, and
// everything else that a program may want from a model.
package gantiny
