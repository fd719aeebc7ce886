// Package benchmarks times the reference networks: each layer forward and
// backward, generation at several batches, and one whole training step, on
// every kernel row of the machine.
//
// Names carry key=value parts, so that benchstat sets kernel rows side by side:
//
//	go test ./benchmarks -run '^$' -bench Generate/.*batch=16 -count 10 | tee new.txt
//	benchstat -col /kernel new.txt
//
// GFLOP/s count two operations for each multiply-add that touches a pixel;
// those with padding, which the nominal figures of other programs include, are
// neither done nor counted. Benchmarks of single kernels and geometries stand in
// their own packages; peers, beneath this folder, compares with other programs,
// and sizes compares models with numbers of several sizes.
package benchmarks
