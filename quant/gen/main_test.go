package main

import (
	"bytes"
	"os"
	"testing"
)

func TestCommittedTableIsCurrent(t *testing.T) {
	got, err := os.ReadFile("../tanh_table.go")
	if err != nil {
		t.Fatal(err)
	}
	want, err := source()
	if err != nil {
		t.Fatal(err)
	}
	if got = bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n")); !bytes.Equal(got, want) {
		t.Error("tanh_table.go is not what gen writes: run go generate ./quant")
	}
}
