// Command gantiny trains small convolutional GANs and draws pictures with them.
//
//	gantiny generate          a grid of digits from the embedded model, as gantiny.png
//	gantiny verify            checks a large set that generate drew in parts
//	gantiny train             trains the reference network on a data set
//	gantiny quantize          turns a generator into one in 8-bit integers
//	gantiny eval              measures how good a generator's pictures are
//	gantiny inspect           what a model holds and costs, and the kernels of this machine
//	gantiny bench             how long each layer takes
//	gantiny serve             draws for HTTP requests, by the program gantiny-serve
//	gantiny version
//
// This package holds the command line alone: flags, what they mean together, files and exit
// statuses. Below it, internal/bench measures, internal/graph shows graphs, internal/board reads
// what the system tells of its machine, internal/display has the terminal and progress,
// internal/man writes manual pages. What the commands do is in the packages train, model, eval,
// dataset, fleet and picture.
//
// Results go to standard output, progress and logs to standard error. Exit status: 0 done, 1
// failed, 2 wrong usage, 3 training diverged (the last good checkpoint is kept), 130 interrupted (a
// checkpoint is saved).
package main
