// Package cputime measures how near work comes to what the processor can do: the time that a thread
// has had of it, and the rate of a loop measured right beside the work, so that what slows down
// both cancels. It knows nothing of kernels.
package cputime
