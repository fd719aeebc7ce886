// Package sniff tells what a file is that somebody took for a model: from its first bytes, so that
// the error can name it and say what to do. It reads no further and decodes nothing.
package sniff
