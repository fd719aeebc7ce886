// Package npz writes the parameters of models as .npz files: archives of numpy's arrays, one for
// each parameter, by name. The graph is no part of them.
package npz
