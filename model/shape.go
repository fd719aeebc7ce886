package model

import (
	"errors"
	"fmt"
	"strings"
)

// ErrShape is wrapped by errors about sizes that do not fit together.
var ErrShape = errors.New("wrong shape")

// Shape is the shape of one image's activations. A flat vector of n features
// is {1, 1, n}; the features of an H x W x C image, flattened, stand in the
// order (y, x, c).
type Shape struct{ H, W, C int }

// Flat returns the shape of a vector of n features.
func Flat(n int) Shape { return Shape{1, 1, n} }

// Len is the number of features.
func (s Shape) Len() int { return s.H * s.W * s.C }

// IsFlat tells whether s is a vector's shape.
func (s Shape) IsFlat() bool { return s.H == 1 && s.W == 1 }

// String returns "7x7x256" or, for a vector, "100".
func (s Shape) String() string {
	if s.IsFlat() {
		return fmt.Sprint(s.C)
	}
	return fmt.Sprintf("%dx%dx%d", s.H, s.W, s.C)
}

// maxLen bounds the features of an image and the elements of a parameter: a
// gigabyte of float32, which also keeps byte counts within 32 bits.
const maxLen = 1 << 28

// check returns an error unless s is positive and within bounds.
func (s Shape) check() error {
	if !fits(s.H, s.W, s.C) {
		return fmt.Errorf("%w: %dx%dx%d", ErrShape, s.H, s.W, s.C)
	}
	return nil
}

// fits tells whether dimensions are positive and their product is at most maxLen.
func fits(dims ...int) bool {
	n := 1
	for _, d := range dims {
		if d <= 0 || d > maxLen/n {
			return false
		}
		n *= d
	}
	return true
}

// dims formats a parameter's shape: (5,5,1,64).
func dims(shape []int) string {
	return "(" + strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", ",") + ")"
}
