// Package cli is the frame of a command line: commands with flags in the manner of getopt_long,
// their help, completion in four shells, and errors that say what to write instead. It imports
// nothing that is linked with a C library, so that a plain go build makes a static program, and
// reads numbers as people write them: 010 is ten.
//
// What commands do, and how their results and errors are shown, is the program's.
package cli
