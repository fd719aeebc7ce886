package ir

import (
	"errors"
	"fmt"
	"strings"
)

// What errors about files wrap, for errors.Is.
var (
	ErrFormat      = errors.New("damaged file")
	ErrUnsupported = errors.New("file that cannot be imported")
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

// Refusal is an error about one node; all of a file's become one UnsupportedError.
type Refusal struct {
	Text  string
	Plain bool // whether it holds whatever shapes the node's inputs have
}

// Error returns the text.
func (e Refusal) Error() string { return e.Text }

// Refuse returns a Refusal.
func Refuse(format string, args ...any) error { return Refusal{Text: text(format, args)} }

// RefusePlain returns a Refusal that holds whatever shapes the node's inputs have.
func RefusePlain(format string, args ...any) error {
	return Refusal{Text: text(format, args), Plain: true}
}

// Damaged returns an error about a file that is not what it should be.
func Damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, text(format, args))
}

// mostListed is how many numbers of a list a message repeats: a file may hold lists of any length.
const mostListed = 16

// text formats a message.
func text(format string, args []any) string {
	for i, a := range args {
		if list, ok := a.([]int); ok && len(list) > mostListed {
			args[i] = fmt.Sprintf("%v and %d more", list[:mostListed], len(list)-mostListed)
		}
	}
	return fmt.Sprintf(format, args...)
}
