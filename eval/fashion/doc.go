// Package fashion holds a classifier of Fashion-MNIST, in whose features pictures are compared. It
// is a package of its own, so that only programs which import it carry it. README.md beside it says
// how it was made.
package fashion
