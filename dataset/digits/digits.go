package digits

import _ "embed"

// Count is the number of images.
const Count = 10000

//go:embed digits-images-idx3-ubyte.gz
var images []byte

//go:embed digits-labels-idx1-ubyte.gz
var labels []byte

// Images returns a gzipped IDX file of (10000, 28, 28) bytes. It is not to be
// written to.
func Images() []byte { return images }

// Labels returns a gzipped IDX file of the 10000 digits' values.
func Labels() []byte { return labels }
