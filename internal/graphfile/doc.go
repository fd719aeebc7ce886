// Package graphfile reads and writes networks as people write them, in TOML: the inputs, the layers
// with their attributes, the outputs, as in the description that a model's file has (package model,
// Architecture), and where the weights of each layer are found in a file of another program.
package graphfile
