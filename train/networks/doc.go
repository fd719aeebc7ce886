// Package networks builds the pairs of networks that recipes train: families of generators and
// discriminators, with or without classes, whose size, width and depth are parameters. It is apart
// from package model, which a program that only draws links, because such a program reads its
// network from a file.
package networks
