package fleet

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// name is a Set's Name, cut at its verb.
type name struct {
	before, after string
	width         int // digits
	kind          *kind
}

// otherFiles are ends of names that are no set's, whatever stands before them.
var otherFiles = []string{"/", string(filepath.Separator), ".png", ".gif", ".apng"}

// IsName tells whether a file's name has the form of a Set's: a verb for the number of a part, and
// no end that says it is a picture or a folder.
func IsName(path string) bool {
	for _, end := range otherFiles {
		if strings.HasSuffix(strings.ToLower(path), end) {
			return false
		}
	}
	_, _, _, found := cutVerb(filepath.Base(path))
	return found
}

// cutVerb cuts s at its first verb: %d, perhaps with a digit, a zero, or both between.
func cutVerb(s string) (before, digits, after string, found bool) {
	for at := range len(s) {
		if s[at] != '%' {
			continue
		}
		digits, after, found = strings.Cut(s[at+1:], "d")
		if found && len(strings.TrimPrefix(digits, "0")) <= 1 && strings.Trim(digits, "0123456789") == "" {
			return s[:at], digits, after, true
		}
	}
	return s, "", "", false
}

// parseName reads a Set's Name; the error says what is wrong with it.
func parseName(s string) (name, error) {
	before, digits, after, found := cutVerb(s)
	wrong := func(format string, args ...any) (name, error) {
		return name{}, fmt.Errorf("%w: %s: %s", ErrSet, s, fmt.Sprintf(format, args...))
	}
	if !found || strings.Count(s, "%") != 1 {
		return wrong("want one number of a part, as in digits-%%05d.tar")
	}
	if filepath.Base(s) != s || strings.ContainsAny(s, `/\`) {
		return wrong("want a name without a folder")
	}
	n := name{before: before, after: after, width: 1}
	if width, zeros := strings.CutPrefix(digits, "0"); width != "" {
		if n.width, _ = strconv.Atoi(width); n.width == 0 || !zeros {
			return wrong("want zeros in front of the number, as in digits-%%05d.tar")
		}
	}
	for i := range kinds {
		if strings.HasSuffix(n.after, kinds[i].suffix) {
			n.kind = &kinds[i]
			return n, nil
		}
	}
	return wrong("want a name that ends in .tar, .npy, images-idx3-ubyte or images-idx3-ubyte.gz (idx4 of colors)")
}

// holds tells whether names of so many parts sort as their numbers do.
func (n name) holds(parts int) bool { return len(strconv.Itoa(parts-1)) <= n.width }

// files are the names of part k's files.
func (n name) files(k int) []string {
	files := []string{fmt.Sprintf("%s%0*d%s", n.before, n.width, k, n.after)}
	if n.kind.labels != "" {
		after := strings.TrimSuffix(n.after, n.kind.suffix) + n.kind.labels
		files = append(files, fmt.Sprintf("%s%0*d%s", n.before, n.width, k, after))
	}
	return files
}

// manifestPrefix is what the names of all manifests of a set begin with.
func (n name) manifestPrefix() string { return n.before + "manifest" }

// manifest is the name of a shard's.
func (n name) manifest(s Shard) string {
	if s.N == 1 {
		return n.manifestPrefix() + ".json"
	}
	return fmt.Sprintf("%s-%d-of-%d.json", n.manifestPrefix(), s.I, s.N)
}
