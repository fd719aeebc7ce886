// Package eval measures how good a generator is: how far its pictures are from those that it was
// trained on, in the features of a classifier, and how well they cover them.
//
// # Figures
//
// All of them compare n pictures of a generator with as many of the training pictures. The same
// figures of test pictures against those training pictures are the floor: what a perfect generator
// would come to. Package eval trains nothing; classifiers for two well-known data sets are in the
// packages below it, and any other network will do that makes logits of a picture.
//
//	Frechet          distance of two normal distributions with the means and covariances of the features
//	KID              the squared maximum mean discrepancy of the features with a cubic kernel, unbiased
//	Precision        share of pictures that are near a training picture
//	Recall           share of training pictures that are near a picture
//	Density          how many training pictures a picture is near to, as a share of K
//	Coverage         share of training pictures that have a picture nearby
//	TV               total variation between the frequencies of the classes that the classifier sees
//	Modes            the number of these classes
//	KL, KLUniform    Kullback-Leibler divergence of their frequencies from the data's, and from equal ones
//	LabelAgreement   share of pictures that the classifier takes for what was asked for
//
// Near is a matter of the features: within the distance of a picture from the K-th nearest of its
// own kind. The Frechet distance is no FID, whose features are another network's, and none of these
// figures can be compared with figures in other features.
//
// # Stacked pictures
//
// Classifier.Stacked sees pictures of three channels that are a picture each: its classes, the modes,
// are the combinations of three classes, 1,000 of digits. Train such generators on the same of
// package dataset, and take StackedFrequencies for Options.Frequencies.
//
// # What is promised
//
// Figures have the same bits for any number of threads, and are functions of the pictures and the
// seed.
package eval
