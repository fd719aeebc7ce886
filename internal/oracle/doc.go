// Package oracle reads the *.oracle files of testdata folders: inputs and
// results that an independent program (PyTorch in float64) wrote, rounded to
// float32 at the very end. The layout is that of .safetensors, so that any
// Python reader opens them too; write.py beside this file is what the scripts
// write them with. Only tests import this package. It trusts its files as far
// as tests may: it returns errors, but it bounds nothing; models and checkpoints
// from elsewhere are read by package model.
package oracle
