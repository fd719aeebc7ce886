// Package fuzz holds the fuzz targets of all packages: file readers, which must
// neither panic nor allocate beyond what a file holds, and computations that
// must agree with their references. go test runs their seeds;
//
//	go test -fuzz FuzzIDX ./fuzz
//
// looks for more.
package fuzz
