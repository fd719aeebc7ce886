package simd

// Hash32 mixes i and a key into 32 evenly spread bits: the counter-based source of dropout masks,
// the same in every row. Any keys will do, neighbors too; one key serves the 2^32 values of i.
func Hash32(key [2]uint32, i uint32) uint32 {
	k0, k1 := hashKey(key)
	return hash(k0, k1, i)
}

// hash is Hash32 with the key prepared by hashKey. Two multiplications a value, modulo 2^32:
//
//	h = i + k0
//	h = (h ^ h>>16) * 0x7feb352d ^ k1
//	h = (h ^ h>>15) * 0x846ca68b
//	h ^ h>>16
//
// The multipliers and shifts are those that C. Wellons found by search (hash-prospector,
// "lowbias32").
func hash(k0, k1, i uint32) uint32 {
	h := i + k0
	h = (h^h>>16)*hashMul0 ^ k1
	h = (h ^ h>>15) * hashMul1
	return h ^ h>>16
}

// hashKey spreads a key, once a call: as k0 and k1 themselves, neighboring keys would give masks
// that resemble each other. No two keys come out the same.
func hashKey(key [2]uint32) (k0, k1 uint32) {
	u := hash(0x9e3779b9, 0, key[0])
	k1 = hash(u, 0, key[1])
	return hash(k1, u, 0x9e3779b9), k1
}

const (
	hashMul0 = 0x7feb352d
	hashMul1 = 0x846ca68b
)
