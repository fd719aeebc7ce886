// Package onnxwrite writes models as ONNX files: what package onnx reads, and what ONNX Runtime and
// the ONNX checker take. A model in 8-bit integers becomes a graph in QDQ form, in which pairs of
// QuantizeLinear and DequantizeLinear say in which steps each value is. Reading ONNX files is no
// part of it.
package onnxwrite
