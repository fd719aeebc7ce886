package onnx

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of this package, for errors.Is.
var (
	ErrFormat      = errors.New("damaged ONNX file")
	ErrUnsupported = errors.New("ONNX file that cannot be imported")
)

// UnsupportedError lists everything in a file that cannot be imported. It wraps ErrUnsupported.
type UnsupportedError struct {
	Items []string // such as `Conv "conv1": auto_pad "SAME"`
}

// Error lists the items, one a line.
func (e *UnsupportedError) Error() string {
	return ErrUnsupported.Error() + ":\n  " + strings.Join(e.Items, "\n  ")
}

// Unwrap returns ErrUnsupported.
func (e *UnsupportedError) Unwrap() error { return ErrUnsupported }

// refusal is an error about one node; all of a file's become one UnsupportedError.
type refusal struct{ text string }

func (e refusal) Error() string { return e.text }

func refuse(format string, args ...any) error { return refusal{fmt.Sprintf(format, args...)} }

func damaged(format string, args ...any) error {
	return fmt.Errorf("onnx: %w: %s", ErrFormat, fmt.Sprintf(format, args...))
}
