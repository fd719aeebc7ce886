// Package picture turns what a generator makes into things to look at: pixels,
// grids, PNG files, animated GIFs and drawings made of characters. Whether
// there is a terminal to draw on is for the caller to know, and so is where
// files go. It has nothing to do with how images come about.
package picture
