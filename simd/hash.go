package simd

// Hash32 mixes i and a key into 32 evenly spread bits: the counter-based source of dropout masks, the same in every row.
// All arithmetic is modulo 2^32:
//
//	h = i + key[0]
//	h = (h ^ h>>16) * 0x7feb352d ^ key[1]
//	h = (h ^ h>>15) * 0x846ca68b
//	h ^ h>>16
//
// The multipliers and shifts are those that C. Wellons found by search (hash-prospector, "lowbias32"). One key serves the
// 2^32 values of i; both halves of the key should be random, since neighbouring values of key[0] alone shift the sequence.
func Hash32(key [2]uint32, i uint32) uint32 {
	h := i + key[0]
	h = (h^h>>16)*hashMul0 ^ key[1]
	h = (h ^ h>>15) * hashMul1
	return h ^ h>>16
}

const (
	hashMul0 = 0x7feb352d
	hashMul1 = 0x846ca68b
)
