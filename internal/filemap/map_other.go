//go:build !unix

package filemap

import "errors"

func open(string) ([]byte, error) { return nil, errors.ErrUnsupported }
func unmap([]byte)                {}
func drop([]byte)                 {}
