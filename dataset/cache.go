package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gantiny/gantiny/internal/atomicfile"
)

const (
	cacheFormat   = "gantiny data set 1\n" // a change of how pictures are converted has another number
	cacheSuffix   = ".set"
	cacheWorth    = 8 << 20         // bytes of pictures: a smaller set is read again
	cacheMost     = 2 << 30         // bytes of all files in the folder
	cacheSettling = 2 * time.Second // a file changed so recently may change again within its time stamp
)

// cachedSet is what a file of the cache says before its pixels.
type cachedSet struct {
	N, H, W, C int
	Labels     []int32
	Classes    []string
	Notes      []string // to be told again
}

// cacheKey is the name of the file that the set is kept in: the hash of what its pixels depend on,
// which are the options and every picture's path, size and time of change. "" is for a set that is
// not kept.
func (l *loader) cacheKey(set *pictureSet) (string, error) {
	if l.o.CacheDir == "" {
		return "", nil
	}
	dir, err := filepath.Abs(set.dir)
	if err != nil {
		return "", nil
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s%q %d %d %t %v %d %t\n", cacheFormat, dir, l.o.Size, l.o.Channels, l.alpha, l.ground, l.o.White, l.o.SkipBad)
	if set.csv {
		fmt.Fprintf(h, "%q\n", set.classes)
	}
	var total int64
	now := time.Now()
	for i, path := range set.paths {
		if err := l.ctx.Err(); err != nil {
			return "", err
		}
		info, err := os.Stat(path)
		if err != nil || now.Sub(info.ModTime()) < cacheSettling {
			return "", nil
		}
		total += info.Size()
		label := int32(-1)
		if set.labels != nil {
			label = set.labels[i]
		}
		fmt.Fprintf(h, "%q %d %d %d\n", path, info.Size(), info.ModTime().UnixNano(), label)
	}
	if total < cacheWorth {
		return "", nil
	}
	return hex.EncodeToString(h.Sum(nil)[:16]) + cacheSuffix, nil
}

// cached returns the set that is kept under key; nil if it is not there or its file is damaged.
func (l *loader) cached(key string) *Dataset {
	if key == "" {
		return nil
	}
	path := filepath.Join(l.o.CacheDir, key)
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > l.limit {
		return nil
	}
	p, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	d, notes := decodeCached(p)
	if d == nil {
		return nil
	}
	for _, line := range notes {
		l.note("%s", line)
	}
	l.note("%s come from %s, as they were read before", plural(d.N, "picture"), path)
	now := time.Now()
	_ = os.Chtimes(path, now, now) // the last use, for trim; a folder that cannot be written does as well
	return d
}

// decodeCached reads a file of the cache; nil if it is damaged.
func decodeCached(p []byte) (*Dataset, []string) {
	body, ok := bytes.CutPrefix(p, []byte(cacheFormat))
	if !ok || len(body) < 4+sha256.Size {
		return nil, nil
	}
	end := len(p) - sha256.Size
	if sum := sha256.Sum256(p[:end]); !bytes.Equal(sum[:], p[end:]) {
		return nil, nil
	}
	body = body[:len(body)-sha256.Size]
	n := uint64(binary.LittleEndian.Uint32(body))
	if n > uint64(len(body)-4) {
		return nil, nil
	}
	var c cachedSet
	if json.Unmarshal(body[4:4+n], &c) != nil {
		return nil, nil
	}
	pix := body[4+n:]
	if size, err := pixelBytes(c.N, c.H, c.W, c.C); err != nil || size != len(pix) || c.Labels != nil && len(c.Labels) != c.N {
		return nil, nil
	}
	return &Dataset{N: c.N, H: c.H, W: c.W, C: c.C, Pix: slices.Clip(pix), Labels: c.Labels, Classes: c.Classes}, c.Notes
}

// keep writes the set to the cache under key. A cache that cannot be written is no reason to fail.
func (l *loader) keep(key string, d *Dataset, notes []string) {
	if key == "" || len(d.Pix) > cacheMost/2 {
		return
	}
	head, err := json.Marshal(cachedSet{d.N, d.H, d.W, d.C, d.Labels, d.Classes, notes})
	if err == nil {
		err = os.MkdirAll(l.o.CacheDir, 0o777)
	}
	if err == nil {
		err = trim(l.o.CacheDir, cacheMost-int64(len(d.Pix)+len(head)))
	}
	path := filepath.Join(l.o.CacheDir, key)
	if err == nil {
		err = atomicfile.RemoveLeftovers(path)
	}
	if err == nil {
		err = atomicfile.Write(path, func(w io.Writer) error {
			sum := sha256.New()
			to := io.MultiWriter(w, sum)
			for _, p := range [][]byte{[]byte(cacheFormat), binary.LittleEndian.AppendUint32(nil, uint32(len(head))), head, d.Pix} {
				if _, err := to.Write(p); err != nil {
					return err
				}
			}
			_, err := w.Write(sum.Sum(nil))
			return err
		})
	}
	if err != nil {
		l.note("the pictures are not kept for the next time: %v", err)
	}
}

// trim deletes the files of the cache that were not used for longest, until the others take at most
// most bytes.
func trim(dir string, most int64) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var files []fs.FileInfo
	total := int64(0)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !strings.HasSuffix(e.Name(), cacheSuffix) {
			continue
		}
		files = append(files, info)
		total += info.Size()
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		if total <= most {
			break
		}
		if err := os.Remove(filepath.Join(dir, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		total -= f.Size()
	}
	return nil
}
