// Package onnxproto reads the parts of a .onnx file that package importer needs: protobuf's wire
// format without generated code.
package onnxproto
