// Package train trains a generator against a discriminator: objectives, losses,
// optimizers, the step that joins them, and runs with checkpoints, metrics and
// sample grids.
//
// # A step
//
// What a step computes is an Objective. GAN.Step, the reference, is that of Keras'
// MNIST DCGAN: one batch of images and one of noise; both losses, binary
// cross-entropy on logits (ones on fakes for the generator, ones on reals plus
// zeros on fakes for the discriminator), and both gradients at the same weights;
// then both Adam updates, in Keras' form. The discriminator sees reals and fakes as
// one batch of twice the size, and goes backward once for both losses.
//
// A Config names the loss, the optimizer, the learning rates and how they change.
// Callers may bring networks, objectives and optimizers of their own, see Options
// and Components.
//
// Classify, of the task classify, trains one network in place of two: a classifier of the images'
// labels, by the cross-entropy of its softmax. A run of it ends in classifier.safetensors, draws no
// grids, and writes lines of ClassifyMetrics.
//
// An epoch is N/batch steps, rounded down: buffers are planned for one batch
// size, so the N%batch images that its shuffle leaves over (96 of MNIST's 60,000
// at 256) take no part in it. They are others in every epoch. Keras makes a
// smaller last batch of them.
//
// # Random numbers
//
// All of them are counter-based and follow from Config.Seed. Noise number d of
// image n at step s (from 1) is word d%4 of Philox4x32-10 at counter (d/4, n)
// under the key (seed, Noise, s); package rng has the details. Dropout's masks
// are simd.Hash32 under model.DropoutKey(seed, s, layer), the images of D being
// the N reals and then the N fakes. Trainer.StepOn takes a given batch and given
// noise, and New takes any two networks, so that a step can be compared with
// another program's.
//
// # What is promised
//
// A step has the same bits for any number of threads, and a run the same bits
// wherever it was stopped and resumed. Both hold on one machine with one row of
// kernels, and between rows and machines that fuse multiply-adds: the losses are made
// by package fmath, whose functions have the same bits everywhere. Rows without fused
// products differ from those in the last place. A checkpoint names its row, and a run
// that goes on with one of other bits says so.
//
// # A run's directory
//
//	checkpoint.safetensors           everything that the next step depends on
//	checkpoint.previous.safetensors  the one before
//	generator.safetensors            the generator at that time, with its provenance
//	generator.best.safetensors       the one that measured best, with the setting eval_every
//	metrics.jsonl                    one Metrics a line
//	samples/epoch-0001.png           pictures of the same 16 latents at chosen epochs
//	report.html                      settings, curves, grids and alarms so far
//	events.out.tfevents.gantiny      the same for TensorBoard, with the setting tensorboard
//	.lock                            held while a process trains there; a new run's settings
//
// Files are replaced in one piece. A run writes its first checkpoint before its first step, so it
// can be resumed whenever and however it was stopped; resuming drops the lines of metrics and the
// events that are past the checkpoint. One that is damaged or gone makes way for the one before,
// with a word to Options.OnNote. A value that is not finite stops a run before any update, and
// never reaches a checkpoint. A run begins only where none of these files is, and goes on only
// where none of them is a symbolic link.
//
// The checkpoint's tensors are the parameters "generator.NAME" and
// "discriminator.NAME", what the optimizers remember of them, such as "adam.m." and
// "adam.v." before these, and the average "ema.NAME" of the generator, if there is
// one; step, cursor, settings and dataset are JSON in its metadata. Checkpoints
// of earlier versions are resumed.
//
// Networks are package model's, images come from package dataset, and what the
// user sees of a run is drawn by whoever calls Run.
package train
