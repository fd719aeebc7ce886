// Package ir holds networks in ONNX's terms, as package importer takes them: the operators, their
// attributes and constants. Readers of ONNX and of other formats make such a graph. The bounds of
// what they may allocate, and the errors that all importers share, are here too.
//
// What the operators mean is in package importer.
package ir
