package rng

import "math/bits"

// Domain separates the streams that are drawn from one seed. The values are
// part of the meaning of a seed: new ones are added at the end.
type Domain uint32

const (
	Latent   Domain = 1 + iota // latents of generated images
	Noise                      // the generator's input during training
	Init                       // initial weights
	Shuffle                    // order of the training images
	Dropout                    // dropout masks
	Sample                     // any other choice among data: calibration, evaluation
	Penalty                    // points at which a gradient penalty is taken
	Augment                    // changes of the images that a discriminator sees
	Instance                   // noise on them
	Spectral                   // beginnings of power iterations
)

// Key selects one of Philox's 2^64 sequences.
type Key [2]uint32

// NewKey returns the key of one use of a seed.
func NewKey(seed uint64, d Domain) Key {
	return Key{uint32(seed), uint32(seed >> 32)}.Sub(uint64(d))
}

// Sub derives the i-th key below k: of an epoch, a step, a layer. It uses
// counters whose last word is all ones; Fill and Stream never do.
func (k Key) Sub(i uint64) Key {
	b := Block(k, [4]uint32{uint32(i), uint32(i >> 32), 0, ^uint32(0)})
	return Key{b[0], b[1]}
}

const (
	mul0, mul1   = 0xD2511F53, 0xCD9E8D57 // the round's multipliers
	weyl0, weyl1 = 0x9E3779B9, 0xBB67AE85 // the key schedule's increments
	rounds       = 10
)

// Block returns the four random words at counter ctr of key k: Philox4x32-10.
func Block(k Key, ctr [4]uint32) [4]uint32 {
	k0, k1 := k[0], k[1]
	c0, c1, c2, c3 := ctr[0], ctr[1], ctr[2], ctr[3]
	for range rounds {
		hi0, lo0 := bits.Mul32(mul0, c0)
		hi1, lo1 := bits.Mul32(mul1, c2)
		c0, c1, c2, c3 = hi1^c1^k0, lo1, hi0^c3^k1, lo0
		k0 += weyl0
		k1 += weyl1
	}
	return [4]uint32{c0, c1, c2, c3}
}

// Stream reads the words of one key in order. It serves uses that need an
// unknown number of words, such as rejection; others address Block directly.
type Stream struct {
	key  Key
	next uint64 // counter of the next block
	buf  [4]uint32
	left int // words of buf that are still unread
}

// NewStream returns the stream of k at its beginning.
func NewStream(k Key) *Stream { return &Stream{key: k} }

// Uint32 returns the next word.
func (s *Stream) Uint32() uint32 {
	if s.left == 0 {
		s.buf = Block(s.key, [4]uint32{uint32(s.next), uint32(s.next >> 32)})
		s.next++
		s.left = len(s.buf)
	}
	s.left--
	return s.buf[len(s.buf)-1-s.left]
}

// Below returns an unbiased integer in [0, n), n > 0: the high half of word*n,
// with those words rejected that would favor some values (Lemire 2019).
func (s *Stream) Below(n uint32) uint32 {
	if n == 0 {
		panic("rng: Below(0)")
	}
	hi, lo := bits.Mul32(s.Uint32(), n)
	if lo < n {
		// 2^32 mod n words would be one too many for some value.
		for surplus := -n % n; lo < surplus; {
			hi, lo = bits.Mul32(s.Uint32(), n)
		}
	}
	return hi
}

// Perm fills dst with a permutation of 0 ... len(dst)-1 that depends on k alone.
func Perm(dst []int32, k Key) {
	s := NewStream(k)
	for i := range dst {
		// Fisher and Yates, from the inside out.
		j := s.Below(uint32(i) + 1)
		dst[i] = dst[j]
		dst[j] = int32(i)
	}
}
