// Package ddp writes a training run as a PyTorch program that continues it under
// DistributedDataParallel, on several processors or machines. The program is made of the networks'
// graphs and the run's settings; its batches, noise and dropout are the run's own, so that it comes
// to the weights that gantiny would have come to, up to rounding. What cannot be written is listed
// in one error.
package ddp
