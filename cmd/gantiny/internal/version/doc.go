// Package version tells what a program was built from.
package version
