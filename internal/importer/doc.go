// Package importer makes models of package model of networks in ONNX's terms (package ir), whatever
// format these came in.
//
// It computes what is constant (shape arithmetic above all), and maps what remains to operators of
// package model, which keep images as (H, W, C) where ONNX has (C, H, W). What cannot be mapped is
// refused with one error that lists all of it. Ranges of pixels, layouts, orders of colors and
// inputs of classes are found out or given by Options.
package importer
