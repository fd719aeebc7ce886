package main

import (
	"testing"
	"testing/fstest"
)

func TestByteSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "67108864": 64 << 20, "64M": 64 << 20, "64MB": 64 << 20, "64MiB": 64 << 20, "64m": 64 << 20, "1.5G": 3 << 29, "65536k": 64 << 20, "8b": 8,
		"": 0, "0": 0, "-1M": 0, "M": 0, "64 M": 0, "64T": 0, "inf": 0, "nan": 0, "1e300": 0, "0.5": 0,
	} {
		var b byteSize
		if err := b.Set(text); (err == nil) != (want > 0) || b.n != want || err == nil && b.String() != text {
			t.Errorf("%q: %d, %v, want %d", text, b.n, err, want)
		}
	}
	if got := mebibytes(1<<20 + 1); got != "2 MiB" {
		t.Errorf("a byte more than 1 MiB is %s", got)
	}
}

func TestHugeUnasked(t *testing.T) {
	setting := func(text string) fstest.MapFS {
		return fstest.MapFS{"sys/kernel/mm/transparent_hugepage/enabled": {Data: []byte(text)}}
	}
	if !hugeUnasked(setting("[always] madvise never\n")) {
		t.Error("always: no")
	}
	for _, fs := range []fstest.MapFS{{}, setting(""), setting("always [madvise] never\n"), setting("always madvise [never]\n")} {
		if hugeUnasked(fs) {
			t.Errorf("%v: yes", fs)
		}
	}
}

func TestResidentBytes(t *testing.T) {
	status := func(text string) fstest.MapFS { return fstest.MapFS{"proc/self/status": {Data: []byte(text)}} }
	if n := residentBytes(status("Name:\tgantiny\nVmHWM:\t   20004 kB\nVmRSS:\t   10004 kB\nThreads:\t4\n")); n != 10004<<10 {
		t.Errorf("got %d", n)
	}
	for _, nothing := range []fstest.MapFS{{}, status(""), status("VmRSS: many\n")} {
		if n := residentBytes(nothing); n != programBytes {
			t.Errorf("nothing known: %d", n)
		}
	}
}
