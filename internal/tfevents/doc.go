// Package tfevents writes and reads TensorBoard's event files: scalars and pictures, each of a
// step.
//
// A file is a sequence of TFRecords, as TensorFlow's documentation of that format describes them:
// the length as 8 bytes, a checksum of these, the data, and a checksum of the data, all little
// endian. A checksum is a CRC-32C, rotated and offset. The data of a record is an Event, a protocol
// buffer of tensorflow/core/util/event.proto; only the fields that are used here are known.
package tfevents
