// Package float holds the model of package pretrained in floats: for those who go on from its
// weights or compare with them. Programs that only draw have no use for it.
package float
