// Package digits holds the first 10,000 training images of MNIST and their
// labels, as gzipped IDX files. Package dataset opens them under the name
// "digits"; nothing else imports this package, so that programs that never open
// a data set do not carry them.
//
// MNIST is by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, under the
// license CC BY-SA 3.0; see the README beside this file.
package digits
