// Package mnist holds a classifier of MNIST, in whose features pictures are compared. It is a
// package of its own, so that only programs which import it carry it. README.md beside it says how
// it was made.
package mnist
