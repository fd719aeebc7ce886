// Package weights makes models of files that hold weights under names, and of what their network
// is: PyTorch's checkpoints (.pt, .pth: zip archives and the older form), .safetensors of other
// programs, and NumPy's archives (.npz).
//
// The network is a graph in TOML (Graph), or is found out from names and shapes where it is one of
// a known family (see Families); what was found is such a graph too, to be looked at and changed.
// Each parameter is found by its name. What is missing, of another shape or not used is listed in
// one error.
//
// Pickles are read as data by a machine that knows tensors and a few containers: nothing in them is
// executed. Running a network, and formats that hold their graph (packages onnx and tflite), do not
// belong here. Importing the package makes package gantiny open files that end in .pt and .pth.
package weights
