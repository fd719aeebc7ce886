// Package beam draws large sets of pictures in a pipeline of Apache Beam. A part of the set, as
// package fleet cuts it, is one element: whatever runner spreads the parts over its workers, in
// whatever order, and however often one is tried again, the files are the bytes that gantiny
// generate --count writes.
package beam
