// Package tflite reads generators, decoders and small discriminators from TensorFlow Lite's files
// (.tflite, LiteRT), as TensorFlow's converter writes them, and makes models of package model.
//
// Weights may be float32, float16 or integers with scales, by tensor or by channel: they become
// float32. A network in 8-bit integers becomes one in float32 whose values are held within what the
// integers could stand for; gantiny quantizes by itself. Read translates operators, which keep
// images as (N, H, W, C), to ONNX's; package internal/importer makes the model of these. What
// cannot be imported is refused with one error that lists all of it. Importing the package makes
// package gantiny open files that end in .tflite.
//
// Running TensorFlow Lite's own integer arithmetic does not belong here.
package tflite
