// Package onnx reads generators, decoders and small discriminators from files in ONNX, the format
// that PyTorch, Keras and others export, and makes models of package model of them.
//
// Read decodes the file; package internal/importer, which other formats share, makes the model.
// What cannot be mapped is refused with one error that lists all of it. Importing the package makes
// package gantiny open files that end in .onnx.
//
// Writing ONNX and running what package model has no operators for do not belong here.
package onnx
