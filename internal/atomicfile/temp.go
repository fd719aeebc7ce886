package atomicfile

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Temporary files have numbered names, so that the next writer of the same path
// comes upon what a killed one has left. Each is locked while its writer lives.
const (
	tempNumbers = 32
	longestBase = 64 // bytes of the file's name in that of its temporary file
)

// tempPrefix is what the names of base's temporary files begin with. A long name is
// cut, with a hash of the whole in place of the rest: names have 255 bytes at most.
func tempPrefix(base string) string {
	if len(base) > longestBase {
		cut := longestBase
		for cut > 0 && !utf8.RuneStart(base[cut]) {
			cut--
		}
		h := fnv.New64a()
		h.Write([]byte(base))
		base = fmt.Sprintf("%s~%016x", base[:cut], h.Sum64())
	}
	return "." + base + ".tmp-"
}

// createTemp makes a temporary file for target, locked where the system has locks.
func createTemp(target string, mode fs.FileMode) (*os.File, error) {
	dir, base := filepath.Split(target)
	prefix := dir + tempPrefix(base)
	for i := 0; ; i++ {
		name := prefix + strconv.Itoa(i)
		if i >= tempNumbers { // taken by others, or by what cannot be told from them
			name = prefix + strconv.FormatUint(rand.Uint64(), 36)
		} else if _, err := os.Lstat(name); err == nil && !removeDead(name) {
			continue
		}
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if _, taken := tryLock(f); !taken && sameAs(name, f) {
			return f, nil
		}
		f.Close() // another writer took it for dead before it was locked
	}
}

// removeDead deletes the temporary file of this name if it is the user's own and its
// writer does not live any more.
func removeDead(name string) bool {
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || !own(info) {
		return false
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	held, _ := tryLock(f)
	return held && sameAs(name, f) && os.Remove(name) == nil
}

// sameAs tells whether f is the file of this name.
func sameAs(name string, f *os.File) bool {
	a, err := os.Lstat(name)
	if err != nil {
		return false
	}
	b, err := f.Stat()
	return err == nil && os.SameFile(a, b)
}

// RemoveDead deletes the temporary files that killed processes of this user left while they wrote
// path, and none of a writer that lives: others may be writing path. Where there are no locks it
// deletes nothing.
func RemoveDead(path string) {
	dir, base := filepath.Split(path)
	for i := range tempNumbers {
		removeDead(dir + tempPrefix(base) + strconv.Itoa(i))
	}
}

// RemoveLeftovers deletes the temporary files that killed processes left while
// they wrote path. Nobody may be writing path meanwhile.
func RemoveLeftovers(path string) error {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix(base)) && e.Type().IsRegular() {
			err = errors.Join(err, os.Remove(dir+e.Name()))
		}
	}
	return err
}
